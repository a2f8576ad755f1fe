/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults that must end in an oops by the right rule, whatever is broken besides. */
#include <arch/early_tables.h>
#include <bug.h>
#include <kernel/test.h>
#include <mm/highmem.h>
#include <mm/vmalloc.h>

static const u32 rodata_word = 0xe12fff1e; /* bx lr */
static volatile u32 data_word = 0xe12fff1e;

static __noinline void call(const void *code)
{
	((void (*)(void))code)();
	__asm__ volatile("");
}

FATAL_TEST(fault.null_read, "fault.translation")
{
	volatile u32 *volatile null = (volatile u32 *)4;

	(void)*null;
}

FATAL_TEST(fault.null_call, "fault.translation")
{
	call(NULL);
}

FATAL_TEST(fault.guard_page, "fault.translation")
{
	volatile char *area = vmalloc(PAGE_SIZE);

	if (area) {
		area[PAGE_SIZE - 1] = 1;
		area[PAGE_SIZE] = 1;
	}
}

FATAL_TEST(fault.after_kunmap_local, "fault.translation")
{
	struct page *page = alloc_page(GFP_HIGHONLY);

	if (page) {
		volatile u32 *va = kmap_local_page(page);

		*va = 1;
		kunmap_local((const void *)va);
		*va = 2;
	}
}

#if CONFIG_DEBUG
static void touch_after_kunmap(struct page *page)
{
	volatile u32 *va;

	if (page) {
		va = kmap(page);
		*va = 1;
		kunmap(page);
		*va = 2;
	}
}

FATAL_TEST(fault.after_kunmap, "fault.translation")
{
	touch_after_kunmap(alloc_page(GFP_HIGHONLY));
}

FATAL_TEST(fault.after_kunmap_of_lowmem, "fault.translation")
{
	touch_after_kunmap(alloc_page(GFP_KERNEL));
}

FATAL_TEST(fault.beyond_window, "fault.translation")
{
	struct page *page = alloc_page(GFP_HIGHONLY);

	if (page) {
		volatile u32 *va = kmap_local_page(page);

		va[PAGE_SIZE / sizeof(*va) - 1] = 1;
		va[PAGE_SIZE / sizeof(*va)] = 2;
	}
}
#endif

FATAL_TEST(fault.write_text, "fault.permission")
{
	*(volatile u32 *)__image_start = 0;
}

FATAL_TEST(fault.write_rodata, "fault.permission")
{
	*(volatile u32 *)&rodata_word = 0;
}

FATAL_TEST(fault.execute_data, "fault.permission")
{
	call((const void *)&data_word);
}

FATAL_TEST(fault.execute_lowmem, "fault.permission")
{
	u32 *code = lowmem_page_address(alloc_page(GFP_KERNEL));

	*code = rodata_word;
	call(code);
}

FATAL_TEST(fault.unaligned_exclusive, "fault.alignment")
{
	u32 word;

	__asm__ volatile("ldrex %0, [%1]" : "=r"(word) : "r"((char *)&data_word + 1) : "memory");
}

FATAL_TEST(fault.undefined, "fault.undefined")
{
	__asm__ volatile("udf #1");
}

FATAL_TEST(fault.svc, "fault.svc")
{
	__asm__ volatile("svc #0" : : : "lr", "memory");
}

/* The stack pointer is what is broken: nothing may be pushed there. */
FATAL_TEST(fault.bad_stack, "fault.translation")
{
	__asm__ volatile("mov sp, %0\n\tpush {r0, r1}" : : "r"(SZ_64K) : "memory");
}

static u32 __noinline deeper(u32 depth)
{
	volatile u32 frame[64];

	frame[depth % ARRAY_SIZE(frame)] = depth;
	return depth == UINT32_MAX ? 0 : deeper(depth + 1) + frame[0];
}

/* Below the boot stack lie read-only pages: it ends in a report, not in somebody's table. */
FATAL_TEST(fault.boot_stack_overflow, "stack.overflow")
{
	test_note("%u", deeper(0));
}

/* The oops trips over what is broken itself: one more line, and the end. */
FATAL_TEST(fault.inside_the_oops, "fault.permission")
{
	u32 *code = lowmem_page_address(alloc_page(GFP_KERNEL));

	mm.section = (struct page *const *)SZ_64K;
	mm.section_count = UINT32_MAX;
	mm.end_pfn = UINT32_MAX;
	call(code);
}

FATAL_TEST(panic.plain, "")
{
	panic("a text with \"quotes\", a backslash \\ and 16 more bytes: %08x%08x", 1, 2);
}
