/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns what is done with one piece of memory through one window, and what word belongs where. Must
 * never read a location twice for one check, or leave a cache where the data could come from.
 *
 * Uncached: no cache holds the piece, all accesses go to memory; a DSB ends the writes. Cached: the
 * piece is cleaned and invalidated to the point of coherency behind each write and before each
 * check.
 */
#include "engine.h"

#include <arch/barrier.h>
#include <arch/sweep.h>
#include <bug.h>
#include <mm/bigwin.h>

struct piece {
	struct run *run;
	char *va;
	phys_addr_t pa; /* as the patterns have it */
	u32 bytes;
	bool uncached;
};

/* ---- patterns ---- */

static u32 replicate(u8 byte)
{
	return byte * 0x01010101u;
}

static u32 ror(u32 value, u32 by)
{
	return value >> by | value << (32 - by);
}

static u32 pattern_step(const struct step *step)
{
	return step->kind != OWN ? 0 : step->byte ? (u32) - (s32)sizeof(u64) : sizeof(u64);
}

/* The pattern from pa on, which no 4 GiB boundary is behind in the same piece. */
static void pattern_begin(const struct run *run, phys_addr_t pa, struct sweep *s)
{
	const struct step *step = run->step;
	u32 mask = replicate(step->byte);

	s->low = s->high = mask;
	switch (step->kind) {
	case OWN:
		s->low ^= pa_low32(pa);
		s->high ^= pa_section(pa, 32);
		break;
	case CHECKER:
		s->high = ~mask;
		break;
	case RANDOM: /* each page from another state, and never from 0 */
		s->low = pa_to_pfn(pa) * 0x9e3779b1u ^ run->seed;
		s->low += s->low == 0;
		s->high ^= ror(run->seed, 7);
		break;
	}
	s->step = step->kind == RANDOM ? mask : pattern_step(step);
	if (step->op == OP_UP || step->op == OP_DOWN) {
		s->new_low = s->new_high = replicate(step->new_byte);
	}
}

/* As the loops in sweep.S have it: the word, and one on. */
static u64 pattern_next(const struct step *step, struct sweep *s)
{
	u32 low = s->low, high = s->high;

	if (step->kind == RANDOM) {
		high ^= ror(low, 11);
		low ^= s->mask;
		s->low ^= s->low << 13;
		s->low ^= s->low >> 17;
		s->low ^= s->low << 5;
	} else {
		s->low += pattern_step(step);
	}
	return (u64)high << 32 | low;
}

/* ---- caches ---- */

static void clean(const struct piece *p, void *va, u32 bytes)
{
	if (!p->uncached) {
		sweep_clean(va, bytes, p->run->cache_line);
	}
	/* uncached writes are in memory, before what follows is read or another CPU told */
	dsb_sy();
}

/* ---- wrong words ---- */

static void word_wrong(const struct piece *p, void *va, u64 expected, u64 got)
{
	struct memtest_bad bad = { p->pa + (u32)((char *)va - p->va), expected, got, 0 };

	clean(p, va, sizeof(u64)); /* the second read comes from memory too */
	bad.again = *(volatile u64 *)va;
	report_bad(p->run, &bad);
}

/* s: the pattern at that line, and its words as they were read; leaves it behind the line. */
static void line_wrong(const struct piece *p, char *line, struct sweep *s)
{
	const struct memtest_fault *fault = p->run->options->fault;

	if (fault && fault->was_read) {
		fault->was_read(line, p->pa + (u32)(line - p->va));
	}
	for (u32 i = 0; i < SWEEP_WORDS; i++) {
		u64 expected = pattern_next(p->run->step, s);

		if (s->got[i] != expected) {
			word_wrong(p, line + i * sizeof(u64), expected, s->got[i]);
		}
	}
}

/* ---- steps ---- */

static void fill(const struct piece *p, char *va, u32 bytes)
{
	struct sweep s;

	pattern_begin(p->run, p->pa, &s);
	(p->run->step->kind == RANDOM ? sweep_fill_random : sweep_fill)(va, bytes, &s);
	clean(p, va, bytes);
}

static void check(const struct piece *p, char *va, u32 bytes)
{
	char *end = va + bytes, *line;
	struct sweep s;

	pattern_begin(p->run, p->pa, &s);
	while (va < end) {
		line = (p->run->step->kind == RANDOM ? sweep_check_random :
						       sweep_check)(va, (u32)(end - va), &s);
		if (!line) {
			break;
		}
		line_wrong(p, line, &s);
		va = line + SWEEP_LINE;
	}
}

static void turn(const struct piece *p, bool down)
{
	char *va = p->va, *end = va + p->bytes, *line;
	struct sweep s;

	pattern_begin(p->run, p->pa, &s);
	while (va < end) {
		line = (down ? sweep_turn_down : sweep_turn_up)(va, (u32)(end - va), &s);
		if (!line) {
			break;
		}
		line_wrong(p, line, &s);
		for (u32 i = 0; i < SWEEP_WORDS; i++) {
			((u64 *)line)[i] = (u64)s.new_high << 32 | s.new_low;
		}
		if (down) {
			end = line;
		} else {
			va = line + SWEEP_LINE;
		}
	}
	clean(p, p->va, p->bytes);
}

/*
 * The first word, and each that differs from it by one address line. The first words of all pieces
 * differ by one line among each other, as far as there is memory.
 */
static void lines(const struct piece *p, bool check_them)
{
	for (u32 line = 0; line < p->bytes; line = line ? line * 2 : sizeof(u64)) {
		u32 offset = (pa_offset(p->pa, SZ_2M) ^ line) - pa_offset(p->pa, SZ_2M);
		u64 *word = (u64 *)(p->va + offset), expected, got;
		struct sweep s;

		if (offset >= p->bytes) {
			continue; /* its partner is in another piece */
		}
		pattern_begin(p->run, p->pa + offset, &s);
		expected = pattern_next(p->run->step, &s);
		clean(p, word, sizeof(u64));
		if (!check_them) {
			WRITE_ONCE(*word, expected);
			clean(p, word, sizeof(u64));
		} else if ((got = READ_ONCE(*word)) != expected) {
			word_wrong(p, word, expected, got);
		}
	}
}

static void copy(const struct piece *p, bool down)
{
	u32 half = p->bytes / 2;
	char *from = p->va + (down ? half : 0), *to = p->va + (down ? 0 : half);

	fill(p, from, half);
	memcpy(to, from, half);
	clean(p, to, half);
}

static void step_do(const struct piece *p)
{
	u32 op = p->run->step->op;

	if (!p->uncached && op >= OP_CHECK) {
		clean(p, p->va, p->bytes);
	}
	switch (op) {
	case OP_CLEAN:
		sweep_clean(p->va, p->bytes, p->run->cache_line);
		break;
	case OP_LINES:
	case OP_CHECK_LINES:
		lines(p, op == OP_CHECK_LINES);
		break;
	case OP_FILL:
		fill(p, p->va, p->bytes);
		break;
	case OP_CHECK:
		check(p, p->va, p->bytes);
		break;
	case OP_UP:
	case OP_DOWN:
		turn(p, op == OP_DOWN);
		break;
	case OP_COPY_UP:
	case OP_COPY_DOWN:
		copy(p, op == OP_COPY_DOWN);
		break;
	case OP_CHECK_COPY: /* both halves hold the first one's pattern */
		check(p, p->va, p->bytes / 2);
		check(p, p->va + p->bytes / 2, p->bytes / 2);
		break;
	}
}

void piece_do(struct run *run, phys_addr_t pa, u32 bytes)
{
	const struct memtest_fault *fault = run->options->fault;
	struct piece p = { .run = run, .pa = pa, .bytes = bytes };
	phys_addr_t place = pa;
	u32 op = run->step->op;
	void *va;

	p.uncached = run->uncached && pa_to_pfn(pa) >= mm.low_end_pfn;
	if (op == OP_CLEAN && !p.uncached) {
		return;
	}
	if (fault && fault->place) {
		place = fault->place(pa_align_down(pa, SZ_2M)) + pa_offset(pa, SZ_2M);
	}
	BUG_ON(bigwin_map_prot(place, bytes, p.uncached ? PAGE_UNCACHED : PAGE_KERNEL, &va),
	       "memtest.window", "%010llx + %x", place, bytes);
	p.va = va;
	step_do(&p);
	if (fault && fault->written && op != OP_CLEAN && op != OP_CHECK_LINES && op != OP_CHECK &&
	    op != OP_CHECK_COPY) {
		fault->written(va, pa, bytes);
	}
	bigwin_unmap(va);
}
