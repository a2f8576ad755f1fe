/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the memory under test, from the page allocator and back, its type, and the threads that work
 * on it: one on each CPU, which takes pieces of at most 2 MiB until there are none left. Preemption
 * is off for a piece only; other threads, interrupts and the watchdog live on. Must never touch
 * memory that it did not get from the page allocator, nor allocate anything while it has it all.
 */
#include "engine.h"

#include <arch/cpreg.h>
#include <bug.h>
#include <kernel/console.h>
#include <kernel/memory.h>
#include <kernel/sched.h>
#include <kernel/smp.h>
#include <kernel/time.h>
#include <kernel/watchdog.h>
#include <mm/memblock.h>
#include <mm/page_alloc.h>
#include <mm/page_type.h>

#define RUN_ORDER 1
#define KEY_STOP  3 /* ^C */
#define SHARE_MAX (32 * SZ_2M)
#define PROGRESS_BYTES \
	(4ull * SZ_1G) /* between two lines of a pass: readers take silence for a hang */

/* ---- the memory ---- */

/* Blocks of every order, the largest first; what has no room in the list goes back. */
static u64 take_blocks(struct run *run, gfp_t gfp, u64 limit)
{
	u64 taken = 0;

	for (s32 order = MAX_ORDER; order >= 0; order--) {
		u32 bytes = PAGE_SIZE << order;
		struct page *page;

		while (taken + bytes <= limit && (page = alloc_pages(gfp, (u32)order))) {
			phys_addr_t pa = page_to_pa(page);

			if (!ranges_add(&run->memory, pa, pa + bytes)) {
				free_pages(page, (u32)order);
				break;
			}
			taken += bytes;
		}
	}
	return taken;
}

/* Whole pages of what the allocator never had. */
static u64 take_reserved(struct run *run)
{
	u64 taken = 0;

	for (u32 i = 0; i < memblock.reserved.count; i++) {
		const struct memblock_range *r = &memblock.reserved.range[i];
		phys_addr_t start = pa_align_up(r->start, PAGE_SIZE);
		phys_addr_t end = pa_align_down(r->start + r->size, PAGE_SIZE);

		if (r->flags == run->options->reserved && start < end &&
		    ranges_add(&run->memory, start, end)) {
			taken += end - start;
		}
	}
	return taken;
}

static void give_back(struct run *run)
{
	for (u32 i = 0; i < run->memory.count; i++) {
		pfn_t pfn = pa_to_pfn(run->memory.range[i].start);
		pfn_t end = pa_to_pfn(run->memory.range[i].end);

		page_types_reset(pfn, end - pfn);
		if (run->options->tested && run->result->tested) {
			run->options->tested(pfn, end - pfn);
		}
		while (pfn < end && !run->options->reserved) {
			struct page *block = pfn_to_page(pfn);
			u32 order = page_order(block);

			free_pages(block, order);
			pfn += 1u << order;
		}
	}
}

/* The part of each range that is HighMem; or all of it, which is Normal. */
static void set_types(struct run *run, bool uncached)
{
	for (u32 i = 0; i < run->memory.count; i++) {
		pfn_t first = pa_to_pfn(run->memory.range[i].start);
		pfn_t end = pa_to_pfn(run->memory.range[i].end);

		if (uncached) {
			first = max(first, mm.low_end_pfn);
		}
		if (first < end) {
			page_types_set(first, end - first, uncached ? MT_UNCACHED : MT_NORMAL);
		}
	}
}

void run_set_uncached(struct run *run, bool uncached)
{
	static const struct step clean = { .op = OP_CLEAN };

	if (uncached == run->uncached) {
		return;
	}
	if (uncached) {
		page_types_unmapped();
		set_types(run, true);
		run->uncached = true;
	}
	run_step(run, &clean); /* through uncached windows, both times: see page_type.h */
	if (!uncached) {
		page_types_unmapped();
		set_types(run, false);
		run->uncached = false;
	}
}

/* ---- pieces ---- */

/*
 * The next ones, side by side, within run->share of memory; false: all are given out, or it is to
 * stop.
 */
static bool pieces_next(struct run *run, phys_addr_t *pa, u32 *bytes)
{
	phys_addr_t start, end, border = pfn_to_pa(mm.low_end_pfn);
	bool down = run->step->op == OP_DOWN;
	const struct range *range;

	spin_lock(&run->lock);
	if ((run->stop && run->step->op != OP_CLEAN) || run->range == run->memory.count) {
		spin_unlock(&run->lock);
		return false;
	}
	range = &run->memory.range[down ? run->memory.count - 1 - run->range : run->range];
	start = range->start + (down ? 0 : run->given);
	end = range->end - (down ? run->given : 0);
	if (start < border && border < end) {
		*(down ? &start : &end) = border;
	}
	if (down) {
		start = max(start, pa_align_down(end - 1, run->share));
	} else {
		end = min(end, pa_align_down(start, run->share) + run->share);
	}
	run->given += end - start;
	if (run->given == range->end - range->start) {
		run->range++;
		run->given = 0;
	}
	spin_unlock(&run->lock);
	*pa = start;
	*bytes = (u32)(end - start);
	return true;
}

static void piece_count(struct run *run, u32 bytes)
{
	bool report;

	spin_lock(&run->lock);
	run->bytes_done += bytes;
	report = run->bytes_done >= run->next_report;
	if (report) {
		run->next_report += PROGRESS_BYTES;
	}
	spin_unlock(&run->lock);
	if (report) {
		report_progress(run);
	}
	watchdog_beat();
}

bool run_stop_wanted(struct run *run)
{
	if (!run->options->silent && console_try_getc() == KEY_STOP) {
		WRITE_ONCE(run->stop, true);
	}
	return READ_ONCE(run->stop);
}

/* ---- workers ---- */

static void work(struct run *run)
{
	phys_addr_t pa;
	u32 bytes, piece;

	while (pieces_next(run, &pa, &bytes)) {
		for (u32 left = bytes; left > 0; left -= piece) {
			if (run->step->op == OP_DOWN) { /* from the end */
				piece = min(left, pa_offset(pa + left - 1, SZ_2M) + 1);
				piece_do(run, pa + left - piece, piece);
			} else {
				phys_addr_t at = pa + bytes - left;

				piece = min(left, SZ_2M - pa_offset(at, SZ_2M));
				piece_do(run, at, piece);
			}
			thread_yield(); /* without a timer nothing else gives way */
		}
		(void)run_stop_wanted(run);
		if (run->step->op >= OP_FILL) {
			piece_count(run, bytes);
		}
	}
}

static void worker(void *arg)
{
	struct run *run = arg;

	for (;;) {
		completion_wait(&run->go);
		if (run->leave) {
			return;
		}
		work(run);
		completion_signal(&run->done);
	}
}

/* Who is done early may take another's turn, and finds nothing: as many are done as were called. */
void run_step(struct run *run, const struct step *step)
{
	run->step = step;
	run->range = 0;
	run->given = 0;
	for (u32 i = 0; i < run->workers; i++) {
		completion_signal(&run->go);
	}
	for (u32 i = 0; i < run->workers; i++) {
		completion_wait(&run->done);
	}
}

/* ---- a run ---- */

static struct run *run_create(const struct memtest_options *options, struct memtest_result *result,
			      struct thread **threads)
{
	struct page *place = alloc_pages(GFP_KERNEL | GFP_ZERO, RUN_ORDER);
	struct run *run;

	if (!place) {
		return NULL;
	}
	run = lowmem_page_address(place);
	run->options = options;
	run->result = result;
	run->cache_line = 4u << ((read_ctr() >> 16) & 0xf); /* DminLine, B4.1.42 */
	run->lock = (spinlock_t)SPINLOCK_RANKED(LOCK_RANK_DEVICE);
	run->bad = (struct ranges){ .room = BAD_RANGES, .range = run->bad_range };
	run->memory.range = (struct range *)(run + 1);
	run->memory.room = ((PAGE_SIZE << RUN_ORDER) - sizeof(*run)) / sizeof(struct range);
	completion_init(&run->go);
	completion_init(&run->done);
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		if (cpus_online() >> cpu & 1) {
			threads[run->workers] = thread_create_on(cpu, "memtest", worker, run);
			run->workers += threads[run->workers] != NULL;
		}
	}
	return run;
}

static void run_destroy(struct run *run, struct thread **threads)
{
	run->leave = true;
	for (u32 i = 0; i < run->workers; i++) {
		completion_signal(&run->go);
	}
	for (u32 i = 0; i < run->workers; i++) {
		thread_join(threads[i]);
	}
	free_pages(virt_to_page(run), RUN_ORDER);
}

static void sweeps(struct run *run, u64 bytes)
{
	run->share = SZ_2M;
	while (run->share < SHARE_MAX && (u64)run->share * run->workers * 8 < bytes) {
		run->share *= 2;
	}
	set_types(run, false);
	report_begin(run, bytes);
	do {
		run->sweep++;
		run->seed = run->options->seed + run->sweep - 1;
		run->start_us = time_now_us();
		run->next_report = PROGRESS_BYTES;
		run_sweep(run, bytes);
	} while (!run->stop && run->sweep != run->options->sweeps);
	run_set_uncached(run, false);
}

void memtest_run(const struct memtest_options *options, struct memtest_result *result)
{
	u64 limit = options->limit ? options->limit : UINT64_MAX, bytes;
	struct thread *threads[NR_CPUS];
	struct run *run = run_create(options, result, threads);

	*result = (struct memtest_result){ 0 };
	if (!run) {
		return;
	}
	(void)memory_baseline(); /* also empties what CPUs and the slab hold back */
	if (options->reserved) {
		bytes = take_reserved(run);
	} else {
		bytes = take_blocks(run, GFP_HIGHONLY, limit);
		bytes += take_blocks(run, GFP_KERNEL, limit - bytes);
	}
	if (bytes > 0 && run->workers > 0) {
		sweeps(run, bytes);
	}
	result->stopped = run->stop;
	/* The pass of address lines looks at a few words. */
	result->tested = pass_all_complete(options, result) && options->passes != 1 ? bytes : 0;
	for (u32 i = 0; i < run->bad.count && options->bad; i++) {
		options->bad(run->bad.range[i].start, run->bad.range[i].end);
	}
	give_back(run);
	run_destroy(run, threads);
}
