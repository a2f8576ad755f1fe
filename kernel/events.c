/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns how the recorder's events are printed with a report (DEBUG=1). Must change nothing: it reads
 * rings that nobody writes any more.
 */
#include <kernel/events.h>

#if CONFIG_DEBUG

#include <arch/current.h>
#include <arch/record.h>
#include <layout.h>
#include <lib/symtab.h>
#include <mm/page.h>
#include <mm/pgtable.h>
#include <printk.h>

#define LINES 24

typedef unsigned long long ull;

/* What an event must be about: an address, and the entries that map it. */
struct question {
	vaddr_t va;
	u32 pte, pmd;
};

static bool concerns(const struct record_event *event, const struct question *q)
{
	switch ((enum record_kind)event->kind) {
	case RECORD_WRITE:
		return event->address == q->pte || event->address == q->pmd;
	case RECORD_TLBI_PAGE:
	case RECORD_TLBI_PAGE_LOCAL:
		return (event->address ^ q->va) < PAGE_SIZE;
	case RECORD_TLBI_ALL:
	case RECORD_TLBI_ALL_LOCAL:
		return true;
	default:
		return false;
	}
}

/* The newest event before *bound that q is about, or without q any of this CPU. */
static bool newest_before(u32 bound, bool first, const struct question *q,
			  struct record_event *newest)
{
	struct record_event event;
	bool found = false;

	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		for (u32 n = 0; (q || cpu == current_core()->cpu) && record_get(cpu, n, &event);
		     n++) {
			if ((first || (s32)(event.order - bound) < 0) &&
			    (!q || concerns(&event, q))) {
				if (!found || (s32)(event.order - newest->order) > 0) {
					*newest = event;
				}
				found = true;
				break; /* the rest of this CPU's are older */
			}
		}
	}
	return found;
}

static void print_event(const struct record_event *event)
{
	const char *name = record_kind_name((enum record_kind)event->kind);
	char where[32];
	u32 offset = 0;

	(void)symtab_lookup(event->pc, where, sizeof(where), &offset);
	if (event->kind == RECORD_WRITE) {
		printk(" %u CPU %u %s 0x%08x %016llx -> %016llx %s+0x%x", event->order, event->cpu,
		       name, event->address, (ull)event->old, (ull)event->value, where, offset);
	} else if (event->kind >= RECORD_PAGES_TAKEN) {
		printk(" %u CPU %u %s %08x, %u %s+0x%x", event->order, event->cpu, name,
		       page_to_pfn((const struct page *)event->address), (u32)event->value, where,
		       offset);
	} else {
		printk(" %u CPU %u %s 0x%08x %s+0x%x", event->order, event->cpu, name,
		       event->address, where, offset);
	}
}

void events_report(void)
{
	vaddr_t va = record_suspect;
	struct question q = { .va = ALIGN_DOWN(va, PAGE_SIZE) };
	struct record_event event = { 0 };
	u32 n = 0;

	if (va >= PAGE_OFFSET && va < LAYOUT_END) {
		q.pmd = (u32)(vaddr_t)kernel_pmd(va);
		q.pte = (u32)(vaddr_t)kernel_pte(va);
	}
	if (va != 0) {
		printk("# events about 0x%08x, the newest first", va);
	} else {
		printk("# the last events of CPU %u", current_core()->cpu);
	}
	while (n < LINES && newest_before(event.order, n == 0, va ? &q : NULL, &event)) {
		print_event(&event);
		n++;
	}
}

#endif
