/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kmap_local, kmap_atomic and the copying on top of them: that each window shows its page
 * and no other, that nothing is left of a closed one, and that the protocol holds
 * wherever an interrupt or a thread switch cuts into it.
 */
#define KMAP_DEBUG_BYPASS /* the real windows */
#include <arch/irqflags.h>
#include <arch/probe.h>
#include <kernel/test.h>
#include <mm/highmem.h>
#include <lib/string.h>
#include <mm/vmalloc.h>

#include "pages.h"

/* The windows' code is inline: one copy of each is enough here. */
static __noinline void *open_local(struct page *page)
{
	return kmap_local_page(page);
}

static __noinline void close_local(const void *va)
{
	kunmap_local(va);
}

static __noinline void *open_atomic(struct page *page)
{
	return kmap_atomic(page);
}

static __noinline void close_atomic(const void *va)
{
	kunmap_atomic(va);
}

static void copy_atomic(struct page *to, struct page *from)
{
	void *d = open_atomic(to);
	void *s = open_atomic(from);

	memcpy(d, s, PAGE_SIZE);
	close_atomic(s);
	close_atomic(d);
}

/* Copies up and down; each result is read through a window of another kind. */
static void copy_both_ways(struct page *below, struct page *above)
{
	void *va;

	page_fill(below, 1);
	page_fill(above, 2);
	CHECK_EQ(page_wrong(below, 1), 0); /* or both names lead to one page */
	copy_atomic(above, below);
	va = kmap(above);
	if (CHECK(va)) {
		CHECK_EQ(pattern_wrong(va, 1), 0);
		pattern_fill(va, 3);
		kunmap(above);
	}
	CHECK_EQ(page_wrong(below, 1), 0);
	copy_atomic(below, above);
	va = vmap(&below, 1, PAGE_KERNEL);
	if (CHECK(va)) {
		CHECK_EQ(pattern_wrong(va, 3), 0);
		vunmap(va);
	}
}

TEST(highmem, copy_kmap_atomic)
{
	struct page_pair pair;

	REQUIRE(page_pair_get(&pair));
	test_note("pages at 0x%010llx and 0x%010llx%s", page_to_pa(pair.below),
		  page_to_pa(pair.above), pair.across ? "" : ": not on both sides of 4 GiB");
	if (pair.across) {
		CHECK(page_to_pa(pair.below) < SZ_4G);
		CHECK(page_to_pa(pair.above) >= SZ_4G);
	}
	copy_both_ways(pair.below, pair.above);
	page_pair_put(&pair);
}

/* Opens all windows there are; each shows its own page, down to the last closed. */
TEST(highmem, nesting_to_full_depth)
{
	struct page *pages[KMAP_LOCAL_DEPTH];
	void *va[KMAP_LOCAL_DEPTH];
	u32 n = alloc_pages_bulk(GFP_HIGHONLY, KMAP_LOCAL_DEPTH, pages);
	u32 depth = n;

	if (CHECK_EQ(n, KMAP_LOCAL_DEPTH)) {
		for (u32 i = 0; i < n; i++) {
			va[i] = open_local(pages[i]);
			pattern_fill(va[i], i);
		}
		CHECK_EQ(current_core()->kmap_depth, KMAP_LOCAL_DEPTH);
		while (depth--) {
			for (u32 i = 0; i <= depth; i++) {
				CHECK_EQ(pattern_wrong(va[i], i), 0);
			}
			close_local(va[depth]);
		}
		for (u32 i = 0; i < n; i++) {
			CHECK_EQ(page_wrong(pages[i], i), 0);
		}
	}
	free_pages_bulk(pages, n);
}

FATAL_TEST(kunmap_local.double, "kunmap_local.order")
{
	struct page *page = alloc_page(GFP_HIGHONLY);

	if (page) {
		void *va = open_local(page);

		close_local(va);
		close_local(va);
	}
}

/* Any address inside the window closes it. */
TEST(highmem, unmap_by_inner_address)
{
	struct page *page = alloc_page(GFP_HIGHONLY);
	char *va;

	REQUIRE(page);
	va = open_local(page);
	close_local(va + PAGE_SIZE - 1);
	CHECK_EQ(current_core()->kmap_depth, 0);
	free_page(page);
}

TEST(highmem, lowmem_is_direct)
{
	struct page *page = alloc_page(GFP_KERNEL);
	char *direct, *va;

	REQUIRE(page);
	direct = phys_to_virt(page_to_pa(page));
	CHECK(!page_is_high(page));
	CHECK_EQ(virt_to_page(direct), page);
	va = open_local(page);
	CHECK_EQ(va, direct);
	CHECK_EQ(current_core()->kmap_depth, 0);
	close_local(va + 1);
	va = open_atomic(page);
	CHECK_EQ(va, direct);
	close_atomic(va);
	CHECK_EQ(page_address(page), direct);
	free_page(page);
}

/* kmap_atomic, for any page, and only it, turns preemption and page faults off. */
TEST(highmem, atomic_counts)
{
	struct page *pages[2] = { alloc_page(GFP_KERNEL), alloc_page(GFP_HIGHONLY) };
	u32 before = current_core()->atomic;

	for (u32 i = 0; i < 2; i++) {
		void *outer, *inner;

		REQUIRE(pages[i]);
		outer = open_atomic(pages[i]);
		CHECK_EQ(current_core()->atomic, before + ATOMIC_PREEMPT + ATOMIC_PAGEFAULT);
		inner = open_atomic(pages[i]);
		CHECK_EQ(current_core()->atomic, before + 2 * (ATOMIC_PREEMPT + ATOMIC_PAGEFAULT));
		close_atomic(inner);
		CHECK_EQ(current_core()->atomic, before + ATOMIC_PREEMPT + ATOMIC_PAGEFAULT);
		close_atomic(outer);
		CHECK_EQ(current_core()->atomic, before);
		outer = open_local(pages[i]);
		CHECK_EQ(current_core()->atomic, before);
		close_local(outer);
		free_page(pages[i]);
	}
}

TEST(highmem, copy_and_clear_page)
{
	struct page *pages[2] = { alloc_page(GFP_KERNEL), alloc_page(GFP_HIGHONLY) };
	struct page *other = alloc_page(GFP_HIGHONLY);

	REQUIRE(pages[0] && pages[1] && other);
	for (u32 i = 0; i < 2; i++) {
		page_fill(pages[i], 10);
		page_fill(other, 11);
		copy_highpage(other, pages[i]);
		CHECK_EQ(page_wrong(other, 10), 0);
		page_fill(other, 12);
		copy_highpage(pages[i], other);
		CHECK_EQ(page_wrong(pages[i], 12), 0);
		clear_highpage(pages[i]);
		for (u32 at = 0; at < PAGE_SIZE; at += sizeof(u32)) {
			u32 word;

			memcpy_from_page(&word, pages[i], at, sizeof(word));
			if (!CHECK_EQ(word, 0)) {
				break;
			}
		}
		CHECK_EQ(page_wrong(other, 12), 0); /* nothing else was cleared */
	}
	free_pages_bulk(pages, 2);
	free_page(other);
}

/* Lengths and offsets around words, cache lines and the page's end; neighbours stay. */
TEST(highmem, memcpy_edges)
{
	static const struct {
		u16 offset, len;
	} cases[] = {
		{ 0, 0 },
		{ PAGE_SIZE, 0 },
		{ 0, 1 },
		{ PAGE_SIZE - 1, 1 },
		{ 3, 2 },
		{ 61, 67 },
		{ PAGE_SIZE - 37, 37 },
		{ 1, PAGE_SIZE - 2 },
		{ 0, PAGE_SIZE },
	};
	struct page *page = alloc_page(GFP_HIGHONLY);
	struct page *low = alloc_page(GFP_KERNEL);
	u8 *bytes;

	REQUIRE(page && low);
	bytes = lowmem_page_address(low);
	for (u32 c = 0; c < ARRAY_SIZE(cases); c++) {
		u32 from = cases[c].offset, len = cases[c].len, wrong = 0;

		memset(bytes, 0xa5, PAGE_SIZE);
		clear_highpage(page);
		memcpy_to_page(page, from, bytes, len);
		memset(bytes, 0xff, PAGE_SIZE);
		memcpy_from_page(bytes, page, 0, PAGE_SIZE);
		for (u32 i = 0; i < PAGE_SIZE; i++) {
			wrong += bytes[i] != (i >= from && i < from + len ? 0xa5 : 0);
		}
		CHECK_EQ(wrong, 0);
		memset(bytes, 0x5a, PAGE_SIZE);
		memcpy_from_page(bytes, page, from, len);
		for (u32 i = 0; i < PAGE_SIZE; i++) {
			wrong += bytes[i] != (i < len ? 0xa5 : 0x5a);
		}
		CHECK_EQ(wrong, 0);
	}
	free_page(low);
	free_page(page);
}

/* The address of a closed window faults at once, also if the TLB had seen it. */
TEST(highmem, closed_window_faults)
{
	struct page *page = alloc_page(GFP_HIGHONLY);
	u32 word;

	REQUIRE(page);
	for (u32 depth = 0; depth < 2; depth++) {
		u32 *va, *outer = depth ? open_local(page) : NULL;

		va = open_local(page);
		CHECK_EQ(probe_read(va, &word), 0);
		close_local(va);
		CHECK_NO_READ(va);
		CHECK_ERR(probe_write(va, 1), EFAULT);
		CHECK_NO_READ(va + PAGE_SIZE / sizeof(u32));
		if (outer) {
			CHECK_EQ(probe_read(outer, &word), 0);
			close_local(outer);
		}
	}
	free_page(page);
}

/* Windows are data: nothing can be executed through them. */
TEST(highmem, window_not_executable)
{
	struct page *page = alloc_page(GFP_HIGHONLY);
	u32 *va;

	REQUIRE(page);
	va = open_local(page);
	*va = 0xe12fff1e; /* bx lr */
	dsb_ish();	  /* the store, before anything could be fetched from there */
	CHECK_ERR(probe_exec(va), EFAULT);
	close_local(va);
	free_page(page);
}

/* ---- what may cut into the protocol ---- */

struct cut {
	void (*run)(struct page *page);
	struct page *page; /* the intruder's */
};

/* An interrupt handler: windows of its own above ours, all closed when it is done. */
static void cut_interrupt(struct page *page)
{
	u32 depth = current_core()->kmap_depth;
	void *a = open_atomic(page);
	void *b = open_local(page);

	pattern_fill(a, 77);
	CHECK_EQ(pattern_wrong(b, 77), 0);
	close_local(b);
	close_atomic(a);
	CHECK_EQ(current_core()->kmap_depth, depth);
}

/* Another thread gets the CPU, uses the same slots, and gives it back. */
static void cut_switch(struct page *page)
{
	struct thread_core *core = current_core();
	u32 flags = irq_save(), depth = core->kmap_depth;
	vaddr_t base = core->kmap_va;

	kmap_local_switch_out(core);
	core->kmap_depth = 0;
	for (u32 i = 0; i < depth; i++) {
		CHECK_NO_READ(base + i * PAGE_SIZE);
	}
	cut_interrupt(page);
	core->kmap_depth = depth;
	kmap_local_switch_in(core, core->cpu);
	irq_restore(flags);
}

static void cut_both(struct page *page)
{
	cut_interrupt(page);
	cut_switch(page);
}

/* kmap_local_pfn() and kunmap_local_window() step by step, cut after each. */
static void cut_everywhere(struct page *page, const struct cut *cut)
{
	struct thread_core *core = current_core();
	u32 depth = core->kmap_depth;
	vaddr_t va;

	WRITE_ONCE(core->kmap_depth, depth + 1);
	cut->run(cut->page);
	va = core->kmap_va + depth * PAGE_SIZE;
	pte_write(core->kmap_ptes + depth, pfn_pte(page_to_pfn(page), PAGE_KERNEL));
	cut->run(cut->page);
	dsb_walk_local(); /* the entry, before the walker looks */
	isb();
	cut->run(cut->page);
	CHECK_EQ(pattern_wrong((void *)va, depth), 0);

	pte_write(core->kmap_ptes + depth, pte_none());
	cut->run(cut->page);
	tlb_flush_local(va);
	cut->run(cut->page);
	CHECK_NO_READ(va);
	WRITE_ONCE(core->kmap_depth, depth);
	cut->run(cut->page);
}

static void cut_at_each_step(void (*run)(struct page *page))
{
	struct page *pages[3];
	struct cut cut = { run, NULL };
	u32 n = alloc_pages_bulk(GFP_HIGHONLY, 3, pages);
	void *outer;

	if (CHECK_EQ(n, 3)) {
		cut.page = pages[2];
		page_fill(pages[0], 0);
		page_fill(pages[1], 1);
		cut_everywhere(pages[0], &cut);
		outer = open_local(pages[0]);
		cut_everywhere(pages[1], &cut);
		CHECK_EQ(pattern_wrong(outer, 0), 0);
		close_local(outer);
	}
	free_pages_bulk(pages, n);
}

TEST(highmem, interrupt_at_each_step)
{
	cut_at_each_step(cut_interrupt);
}

TEST(highmem, switch_at_each_step)
{
	cut_at_each_step(cut_both);
}

/* A thread switched out with windows open finds them at the same addresses, to the last one. */
TEST(highmem, switch_keeps_windows)
{
	struct page *pages[KMAP_LOCAL_DEPTH];
	void *va[KMAP_LOCAL_DEPTH];
	u32 n = alloc_pages_bulk(GFP_HIGHONLY, KMAP_LOCAL_DEPTH, pages);

	for (u32 i = 0; i + 1 < n; i++) {
		va[i] = open_local(pages[i]);
		pattern_fill(va[i], i);
		cut_switch(pages[n - 1]);
	}
	for (u32 i = n - 1; i-- > 0;) {
		CHECK_EQ(pattern_wrong(va[i], i), 0);
		close_local(va[i]);
	}
	CHECK_EQ(n, KMAP_LOCAL_DEPTH);
	free_pages_bulk(pages, n);
}
