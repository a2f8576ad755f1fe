/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the console: one lock, whole lines. Formats first, takes the lock, sends.
 * Lock: console.lock, innermost of all; interrupt code takes it.
 */
#include <kernel/console.h>

#include <arch/cpreg.h>
#include <arch/secondary.h>
#include <arch/spinlock.h>
#include <bug.h>
#include <kernel/log.h>
#include <kernel/panic.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <printk.h>

#define LINE_MAX_BYTES 256
#define TAP_LINE_MAX   96

static struct {
	const struct uart_driver *driver;
	void *regs;
	console_tap *tap;
	bool in_line; /* a line is half sent: what a panic must end first */
	bool prompt;  /* sent last was no whole line: the next one begins afresh */
	u32 speaker;  /* affinity + 1 of the CPU that panics: it alone speaks, without the lock */
	bool hold_story, hold_warnings; /* console_hold() */
	spinlock_t lock;
} console = { .lock = SPINLOCK_RANKED(LOCK_RANK_CONSOLE) };

void console_attach(const struct uart_driver *driver, void *regs, const struct console_port *port)
{
	driver->init(regs, port);
	console.regs = regs;
	console.driver = driver;
}

bool console_attached(void)
{
	return console.driver;
}

/* Whether another CPU panics: then this one has nothing to say any more. */
static __noinline bool silenced(void)
{
	u32 speaker = READ_ONCE(console.speaker);

	return speaker && speaker != (read_mpidr() & MPIDR_AFFINITY) + 1;
}

static void send(const char *text, size_t len)
{
	for (size_t i = 0; i < len && !silenced(); i++) {
		console.driver->putc(console.regs, (u8)text[i]);
	}
}

static void send_line(const char *line, size_t len)
{
	WRITE_ONCE(console.in_line, true);
	dmb_ish(); /* that a line begins, before we look who panics: console_panic_begin() */
	if (console.prompt) {
		console.prompt = false;
		send("\r\n", 2);
	}
	send(line, len);
	send("\r\n", 2);
	if (silenced()) {
		return; /* port and log are the other's */
	}
	console.in_line = false;
	log_append(line, len);
}

/* The line, and what its listener wants to be sent directly behind it. Caller holds the lock. */
static void send_tapped(const char *line, size_t len)
{
	char next[TAP_LINE_MAX];

	send_line(line, len);
	if (console.tap) {
		len = console.tap(line, len, next, sizeof(next));
		if (len) {
			send_line(next, len);
		}
	}
}

static void write_line(const char *line, size_t len, bool held)
{
	u32 flags;

	if (!console.driver) {
		return;
	}
	if (READ_ONCE(console.speaker)) {
		if (!silenced()) {
			send_line(line, len);
		}
		return;
	}
	flags = spin_lock_irqsave(&console.lock);
	if (held) {
		log_append(line, len);
	} else if (!silenced()) { /* nobody panicked while we waited for the lock */
		send_tapped(line, len);
	}
	spin_unlock_irqrestore(&console.lock, flags);
}

void console_write_line(const char *line, size_t len)
{
	write_line(line, len, false);
}

void console_hold(bool story, bool warnings)
{
	console.hold_story = story;
	console.hold_warnings = warnings;
}

void console_write(const char *text, size_t len)
{
	bool locked = !READ_ONCE(console.speaker);
	u32 flags = 0;

	if (!console.driver || len == 0) {
		return;
	}
	if (locked) {
		flags = spin_lock_irqsave(&console.lock);
	}
	send(text, len);
	console.prompt = text[len - 1] != '\n';
	if (locked) {
		spin_unlock_irqrestore(&console.lock, flags);
	}
}

void *console_hardware(const struct uart_driver **driver)
{
	*driver = console.driver;
	return console.regs;
}

void console_set_tap(console_tap *tap)
{
	u32 flags = spin_lock_irqsave(&console.lock);

	console.tap = tap;
	spin_unlock_irqrestore(&console.lock, flags);
}

void console_panic_begin(void)
{
	struct patience patience = { 0 };

	/* Its sender may be the one that panics: then nobody ends it. */
	while (READ_ONCE(console.in_line) && patience_lasts(&patience)) {
	}
	/* The lock stays as it is: its holder may yet let go of it. */
	WRITE_ONCE(console.speaker, (read_mpidr() & MPIDR_AFFINITY) + 1);
	dmb_ish(); /* who speaks, before we look whether a line has begun: send_line() */
	if (console.driver && console.in_line) {
		console.in_line = false;
		send("\r\n", 2);
	}
}

void console_drain(void)
{
	if (console.driver) {
		console.driver->drain(console.regs);
	}
}

static void __printf(3, 0)
	write_formatted(const char *prefix, bool held, const char *fmt, va_list args)
{
	char line[LINE_MAX_BYTES];
	size_t used = strlcpy(line, prefix, sizeof(line));
	int len = vsnprintf(line + used, sizeof(line) - used, fmt, args);

	write_line(line, min(used + (size_t)len, sizeof(line) - 1), held && line[0] != '@');
}

void printk(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	write_formatted("", console.hold_story, fmt, args);
	va_end(args);
}

void warn(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	write_formatted("warning: ", console.hold_warnings, fmt, args);
	va_end(args);
}
