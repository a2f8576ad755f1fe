/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the memory test: takes every free block, sweeps, gives it back. Must never touch
 * memory that it did not get from the page allocator, nor allocate or lose any on the way.
 *
 * No locks: one thread, a piece at a time with preemption off (bigwin).
 */
#include <kernel/memtest.h>

#include <arch/cpreg.h>
#include <arch/sweep.h>
#include <bug.h>
#include <lib/div.h>
#include <lib/printf.h>
#include <mm/bigwin.h>
#include <mm/memblock.h>
#include <mm/page_alloc.h>
#include <printk.h>

#define MAX_BAD_LINES	32 /* of 32 bytes each; the rest is only counted */
#define MAX_SWEEPS	1000000
#define PROGRESS_SHARES 20

struct pattern {
	const char *name;
	u64 flip; /* the word at pa is pa ^ flip */
	s32 step; /* from one word to the next */
};

static const struct pattern patterns[] = {
	{ "address", 0, sizeof(u64) },
	{ "inverse", ~0ull, -(s32)sizeof(u64) },
};

struct sweep {
	const struct memtest_options *options;
	struct memtest_result *result;
	const struct pattern *pattern;
	bool verify;

	pfn_t blocks[MAX_ORDER + 1]; /* what is under test, by order: chains through page->next */
	u32 bad_lines;		     /* printed so far */

	u64 total, done, next_report; /* bytes, of this pass */
	u64 start_ticks;
};

/* ---- time ---- */

/* "null" where the timer's frequency is not known. */
static void rate_text(char *buf, u32 size, u64 bytes, u64 ticks)
{
	u32 khz = read_cntfrq() / 1000;
	u64 ms = khz ? div_u64(ticks, khz, NULL) : 0;

	if (ms == 0 || ms > UINT32_MAX) {
		strlcpy(buf, "null", size);
	} else {
		(void)snprintf(buf, size, "%llu", div_u64((bytes / SZ_1M) * 1000, (u32)ms, NULL));
	}
}

static void progress_begin(struct sweep *s)
{
	s->done = 0;
	s->next_report = min(div_u64(s->total, PROGRESS_SHARES, NULL), (u64)SZ_1G);
	s->start_ticks = read_cntvct();
}

static void progress(struct sweep *s, u32 bytes)
{
	char rate[12];

	s->done += bytes;
	if (!s->options->progress || (s->done < s->next_report && s->done < s->total)) {
		return;
	}
	s->next_report = s->done + min(div_u64(s->total, PROGRESS_SHARES, NULL), (u64)SZ_1G);
	rate_text(rate, sizeof(rate), s->done, read_cntvct() - s->start_ticks);
	printk("@mem {\"phase\":\"%s\",\"pattern\":\"%s\",\"done\":%llu,\"total\":%llu,\"mb_s\":%s}",
	       s->verify ? "verify" : "write", s->pattern->name, s->done, s->total, rate);
}

/* ---- what is under test ---- */

static u64 take_blocks(struct sweep *s, gfp_t gfp, u64 limit)
{
	u64 taken = 0;

	for (s32 order = MAX_ORDER; order >= 0; order--) {
		struct page *page;

		while (taken + (PAGE_SIZE << order) <= limit &&
		       (page = alloc_pages(gfp, (u32)order))) {
			page->next = s->blocks[order];
			s->blocks[order] = page_to_pfn(page);
			taken += PAGE_SIZE << order;
		}
	}
	return taken;
}

static void give_back(struct sweep *s)
{
	for (u32 order = 0; order <= MAX_ORDER; order++) {
		while (s->blocks[order]) {
			struct page *page = pfn_to_page(s->blocks[order]);

			s->blocks[order] = page->next;
			if (s->options->tested) {
				s->options->tested(page_to_pfn(page), 1u << order);
			}
			free_pages(page, order);
		}
	}
}

/* ---- bad words ---- */

static void report_word(struct sweep *s, phys_addr_t pa, u64 expected, u64 got)
{
	s->result->errors++;
	if (s->options->bad) {
		s->options->bad(pa, expected, got);
		return;
	}
	if (s->bad_lines >= MAX_BAD_LINES) {
		return;
	}
	printk("@bad {\"pa\":\"0x%010llx\",\"expected\":\"0x%016llx\",\"got\":\"0x%016llx\"}", pa,
	       expected, got);
	printk("bad memory at %010llx: bits %016llx %s", pa, expected ^ got,
	       expected == got ? "(right when read again)" : "are wrong");
}

/* pa: the line's address. Reads it once more: some faults go away. */
static void report_line(struct sweep *s, const volatile u32 *line, phys_addr_t pa)
{
	bool again = false;

	for (u32 i = 0; i < SWEEP_LINE / sizeof(u64); i++) {
		phys_addr_t word_pa = pa + i * sizeof(u64);
		u64 expected = word_pa ^ s->pattern->flip;
		u64 got = line[2 * i] | (u64)line[2 * i + 1] << 32;

		if (got != expected) {
			report_word(s, word_pa, expected, got);
			again = true;
		}
	}
	if (!again) {
		report_word(s, pa, pa ^ s->pattern->flip, pa ^ s->pattern->flip);
	}
	s->bad_lines++;
}

/* ---- the sweep ---- */

static void verify_piece(struct sweep *s, void *va, phys_addr_t pa, u32 bytes)
{
	u32 offset = 0;

	while (offset < bytes) {
		u64 first = (pa + offset) ^ s->pattern->flip;
		const u32 *bad = sweep_check(va + offset, bytes - offset, (u32)first,
					     (u32)(first >> 32), s->pattern->step);

		if (!bad) {
			return;
		}
		offset = (u32)((const char *)bad - (const char *)va);
		report_line(s, bad, pa + offset);
		offset += SWEEP_LINE;
	}
}

/* bytes: at most 2 MiB, and never across a 2 MiB boundary. */
static void sweep_piece(struct sweep *s, phys_addr_t pa, u32 bytes)
{
	void *va;
	int error = bytes == SZ_2M ? bigwin_map(pa, &va) : bigwin_map_pages(pa, bytes, &va);

	if (error) {
		s->result->refused += bytes;
		return;
	}
	if (s->verify) {
		verify_piece(s, va, pa, bytes);
	} else {
		u64 first = pa ^ s->pattern->flip;

		sweep_fill(va, bytes, (u32)first, (u32)(first >> 32), s->pattern->step);
	}
	bigwin_unmap(va);
}

static void sweep_all(struct sweep *s, const struct pattern *pattern, bool verify)
{
	s->pattern = pattern;
	s->verify = verify;
	s->result->refused = 0;
	progress_begin(s);
	for (s32 order = MAX_ORDER; order >= 0; order--) {
		u32 bytes = PAGE_SIZE << order, piece = min(bytes, SZ_2M);

		for (pfn_t pfn = s->blocks[order]; pfn; pfn = pfn_to_page(pfn)->next) {
			for (u32 offset = 0; offset < bytes; offset += piece) {
				sweep_piece(s, pfn_to_pa(pfn) + offset, piece);
				progress(s, piece);
			}
		}
	}
}

/* Any block: the hook's example. */
static pfn_t some_block(const struct sweep *s)
{
	u32 order = MAX_ORDER;

	while (order > 0 && !s->blocks[order]) {
		order--;
	}
	return s->blocks[order];
}

void memtest_run(const struct memtest_options *options, struct memtest_result *result)
{
	u64 limit = options->max_pages ? (u64)options->max_pages * PAGE_SIZE : UINT64_MAX;
	struct sweep s = { .options = options, .result = result };

	*result = (struct memtest_result){ 0 };
	s.total = take_blocks(&s, GFP_HIGHONLY, limit);
	s.total += take_blocks(&s, GFP_KERNEL, limit - s.total);
	if (s.total > 0) {
		for (u32 i = 0; i < ARRAY_SIZE(patterns); i++) {
			sweep_all(&s, &patterns[i], false);
			if (options->between) {
				options->between(patterns[i].name, some_block(&s));
			}
			sweep_all(&s, &patterns[i], true);
		}
	}
	give_back(&s);
	result->tested = s.total - result->refused;
}

/* ---- `memtest=` ---- */

static u64 allocator_bytes(void)
{
	struct zone_info normal, high;

	zone_query(ZONE_NORMAL, &normal);
	zone_query(ZONE_HIGH, &high);
	return (u64)(normal.total_pages + high.total_pages) * PAGE_SIZE;
}

static void print_coverage(const struct memtest_result *result)
{
	u64 ram = memblock_total(), managed = allocator_bytes();
	u64 reserved = ram - managed, used = managed - result->tested - result->refused;

	printk("@mem {\"phase\":\"end\",\"tested\":%llu,\"ram\":%llu,\"reserved\":%llu,\"in_use\":%llu,"
	       "\"refused\":%llu,\"errors\":%u}",
	       result->tested, ram, reserved, used, result->refused, result->errors);
	printk("memtest: %llu KiB of %llu KiB tested, each word as its address and inverted: %u bad words",
	       result->tested / 1024, ram / 1024, result->errors);
	printk("memtest: not tested: %llu KiB reserved at boot (image, device tree, page array, no-map), "
	       "%llu KiB in use (tables, slab, the kept device tree)",
	       reserved / 1024, (used + result->refused) / 1024);
}

bool memtest_main(struct span sweeps)
{
	const struct memtest_options options = { .progress = true };
	u32 baseline = free_page_count();
	bool passed = true;
	u64 count = 1;

	if (sweeps.len > 0 && (parse_u64(sweeps.s, sweeps.s + sweeps.len, &count, NULL) < 0 ||
			       count == 0 || count > MAX_SWEEPS)) {
		printk("error: memtest=%.*s: how many sweeps?", SPAN_ARG(sweeps));
		return false;
	}
	for (u32 i = 1; i <= count; i++) {
		struct memtest_result result;

		printk("memtest: sweep %u of %u", i, (u32)count);
		memtest_run(&options, &result);
		print_coverage(&result);
		passed &= result.errors == 0 && result.tested > 0;
	}
	if (free_page_count() != baseline) {
		warn("memtest took %u free pages and gave back %u", baseline, free_page_count());
		return false;
	}
	return passed;
}
