/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line (/chosen/bootargs) as a struct. A pure parser: it changes nothing in the
 * text, keeps pointers into it (so the text must stay), prints nothing; what it did not
 * know or could not read is collected for the kernel to name in warnings. irq-safe.
 */
#pragma once

#include <lib/string.h>
#include <types.h>

#define BOOTARGS_MAX_MEM   16
#define BOOTARGS_MAX_NAMED 8

/* One `key` or `key=value`; the quotes around a value are not part of it. */
struct bootarg {
	struct span whole; /* for messages */
	struct span key;
	struct span value; /* value.s == NULL: no `=` */
};

enum panic_action { PANIC_DEFAULT, PANIC_HALT, PANIC_REBOOT, PANIC_POWEROFF, PANIC_MONITOR };

/* Words that were not understood: the first few, and how many there were in all. */
struct bootargs_rejects {
	struct span first[BOOTARGS_MAX_NAMED];
	u32 count;
};

/* Spans have s == NULL where the argument was not given; where it is repeated, the last counts. */
struct bootargs {
	struct span selftest; /* comma-separated globs; empty: all */
	struct span bench;    /* a glob; empty: all */
	struct span memtest;  /* empty: the default */
	struct span stress;   /* OPERATIONS[,SEED] */
	struct span console;
	struct span earlycon;
	struct span init;
	struct span errata_force; /* NAME of errata=force:NAME */
	struct span interleave;	  /* DEBUG: SEED[,COUNT] */
	bool monitor;
	enum panic_action panic;
	s32 loglevel;	   /* 0 to 8; -1: not given */
	u32 maxcpus;	   /* 1 or more; UINT32_MAX: not given */
	u64 vmalloc_bytes; /* 0: not given */
	u64 mem_limit;	   /* mem=SIZE, in bytes; 0: not given */
	struct {	   /* mem=SIZE@ADDR, in order; none wraps or is empty */
		phys_addr_t start;
		u64 size;
	} mem[BOOTARGS_MAX_MEM];
	u32 mem_count;
	struct bootargs_rejects mem_dropped; /* mem=SIZE@ADDR beyond BOOTARGS_MAX_MEM */
	struct bootargs_rejects unknown;
	struct bootargs_rejects bad; /* known, but the value makes no sense: ignored */
};

/*
 * Takes the next word from *text (NUL-terminated) and steps over it; false at the end.
 * Blanks separate words except between double quotes: key="a b", or "key=a b".
 */
bool bootargs_next(const char **text, struct bootarg *arg);

/*
 * Parses all of a command line. Words behind a lone `--` are init's, and left alone.
 * NULL is an empty command line.
 */
void bootargs_parse(struct bootargs *args, const char *text);

/* A whole value as a size, "240M". 0, -EINVAL (also with a tail, or without a value), -ERANGE. */
int bootargs_size(struct span value, u64 *bytes) __must_check;

/*
 * A whole value as "N" or "N,M", both from 1 on. 0, or -EINVAL and nothing is stored; without an M
 * *second stays, and must not be 0.
 */
int bootargs_pair(struct span value, u32 *first, u32 *second) __must_check;
