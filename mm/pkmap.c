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
 * for a free one wraps. A page knows its window through the top bits of its flags. A page that
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

static struct pkmap_slot *slots; /* one lowmem page */
static pte_t *pkmap_table;

static struct {
	spinlock_t lock;
	u32 last;    /* where the search goes on */
	u32 flushes; /* wraps so far */
} pkmap;

static __always_inline u32 page_slot(const struct page *page)
{
	return page->flags >> PAGE_KMAP_SHIFT;
}

static __always_inline void *slot_va(u32 index)
{
	return (void *)(PKMAP_START + index * PAGE_SIZE);
}

static void page_set_slot(struct page *page, u32 slot_plus_one)
{
	page->flags = (page->flags & ((1u << PAGE_KMAP_SHIFT) - 1)) |
		      slot_plus_one << PAGE_KMAP_SHIFT;
}

/*
 * Takes back every window without users: each count goes from 1 to 0 unless a kmap is
 * faster, then one flush for all, and only then may they be found free.
 * Returns how many it took. Caller holds the lock, interrupts enabled.
 */
static u32 flush_unused(void)
{
	u32 taken = 0;

	for (u32 i = 0; i < PKMAP_SLOTS; i++) {
		if (atomic_cmpxchg(&slots[i].count, 1, 0) != 1) {
			continue;
		}
		if (page_slot(slots[i].page) == i + 1) {
			page_set_slot(slots[i].page, 0);
		}
		pte_write(&pkmap_table[i], pte_none());
		taken++;
	}
	if (taken > 0) {
		tlb_flush_range(PKMAP_START, REGION_END(pkmap));
		pkmap.flushes++;
	}
	return taken;
}

/*
 * The index of a free slot, or PKMAP_SLOTS. Behind a flush all are looked at again: those
 * passed before may be free now. Caller holds the lock.
 */
static u32 find_free(void)
{
	u32 left = PKMAP_SLOTS;

	while (left-- > 0) {
		pkmap.last = (pkmap.last + 1) % PKMAP_SLOTS;
		if (pkmap.last == 0) {
			flush_unused();
			left = PKMAP_SLOTS - 1;
		}
		if (slots[pkmap.last].count == 0) {
			return pkmap.last;
		}
	}
	return PKMAP_SLOTS;
}

/* The page has no window, or lost it this moment: finds one under the lock. */
static __noinline void *kmap_new(struct page *page)
{
	void *va = NULL;
	u32 index;

	spin_lock(&pkmap.lock);
	index = page_slot(page);
	if (index != 0) { /* somebody else was faster; a slot with a page is never at 0 here */
		index--;
		atomic_add(&slots[index].count, 1);
		va = slot_va(index);
		goto out;
	}
	index = find_free();
	if (index == PKMAP_SLOTS) {
		goto out;
	}
	pte_write(&pkmap_table[index], pfn_pte(page_to_pfn(page), PAGE_KERNEL));
	dsb_ishst(); /* the entry, before any CPU's walker, and before the count that opens it */
	isb();
	slots[index].page = page;
	dmb_ishst(); /* whose it is, before others may count on it */
	WRITE_ONCE(slots[index].count, 2);
	page_set_slot(page, index + 1);
	va = slot_va(index);
out:
	spin_unlock(&pkmap.lock);
	return va;
}

void *kmap(struct page *page)
{
	struct pkmap_slot *slot;
	u32 index;

	if (!page_is_high(page)) {
		return lowmem_page_address(page);
	}
	index = page_slot(page);
	if (unlikely(index == 0)) {
		return kmap_new(page);
	}
	slot = &slots[index - 1];
	if (unlikely(!atomic_inc_unless_below(&slot->count, 1))) {
		return kmap_new(page);
	}
	/* At 2 or more the window cannot be taken back: what is seen now stays. */
	if (unlikely(READ_ONCE(slot->page) != page)) {
		atomic_sub_above(&slot->count, 1);
		return kmap_new(page);
	}
	return slot_va(index - 1);
}

void kunmap(struct page *page)
{
	u32 index;

	if (!page_is_high(page)) {
		return;
	}
	index = page_slot(page);
	BUG_ON(index == 0 || !atomic_sub_above(&slots[index - 1].count, 1), "kunmap.not_mapped",
	       "page %08x has no mapping to give back", page_to_pfn(page));
}

void *page_address(const struct page *page)
{
	u32 index = page_slot(page);

	if (!page_is_high(page)) {
		return lowmem_page_address(page);
	}
	return index && READ_ONCE(slots[index - 1].count) > 1 ? slot_va(index - 1) : NULL;
}

void pkmap_query(struct pkmap_info *info)
{
	*info = (struct pkmap_info){ .flushes = pkmap.flushes };
	for (u32 i = 0; i < PKMAP_SLOTS; i++) {
		switch (READ_ONCE(slots[i].count)) {
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

void pkmap_init(void)
{
	struct page *page = alloc_page(GFP_KERNEL | GFP_ZERO);

	pkmap_table = kernel_pte_alloc(PKMAP_START);
	if (!page || !pkmap_table) {
		panic("no memory for the pkmap");
	}
	slots = lowmem_page_address(page);
}
