/* SPDX-License-Identifier: BSD-2-Clause */
/* See machine.h. Written without memblock's own queries: it stands beside them. */
#include "machine.h"

#include <setjmp.h>

#include <bug.h>
#include <kernel/report.h>
#include <lib/ram_alias.h>
#include <mm/page.h>

/* The image is not here; what counts is how long it is. */
__asm__(".globl __image_start, __content_end\n"
	".set __image_start, fuzz_image\n"
	".set __content_end, fuzz_image + 0x40000");
char fuzz_image[IMAGE_BYTES] __aligned(4096);

struct boot_info boot_info;
struct mm_state mm;

static jmp_buf panicked;

bool machine_survives(void (*call)(void *arg), void *arg)
{
	if (setjmp(panicked)) {
		return false;
	}
	call(arg);
	return true;
}

void panic(const char *fmt, ...)
{
	FUZZ_CHECK(fmt && fmt[0]);
	longjmp(panicked, 1);
}

phys_addr_t pa_without_mmu(phys_addr_t pa)
{
	return pa_below_4g(boot_info.image_pa) ? pa : ram_alias_low(pa);
}

const u8 *report_build_id(void)
{
	static const u8 id[BUILD_ID_BYTES] = "twenty bytes of one";

	return id;
}

/* ---- out of the input ---- */

phys_addr_t machine_address(struct fuzz_input *in)
{
	static const phys_addr_t places[] = {
		0, 0x80000000, 0x100000000, RAM_ALIAS_REAL, RAM_ALIAS_REAL + 0x80000000, PHYS_END
	};
	static const u32 units[] = { 1, 4, PAGE_SIZE, SZ_64K };
	u8 how = fuzz_byte(in);
	u32 steps = (u32)fuzz_byte(in) << 8 | fuzz_byte(in);
	phys_addr_t offset = (phys_addr_t)steps * units[how >> 3 & 3];
	phys_addr_t place = places[(how & 7) % ARRAY_SIZE(places)];

	if (how & 0x40) {
		place += SZ_16M;
	}
	return (how & 0x80 ? place - offset : place + offset) & (PHYS_END - 1);
}

u32 machine_size(struct fuzz_input *in)
{
	static const u32 units[] = { PAGE_SIZE, SZ_1M, 1, PAGE_SIZE };
	u32 size = fuzz_word(in);

	return size >> 30 == 3 ? size : ((size & 0xfff) + 1) * units[size >> 30];
}

void machine_memory(struct fuzz_input *in)
{
	u8 how = fuzz_byte(in);

	memblock.memory.count = memblock.reserved.count = 0;
	for (int n = how & 3; n >= 0; n--) {
		phys_addr_t start = machine_address(in);

		(void)memblock_add(start, (phys_addr_t)machine_size(in) + machine_size(in));
	}
	for (int n = how >> 2 & 3; n > 0; n--) {
		phys_addr_t start = machine_address(in);
		u32 size = machine_size(in);

		(void)memblock_reserve(start, size, fuzz_byte(in) & 7);
	}
}

/* ---- lists ---- */

static phys_addr_t end_of(const struct memblock_range *r)
{
	return r->start + r->size;
}

void machine_check_list(const struct memblock_list *list)
{
	FUZZ_CHECK(list->count <= MEMBLOCK_MAX_RANGES);
	for (u32 i = 0; i < list->count; i++) {
		const struct memblock_range *r = &list->range[i];

		FUZZ_CHECK(r->size > 0 && r->start < PHYS_END && r->size <= PHYS_END - r->start);
		FUZZ_CHECK(i == 0 || end_of(r - 1) <= r->start);
	}
}

bool machine_has(const struct memblock_list *list, phys_addr_t pa, u32 *flags)
{
	for (u32 i = 0; i < list->count; i++) {
		const struct memblock_range *r = &list->range[i];

		if (r->start <= pa && pa < end_of(r)) {
			*flags = r->flags;
			return true;
		}
	}
	return false;
}

phys_addr_t machine_border(const struct memblock_list *list, phys_addr_t at)
{
	phys_addr_t next = at < PHYS_END ? PHYS_END : UINT64_MAX;

	for (u32 i = 0; i < list->count; i++) {
		const struct memblock_range *r = &list->range[i];

		next = r->start > at ? min(next, r->start) : next;
		next = end_of(r) > at ? min(next, end_of(r)) : next;
	}
	return next;
}

bool machine_has_all(const struct memblock_list *list, phys_addr_t start, phys_addr_t end)
{
	u32 flags;

	for (phys_addr_t at = start; at < end; at = machine_border(list, at)) {
		if (!machine_has(list, at, &flags)) {
			return false;
		}
	}
	return true;
}
