/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside the memory tester:
 *
 *	all.c		two runs that are all of the RAM
 *	again.c		how the second begins, before there is an allocator
 *	words.c		what was asked for
 *	options.c	how it ended
 *	engine.c	the memory, the CPUs, one step over all of it
 *	passes.c	the table of passes and their steps
 *	patterns.c	one step on one piece
 *	output.c	progress, bad words
 *	ranges.c	lists of physical ranges
 *
 * Lock: run.lock; interrupt code does not take it, and inside it nothing is taken.
 */
#pragma once

#include <arch/spinlock.h>
#include <kernel/memtest.h>
#include <kernel/wait.h>

#include "passes.h"
#include "ranges.h"

/* What a step does with each piece. From OP_FILL on they count for progress. */
enum step_op {
	OP_CLEAN, /* HighMem leaves the caches, through windows of its new type */
	OP_WAIT,  /* all of it rests; not by pieces */
	OP_LINES, /* one word for each address line */
	OP_CHECK_LINES,
	OP_FILL,
	OP_CHECK,
	OP_UP, /* checks a line, writes the next step's pattern, goes on to the line above */
	OP_DOWN,
	OP_COPY_UP, /* fills half of the piece, and copies it to the other */
	OP_COPY_DOWN,
	OP_CHECK_COPY,
};

/* The 64-bit word at pa, before its bytes are exclusive-ored with the step's. */
enum step_kind {
	OWN,	 /* pa */
	BYTES,	 /* 0 */
	CHECKER, /* the upper half inverted */
	RANDOM,	 /* from the seed */
};

struct step {
	u8 op, kind, byte, new_byte;
};

#define BAD_RANGES 64

struct run {
	const struct memtest_options *options;
	struct memtest_result *result;
	struct ranges memory; /* under test */
	u32 cache_line;

	/* written between steps, when no worker runs */
	u32 pass_number;
	const struct pass *pass;
	const struct step *step;
	bool uncached; /* the type of all HighMem under test */
	u32 seed;
	u32 sweep;
	u64 start_us; /* of this sweep */
	u32 waits_left;
	u64 total; /* bytes of this sweep, all steps */

	u32 workers;
	u32 share;  /* bytes that one takes at a time: a power of two, so that locks are rare */
	bool leave; /* workers end */
	bool stop;  /* somebody pressed a key: set once, by anybody */
	struct completion go, done;

	spinlock_t lock;
	/* under lock */
	u32 range; /* the next piece: in this range, so much of it is given out */
	phys_addr_t given;
	u64 bytes_done, next_report; /* of this sweep */
	u32 bad_lines;		     /* printed */
	struct ranges bad;
	struct range bad_range[BAD_RANGES];
};

/* engine.c: one step by all CPUs; returns when it is done, or early if somebody pressed a key. */
void run_step(struct run *run, const struct step *step);
void run_set_uncached(struct run *run, bool uncached);
bool run_stop_wanted(struct run *run);

/* passes.c: all that are wanted, once; bytes: of the memory. */
bool pass_all_complete(const struct memtest_options *options, const struct memtest_result *result);
bool pass_wanted(const struct memtest_options *options, u32 number);
void run_sweep(struct run *run, u64 bytes);

/* patterns.c: preemption on; the piece is in one 2 MiB block, and all HighMem or all lowmem. */
void piece_do(struct run *run, phys_addr_t pa, u32 bytes);

/* options.c: one range of the node that is to be pasted, ascending; and its end. */
void reserve_print(phys_addr_t start, phys_addr_t end);
void reserve_print_end(void);

/* output.c */
void report_begin(const struct run *run, u64 bytes);
void report_rest(const struct run *run);
void report_pass(const struct run *run); /* it begins */
void report_progress(struct run *run);
void report_bad(struct run *run, const struct memtest_bad *bad);
u32 bank_of(phys_addr_t pa); /* its number in the list of banks */
