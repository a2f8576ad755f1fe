/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The story of one page: why a page above 4 GiB has no address, and four ways to give it
 * one. Every number is read back from where the hardware reads it; nothing is said that is
 * not done here. Takes one HighMem page and gives it back. Boot thread only.
 */
#define KMAP_DEBUG_BYPASS /* its subject are the real windows */
#include <kernel/report.h>

#include <arch/probe.h>
#include <arch/walk.h>
#include <kernel/oops.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <mm/highmem.h>
#include <mm/page_alloc.h>
#include <mm/pgtable.h>
#include <mm/vmalloc.h>
#include <printk.h>

#define GREETING_MAX 40

static u32 bits_needed(u64 number)
{
	u32 bits = 0;

	while (number >> bits) {
		bits++;
	}
	return bits;
}

static void tell_direct(phys_addr_t pa)
{
	u64 would_be = pa - mm.phys_offset + PAGE_OFFSET;

	printk("1. Direct mapping: virtual = physical - 0x%010llx + 0x%08x, up to 0x%08x.",
	       mm.phys_offset, (u32)PAGE_OFFSET, (u32)mm.lowmem_end - 1);
	printk("   Our page would be at 0x%010llx: %s. It needs a window,", would_be,
	       would_be >> 32 ? "no pointer can say that" : "other things live there");
	printk("   an address that is ours to point anywhere, by writing one entry of a table.");
}

/* The descriptor that makes this address show a page, from the table. */
static void tell_entry(const void *va)
{
	const pte_t *pte = kernel_pte((vaddr_t)va);
	char words[72];

	(void)walk_describe_pte(words, sizeof(words), *pte);
	printk("     entry 0x%016llx: %s", pte->raw, words);
}

/* The way the MMU takes: each level's entry, and where it lies. Then the MMU's own word. */
static void tell_walk(const void *va)
{
	struct walk_regs regs;
	struct walk walk;
	char words[72];

	walk_regs_get(&regs);
	walk_tables(&walk, &regs, (vaddr_t)va, phys_peek);
	for (u32 i = 0; i < walk.steps; i++) {
		(void)walk_describe(words, sizeof(words), walk.step[i].level, walk.step[i].desc);
		printk("     level %u at 0x%010llx: %s", walk.step[i].level, walk.step[i].entry,
		       words);
	}
	(void)walk_describe_par(words, sizeof(words), walk_ask_mmu((vaddr_t)va, false));
	printk("   The MMU itself, asked to translate 0x%08x, says %s.", (u32)(vaddr_t)va, words);
}

static void tell_window(const char *how, const char *va)
{
	printk("%s.", how);
	if (va) {
		printk("     at 0x%08x we read \"%s\"", (u32)(vaddr_t)va, va);
		tell_entry(va);
	} else {
		printk("     none is left");
	}
}

static const char *fate(const void *va)
{
	u32 word;

	return probe_read(va, &word) ? "faults" : "still reads";
}

static void tell_page(struct page *page)
{
	phys_addr_t pa = page_to_pa(page);
	char *local, *fixed, *shared, *mapped;

	printk("   Page 0x%06x lies at physical 0x%010llx. That number has %u bits, a pointer has 32.",
	       page_to_pfn(page), pa, bits_needed(pa));
	tell_direct(pa);

	local = kmap_local_page(page);
	(void)snprintf(local, GREETING_MAX, "greetings from 0x%010llx", pa);
	printk("2. kmap_local_page: a temporary window of this CPU. It opens at 0x%08x. The way there:",
	       (u32)(vaddr_t)local);
	tell_walk(local);
	printk("   We write through it: \"%s\".", local);

	shared = kmap(page);
	tell_window("3. kmap: a permanent window, the same for all CPUs, counted", shared);
	mapped = vmap(&page, 1, PAGE_KERNEL);
	tell_window("4. vmap: pages from anywhere, side by side", mapped);
	fixed = fixmap_set(FIX_STORY, pa, PAGE_KERNEL);
	tell_window("5. fixmap: an address chosen when the kernel was built", fixed);

	fixmap_clear(FIX_STORY);
	if (mapped) {
		vunmap(mapped);
	}
	kunmap_local(local);
	printk("6. Closed again. 0x%08x %s and 0x%08x %s: both were cleared and flushed at once.",
	       (u32)(vaddr_t)local, fate(local), (u32)(vaddr_t)fixed, fate(fixed));
	if (mapped) {
		printk("   vmap's 0x%08x %s: its entry is invalid, the flush waits for a whole batch.",
		       (u32)(vaddr_t)mapped, fate(mapped));
	}
	if (shared) {
		kunmap(page);
		printk("   kmap's 0x%08x %s: its entry stays, until the pkmap's next wrap flushes all.",
		       (u32)(vaddr_t)shared, fate(shared));
	}
}

void story_tell(void)
{
	struct page *page = alloc_page(GFP_HIGHONLY);

	printk("The story of one page");
	if (!page) {
		printk("   There is none to tell it of: no HighMem page is free.");
		return;
	}
	tell_page(page);
	free_page(page);
	printk(" ");
}
