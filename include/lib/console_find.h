/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which UART is the console: one rule for every board, from the device tree and the
 * command line (docs/serial-protocol.md). Pure and position-independent: also used with
 * the MMU off, to say why it stays off.
 */
#pragma once

#include <lib/fdt.h>
#include <types.h>

enum uart_kind { UART_NONE, UART_PL011, UART_NS16550, UART_SAMSUNG };

enum console_source {
	CONSOLE_STDOUT_PATH,
	CONSOLE_ARGUMENT, /* console= or earlycon= */
	CONSOLE_ALIAS,	  /* serial0 */
	CONSOLE_FIRST,	  /* the first enabled one: said aloud */
	CONSOLE_LAST_RESORT,
};

struct console_port {
	enum uart_kind kind;
	enum console_source source;
	u8 shift; /* register n is at n << shift */
	bool dw;  /* Synopsys's 16550, with its own quirks */
	u8 width; /* of each access, in bytes: 1, 2 or 4, never more than 1 << shift */
	phys_addr_t pa;
	fdt_node node; /* negative: not from the tree */
};

/* 0, or -ENODEV: no UART that we know can be found. bootargs may be NULL. irq-safe. */
int console_find(const struct fdt *f, const char *bootargs, struct console_port *port) __must_check;

/*
 * Without a usable device tree: the few machines whose console can be told from the CPU's
 * MIDR and CBAR. The only board addresses compiled in. -ENODEV: unknown.
 */
int console_last_resort(u32 midr, u32 cbar, struct console_port *port) __must_check;
