/* SPDX-License-Identifier: BSD-2-Clause */
/* lib/ram_alias.c: which boards' RAM has two addresses, and what becomes of one of them. */
#include "check.h"

#include "blob.h"

#include <lib/ram_alias.h>

/* One root with that compatible; NULL: none. */
static bool has_alias(const char *compatible, size_t len)
{
	struct builder b;
	struct blob blob;
	struct fdt tree;
	bool alias;

	build_start(&b);
	build_node(&b, "");
	if (compatible) {
		build_prop(&b, "compatible", compatible, len);
	}
	build_end_node(&b);
	blob = build_finish(&b);
	CHECK_EQ(fdt_open(&tree, blob.data, (u32)blob.len), 0);
	alias = ram_has_alias(&tree);
	free(blob.data);
	return alias;
}

#define HAS(text) has_alias(text, sizeof(text))

TEST(a_board_of_that_family_says_so)
{
	CHECK(HAS("ti,k2hk-evm\0ti,k2hk\0ti,keystone"));
	CHECK(HAS("ti,k2e-evm\0ti,k2e\0ti,keystone"));
	CHECK(HAS("ti,keystone"));
}

TEST(others_do_not)
{
	CHECK(!has_alias(NULL, 0));
	CHECK(!HAS(""));
	CHECK(!HAS("ti,keystone-evm"));
	CHECK(!HAS("ti,keystone2\0ti,k"));
	CHECK(!HAS("arm,vexpress"));
	CHECK(!has_alias("ti,keystone", 11)); /* without its end */
}

TEST(the_low_half_becomes_real_and_nothing_else)
{
	CHECK_EQ(ram_alias_real(0x80000000), 0x800000000);
	CHECK_EQ(ram_alias_real(0xffffffff), 0x87fffffff);
	CHECK_EQ(ram_alias_real(0x82345678), 0x802345678);
	CHECK_EQ(ram_alias_real(0x7fffffff), 0x7fffffff);
	CHECK_EQ(ram_alias_real(0x02530c00), 0x02530c00);
	CHECK_EQ(ram_alias_real(0x100000000), 0x100000000);
	CHECK_EQ(ram_alias_real(0x180000000), 0x180000000);
	CHECK_EQ(ram_alias_real(0x800000000), 0x800000000);
	CHECK_EQ(ram_alias_real(0x8080000000), 0x8080000000);
}

TEST(only_the_first_two_gib_are_seen_without_mmu)
{
	CHECK_EQ(ram_alias_low(0x800000000), 0x80000000);
	CHECK_EQ(ram_alias_low(0x87fffffff), 0xffffffff);
	CHECK_EQ(ram_alias_low(0x880000000), 0x880000000);
	CHECK_EQ(ram_alias_low(0x7ffffffff), 0x7ffffffff);
	CHECK_EQ(ram_alias_low(0x02530c00), 0x02530c00);
	CHECK_EQ(ram_alias_low(0x82345678), 0x82345678);
}

TEST(there_and_back)
{
	for (u64 low = RAM_ALIAS_LOW; low < (u64)1 << 32; low += 0x1234567) {
		CHECK_EQ(ram_alias_low(ram_alias_real(low)), low);
	}
}
