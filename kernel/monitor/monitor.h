/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside the monitor: the table of commands, what they share, and who does what.
 *
 *	line.c		a line from the console: editing, history, completion
 *	monitor.c	the table, the loop, help
 *	command.c	which command a line means
 *	look.c, tables.c, dump.c, owners.c, cpus.c	commands that only look
 *	make.c, trace.c	makes pages and windows; what happens to their entries
 *	opened.c	what the person opened, by number
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
/*
 * True if the person wants the running command to stop: ^C or a break. Keeps what else was typed.
 */
bool line_stop(void);
/* Memory for the history. The monitor does without if there is none. */
void line_init(void);

/* What Tab offers for the word at index words: the n-th candidate; false beyond the last. */
#define CANDIDATE_MAX 64
bool complete_candidate(const char *line, u32 words, u32 n, char candidate[CANDIDATE_MAX]);

/* ---- monitor.c ---- */

/* One line, formatted; not into the log. */
void say(const char *fmt, ...) __printf(1, 2);
/* The same with "error: " before it. Always false. */
bool say_error(const char *fmt, ...) __printf(1, 2);

/* Numbers that a command was given: false, with a message, when they make no sense. */
bool want_number(const char *word, u64 max, u32 *value);
/* Of memory that could be mapped. */
bool want_size(const char *word, u32 *bytes);
/* An address; #N: that of the window, or else of the page, that was opened so. */
bool want_address(const char *word, u64 max, u64 *address);
bool want_va(const char *word, vaddr_t *va);
/* The number of a page that is RAM. */
bool want_ram_pfn(const char *word, pfn_t *pfn);

/* Runs in the monitor behind a panic: nothing may be allocated, locked or changed. */
bool after_panic(void);

u32 seconds_now(void);

enum complete { COMPLETE_NONE, COMPLETE_REGION, COMPLETE_TEST, COMPLETE_COMMAND };

struct command {
	/* "name ARG [OPTIONAL]", "..." for more of them; NUL; what help says of it */
	const char *usage;
	/* argc words, as many as usage allows, and argv[-1]: the name it was called by */
	void (*run)(u32 argc, char **argv);
	u8 complete;
	bool safe; /* behind a panic too */
};
extern const struct command commands[];
extern const u32 command_count;

/* ---- command.c ---- */

const struct command *command_find(const char *name, size_t len);
/* The n-th command's name; false beyond the last. */
bool command_name(u32 n, char name[CANDIDATE_MAX]);

/*
 * Cuts line into words, words[0] being the command's; argc: how many are behind it. *found is set
 * for COMMAND_USAGE (more or fewer words than it wants) and COMMAND_FOUND.
 */
enum command_fault {
	COMMAND_NOTHING,
	COMMAND_WORDS, /* more than WORDS_MAX */
	COMMAND_UNKNOWN,
	COMMAND_USAGE,
	COMMAND_FOUND
};
enum command_fault command_parse(char *line, char *words[WORDS_MAX], u32 *argc,
				 const struct command **found) __must_check;

/* ---- look.c ---- */

/* What the kernel knows of a page of RAM. */
void page_say(pfn_t pfn);
const char *type_word(enum mem_type type);

/* ---- tables.c ---- */

/*
 * Calls leaf() for each page and block that is mapped in [start, end) of the kernel's part, by
 * rising address, until it returns false.
 */
typedef bool leaf_fn(void *arg, vaddr_t va, u32 level, u64 desc);
void tables_for_each(vaddr_t start, vaddr_t end, leaf_fn *leaf, void *arg);

/* The rights and the type of a leaf in words: "rw- user --- normal shared". */
void leaf_words(char *buf, size_t size, u32 level, u64 desc);

/* ---- opened.c ---- */

enum opened_kind {
	OPENED_NONE,
	OPENED_PAGES,
	OPENED_KMAP,
	OPENED_KLOCAL,
	OPENED_VMAP,
	OPENED_VMALLOC,
	OPENED_FIXMAP,
	OPENED_FILE,
	OPENED_KINDS
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
extern struct opened *opened; /* indices 1 to OPENED_MAX; NULL before opened_init() */
void opened_init(void);

/* A free number, or 0 with a message. */
u32 opened_new(void);
/* Lists what is open, and how long; how much that is. */
u32 opened_list(void);
u32 opened_count(void);
void opened_describe(u32 n);
/* What the command of that name opens, or closes; OPENED_NONE: nothing special. */
enum opened_by { OPENS, CLOSES };
enum opened_kind opened_by(const char *command, enum opened_by how);
/* The number of the window or area at an address, of a window onto a page, of the pages that one is
 * of; 0: nothing of ours. */
u32 opened_at(vaddr_t va);
u32 opened_window(pfn_t pfn);
u32 opened_page(pfn_t pfn);

/*
 * What a word names: "#3" is 3, if that is open; a number, what begins at that address or page.
 * OPENED_NONE: of any kind. 0, with a message: nothing.
 */
u32 want_opened(const char *word, enum opened_kind kind);
/* A page of the person's own: its number, or #N for the first of those. NULL, with a message. */
struct page *want_page(const char *word);
/* The address of "#N": its window, else its page. False, with a message. */
bool opened_address(const char *word, u64 *address);

/* ---- make.c ---- */

/* Gives back pages that are linked by page->next. */
void chain_free(pfn_t first);

/* ---- trace.c ---- */

/*
 * Around an operation on one window or area at a time; then what became of its entries, and how,
 * is said. va: NULL if it is not known before.
 */
void trace_begin(const void *va, u32 pages);
void trace_end(const void *va, u32 pages, const char *sequence);

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
COMMAND(tables);

COMMAND(what);
COMMAND(kmaps);
COMMAND(vmallocs);

COMMAND(alloc);
COMMAND(window);
COMMAND(vmap);
COMMAND(vmalloc);
COMMAND(close);
COMMAND(wrap);
COMMAND(fill);
COMMAND(copy);

COMMAND(opened);
COMMAND(trace);

COMMAND(md);
COMMAND(mw);

COMMAND(run);
COMMAND(oops);
COMMAND(load);
COMMAND(boot);
COMMAND(end);
