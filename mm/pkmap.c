/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the pkmap: 512 shared windows, each counted:
 *
 *	0	free, and in no TLB
 *	1	no user, but its entry is live and may be in any TLB
 *	n	n - 1 users
 *
 * A page keeps its window at count 1, so that mapping it again costs no table write and
 * no flush; all such windows are taken back together, with one flush, when the search
 * for a free one wraps. A page knows its window's number: a halfword of its
 * own, so that storing it under our lock disturbs nobody's flags. A page that
 * is freed forgets it, and may get another as somebody else's; its old entry stays live, as
 * count 1, until the wrap: who changes a page's type must wait for that.
 *
 * Counts go up from 1 and down to 1 without the lock; from and to 0 only under it.
 * Lock: pkmap.lock, not taken by interrupt code; nothing is taken inside.
 */
#include <mm/highmem.h>

#include <arch/atomic.h>
#include <arch/spinlock.h>
#include <mm/page_alloc.h>
#include <mm/pgtable.h>

struct pkmap_slot {
	u32 count;
	struct page *page; /* whose window this is, while count is above 0 */
};
STATIC_ASSERT(PKMAP_SLOTS * sizeof(struct pkmap_slot) == PAGE_SIZE);

/* Windows are numbered from 1 to 512, as pages know them: the pointers are biased by one. */
static struct {
	struct pkmap_slot *slots; /* one lowmem page */
	pte_t *table;
	spinlock_t lock;
	/* the lock guards: */
	u32 last;    /* where the search goes on */
	u32 flushes; /* wraps so far */
} pkmap;

static __always_inline void *slot_va(u32 number)
{
	return (void *)(PKMAP_START - PAGE_SIZE + number * PAGE_SIZE);
}

/*
 * Takes back every window without users: each count goes from 1 to 0 unless a kmap is
 * faster, then one flush for all, and only then may they be found free.
 * Returns how many it took. Caller holds the lock, interrupts enabled.
 */
static __noinline u32 flush_unused(void)
{
	struct pkmap_slot *slot = &pkmap.slots[1];
	pte_t *pte = &pkmap.table[1];
	u32 kept = 0;

	for (u32 number = 1; number <= PKMAP_SLOTS; number++, slot++, pte++) {
		if (unlikely(!atomic_replace(&slot->count, 1, 0))) {
			kept++;
			continue;
		}
		if (slot->page->kmap == number) {
			slot->page->kmap = 0;
		}
		pte_write(pte, pte_none());
	}
	if (kept < PKMAP_SLOTS) {
		tlb_flush_range(PKMAP_START, REGION_END(pkmap));
		pkmap.flushes++;
	}
	return PKMAP_SLOTS - kept;
}

/* Searches from number on, around once. 0: all are in use. Caller holds the lock. */
static __noinline u32 search_free(u32 number)
{
	for (u32 tries = PKMAP_SLOTS; tries > 0; tries--, number++) {
		if (number > PKMAP_SLOTS) {
			number = 1;
			if (flush_unused() > 0) {
				tries = PKMAP_SLOTS; /* what was passed by may be free now */
			}
		}
		if (pkmap.slots[number].count == 0) {
			return number;
		}
	}
	return 0;
}

/* The page has no window, or lost it this moment: finds one under the lock. */
static __noinline void *kmap_new(struct page *page)
{
	struct pkmap_slot *slot;
	u32 number;

	page_check_mappable(page);
	spin_lock(&pkmap.lock);
	number = page->kmap;
	if (unlikely(number != 0)) { /* somebody was faster; only we could take it back */
		atomic_add(&pkmap.slots[number].count, 1);
		goto out;
	}
	number = pkmap.last + 1;
	if (unlikely(number > PKMAP_SLOTS || pkmap.slots[number].count != 0)) {
		number = search_free(number);
		if (number == 0) {
			spin_unlock(&pkmap.lock);
			return NULL;
		}
	}
	pkmap.last = number;
	slot = &pkmap.slots[number];
	slot->page = page;
	pte_write(&pkmap.table[number], pfn_pte(page_to_pfn(page), PAGE_KERNEL));
	dsb_ishst(); /* whose it is and the entry, before the count lets anybody look */
	isb();	     /* and before the caller's access */
	WRITE_ONCE(slot->count, 2);
	page->kmap = (u16)number;
out:
	spin_unlock(&pkmap.lock);
	return slot_va(number);
}

void *kmap(struct page *page)
{
	struct pkmap_slot *slot;
	u32 number;

	if (!page_is_high(page)) {
		return lowmem_page_address(page);
	}
	number = page->kmap;
	if (unlikely(number == 0)) {
		return kmap_new(page);
	}
	slot = &pkmap.slots[number];
	if (unlikely(!atomic_inc_unless_below(&slot->count, 1))) {
		return kmap_new(page);
	}
	/* At 2 or more the window cannot be taken back: what is seen now stays. */
	if (unlikely(READ_ONCE(slot->page) != page)) {
		(void)atomic_sub_above(&slot->count, 1);
		return kmap_new(page);
	}
	return slot_va(number);
}

void kunmap(struct page *page)
{
	u32 number;

	if (!page_is_high(page)) {
		return;
	}
	number = page->kmap;
	BUG_ON(number == 0 || !atomic_sub_above(&pkmap.slots[number].count, 1), "kunmap.not_mapped",
	       "page %08x has no mapping to give back", page_to_pfn(page));
}

void *page_address(const struct page *page)
{
	u32 number = page->kmap;

	if (!page_is_high(page)) {
		return lowmem_page_address(page);
	}
	if (number == 0 || READ_ONCE(pkmap.slots[number].count) < 2) {
		return NULL;
	}
	return slot_va(number);
}

__cold void pkmap_query(struct pkmap_info *info)
{
	*info = (struct pkmap_info){ .flushes = pkmap.flushes };
	for (u32 i = 1; i <= PKMAP_SLOTS; i++) {
		switch (READ_ONCE(pkmap.slots[i].count)) {
		case 0:
			info->free++;
			break;
		case 1:
			info->stale++;
			break;
		default:
			info->used++;
		}
	}
}

__cold void pkmap_init(void)
{
	struct page *page = alloc_page(GFP_KERNEL | GFP_ZERO);

	pkmap.table = kernel_pte_alloc(PKMAP_START);
	if (!page || !pkmap.table) {
		panic("no memory for the pkmap");
	}
	pkmap.slots = (struct pkmap_slot *)lowmem_page_address(page) - 1;
	pkmap.table--;
}
