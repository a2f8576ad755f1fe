/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words of an image that cannot start: finds the console by the same rule as the
 * kernel and writes to it with the MMU off. Position-independent, like early_tables.c.
 * The only driver that works without an address space, for the only thing said there.
 */
#include "early_print.h"

#include <arch/cpreg.h>
#include <lib/console_find.h>
#include <phys.h>

extern u32 early_error_word;

static void put_char(volatile u8 *uart, char c)
{
	while (*(volatile u32 *)(uart + 0x18) & (1u << 5)) { /* PL011 FR.TXFF */
	}
	*(volatile u32 *)uart = (u8)c;
}

static void put_text(volatile u8 *uart, const char *text)
{
	for (; *text; text++) {
		put_char(uart, *text);
	}
}

static bool find_port(u32 dtb, struct console_port *port)
{
	const void *blob = (const void *)(vaddr_t)dtb;
	struct fdt fdt;
	u32 size;

	if (dtb && fdt_total_size(blob, &size) == 0 && fdt_open(&fdt, blob, size) == 0) {
		fdt_node chosen = fdt_path_node(&fdt, "/chosen");
		const char *bootargs = fdt_prop_string(&fdt, chosen, "bootargs");

		if (console_find(&fdt, bootargs, port) == 0) {
			return true;
		}
	}
	return console_last_resort(read_midr(), cbar_if_arm(), port) == 0;
}

void early_die(u32 dtb, enum early_error error, const char *why)
{
	struct console_port port;

	early_error_word = error;
	if (find_port(dtb, &port) && pa_below_4g(port.pa)) {
		volatile u8 *uart = (volatile u8 *)(vaddr_t)pa_low32(port.pa);

		put_text(uart, "\r\n# interrupted\r\n@panic {\"rule\":\"\",\"text\":\"");
		put_text(uart, why);
		put_text(uart, "\"}\r\n# panic: halt\r\n");
	}
	early_stop(error);
}
