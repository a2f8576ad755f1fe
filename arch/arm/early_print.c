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

/* How each kind takes a byte: when the bit of its status register has this value. */
struct sender {
	u8 status, data; /* by number */
	u8 bit, value;
};

static struct sender sender_of(enum uart_kind kind)
{
	switch (kind) {
	case UART_NS16550:
		return (struct sender){ 5, 0, 5, 1 }; /* LSR.THRE */
	case UART_SAMSUNG:
		return (struct sender){ 4, 8, 2, 1 }; /* UTRSTAT: empty, with and without FIFO */
	default:
		return (struct sender){ 6, 0, 5, 0 }; /* PL011 FR.TXFF */
	}
}

static void put_text(const struct console_port *port, const char *text)
{
	struct sender sender = sender_of(port->kind);
	volatile u8 *uart = (volatile u8 *)(vaddr_t)pa_low32(port->pa);
	volatile u8 *status = uart + (sender.status << port->shift);

	for (; *text; text++) {
		while ((io_read(status, port->width) >> sender.bit & 1) != sender.value) {
		}
		io_write(uart + (sender.data << port->shift), port->width, (u8)*text);
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
		put_text(&port, "\r\n# interrupted\r\n@panic {\"rule\":\"\",\"text\":\"");
		put_text(&port, why);
		put_text(&port, "\"}\r\n# panic: halt\r\n");
	}
	early_stop(error);
}
