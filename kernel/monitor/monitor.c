/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the table of commands and the loop around it. Must always come back to the prompt,
 * whatever was typed, but for commands whose purpose it is not to.
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
#define STACK_ORDER 1 /* of the monitor behind a panic: 8 KiB */

static COMMAND(help);
static COMMAND(exit);

/* A row without a function is a heading. */
#define HEADING(text)                                 \
	{                                             \
		text, NULL, NULL, NULL, 0, 0, 0, true \
	}

const struct command commands[] = {
	HEADING("Look"),
	{ "layout", "", "the address map", cmd_layout, 0, 0, 0, true },
	{ "mem", "", "how much memory there is, and what holds it", cmd_mem, 0, 0, 0, true },
	{ "banks", "", "RAM, and what was reserved of it at boot", cmd_banks, 0, 0, 0, true },
	{ "zones", "", "the page allocator: free blocks by order", cmd_zones, 0, 0, 0, true },
	{ "slabs", "", "small objects by size", cmd_slabs, 0, 0, 0, true },
	{ "ptdump", "[REGION]", "what is mapped: ranges of equal rights", cmd_ptdump, 0, 1,
	  COMPLETE_REGION, true },
	{ "walk", "ADDR", "each level's entry, and the MMU's own answer", cmd_walk, 1, 1, 0, true },
	{ "what", "ADDR", "what kind of address that is, and whose", cmd_what, 1, 1, 0, true },
	{ "pa", "ADDR", "virtual to physical", cmd_pa, 1, 1, 0, true },
	{ "page", "PFN", "what the kernel knows of a page", cmd_page, 1, 1, 0, true },
	{ "kmaps", "", "windows that are open, temporary and permanent", cmd_kmaps, 0, 0, 0, true },
	{ "vmallocs", "", "areas of the vmalloc region", cmd_vmallocs, 0, 0, 0, true },
	{ "threads", "", "who runs, who waits", cmd_threads, 0, 0, 0, false },
	{ "cpus", "", "which there are, and what became of each", cmd_cpus, 0, 0, 0, true },
	{ "irqs", "", "interrupts that have a handler, or came", cmd_irqs, 0, 0, 0, true },
	{ "errata", "", "what is wrong with these CPUs, and what is done about it", cmd_errata, 0,
	  0, 0, true },
	{ "dmesg", "", "what was printed since power-on", cmd_dmesg, 0, 0, 0, true },
	{ "report", "", "@boot, @layout, the last run's result, once more", cmd_report, 0, 0, 0,
	  false },
	HEADING("Make"),
	{ "alloc", "high|low [N]", "N pages (1)", cmd_alloc, 1, 2, 0, false },
	{ "free", "PAGES", "gives them back", cmd_free, 1, 1, 0, false },
	{ "kmap", "PAGE", "a permanent window, shared and counted", cmd_kmap, 1, 1, 0, false },
	{ "kunmap", "WINDOW", "gives it back; it is flushed at the wrap", cmd_kunmap, 1, 1, 0,
	  false },
	{ "klocal", "PAGE", "a temporary window of this CPU: kmap_local_page", cmd_klocal, 1, 1, 0,
	  false },
	{ "kunlocal", "WINDOW", "clears and flushes it; the last one opened first", cmd_kunlocal, 1,
	  1, 0, false },
	{ "vmap", "PAGES...", "pages side by side", cmd_vmap, 1, WORDS_MAX - 1, 0, false },
	{ "vunmap", "AREA", "clears it; it is flushed by the purge", cmd_vunmap, 1, 1, 0, false },
	{ "vmalloc", "SIZE", "memory that is contiguous in virtual addresses only", cmd_vmalloc, 1,
	  1, 0, false },
	{ "vfree", "AREA", "the same", cmd_vfree, 1, 1, 0, false },
	{ "fixmap", "PAGE", "a window whose address was chosen at build time", cmd_fixmap, 1, 1, 0,
	  false },
	{ "unfix", "WINDOW", "clears and flushes it", cmd_unfix, 1, 1, 0, false },
	{ "fill", "PAGE WORD", "writes a 32-bit word all over a page", cmd_fill, 2, 2, 0, false },
	{ "copy", "FROM TO", "copy_highpage", cmd_copy, 2, 2, 0, false },
	{ "opened", "", "what you opened and did not close", cmd_opened, 0, 0, 0, true },
	{ "close", "#N|all", "closes it, whatever it is", cmd_close, 1, 1, 0, false },
	{ "trace", "on|off", "narrate what each of these does to its entry", cmd_trace, 1, 1, 0,
	  false },
	HEADING("Do"),
	{ "md", "PHYSADDR [WORDS]", "reads physical memory or device registers", cmd_md, 1, 2, 0,
	  true },
	{ "mw", "PHYSADDR WORD", "writes there", cmd_mw, 2, 2, 0, false },
	{ "test", "[GLOB]", "suites", cmd_test, 0, 1, COMPLETE_TEST, false },
	{ "bench", "[GLOB]", "benchmarks", cmd_bench, 0, 1, 0, false },
	{ "memtest", "[SWEEPS]", "all free memory", cmd_memtest, 0, 1, 0, false },
	{ "load", "", "receives a file by YMODEM, into HighMem pages", cmd_load, 0, 0, 0, false },
	{ "oops", "KIND", "breaks a rule; without a KIND: which there are", cmd_oops, 0, 1, 0,
	  false },
	{ "reboot", "", "the machine", cmd_reboot, 0, 0, 0, true },
	{ "poweroff", "", "the machine", cmd_poweroff, 0, 0, 0, true },
	{ "help", "[COMMAND]", "this", cmd_help, 0, 1, COMPLETE_COMMAND, true },
	{ "exit", "", "leaves the monitor", cmd_exit, 0, 0, 0, true },
};
const u32 command_count = ARRAY_SIZE(commands);

static struct {
	bool leave;
	bool after_panic;
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

void say(const char *fmt, ...)
{
	char line[SAY_MAX + 2];
	va_list args;
	u32 len;

	va_start(args, fmt);
	len = (u32)vsnprintf(line, SAY_MAX, fmt, args);
	va_end(args);
	len = min(len, (u32)SAY_MAX - 1);
	line[len] = '\r';
	line[len + 1] = '\n';
	console_write(line, len + 2);
}

static bool parsed(int error, const char *word, const char *most)
{
	if (error) {
		say("error: %.40s: %s%s", word,
		    error == -ERANGE ? "too large: the most is " : "not a number (12, 0x1f)",
		    error == -ERANGE ? most : "");
	}
	return !error;
}

bool want_number(const char *word, u64 max, u32 *value)
{
	char most[20];
	u64 number = 0;

	(void)snprintf(most, sizeof(most), "0x%llx", max);
	if (!parsed(word_number(word, max, &number), word, most)) {
		return false;
	}
	*value = (u32)number;
	return true;
}

bool want_size(const char *word, u32 *bytes)
{
	u64 number = 0;

	if (!parsed(word_size(word, UINT32_MAX, &number), word, "4G - 1")) {
		return false;
	}
	*bytes = (u32)number;
	return true;
}

bool want_pa(const char *word, phys_addr_t *pa)
{
	return parsed(word_number(word, PHYS_END - 1, pa), word,
		      "0xffffffffff: physical addresses have 40 bits");
}

bool want_va(const char *word, vaddr_t *va)
{
	u32 number;

	if (!want_number(word, UINT32_MAX, &number)) {
		return false;
	}
	*va = number;
	return true;
}

bool want_ram_pfn(const char *word, pfn_t *pfn)
{
	if (!want_number(word, pa_to_pfn(PHYS_END - 1), pfn)) {
		return false;
	}
	if (!pfn_valid(*pfn)) {
		say("error: page 0x%x at 0x%010llx is not RAM", *pfn, pfn_to_pa(*pfn));
		return false;
	}
	return true;
}

bool complete_candidate(const char *line, u32 words, u32 n, char candidate[CANDIDATE_MAX])
{
	const struct command *c = commands;
	struct region region = { .name = "" };
	u32 what = COMPLETE_COMMAND;

	if (words > 0) {
		size_t len = (size_t)(strchr(line, ' ') - line);

		while (c < commands + command_count &&
		       !span_eq((struct span){ line, len }, c->name)) {
			c++;
		}
		what = words == 1 && c < commands + command_count ? c->complete : COMPLETE_NONE;
	}
	switch (what) {
	case COMPLETE_COMMAND:
		for (c = commands; c < commands + command_count; c++) {
			if (c->run && n-- == 0) {
				strlcpy(candidate, c->name, CANDIDATE_MAX);
				return true;
			}
		}
		return false;
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

static const struct command *find(const char *name)
{
	for (const struct command *c = commands; c < commands + command_count; c++) {
		if (c->run && strcmp(c->name, name) == 0) {
			return c;
		}
	}
	return NULL;
}

static void cmd_help(u32 argc, char **argv)
{
	char usage[40];

	for (const struct command *c = commands; c < commands + command_count; c++) {
		if (argc > 0 && (!c->run || strcmp(c->name, argv[0]) != 0)) {
			continue;
		}
		if (!c->run) {
			say("%s", c->name);
		} else if (c->safe || !monitor.after_panic) {
			(void)snprintf(usage, sizeof(usage), "%s %s", c->name, c->args);
			say("  %-22s %s", usage, c->help);
		}
	}
	if (argc == 0) {
		say("PAGE is a page's number, or #N: the first of what you opened as #N; PAGES: all of it.");
		say("Numbers: 12, 0x1f; sizes: 64K, 2M. ^P ^N history, ^U ^W rub out, ^C gives up, Tab completes.");
	} else if (!find(argv[0])) {
		say("error: no command %.40s", argv[0]);
	}
}

static void cmd_exit(__unused u32 argc, __unused char **argv)
{
	static u32 asked; /* what was open when it was listed */
	u32 open = 0;

	for (u32 n = 1; n <= OPENED_MAX; n++) {
		open += opened[n].kind != OPENED_NONE;
	}
	if (open > 0 && open != asked && !monitor.after_panic) {
		(void)opened_list();
		say("still open: `close all` closes it; `exit` once more leaves it open");
		asked = open;
		return;
	}
	asked = 0;
	monitor.leave = true;
}

/* ---- the loop ---- */

static void run_line(char *line)
{
	char *words[WORDS_MAX];
	int count = words_split(line, words);
	const struct command *c;
	u32 argc;

	if (count == 0) {
		return;
	}
	if (count < 0) {
		say("error: more than %u words", WORDS_MAX);
		return;
	}
	argc = (u32)count - 1;
	c = find(words[0]);
	if (!c) {
		say("error: no command %.40s: try help", words[0]);
	} else if (argc < c->min_args || argc > c->max_args) {
		say("usage: %s %s", c->name, c->args);
	} else if (monitor.after_panic && !c->safe) {
		say("error: not after a panic");
	} else {
		c->run(argc, words + 1);
	}
}

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
