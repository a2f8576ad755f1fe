/* SPDX-License-Identifier: BSD-2-Clause */
/* Panics while the console is in use: the report must be whole, and nobody else's line in it. */
#include <arch/irqflags.h>
#include <bug.h>
#include <kernel/console.h>
#include <kernel/sched.h>
#include <kernel/smp.h>
#include <kernel/test.h>
#include <printk.h>

#define RULE "test.panic"

static u32 count;

static void speak_for_ever(__unused void *arg)
{
	(void)irq_save();
	for (;;) {
		printk("# noise %u from a CPU that does not listen", count);
		WRITE_ONCE(count, count + 1);
	}
}

FATAL_TEST(panic.others_keep_printing, RULE)
{
	if (cpu_count() > 1 && thread_create_on(1, "speaker", speak_for_ever, NULL)) {
		while (READ_ONCE(count) < 8) {
		}
		bug(RULE, "a quote \" and others speaking");
	}
}

static void panic_together(__unused void *arg)
{
	(void)irq_save();
	__atomic_fetch_add(&count, 1, __ATOMIC_RELAXED);
	while (READ_ONCE(count) < cpu_count()) {
	}
	bug(RULE, "one of %u CPUs at once", count);
}

FATAL_TEST(panic.all_at_once, RULE)
{
	if (cpu_count() > 1) {
		for (u32 cpu = 1; cpus_online() >> cpu; cpu++) {
			if (!thread_create_on(cpu, "twin", panic_together, NULL)) {
				return;
			}
		}
		panic_together(NULL);
	}
}

/* ---- in the middle of a line, the console's lock held ---- */

static const struct uart_driver *real;

static void init_nothing(__unused void *regs, __unused const struct console_port *port)
{
}

static void putc_that_panics(void *regs, u8 c)
{
	if (c == '~') {
		bug(RULE, "inside a line");
	}
	real->putc(regs, c);
}

FATAL_TEST(panic.inside_a_line, RULE)
{
	static struct uart_driver fragile;
	void *regs = console_hardware(&real);

	fragile = *real;
	fragile.init = init_nothing;
	fragile.putc = putc_that_panics;
	console_attach(&fragile, regs, NULL);
	printk("# half a line~ and the rest of it");
}
