/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns what the discipline checker knows of each level-3 entry that the kernel changes (vmalloc
 * area, pkmap, fixmap, image), of each CPU's bigwin, and of each page how many of these show it or
 * may show it in some TLB. Entries of the direct mapping never change; tables that no level-2 entry
 * of the kernel's points to are nobody's business here.
 *
 * All of it is allocated once, at boot. What all CPUs use is changed under discipline_lock(), a
 * CPU's own windows by that CPU alone, with interrupts masked; the pages' counts by atomic steps.
 */
#include "shadow.h"

#if CONFIG_DEBUG

#include <arch/early_tables.h>
#include <bug.h>
#include <layout.h>
#include <lib/string.h>
#include <mm/fixmap.h>
#include <mm/memblock.h>
#include <mm/page_alloc.h>
#include <mm/pgtable.h>
#include <mm/vmalloc.h>

#define BLOCKS	    ((LAYOUT_END - PAGE_OFFSET) >> PMD_SHIFT)
#define BLOCK_ORDER 1
STATIC_ASSERT(PTRS_PER_TABLE * sizeof(struct shadow) == PAGE_SIZE << BLOCK_ORDER);

/* One for each 2 MiB, by number from PAGE_OFFSET on. */
static struct {
	struct shadow *entries; /* NULL: not watched */
	u32 stale;		/* shared entries that are not flushed */
} blocks[BLOCKS];

static struct shadow bigwins[NR_CPUS + 1];

/* A byte for each page: how many windows show it. What reached the end stays there. */
#define USES_ORDER 3
#define USES_MAX   0xffu
STATIC_ASSERT(1u << SECTION_PFN_SHIFT == PAGE_SIZE << USES_ORDER);
static u8 **uses; /* by section */
static u32 sections;

static u32 block_of(vaddr_t va)
{
	return (va - PAGE_OFFSET) >> PMD_SHIFT;
}

static vaddr_t block_va(u32 block)
{
	return PAGE_OFFSET + (block << PMD_SHIFT);
}

/* ---- pages ---- */

static u8 *page_uses(pfn_t pfn)
{
	u32 section = pfn >> SECTION_PFN_SHIFT;

	if (section >= sections || !uses[section]) {
		return NULL; /* a device's registers */
	}
	return &uses[section][pfn & ((1u << SECTION_PFN_SHIFT) - 1)];
}

static void uses_change(u8 *count, int by)
{
	u8 was = READ_ONCE(*count);

	while (was < USES_MAX && !__atomic_compare_exchange_n(count, &was, (u8)(was + by), true,
							      __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
	}
}

static void count_use(struct shadow *shadow)
{
	u8 *count = page_uses(shadow->pfn);

	shadow->counted = count != NULL;
	if (count) {
		uses_change(count, 1);
	}
}

static void drop_use(struct shadow *shadow)
{
	if (shadow->counted) {
		shadow->counted = false;
		uses_change(page_uses(shadow->pfn), -1);
	}
}

static bool shows(const struct shadow *shadow, pfn_t first, u32 pages)
{
	return shadow->state != SHADOW_EMPTY && shadow->counted && shadow->pfn - first < pages;
}

static bool find_pages(pfn_t first, u32 pages, struct shadow_place *place)
{
	for (u32 block = 0; block < BLOCKS; block++) {
		for (u32 k = 0; blocks[block].entries && k < PTRS_PER_TABLE; k++) {
			if (shows(&blocks[block].entries[k], first, pages)) {
				place->shadow = &blocks[block].entries[k];
				place->va = block_va(block) + k * PAGE_SIZE;
				return true;
			}
		}
	}
	return false;
}

bool shadow_of_pages(pfn_t first, u32 pages, struct shadow_place *place)
{
	const u8 *count;
	bool found;
	u32 i = 0;

	while (i < pages &&
	       (!(count = page_uses(first + i)) || *count == 0 || *count == USES_MAX)) {
		i++;
	}
	if (i == pages) {
		return false;
	}
	discipline_lock();
	found = find_pages(first, pages, place);
	discipline_unlock();
	return found;
}

/* ---- entries ---- */

/* The address that a level-3 table's first entry maps; false: none of ours. */
static bool table_va(const pte_t *table, vaddr_t *va)
{
	if (table == fixmap_table) {
		*va = FIXMAP_START;
		return true;
	}
	if (table == image_table) {
		*va = IMAGE_START;
		return true;
	}
	if (!is_lowmem(table)) {
		return false;
	}
	*va = virt_to_page(table)->index; /* if it is a table: shadow_table() */
	return *va % PMD_SIZE == 0 && *va >= PAGE_OFFSET && *va < LAYOUT_END &&
	       blocks[block_of(*va)].entries &&
	       kernel_pmd(*va)->raw == pmd_table(virt_to_phys(table)).raw;
}

void shadow_table(vaddr_t va, u64 descriptor)
{
	pmd_t pmd = { descriptor };
	pfn_t pfn = pa_to_pfn(pmd_pa(pmd));

	if (pmd_is_table(pmd) && !pa_in_image(pmd_pa(pmd)) && pfn < mm.low_end_pfn) {
		pfn_to_page(pfn)->index = va;
	}
}

bool shadow_of_va(vaddr_t va, struct shadow_place *place)
{
	u32 block = block_of(va);

	if (va < PAGE_OFFSET || va >= LAYOUT_END) {
		return false;
	}
	place->va = ALIGN_DOWN(va, PAGE_SIZE);
	if (va >= BIGWIN_START && va < REGION_END(bigwin)) {
		place->shadow = &bigwins[(va - BIGWIN_START) >> PMD_SHIFT];
		return true;
	}
	if (!blocks[block].entries) {
		return false;
	}
	place->shadow = &blocks[block].entries[pte_index(va)];
	return true;
}

bool shadow_of_entry(u32 entry, struct shadow_place *place)
{
	u32 pmd = (entry - (u32)(vaddr_t)kernel_pmds) / sizeof(pmd_t);
	vaddr_t va;

	if (pmd < BLOCKS) {
		va = block_va(pmd);
		return va >= BIGWIN_START && va < REGION_END(bigwin) && shadow_of_va(va, place);
	}
	if (!table_va((const pte_t *)ALIGN_DOWN(entry, (u32)PAGE_SIZE), &va)) {
		return false;
	}
	return shadow_of_va(va + entry % PAGE_SIZE / sizeof(pte_t) * PAGE_SIZE, place);
}

static bool is_stale(const struct shadow *shadow)
{
	return shadow->state >= SHADOW_STALE;
}

static void set_state(const struct shadow_place *place, enum shadow_state state)
{
	int was = is_stale(place->shadow);

	place->shadow->state = (u8)state;
	was = is_stale(place->shadow) - was;
	if (was && place->shadow->owner == SHADOW_SHARED) {
		blocks[block_of(place->va)].stale += (u32)was;
	}
}

void shadow_fill(const struct shadow_place *place, const struct record_event *event)
{
	struct shadow *shadow = place->shadow;

	drop_use(shadow);
	set_state(place, SHADOW_VALID);
	shadow->order = event->order;
	shadow->pc = event->pc;
	shadow->cpu = event->cpu;
	shadow->pfn = pte_pfn((pte_t){ event->value });
	/* A pkmap window stays open behind its page's back, and a bigwin's pages are many. */
	if (place->va < BIGWIN_START || place->va >= FIXMAP_START) {
		count_use(shadow);
	}
}

void shadow_clear(const struct shadow_place *place, const struct record_event *event)
{
	set_state(place, SHADOW_STALE);
	place->shadow->order = event->order;
	place->shadow->pc = event->pc;
	place->shadow->cpu = event->cpu;
}

void shadow_flushed(const struct shadow_place *place)
{
	if (is_stale(place->shadow)) {
		drop_use(place->shadow);
		set_state(place, SHADOW_EMPTY);
	}
}

static void flushed_if(const struct shadow_place *place, u32 owner, u32 upto)
{
	if (is_stale(place->shadow) && !order_before(upto, place->shadow->order) &&
	    place->shadow->owner == owner) {
		shadow_flushed(place);
	}
}

void shadow_flushed_all(u32 upto)
{
	for (u32 block = 0; block < BLOCKS; block++) {
		struct shadow *entries = blocks[block].entries;

		for (u32 i = 0; blocks[block].stale && entries && i < PTRS_PER_TABLE; i++) {
			flushed_if(&(struct shadow_place){ &entries[i],
							   block_va(block) + i * PAGE_SIZE },
				   SHADOW_SHARED, upto);
		}
	}
}

void shadow_flushed_here(u32 cpu, u32 upto)
{
	u32 slot = FIX_KMAP_BEGIN + cpu * KMAP_LOCAL_STRIDE;
	struct shadow *slots = &blocks[block_of(FIXMAP_START)].entries[slot];

	for (u32 i = 0; i < KMAP_LOCAL_STRIDE; i++) {
		flushed_if(&(struct shadow_place){ &slots[i],
						   fixmap_va((enum fixmap_slot)(slot + i)) },
			   cpu, upto);
	}
	flushed_if(&(struct shadow_place){ &bigwins[cpu], BIGWIN_START + cpu * PMD_SIZE }, cpu,
		   upto);
}

/* ---- boot ---- */

static void *boot_alloc(u32 order)
{
	struct page *page = alloc_pages(GFP_KERNEL, order);

	if (!page) {
		panic("no memory for the discipline checker");
	}
	return memset(lowmem_page_address(page), 0, PAGE_SIZE << order);
}

/* What is mapped already. */
static void shadow_existing(u32 block)
{
	vaddr_t va = block_va(block);
	const pte_t *table = kernel_pte(va);

	if (!table) {
		return;
	}
	shadow_table(va, kernel_pmd(va)->raw);
	for (u32 i = 0; i < PTRS_PER_TABLE; i++) {
		struct shadow_place place = { &blocks[block].entries[i], va + i * PAGE_SIZE };

		if (pte_present(table[i])) {
			shadow_fill(&place, &(struct record_event){ .value = table[i].raw });
		}
	}
}

static void start_block(u32 block)
{
	vaddr_t va = block_va(block);

	if (va >= BIGWIN_START && va < REGION_END(bigwin)) {
		return;
	}
	blocks[block].entries = boot_alloc(BLOCK_ORDER);
	for (u32 i = 0; i < PTRS_PER_TABLE; i++) {
		blocks[block].entries[i].owner = SHADOW_SHARED;
	}
	shadow_existing(block);
}

static void start_pages(void)
{
	u32 order = 0;

	sections = ((mm.end_pfn - 1) >> SECTION_PFN_SHIFT) + 1;
	while (PAGE_SIZE << order < sections * sizeof(*uses)) {
		order++;
	}
	uses = boot_alloc(order);
	for (u32 i = 0; i < memblock.memory.count; i++) {
		const struct memblock_range *bank = &memblock.memory.range[i];
		pfn_t last = pa_to_pfn(bank->start + bank->size - 1);

		for (u32 k = pa_to_pfn(bank->start) >> SECTION_PFN_SHIFT;
		     k <= last >> SECTION_PFN_SHIFT; k++) {
			if (k < sections && !uses[k]) {
				uses[k] = boot_alloc(USES_ORDER);
			}
		}
	}
}

void shadow_start(void)
{
	start_pages();
	for (vaddr_t va = ALIGN_DOWN(vmalloc_start(), PMD_SIZE); va < FDTMAP_START;
	     va += PMD_SIZE) {
		start_block(block_of(va));
	}
	start_block(block_of(IMAGE_START));
	for (u32 i = FIX_KMAP_BEGIN; i < FIX_KMAP_END; i++) {
		blocks[block_of(FIXMAP_START)].entries[i].owner =
			(u8)((i - FIX_KMAP_BEGIN) / KMAP_LOCAL_STRIDE);
	}
	for (u32 i = 0; i <= NR_CPUS; i++) {
		bigwins[i].owner = (u8)i; /* the last one, for copying, is nobody's yet */
		bigwins[i].window = true;
	}
}

void discipline_own(vaddr_t start, u32 bytes, u32 cpu)
{
	struct shadow_place place;

	for (vaddr_t va = start; va - start < bytes; va += PAGE_SIZE) {
		if (shadow_of_va(va, &place)) {
			place.shadow->owner = (u8)cpu;
		}
	}
}

#endif
