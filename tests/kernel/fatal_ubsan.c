/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What C leaves undefined, done on purpose: in UBSAN=1 builds, which alone link this, each kind
 * must end in a report that names place and values.
 */
#include <kernel/test.h>
#include <lib/fdt.h>

/* Not known to the compiler. */
static volatile u32 thirty_three = 33, seven = 7, zero;
static volatile int most = 0x7fffffff;
static volatile u64 wide = 1ull << 63;
static u32 words[7];

FATAL_TEST(ubsan.shift, "ubsan.shift")
{
	WRITE_ONCE(words[0], 5u << thirty_three);
}

FATAL_TEST(ubsan.overflow, "ubsan.overflow")
{
	most = most + 1;
}

FATAL_TEST(ubsan.wide_overflow, "ubsan.overflow")
{
	wide = (u64) - (s64)wide;
}

FATAL_TEST(ubsan.division, "ubsan.division")
{
	most = most / (int)zero;
}

FATAL_TEST(ubsan.bounds, "ubsan.bounds")
{
	most = (int)words[seven];
}

FATAL_TEST(ubsan.pointer, "ubsan.pointer")
{
	char *p = (char *)(vaddr_t)-16;

	WRITE_ONCE(words[0], (u32)(vaddr_t)(p + thirty_three));
}

FATAL_TEST(ubsan.value, "ubsan.value")
{
	bool odd;

	*(volatile u8 *)&odd = (u8)seven;
	WRITE_ONCE(words[0], odd ? 1 : 2);
}

/* In code that runs before the MMU is on too, where such an access would fault. */
FATAL_TEST(ubsan.alignment, "ubsan.alignment")
{
	(void)fdt_root((const struct fdt *)((char *)words + 1));
}
