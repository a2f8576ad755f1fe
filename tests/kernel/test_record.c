/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The recorder (arch/arm/record.c, DEBUG builds): each entry written, invalidation and barrier is
 * counted once, by the primitive that executes it. QEMU's own count of them is beside it from
 * outside: tests/system/test_recorder.py.
 */
#define KMAP_DEBUG_BYPASS /* the real windows */
#include <arch/record.h>

#include <kernel/test.h>

#if CONFIG_DEBUG

#include <arch/current.h>
#include <arch/early_tables.h>
#include <arch/irqflags.h>
#include <mm/bigwin.h>
#include <mm/highmem.h>
#include <mm/vmalloc.h>

static struct page *pages[2];

static u32 here(enum record_kind kind)
{
	return record_count(current_core()->cpu, kind);
}

TEST(record, each_instruction_is_counted_once)
{
	u32 counts[RECORD_KINDS];

	REQUIRE(alloc_pages_bulk(GFP_HIGHONLY, 2, pages) == 2);
	preempt_disable();
	for (u32 kind = 0; kind < RECORD_KINDS; kind++) {
		counts[kind] = here((enum record_kind)kind);
	}
	kunmap_local(kmap_local_page(pages[0]));
	for (u32 kind = 0; kind < RECORD_KINDS; kind++) {
		counts[kind] = here((enum record_kind)kind) - counts[kind];
	}
	preempt_enable();
	CHECK_EQ(counts[RECORD_WRITE], 2);
	CHECK_EQ(counts[RECORD_DSB_WALK_LOCAL], 2);
	CHECK_EQ(counts[RECORD_TLBI_PAGE_LOCAL], 1);
	CHECK_EQ(counts[RECORD_DSB_NSH], 1);
	CHECK_EQ(counts[RECORD_ISB], 2);
	CHECK_EQ(counts[RECORD_FLUSHED], 1);
	CHECK_EQ(counts[RECORD_TLBI_PAGE] + counts[RECORD_TLBI_ALL] + counts[RECORD_DSB_ISH], 0);
	free_pages_bulk(pages, 2);
}

/*
 * For tests/system/test_recorder.py, where QEMU itself counts what is executed between the two. By
 * these names; no barrier inside.
 */
void mark_begin(void);
void mark_end(void);

__noinline void mark_begin(void)
{
	__asm__ volatile("nop");
}

__noinline void mark_end(void)
{
	__asm__ volatile("nop" : : : "r0"); /* another body: the linker must not fold the two */
}

/* Some of everything; an open window keeps it on its CPU. */
static void do_some_of_everything(void)
{
	void *va = vmap(pages, 2, PAGE_KERNEL);

	for (u32 i = 0; i < 40; i++) {
		copy_highpage(pages[i % 2], pages[1 - i % 2]);
	}
	vunmap(va);
	vmalloc_purge();
	va = kmap_try(pages[0]);
	if (CHECK(va)) {
		kunmap(pages[0]);
	}
	pkmap_purge();
	for (u32 i = 0; i < 7; i++) {
		(void)fixmap_set(FIX_STORY, page_to_pa(pages[0]), PAGE_KERNEL);
		fixmap_clear(FIX_STORY);
	}
	for (u32 size = PAGE_SIZE; size < 300 * PAGE_SIZE; size *= 3) {
		vfree(vmalloc(size));
		vmalloc_purge();
	}
	if (CHECK_EQ(bigwin_map_pages(page_to_pa(pages[0]), PAGE_SIZE, &va), 0)) {
		bigwin_unmap(va);
	}
}

/* The instruction: what is for walks is patched where they do not look into the data cache. */
static const char *instruction(enum record_kind kind)
{
	if (kind == RECORD_DSB_WALK) {
		return boot_info.walks_cleaned ? "DSB ISH" : "DSB ISHST";
	}
	if (kind == RECORD_DSB_WALK_LOCAL) {
		return boot_info.walks_cleaned ? "DSB NSH" : "DSB NSHST";
	}
	if (kind == RECORD_RELEASE) {
		return boot_info.walks_cleaned ? "DSB ISH" : "DMB ISH";
	}
	return record_kind_name(kind);
}

TEST(record, what_is_recorded_between_two_marks)
{
	u32 counts[RECORD_KINDS], flags;
	void *pin;

	REQUIRE(alloc_pages_bulk(GFP_HIGHONLY, 2, pages) == 2);
	pin = kmap_local_page(pages[0]);
	flags = irq_save();
	for (u32 kind = 0; kind < RECORD_KINDS; kind++) {
		counts[kind] = here((enum record_kind)kind);
	}
	mark_begin();
	irq_restore(flags);
	do_some_of_everything();
	flags = irq_save();
	mark_end();
	for (u32 kind = 0; kind < RECORD_KINDS; kind++) {
		counts[kind] = here((enum record_kind)kind) - counts[kind];
	}
	irq_restore(flags);
	kunmap_local(pin);
	for (u32 kind = RECORD_TLBI_PAGE_LOCAL; kind <= RECORD_ISB; kind++) {
		test_note("recorded %s: %u", instruction((enum record_kind)kind), counts[kind]);
	}
	CHECK(counts[RECORD_TLBI_ALL] > 0 && counts[RECORD_TLBI_PAGE] > 0);
	free_pages_bulk(pages, 2);
}

#endif
