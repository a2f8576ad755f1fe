/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside the monitor: the table of commands, what they share, and who does what.
 *
 *	line.c		a line from the console: editing, history, completion
 *	monitor.c	the table, the loop, help
 *	look.c, tables.c, owners.c, cpus.c	commands that only look
 *	make.c, trace.c	pages and windows that the person opens; what happens to their entries
 *	phys.c, do.c, load.c	commands that act
 *
 * One thread, no locks.
 */
#pragma once

#include <arch/barrier.h>
#include <lib/string.h>
#include <lib/words.h>
#include <mm/page.h>
#include <phys.h>
#include <types.h>

#define LINE_MAX 160

/* ---- line.c ---- */

/* Prompts, and reads a line without its ending. False: given up by ^C, a break, or too long. */
bool line_read(const char *prompt, char line[LINE_MAX]);
/* True if the person wants the running command to stop: ^C or a break. Keeps what else was typed. */
bool line_stop(void);
/* Memory for the history. The monitor does without if there is none. */
void line_init(void);

/* What Tab offers for the word at index words: the n-th candidate; false beyond the last. */
#define CANDIDATE_MAX 64
bool complete_candidate(const char *line, u32 words, u32 n, char candidate[CANDIDATE_MAX]);

/* ---- monitor.c ---- */

/* One line, formatted; not into the log. */
void say(const char *fmt, ...) __printf(1, 2);

/* Numbers that a command was given: false, with a message, when they make no sense. */
bool want_number(const char *word, u64 max, u32 *value);
bool want_size(const char *word, u32 *bytes);
bool want_pa(const char *word, phys_addr_t *pa);
bool want_va(const char *word, vaddr_t *va);
/* The number of a page that is RAM. */
bool want_ram_pfn(const char *word, pfn_t *pfn);

/* Runs in the monitor behind a panic: nothing may be allocated, locked or changed. */
bool after_panic(void);

u32 seconds_now(void);

enum complete { COMPLETE_NONE, COMPLETE_REGION, COMPLETE_TEST, COMPLETE_COMMAND };

struct command {
	const char *name;
	const char *args;
	const char *help;
	/* argc words behind the name; not fewer than min_args, not more than max_args */
	void (*run)(u32 argc, char **argv);
	u8 min_args, max_args;
	u8 complete;
	bool safe; /* behind a panic too */
};
extern const struct command commands[];
extern const u32 command_count;

/* ---- look.c ---- */

/* What the kernel knows of a page of RAM. */
void page_say(pfn_t pfn);

/* ---- tables.c ---- */

/*
 * Calls leaf() for each page and block that is mapped in [start, end) of the kernel's part, by
 * rising address, until it returns false.
 */
typedef bool leaf_fn(void *arg, vaddr_t va, u32 level, u64 desc);
void tables_for_each(vaddr_t start, vaddr_t end, leaf_fn *leaf, void *arg);

/* The rights and the type of a leaf in words: "rw- user --- normal shared". */
void leaf_words(char *buf, size_t size, u32 level, u64 desc);

/* ---- make.c ---- */

enum opened_kind {
	OPENED_NONE,
	OPENED_PAGES,
	OPENED_KMAP,
	OPENED_KLOCAL,
	OPENED_VMAP,
	OPENED_VMALLOC,
	OPENED_FIXMAP,
	OPENED_FILE
};

/* Something the person opened: number n of the table is #n. */
struct opened {
	enum opened_kind kind;
	pfn_t first; /* pages: the first of a chain through page->next; a window: the page */
	u32 count;   /* pages; a vmap's are not its own */
	void *va;
	u32 bytes; /* of a file */
	u32 since_s;
};
#define OPENED_MAX 32
extern struct opened opened[OPENED_MAX + 1];

/* A page of the person's own: its number, or #N for the first of those. NULL, with a message. */
struct page *want_page(const char *word);
/* A free number, or 0 with a message. */
u32 opened_new(void);
/* Whether anything is open; lists it. */
bool opened_list(void);
/* The number of what is open at an address or on a page; 0: nothing of ours. */
u32 opened_at(vaddr_t va);
const char *opened_name(enum opened_kind kind);
void opened_describe(u32 n);

/* ---- trace.c ---- */

/* What an operation did to an entry. See trace_begin(). */
struct trace {
	const void *va; /* NULL: not known before */
	u64 before;
	u32 count; /* of the pkmap window */
	u32 flushes;
	struct maint_counts ran; /* instructions meanwhile, with COUNT=1 */
};
extern bool trace_on;

/* Just before the operation and just behind it; then what became of va's entry, and how, is said. */
void trace_begin(struct trace *t, const void *va);
void trace_stop(struct trace *t);
void trace_end(struct trace *t, const void *va, const char *sequence);

/* ---- the commands, by file ---- */

#define COMMAND(name) void cmd_##name(u32 argc, char **argv)

COMMAND(layout);
COMMAND(mem);
COMMAND(banks);
COMMAND(zones);
COMMAND(slabs);
COMMAND(page);
COMMAND(pa);
COMMAND(dmesg);
COMMAND(report);

COMMAND(threads);
COMMAND(cpus);
COMMAND(irqs);
COMMAND(errata);

COMMAND(ptdump);
COMMAND(walk);

COMMAND(what);
COMMAND(kmaps);
COMMAND(vmallocs);

COMMAND(alloc);
COMMAND(free);
COMMAND(kmap);
COMMAND(kunmap);
COMMAND(klocal);
COMMAND(kunlocal);
COMMAND(vmap);
COMMAND(vunmap);
COMMAND(vmalloc);
COMMAND(vfree);
COMMAND(fixmap);
COMMAND(unfix);
COMMAND(fill);
COMMAND(copy);
COMMAND(opened);
COMMAND(close);
COMMAND(trace);

COMMAND(md);
COMMAND(mw);

COMMAND(test);
COMMAND(bench);
COMMAND(memtest);
COMMAND(oops);
COMMAND(load);
COMMAND(reboot);
COMMAND(poweroff);
