/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console: whole lines, one at a time, to the UART that the device tree names.
 * kernel/ owns the interface; a UART driver registers itself as a match for compatible
 * strings; which port is chosen is lib/console_find.c's rule.
 */
#pragma once

#include <lib/console_find.h>
#include <types.h>

struct uart_driver {
	/* Prepares the port without touching baud rate or clocks, as the loader left them. */
	void (*init)(void *regs, const struct console_port *port);
	/* Sends one byte, polled. */
	void (*putc)(void *regs, u8 c);
	/* Waits until the last byte has left. */
	void (*drain)(void *regs);
	/*
	 * Takes what was received: a byte, -EAGAIN: nothing, -EIO: a break, or a byte that is
	 * damaged, -EOVERFLOW: bytes were lost.
	 */
	int (*getc)(void *regs);
	/* Whether it interrupts as long as there is something to take. */
	void (*receive_irq)(void *regs, bool on);
};

/* Starts output on a port whose registers are mapped at regs. */
void console_attach(const struct uart_driver *driver, void *regs, const struct console_port *port);

bool console_attached(void);

/* Sends one whole line; adds the line ending. irq-safe, any CPU. */
void console_write_line(const char *line, size_t len);

/*
 * Called for each whole line sent, without its ending, before another one can be sent. What it
 * writes to `next`, and whose length it returns, is sent directly behind; 0: nothing. For
 * checksums. Must not print.
 */
typedef size_t console_tap(const char *line, size_t len, char *next, size_t size);
void console_set_tap(console_tap *tap); /* NULL: nobody */

/*
 * Until the next call these go to the log only: what printk() says, but for machine lines (@), and
 * warn()'s lines. A panic is not held.
 */
void console_hold(bool story, bool warnings);

/* A panic's first step: takes the UART after a bounded wait and starts a fresh line. */
void console_panic_begin(void);

/* Sends text as it is, part of a line: a prompt, an echo. Process context. */
void console_write(const char *text, size_t len);

/*
 * What came in: a byte, -EAGAIN: nothing yet, -EIO: a break or a damaged byte, -EOVERFLOW: bytes
 * were lost here. Any context, with or without interrupts.
 */
int console_try_getc(void);
/* The same, waiting for it: never -EAGAIN. Sleeps where it may, else polls. */
int console_getc(void);

/*
 * From now on input is taken by the port's interrupt, as it comes. 0, or what irq_request() says:
 * it goes on being polled.
 */
int __must_check console_input_start(u32 irq, bool edge);

/* The port, for kernel/console_input.c; *driver is NULL if there is none. */
void *console_hardware(const struct uart_driver **driver);

/* Waits until all is sent, before power-off. */
void console_drain(void);
