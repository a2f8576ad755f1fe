/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the table of commands and the loop around it; command.c reads it. Must always come back to
 * the prompt, whatever was typed, but for commands whose purpose it is not to.
 */
#include <kernel/monitor.h>

#include "monitor.h"

#include <errno.h>
#include <kernel/console.h>
#include <kernel/report.h>
#include <kernel/test.h>
#include <kernel/time.h>
#include <lib/div.h>
#include <lib/printf.h>
#include <mm/page_alloc.h>

#define PROMPT	    "fanlight> "
#define SAY_MAX	    200
#define SIZE_MOST   (UINT32_MAX - PAGE_SIZE + 1)
#define STACK_ORDER 1 /* of the monitor behind a panic: 8 KiB */

static COMMAND(help);
static COMMAND(exit);

/* A row without a function is a heading. */
#define HEADING(text)               \
	{                           \
		text, NULL, 0, true \
	}
/* Behind a panic: SAFE allocates nothing, waits for no lock, changes nothing. */
#define SAFE   true
#define UNSAFE false

const struct command commands[] = {
	HEADING("Look"),
	{ "layout\0the address map", cmd_layout, 0, SAFE },
	{ "mem\0how much memory, and what holds it", cmd_mem, 0, SAFE },
	{ "banks\0RAM, and what was reserved of it at boot", cmd_banks, 0, SAFE },
	{ "zones\0free blocks by order", cmd_zones, 0, SAFE },
	{ "slabs\0small objects by size", cmd_slabs, 0, SAFE },
	{ "ptdump [REGION]\0ranges of equal rights", cmd_ptdump, COMPLETE_REGION, SAFE },
	{ "tables\0the same for tools/ptread: entries as they are", cmd_tables, 0, SAFE },
	{ "walk ADDR\0each level's entry, and the MMU's answer", cmd_walk, 0, SAFE },
	{ "what ADDR\0what kind of address, and whose", cmd_what, 0, SAFE },
	{ "pa ADDR\0virtual to physical", cmd_pa, 0, SAFE },
	{ "page PFN\0what the kernel knows of a page", cmd_page, 0, SAFE },
	{ "kmaps\0windows that are open", cmd_kmaps, 0, SAFE },
	{ "vmallocs\0areas of the vmalloc region", cmd_vmallocs, 0, SAFE },
	{ "threads\0who runs, who waits", cmd_threads, 0, UNSAFE },
	{ "cpus\0what became of each", cmd_cpus, 0, SAFE },
	{ "irqs\0interrupts that have a handler, or came", cmd_irqs, 0, SAFE },
	{ "errata\0of these CPUs, and what is done about them", cmd_errata, 0, SAFE },
	{ "dmesg\0what was printed since power-on", cmd_dmesg, 0, SAFE },
	{ "report\0@boot, @layout, the last result again", cmd_report, 0, UNSAFE },
	HEADING("Make"),
	{ "alloc high|low [N]\0N pages (1)", cmd_alloc, 0, UNSAFE },
	{ "free PAGES\0gives them back", cmd_close, 0, UNSAFE },
	{ "kmap PAGE\0a permanent window, shared and counted", cmd_window, 0, UNSAFE },
	{ "kunmap WINDOW\0gives it back; flushed at the wrap", cmd_close, 0, UNSAFE },
	{ "wrap\0uses up windows until unused ones are flushed", cmd_wrap, 0, UNSAFE },
	{ "klocal PAGE\0a temporary window, of this CPU", cmd_window, 0, UNSAFE },
	{ "kunlocal WINDOW\0clears and flushes it; last opened first", cmd_close, 0, UNSAFE },
	{ "vmap PAGES...\0your pages, side by side", cmd_vmap, 0, UNSAFE },
	{ "vunmap AREA\0clears it; flushed by the purge", cmd_close, 0, UNSAFE },
	{ "vmalloc SIZE\0pages from anywhere, side by side", cmd_vmalloc, 0, UNSAFE },
	{ "vfree AREA\0the same, and frees the pages", cmd_close, 0, UNSAFE },
	{ "fixmap PAGE\0a window at an address chosen at build time", cmd_window, 0, UNSAFE },
	{ "unfix WINDOW\0clears and flushes it", cmd_close, 0, UNSAFE },
	{ "fill PAGE WORD\0with a 32-bit word", cmd_fill, 0, UNSAFE },
	{ "copy FROM TO\0through two temporary windows", cmd_copy, 0, UNSAFE },
	{ "opened\0what you did not close", cmd_opened, 0, SAFE },
	{ "close #N|all\0closes it, whatever it is", cmd_close, 0, UNSAFE },
	{ "trace on|off\0narrate what these do to entries", cmd_trace, 0, UNSAFE },
	HEADING("Do"),
	{ "md PHYSADDR [WORDS]\0reads memory or device registers", cmd_md, 0, SAFE },
	{ "mw PHYSADDR WORD\0writes there", cmd_mw, 0, UNSAFE },
	{ "test [GLOB]\0suites", cmd_run, COMPLETE_TEST, UNSAFE },
	{ "bench [GLOB]\0benchmarks", cmd_run, 0, UNSAFE },
	{ "memtest [WORD,...]\0all free memory", cmd_run, 0, UNSAFE },
	{ "load\0receives a file by YMODEM", cmd_load, 0, UNSAFE },
	{ "boot PHYSADDR|#N [ARG]...\0starts the zImage there; #N: a file that came by load",
	  cmd_boot, 0, UNSAFE },
	{ "oops [KIND]\0breaks a rule; alone: which there are", cmd_oops, 0, UNSAFE },
	{ "reboot\0the machine", cmd_end, 0, SAFE },
	{ "poweroff\0the machine", cmd_end, 0, SAFE },
	{ "help [COMMAND]\0this", cmd_help, COMPLETE_COMMAND, SAFE },
	{ "exit\0leaves; the machine switches off", cmd_exit, 0, SAFE },
};
const u32 command_count = ARRAY_SIZE(commands);

static struct {
	bool leave;
	bool after_panic;
	bool erred;	   /* DEBUG: an error was said */
	void *panic_stack; /* its top */
} monitor;

bool after_panic(void)
{
	return monitor.after_panic;
}

u32 seconds_now(void)
{
	return (u32)div_u64(time_now_us(), 1000000, NULL);
}

/* ---- what commands share ---- */

static void __printf(2, 0) say_formatted(const char *prefix, const char *fmt, va_list args)
{
	char line[SAY_MAX + 2];
	u32 len = (u32)strlcpy(line, prefix, SAY_MAX);

	len += (u32)vsnprintf(line + len, SAY_MAX - len, fmt, args);
	len = min(len, (u32)SAY_MAX - 1);
	line[len] = '\r';
	line[len + 1] = '\n';
	console_write(line, len + 2);
}

void say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say_formatted("", fmt, args);
	va_end(args);
}

bool say_error(const char *fmt, ...)
{
	va_list args;

	if (CONFIG_DEBUG) {
		monitor.erred = true;
	}
	va_start(args, fmt);
	say_formatted("error: ", fmt, args);
	va_end(args);
	return false;
}

/* What word_number() or word_size() found, in words. True: a number. */
static bool parsed(int error, const char *word, u64 max)
{
	if (error == -ERANGE) {
		return say_error("%.40s: too large: the most is 0x%llx%s", word, max,
				 max == PHYS_END - 1 ? ": physical addresses have 40 bits" : "");
	}
	return !error || say_error("%.40s: not a number (12, 0x1f)", word);
}

bool want_number(const char *word, u64 max, u32 *value)
{
	u64 number = 0;
	bool ok = parsed(word_number(word, max, &number), word, max);

	*value = (u32)number;
	return ok;
}

bool want_size(const char *word, u32 *bytes)
{
	u64 number = 0;
	bool ok = parsed(word_size(word, SIZE_MOST, &number), word, SIZE_MOST);

	*bytes = (u32)number;
	return ok;
}

bool want_address(const char *word, u64 max, u64 *address)
{
	if (word[0] == '#') {
		return opened_address(word, address) &&
		       (*address <= max ||
			say_error("%.40s: a page at 0x%010llx, no window", word, *address));
	}
	return parsed(word_number(word, max, address), word, max);
}

bool want_va(const char *word, vaddr_t *va)
{
	u64 address = 0;
	bool ok = want_address(word, UINT32_MAX, &address);

	*va = (u32)address;
	return ok;
}

bool want_ram_pfn(const char *word, pfn_t *pfn)
{
	if (!want_number(word, pa_to_pfn(PHYS_END - 1), pfn)) {
		return false;
	}
	return pfn_valid(*pfn) ||
	       say_error("page 0x%x at 0x%010llx is not RAM", *pfn, pfn_to_pa(*pfn));
}

bool complete_candidate(const char *line, u32 words, u32 n, char candidate[CANDIDATE_MAX])
{
	const struct command *c;
	struct region region;

	if (words == 0) {
		return command_name(n, candidate);
	}
	c = words == 1 ? command_find(line, (size_t)(strchr(line, ' ') - line)) : NULL;
	switch (c ? c->complete : COMPLETE_NONE) {
	case COMPLETE_COMMAND:
		return command_name(n, candidate);
	case COMPLETE_REGION:
		return region_get(n, &region) &&
		       strlcpy(candidate, region.name, CANDIDATE_MAX) < CANDIDATE_MAX;
	case COMPLETE_TEST:
		return test_name(n, candidate, CANDIDATE_MAX);
	default:
		return false;
	}
}

/* ---- help, exit ---- */

static void help_of(const struct command *c)
{
	if (!c->run) {
		say("%s", c->usage);
	} else if (c->safe || !monitor.after_panic) {
		say("  %-20s %s", c->usage, c->usage + strlen(c->usage) + 1);
	}
}

static void cmd_help(u32 argc, char **argv)
{
	const struct command *c = commands;

	if (argc > 0) {
		c = command_find(argv[0], strlen(argv[0]));
		if (c) {
			help_of(c);
		} else {
			(void)say_error("no command %.40s", argv[0]);
		}
		return;
	}
	for (; c < commands + command_count; c++) {
		help_of(c);
	}
	say("PAGE is a page's number, or #N: the first of what you opened as #N; PAGES: all of it.");
	say("Numbers: 12, 0x1f; sizes: 64K, 2M; ADDR may be #N too.");
	say("^P ^N history, ^B ^F ^A ^E move, ^H ^U ^W rub out, ^C gives up, Tab completes.");
}

static void cmd_exit(__unused u32 argc, __unused char **argv)
{
	static u32 asked; /* how much was open when it was listed */
	u32 open = monitor.after_panic ? 0 : opened_count();

	if (open == asked || open == 0) {
		monitor.leave = true;
		open = 0;
	} else {
		opened_list();
		say("still open: `close all` closes it; `exit` once more leaves it open");
	}
	asked = open;
}

/* ---- the loop ---- */

static void run_line(char *line)
{
	char *words[WORDS_MAX];
	const struct command *c;
	u32 argc;

	switch (command_parse(line, words, &argc, &c)) {
	case COMMAND_NOTHING:
		break;
	case COMMAND_WORDS:
		(void)say_error("more than %u words", WORDS_MAX);
		break;
	case COMMAND_UNKNOWN:
		(void)say_error("no command %.40s: try help", words[0]);
		break;
	case COMMAND_USAGE:
		say("usage: %s", c->usage);
		break;
	case COMMAND_FOUND:
		if (monitor.after_panic && !c->safe) {
			(void)say_error("not after a panic");
		} else {
			c->run(argc, words + 1);
		}
	}
}

#if CONFIG_DEBUG
bool monitor_type(const char *text)
{
	char line[LINE_MAX];

	opened_init();
	strlcpy(line, text, sizeof(line));
	monitor.erred = false;
	run_line(line);
	return !monitor.erred;
}
#endif

static void loop(const char *prompt)
{
	char line[LINE_MAX];

	monitor.leave = false;
	while (!monitor.leave) {
		if (line_read(prompt, line)) {
			run_line(line);
		}
	}
}

void monitor_run(void)
{
	line_init();
	opened_init();
	say("The monitor: help says what it can do, exit leaves it.");
	loop(PROMPT);
}

/* ---- behind a panic ---- */

void monitor_prepare_for_panic(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, STACK_ORDER);

	if (page) {
		monitor.panic_stack =
			(char *)lowmem_page_address(page) + (PAGE_SIZE << STACK_ORDER);
	}
}

static void __used __noreturn panic_loop(void)
{
	say("The monitor, after a panic: it looks, and changes nothing. exit halts.");
	loop("panic> ");
	say("# panic: halt");
	console_drain();
	for (;;) {
		__asm__ volatile("wfi");
	}
}

void monitor_run_after_panic(void)
{
	if (!monitor.panic_stack) {
		return;
	}
	monitor.after_panic = true;
	/* Away from a stack that may be what is broken; a fault in a command comes here again. */
	__asm__ volatile("mov	sp, %0\n\tb	panic_loop" : : "r"(monitor.panic_stack));
	__builtin_unreachable();
}
