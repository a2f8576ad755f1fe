/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the console: one lock, whole lines. Formats first, takes the lock, sends.
 * Lock: console.lock, innermost of all; interrupt code takes it.
 */
#include <kernel/console.h>

#include <arch/spinlock.h>
#include <bug.h>
#include <kernel/log.h>
#include <kernel/panic.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <printk.h>

#define LINE_MAX_BYTES 256

static struct {
	const struct uart_driver *driver;
	void *regs;
	void (*tap)(const char *line, size_t len);
	bool in_line;  /* a line is half sent: what a panic must end first */
	bool prompt;   /* sent last was no whole line: the next one begins afresh */
	bool panicked; /* the lock is nobody's any more: one CPU speaks */
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

static void send(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		console.driver->putc(console.regs, (u8)text[i]);
	}
}

static void send_line(const char *line, size_t len)
{
	console.in_line = true;
	if (console.prompt) {
		console.prompt = false;
		send("\r\n", 2);
	}
	send(line, len);
	send("\r\n", 2);
	console.in_line = false;
	log_append(line, len);
}

void console_write_line(const char *line, size_t len)
{
	u32 flags;

	if (!console.driver) {
		return;
	}
	if (READ_ONCE(console.panicked)) {
		send_line(line, len);
		return;
	}
	flags = spin_lock_irqsave(&console.lock);
	send_line(line, len);
	if (console.tap) {
		console.tap(line, len);
	}
	spin_unlock_irqrestore(&console.lock, flags);
}

void console_write(const char *text, size_t len)
{
	bool locked = !READ_ONCE(console.panicked);
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

void console_set_tap(void (*tap)(const char *line, size_t len))
{
	console.tap = tap;
}

void console_panic_begin(void)
{
	struct patience patience = { 0 };

	/* Its sender may be the one that panics: then nobody ends it. */
	while (READ_ONCE(console.in_line) && patience_lasts(&patience)) {
	}
	console.panicked = true; /* the lock stays as it is: its holder may yet let go of it */
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

static void __printf(2, 0) write_formatted(const char *prefix, const char *fmt, va_list args)
{
	char line[LINE_MAX_BYTES];
	size_t used = strlcpy(line, prefix, sizeof(line));
	int len = vsnprintf(line + used, sizeof(line) - used, fmt, args);

	console_write_line(line, min(used + (size_t)len, sizeof(line) - 1));
}

void printk(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	write_formatted("", fmt, args);
	va_end(args);
}

void warn(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	write_formatted("warning: ", fmt, args);
	va_end(args);
}
