/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DEBUG=1: the discipline of tables and TLBs, checked while the kernel runs (docs/testing.md). What
 * breaks it is a BUG that names its rule, "tlb.…". In other builds there is none of it.
 */
#pragma once

#include <arch/record.h>
#include <mm/page.h>

/* Boot, one CPU, when the vmalloc area and the page allocator are there: checks from here on. */
void discipline_start(void);

/* Boot: only that CPU ever uses these addresses; a local invalidation is enough for them. */
void discipline_own(vaddr_t start, u32 bytes, u32 cpu);

/*
 * For tests, which break rules on purpose: takes the reports instead of a BUG, also those that
 * other CPUs cause. Interrupts are masked in it. NULL: back to the BUG.
 */
extern void (*discipline_catch)(const char *rule, vaddr_t address);
void discipline_ignore(const char *rule, vaddr_t address);

/* Around mistakes that a test makes to see what the machine does. */
static inline void discipline_allow(bool mistakes)
{
	if (CONFIG_DEBUG) {
		WRITE_ONCE(discipline_catch, mistakes ? discipline_ignore : NULL);
	}
}

/* 2^order pages go out, or come back; no window may show them, and no TLB may know one that did. */
static inline void discipline_pages(enum record_kind kind, const struct page *page, u32 order)
{
	if (CONFIG_DEBUG) {
		record(kind, (u32)(vaddr_t)page, 0, 1u << order);
	}
}
