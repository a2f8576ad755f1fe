/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words of an image that cannot start: finds the console by the same rule as the
 * kernel and writes to it with the MMU off. Position-independent, like early_tables.c.
 * The only driver that works without an address space, for the only thing said there: it sends
 * on any of the UARTs, set up or not, and knows nothing else of them.
 */
#include "early_print.h"

#include <arch/cpreg.h>
#include <arch/io.h>
#include <lib/console_find.h>
#include <phys.h>

extern u32 early_error_word;

/* How each kind takes a byte: when a bit of its status register has this value. */
static const struct {
	u8 status, data; /* registers, by number */
	u8 bit, value;
} senders[] = {
	[UART_PL011] = { 6, 0, 5, 0 },	 /* FR.TXFF */
	[UART_NS16550] = { 5, 0, 5, 1 }, /* LSR.THRE */
	[UART_SAMSUNG] = { 4, 8, 2, 1 }, /* UTRSTAT: empty, with and without FIFO */
};

static void put_text(const struct console_port *port, const char *text)
{
	volatile u8 *uart = (volatile u8 *)(vaddr_t)pa_low32(port->pa);
	volatile u8 *status = uart + (senders[port->kind].status << port->shift);
	volatile u8 *data = uart + (senders[port->kind].data << port->shift);

	for (; *text; text++) {
		while ((io_read(status, port->width) >> senders[port->kind].bit & 1) !=
		       senders[port->kind].value) {
		}
		io_write(data, port->width, (u8)*text);
	}
}

bool early_tree(u32 dtb, struct fdt *fdt)
{
	const void *blob = (const void *)(vaddr_t)dtb;
	u32 size;

	return dtb && fdt_total_size(blob, &size) == 0 && fdt_open(fdt, blob, size) == 0;
}

static bool find_port(u32 dtb, struct console_port *port)
{
	struct fdt fdt;

	if (early_tree(dtb, &fdt)) {
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
		put_text(&port, "\r\n# interrupted\r\n@panic {\"rule\":\"\",\"text\":\"");
		put_text(&port, why);
		put_text(&port, "\"}\r\n# panic: halt\r\n");
	}
	early_stop(error);
}
