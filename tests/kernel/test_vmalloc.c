/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vmalloc area: scattered pages in a row, guards that fault, take-down that waits for a
 * flush, and what must be refused. (The address arithmetic is tests/host/test_va_space.c's.)
 */
#include <arch/irqflags.h>
#include <arch/probe.h>
#include <kernel/test.h>
#include <mm/highmem.h>
#include <mm/memblock.h>
#include <mm/pgtable.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>

#include "pages.h"

#define PAGE_AT(va, i) ((char *)(va) + (i)*PAGE_SIZE)

static struct page *area_page(const void *va, u32 i)
{
	return pfn_to_page(pte_pfn(*kernel_pte((vaddr_t)PAGE_AT(va, i))));
}

static bool faults(const void *va)
{
	u32 word;

	return probe_read(va, &word) != 0;
}

/* Free pages, and those that became level-3 tables, which stay. */
static u32 free_and_tables(void)
{
	u32 tables = 0;

	for (vaddr_t va = vmalloc_start(); va < VMALLOC_END; va += PMD_SIZE) {
		tables += pmd_is_table(*kernel_pmd(va));
	}
	return tables + free_page_count();
}

/* ---- vmalloc ---- */

/* Every page is reached through the area and through a window of its own alike. */
TEST(vmalloc, scattered_pages)
{
	struct page *between[32];
	u32 neighbours = 0;
	char *va;

	/*
	 * Every other page of what comes next stays ours, so no two of the area's can be
	 * neighbours.
	 */
	REQUIRE(alloc_pages_bulk(GFP_HIGH, ARRAY_SIZE(between), between) == ARRAY_SIZE(between));
	for (u32 i = 0; i < ARRAY_SIZE(between); i += 2) {
		free_page(between[i]);
	}
	va = vmalloc(16 * PAGE_SIZE);
	REQUIRE(va);
	for (u32 i = 0; i < 16; i++) {
		pattern_fill(PAGE_AT(va, i), i);
		neighbours += i > 0 && area_page(va, i) == area_page(va, i - 1) + 1;
	}
	CHECK_EQ(neighbours, 0);
	for (u32 i = 0; i < 16; i++) {
		CHECK_EQ(page_wrong(area_page(va, i), i), 0);
		CHECK(page_is_high(area_page(va, i)));
	}
	vfree(va);
	for (u32 i = 1; i < ARRAY_SIZE(between); i += 2) {
		free_page(between[i]);
	}
}

/* Areas that lie side by side, as they do in an area without holes. */
TEST(vmalloc, guards_fault)
{
	const u32 pages[] = { 3, 1, 1, 2 };
	char *areas[ARRAY_SIZE(pages)];
	u32 side_by_side = 0;

	vmalloc_purge();
	for (u32 i = 0; i < ARRAY_SIZE(pages); i++) {
		areas[i] = vmalloc(pages[i] * PAGE_SIZE - i);
		REQUIRE(areas[i]);
		side_by_side += i > 0 && areas[i] == PAGE_AT(areas[i - 1], pages[i - 1] + 1);
	}
	CHECK(side_by_side > 0);
	for (u32 i = 0; i < ARRAY_SIZE(pages); i++) {
		char *end = PAGE_AT(areas[i], pages[i]);

		CHECK(IS_ALIGNED((vaddr_t)areas[i], PAGE_SIZE));
		CHECK(!faults(areas[i]));
		CHECK(!faults(end - 4));
		CHECK(faults(end));
		CHECK_ERR(probe_write(end, 1), EFAULT);
		CHECK(faults(end + PAGE_SIZE - 4));
		CHECK(faults(areas[i] - 4)); /* the guard of the area before, or nothing */
	}
	for (u32 i = 0; i < ARRAY_SIZE(pages); i++) {
		vfree(areas[i]);
	}
}

TEST(vmalloc, zeroed)
{
	u32 *va = vmalloc(4 * PAGE_SIZE);
	u32 sum = 0;

	REQUIRE(va);
	for (u32 i = 0; i < 4; i++) {
		pattern_fill(PAGE_AT(va, i), 77);
	}
	vfree(va);
	vmalloc_purge();
	va = vzalloc(4 * PAGE_SIZE); /* the same pages, most likely */
	REQUIRE(va);
	for (u32 i = 0; i < PAGE_SIZE; i++) {
		sum |= va[i];
	}
	CHECK_EQ(sum, 0);
	vfree(va);
}

/* More than one level-3 table, at any start. */
TEST(vmalloc, crosses_tables)
{
	const u32 pages = 2 * PTRS_PER_TABLE + 3;
	char *va = vmalloc(pages * PAGE_SIZE);
	u32 wrong = 0;

	REQUIRE(va);
	CHECK((vaddr_t)va >= vmalloc_start() && (vaddr_t)PAGE_AT(va, pages) < VMALLOC_END);
	for (u32 i = 0; i < pages; i++) {
		*(u32 *)PAGE_AT(va, i) = i;
	}
	for (u32 i = 0; i < pages; i++) {
		u32 *word = kmap_local_page(area_page(va, i));

		wrong += *word != i;
		kunmap_local(word);
	}
	CHECK_EQ(wrong, 0);
	vfree(va);
	for (u32 i = 0; i < pages; i++) {
		wrong += pte_present(*kernel_pte((vaddr_t)PAGE_AT(va, i)));
	}
	CHECK_EQ(wrong, 0);
}

TEST(vmalloc, refuses_senseless_sizes)
{
	CHECK(!vmalloc(0));
	CHECK(!vzalloc(0));
	vfree(NULL);
	vunmap(NULL);
	iounmap(NULL);
}

/* ---- lazy take-down ---- */

/* Between vfree and the purge neither the addresses nor the pages go anywhere else. */
TEST(vmalloc, nothing_reused_before_the_flush)
{
	struct vmalloc_info info;
	u32 before, again = 0;
	void *va, *others[16];

	vmalloc_purge();
	va = vmalloc(4 * PAGE_SIZE);
	REQUIRE(va);
	before = free_page_count();
	vfree(va);
	CHECK_EQ(free_page_count(), before);
	CHECK(vmalloc_query((vaddr_t)va, false, &info));
	CHECK(strcmp(info.kind, "lazy") == 0);
	for (u32 i = 0; i < ARRAY_SIZE(others); i++) {
		others[i] = vmalloc(4 * PAGE_SIZE);
		again += others[i] == va;
	}
	CHECK_EQ(again, 0);
	vmalloc_purge();
	CHECK(!vmalloc_query((vaddr_t)va, false, &info));
	CHECK_EQ(free_page_count(), before + 4 - 4 * ARRAY_SIZE(others));
	for (u32 i = 0; i < ARRAY_SIZE(others); i++) {
		vfree(others[i]);
	}
	vmalloc_purge();
	CHECK_EQ(free_page_count(), before + 4);
}

/* What waits is bounded: the purge comes by itself. */
TEST(vmalloc, purges_by_itself)
{
	u32 before, most = 0;

	vmalloc_purge();
	before = free_and_tables();
	for (u32 i = 0; i < 100; i++) {
		void *va = vmalloc(SZ_1M);

		REQUIRE(va);
		vfree(va);
		most = max(most, before - free_and_tables());
	}
	CHECK(most >= 512); /* it did wait */
	CHECK(most <= 2048);
}

/* With interrupts masked, as in an interrupt handler: queued, not flushed, not lost. */
TEST(vmalloc, vfree_with_interrupts_masked)
{
	u32 before, flags;
	void *va[3];

	vmalloc_purge();
	before = free_and_tables();
	for (u32 i = 0; i < 3; i++) {
		va[i] = vmalloc(600 * PAGE_SIZE); /* any two of them make a purge due */
		REQUIRE(va[i]);
	}
	flags = irq_save();
	for (u32 i = 0; i < 3; i++) {
		vfree(va[i]);
	}
	CHECK(before - free_and_tables() >= 3 * 600);
	irq_restore(flags);
	va[0] = vmalloc(1); /* the next call may, and does */
	CHECK(before - free_and_tables() < 600);
	vfree(va[0]);
}

/* ---- ioremap ---- */

TEST(vmalloc, ioremap_refuses)
{
	const struct memblock_range *bank = &memblock.memory.range[0];
	phys_addr_t end = bank->start + bank->size;

	CHECK(!ioremap(bank->start, PAGE_SIZE));
	CHECK(!ioremap(bank->start - 4, 8)); /* one byte of RAM is enough */
	CHECK(!ioremap(end - 1, 8));
	CHECK(!ioremap(PHYS_END - PAGE_SIZE, 0));
	CHECK(!ioremap(PHYS_END - PAGE_SIZE, PAGE_SIZE + 1));
	CHECK(!ioremap(PHYS_END, PAGE_SIZE));
	CHECK(!ioremap(UINT64_MAX - 4, 8));
}

/* The console's identification registers, at an odd offset, as through the fixmap. */
TEST(vmalloc, ioremap_device)
{
	phys_addr_t uart = pte_pa(*kernel_pte(fixmap_va(FIX_UART)));
	const char *fixed = (const char *)fixmap_va(FIX_UART);
	char *va = ioremap(uart + 0xfe4, 8);
	pte_t pte;
	u32 a, b;

	REQUIRE(va);
	pte = *kernel_pte((vaddr_t)va);
	CHECK_EQ((vaddr_t)va % PAGE_SIZE, 0xfe4);
	CHECK_EQ(pte_pa(pte), uart);
	CHECK_EQ(pte.raw & ~DESC_ADDR_MASK, PAGE_DEVICE.raw | DESC_PAGE);
	CHECK_EQ(probe_read(va + 4, &a), 0);
	CHECK_EQ(probe_read(fixed + 0xfe8, &b), 0);
	CHECK_EQ(a, b);
	iounmap(va + 2);
	CHECK(!pte_present(*kernel_pte((vaddr_t)va)));
}

/* ---- running out ---- */

/* All addresses are used up, and the last piece is as good as the first; then nothing is lost. */
TEST(vmalloc, address_space_runs_out)
{
	const u32 size = 14 * SZ_1M;
	phys_addr_t pa = PHYS_END - size; /* nobody has RAM there; it is mapped, not touched */
	void *first, *list = NULL, *last = NULL;
	u32 pieces = 0;

	/* The areas are linked through a page: the last one's address at the one before's index. */
	first = vmalloc(PAGE_SIZE);
	REQUIRE(first);
	while (pieces < PAGE_SIZE / sizeof(void *) && (list = ioremap(pa, size))) {
		((void **)first)[pieces++] = list;
		last = list;
	}
	CHECK(pieces >= (VMALLOC_END - vmalloc_start()) / size - 1);
	CHECK(!list);
	CHECK(last && pte_pa(*kernel_pte((vaddr_t)last)) == pa);
	CHECK(!vmalloc(SZ_16M));
	iounmap(((void **)first)[pieces / 2]);
	last = ioremap(pa, size); /* purges, and retries, by itself */
	CHECK_EQ(last, ((void **)first)[pieces / 2]);
	for (u32 i = 0; i < pieces; i++) {
		iounmap(((void **)first)[i]);
	}
	vfree(first);
	vmalloc_purge();
}

/* Memory ends in the middle: what was mapped so far is undone. */
TEST(vmalloc, memory_runs_out)
{
	const u32 keep = 100;
	pfn_t held[MAX_ORDER + 1] = { 0 };
	u32 before;

	if (CONFIG_DEBUG) {
		SKIP("DEBUG=1 would poison all of memory");
	}
	vmalloc_purge();
	before = free_and_tables();
	for (u32 order = MAX_ORDER + 1; order-- > 0;) {
		struct page *page;

		while (free_page_count() > keep + (1u << order) &&
		       (page = alloc_pages(GFP_HIGH, order))) {
			page->next = held[order];
			held[order] = page_to_pfn(page);
		}
	}
	CHECK(!vmalloc((free_page_count() + 1) * PAGE_SIZE));
	CHECK(!vmalloc(VMALLOC_MIN / 2));
	for (u32 order = 0; order <= MAX_ORDER; order++) {
		while (held[order]) {
			struct page *page = pfn_to_page(held[order]);

			held[order] = page->next;
			free_pages(page, order);
		}
	}
	CHECK_EQ(free_and_tables(), before);
}

/* ---- query ---- */

TEST(vmalloc, query_finds_areas)
{
	struct page *page = alloc_page(GFP_HIGH);
	char *a = vmalloc(5 * PAGE_SIZE), *b;
	struct vmalloc_info info;

	REQUIRE(page && a);
	b = vmap(&page, 1, PAGE_KERNEL);
	REQUIRE(b);
	CHECK(vmalloc_query((vaddr_t)a + 3 * PAGE_SIZE + 5, false, &info));
	CHECK_EQ(info.start, (vaddr_t)a);
	CHECK_EQ(info.end, (vaddr_t)a + 5 * PAGE_SIZE);
	CHECK_EQ(info.pages, 5);
	CHECK(strcmp(info.kind, "vmalloc") == 0);
	CHECK(vmalloc_query((vaddr_t)b, true, &info));
	CHECK_EQ(info.start, (vaddr_t)b);
	CHECK(strcmp(info.kind, "vmap") == 0);
	CHECK(vmalloc_query(info.end, false, &info)); /* the guard belongs to its area */
	CHECK(!vmalloc_query(vmalloc_start() - 1, false, &info));
	CHECK(!vmalloc_query(VMALLOC_END, true, &info));
	vunmap(b);
	vfree(a);
	free_page(page);
}

/* ---- all at once ---- */

#define AREAS 48

struct live {
	char *va;
	u32 pages, seed;
};

static u32 next_random(u32 *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* A few hundred areas of all sizes, freed in any order: every word of each is its own. */
TEST(vmalloc, many_areas_keep_their_contents)
{
	struct live *live = kzalloc(AREAS * sizeof(*live));
	u32 state = 20240229, wrong = 0, failed = 0;

	REQUIRE(live);
	for (u32 step = 0; step < 400; step++) {
		struct live *l = &live[next_random(&state) % AREAS];

		if (l->va) {
			for (u32 i = 0; i < l->pages; i++) {
				wrong += pattern_wrong(PAGE_AT(l->va, i), l->seed + i);
			}
			vfree(l->va);
			l->va = NULL;
			continue;
		}
		l->pages = 1 + next_random(&state) % (next_random(&state) % 16 == 0 ? 90 : 6);
		l->seed = next_random(&state);
		l->va = vmalloc(l->pages * PAGE_SIZE);
		failed += !l->va;
		for (u32 i = 0; l->va && i < l->pages; i++) {
			pattern_fill(PAGE_AT(l->va, i), l->seed + i);
		}
	}
	for (u32 i = 0; i < AREAS; i++) {
		vfree(live[i].va);
	}
	kfree(live);
	CHECK_EQ(wrong, 0);
	CHECK_EQ(failed, 0);
}

FATAL_TEST(vunmap.of_vmalloc, "vmalloc.bad_address")
{
	vunmap(vmalloc(PAGE_SIZE));
}

FATAL_TEST(iounmap.double, "vmalloc.bad_address")
{
	void *va = ioremap(PHYS_END - PAGE_SIZE, PAGE_SIZE);

	iounmap(va);
	iounmap(va);
}
