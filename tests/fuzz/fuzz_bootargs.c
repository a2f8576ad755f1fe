/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The boot arguments' parser. What it keeps lies in the text; no memory range wraps or is empty; a
 * word is a reject or has an effect; and the line's words, one by one in lines of their own, are
 * judged as they were in the whole.
 */
#include "fuzz.h"

#include "../host/include/rename.h"

#include <lib/bootargs.h>
#include <phys.h>

static const char *begin, *end;

static void inside(struct span s)
{
	if (s.s) {
		FUZZ_CHECK(s.s >= begin && s.s <= end && s.len <= (size_t)(end - s.s));
	} else {
		FUZZ_CHECK(s.len == 0);
	}
}

static void rejects_inside(const struct bootargs_rejects *r)
{
	for (u32 i = 0; i < min(r->count, (u32)BOOTARGS_MAX_NAMED); i++) {
		FUZZ_CHECK(r->first[i].len > 0);
		inside(r->first[i]);
	}
}

static void judge(const struct bootargs *a)
{
	const struct span spans[] = { a->selftest, a->bench,	    a->memtest,
				      a->stress,   a->console,	    a->earlycon,
				      a->init,	   a->errata_force, a->interleave };

	for (u32 i = 0; i < ARRAY_SIZE(spans); i++) {
		inside(spans[i]);
	}
	FUZZ_CHECK(a->loglevel >= -1 && a->loglevel <= 8 && a->maxcpus >= 1);
	FUZZ_CHECK(a->panic >= PANIC_DEFAULT && a->panic <= PANIC_MONITOR);
	FUZZ_CHECK(a->mem_count <= BOOTARGS_MAX_MEM);
	FUZZ_CHECK(a->mem_dropped.count == 0 || a->mem_count == BOOTARGS_MAX_MEM);
	for (u32 i = 0; i < a->mem_count; i++) {
		u64 start = a->mem[i].start, size = a->mem[i].size;

		FUZZ_CHECK(size > 0 && start + (size - 1) >= start);
	}
	rejects_inside(&a->unknown);
	rejects_inside(&a->bad);
	rejects_inside(&a->mem_dropped);
}

/* Each word of the line in a line of its own: how many are unknown, bad, or one range more. */
static void one_by_one(const char *text, u32 sums[3])
{
	const char *outer_begin = begin, *outer_end = end;
	struct bootarg arg;

	while (bootargs_next(&text, &arg) && !span_eq(arg.whole, "--")) {
		char *word = fuzz_string(arg.whole.s, arg.whole.len);
		struct bootargs one;

		begin = word;
		end = word + arg.whole.len;
		bootargs_parse(&one, word);
		judge(&one);
		sums[0] += one.unknown.count;
		sums[1] += one.bad.count;
		sums[2] += one.mem_count;
		FUZZ_CHECK(one.unknown.count + one.bad.count + one.mem_count <= 1);
		free(word);
	}
	begin = outer_begin;
	end = outer_end;
}

static void values(struct span word)
{
	u32 first = 7, second = 9;
	u64 bytes = 3;

	if (bootargs_size(word, &bytes) != 0) {
		FUZZ_CHECK(bytes == 3);
	}
	if (bootargs_pair(word, &first, &second) == 0) {
		FUZZ_CHECK(first > 0 && second > 0);
	} else {
		FUZZ_CHECK(first == 7 && second == 9);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_string(data, size);
	u32 sums[3] = { 0, 0, 0 };
	struct bootargs args;

	begin = text;
	end = text + strlen(text);
	bootargs_parse(&args, text);
	judge(&args);
	one_by_one(text, sums);
	FUZZ_CHECK(args.unknown.count == sums[0] && args.bad.count == sums[1]);
	FUZZ_CHECK(args.mem_count + args.mem_dropped.count == sums[2]);
	values((struct span){ text, (size_t)(end - text) });
	free(text);
	return 0;
}
