/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * panic() and bug(), and the two ends of every report. Owns which CPU is in a panic
 * and what happens after it. Must not wait for a lock without a bound, nor allocate, nor
 * rely on the current thread.
 */
#include <kernel/panic.h>

#include <arch/barrier.h>
#include <arch/cpreg.h>
#include <arch/early_tables.h>
#include <arch/irqflags.h>
#include <arch/record.h>
#include <arch/secondary.h>
#include <bug.h>
#include <kernel/console.h>
#include <kernel/events.h>
#include <kernel/monitor.h>
#include <kernel/power.h>
#include <kernel/smp.h>
#include <lib/printf.h>
#include <lib/symtab.h>
#include <mm/fixmap.h>
#include <mm/image_late.h>
#include <printk.h>

#define POWER_WAIT  2000000000u /* empty loops: at least a second */
#define PANIC_DEPTH 3		/* reports within reports before we fall silent */

static enum panic_action panic_action;
static u32 panic_cpu;	/* affinity + 1 of the CPU that speaks; atomic */
static u32 panic_depth; /* of that CPU */

/* Static, because the stack may be what is broken. That CPU's. */
static char panic_text[160];
static char panic_line[256];

void panic_set_action(enum panic_action action)
{
	panic_action = action;
}

static void halt(void) __noreturn;
static void halt(void)
{
	for (;;) {
		__asm__ volatile("cpsid if\n\twfi" : : : "memory");
	}
}

void panic_silently(enum early_error error)
{
	u32 *word = fixmap_set(FIX_TEXT_PATCH, boot_info.image_pa, PAGE_KERNEL);

	word += EARLY_ERROR_OFFSET / sizeof(u32);
	*word = error;
	write_dccmvac((u32)(vaddr_t)word);
	dsb_sy(); /* the word is in memory before the CPU sleeps, for whoever looks by debugger */
	early_stop(error);
}

/* Takes the right to speak, or does not return. True for the first report. */
static bool panic_enter(void)
{
	u32 me = (read_mpidr() & MPIDR_AFFINITY) + 1, speaker = 0;

	(void)irq_save();
	if (!__atomic_compare_exchange_n(&panic_cpu, &speaker, me, false, __ATOMIC_RELAXED,
					 __ATOMIC_RELAXED) &&
	    speaker != me) {
		smp_stop_here();
	}
	if (++panic_depth > PANIC_DEPTH) {
		halt();
	}
	return panic_depth == 1;
}

/* The @panic line: a JSON object, so quotes and control characters do not go in as they are. */
static void write_panic_line(const char *rule)
{
	int len = snprintf(panic_line, sizeof(panic_line) - 3,
			   "@panic {\"rule\":\"%s\",\"text\":\"", rule);
	char *to = panic_line + min(len, (int)sizeof(panic_line) - 4);

	for (const char *from = panic_text; *from && to < panic_line + sizeof(panic_line) - 4;
	     from++) {
		if (*from == '"' || *from == '\\') {
			*to++ = '\\';
		}
		*to++ = *from >= ' ' && *from < 0x7f ? *from : '?';
	}
	*to++ = '"';
	*to++ = '}';
	console_write_line(panic_line, (size_t)(to - panic_line));
}

static void vpanic_begin(const char *rule, const char *fmt, va_list args)
{
	bool first = panic_enter();

	if (CONFIG_DEBUG) {
		record_stop();
	}
	if (!console_attached()) {
		panic_silently(EARLY_PANIC);
	}
	vsnprintf(panic_text, sizeof(panic_text), fmt, args);
	if (first) {
		smp_stop_others(); /* a line that one of them is sending is finished first */
	}
	console_panic_begin();
	if (first) {
		printk("# interrupted");
		write_panic_line(rule);
		return;
	}
	int len = snprintf(panic_line, sizeof(panic_line), "# inside the report: %s %s", rule,
			   panic_text);

	console_write_line(panic_line, (size_t)min(len, (int)sizeof(panic_line) - 1));
	panic_end();
}

void panic_begin(const char *rule, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vpanic_begin(rule, fmt, args);
	va_end(args);
}

/* The power does not go at once: a second or more, and "halt" after that would be a lie. */
static void wait_for_power(void)
{
	for (u32 i = 0; i < POWER_WAIT; i++) {
		compiler_barrier();
	}
}

void panic_end(void)
{
	if (panic_depth == 1) {
		if (CONFIG_DEBUG) {
			events_report();
		}
		smp_report_others();
	}
	switch (panic_action) {
	case PANIC_POWEROFF:
		printk("# panic: poweroff");
		power_off();
		wait_for_power();
		break;
	case PANIC_REBOOT:
		printk("# panic: reboot");
		power_reboot();
		wait_for_power();
		break;
	case PANIC_MONITOR:
		if (!image_late_ready()) {
			break;
		}
		printk("# panic: monitor");
		panic_depth = 1; /* a fault in a command is the first inside the report again */
		monitor_run_after_panic();
		break;
	case PANIC_DEFAULT:
	case PANIC_HALT:
		break;
	}
	printk("# panic: halt");
	console_drain();
	halt();
}

void panic_registers(const u32 *r, u32 first)
{
	static const char names[][16] = { "r0-r3", "r4-r7", "r8-r11", "r12 sp lr pc" };

	for (u32 i = first; i < 16; i += 4) {
		printk("%-12s %08x %08x %08x %08x", names[i / 4], r[i], r[i + 1], r[i + 2],
		       r[i + 3]);
	}
}

void panic_callers(const u32 *pc, u32 count)
{
	char name[48];
	u32 offset;

	for (u32 i = 0; i < count; i++) {
		if (symtab_lookup(pc[i], name, sizeof(name), &offset)) {
			printk(" %08x %s+0x%x", pc[i], name, offset);
		} else {
			printk(" %08x", pc[i]);
		}
	}
}

void panic_backtrace(struct unwind *u)
{
	bool top = true;

	printk("backtrace:");
	for (u32 depth = 0; depth < UNWIND_MAX_DEPTH; depth++) {
		u32 pc = unwind_pc(u);

		panic_callers(&pc, 1);
		if (!unwind_step(u)) {
			if (!top) {
				return;
			}
			/* A jump to nowhere, or a leaf without tables: lr knows who was at it. */
			u->r[15] = u->r[14];
			u->exact = false;
		}
		top = false;
	}
	printk(" and so on");
}

/*
 * The rest of the report for the caller of our caller; registers that a call destroys are left out.
 */
static __noinline void __noreturn report_caller(void)
{
	struct unwind u;

	unwind_here(&u);
	if (unwind_step(&u) && unwind_step(&u)) {
		panic_registers(u.r, 4);
		panic_backtrace(&u);
	}
	panic_end();
}

void bug(const char *rule, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vpanic_begin(rule, fmt, args);
	report_caller();
}

void panic(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vpanic_begin("", fmt, args);
	report_caller();
}
