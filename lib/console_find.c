/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the console rule: stdout-path, else console= or earlycon=, else alias serial0,
 * else the first enabled UART of a known kind; without a device tree, a table.
 *
 * Runs at any address, with the MMU off too: no static pointers.
 */
#include <lib/console_find.h>

#include <errno.h>
#include <lib/bootargs.h>
#include <lib/string.h>
#include <phys.h>

static enum uart_kind uart_kind(const struct fdt *f, fdt_node node)
{
	if (fdt_is_compatible(f, node, "arm,pl011") ||
	    fdt_is_compatible(f, node, "arm,sbsa-uart")) {
		return UART_PL011;
	}
	return UART_NONE;
}

/* True if node is an enabled UART that we know and can reach; fills *port. */
static bool port_from_node(const struct fdt *f, fdt_node node, struct console_port *port)
{
	phys_addr_t size;

	if (node < 0) {
		return false;
	}
	/* The kind first: whether it is enabled, and where, costs a walk over the tree. */
	port->node = node;
	port->kind = uart_kind(f, node);
	return port->kind != UART_NONE && fdt_node_enabled(f, node) &&
	       fdt_reg_phys(f, node, 0, &port->pa, &size) == 0 && port->pa < PHYS_END &&
	       !fdt_is_memory(f, port->pa); /* a broken tree must not make RAM a device */
}

/* The index-th enabled UART of a known kind, in tree order. */
static bool port_by_order(const struct fdt *f, u32 index, struct console_port *port)
{
	for (fdt_node node = fdt_next_node(f, FDT_START, NULL); node >= 0;
	     node = fdt_next_node(f, node, NULL)) {
		if (port_from_node(f, node, port) && index-- == 0) {
			return true;
		}
	}
	return false;
}

/* console=ttyAMA1[,options]: alias serial1, else the second in tree order. */
static bool port_by_tty(const struct fdt *f, struct span value, struct console_port *port)
{
	const char *digits = value.s + 6;
	char alias[] = "serial0";
	u64 index;

	if (value.len < 7 || strncmp(value.s, "ttyAMA", 6) != 0 ||
	    parse_u64(digits, value.s + value.len, &index, NULL) < 0 || index > 9) {
		return false;
	}
	alias[6] = (char)('0' + index);
	return port_from_node(f, fdt_path_node(f, alias), port) ||
	       port_by_order(f, (u32)index, port);
}

/* earlycon=pl011,[mmio32,]ADDRESS[,options] */
static bool port_by_address(struct span value, struct console_port *port)
{
	const char *end = value.s + value.len;
	const char *p = value.s + 6;
	u64 pa;

	if (value.len < 7 || strncmp(value.s, "pl011,", 6) != 0) {
		return false;
	}
	if ((size_t)(end - p) > 7 && strncmp(p, "mmio32,", 7) == 0) {
		p += 7;
	}
	if (parse_u64(p, end, &pa, NULL) < 0 || pa >= PHYS_END) {
		return false;
	}
	port->kind = UART_PL011;
	port->node = -ENOENT;
	port->pa = pa;
	return true;
}

static bool port_by_argument(const struct fdt *f, const char *bootargs, struct console_port *port)
{
	struct bootarg arg;

	while (bootargs && bootargs_next(&bootargs, &arg)) {
		if (!arg.value.s) {
			continue;
		}
		if ((span_eq(arg.key, "console") && port_by_tty(f, arg.value, port)) ||
		    ((span_eq(arg.key, "earlycon") || span_eq(arg.key, "console")) &&
		     port_by_address(arg.value, port))) {
			return true;
		}
	}
	return false;
}

int console_find(const struct fdt *f, const char *bootargs, struct console_port *port)
{
	if (port_from_node(f, fdt_stdout_node(f, NULL), port)) {
		port->source = CONSOLE_STDOUT_PATH;
	} else if (port_by_argument(f, bootargs, port)) {
		port->source = CONSOLE_ARGUMENT;
	} else if (port_from_node(f, fdt_path_node(f, "serial0"), port)) {
		port->source = CONSOLE_ALIAS;
	} else if (port_by_order(f, 0, port)) {
		port->source = CONSOLE_FIRST;
	} else {
		return -ENODEV;
	}
	return 0;
}

/* Where the private peripherals are tells the machine; the MIDR that the register exists. */
static const struct {
	u32 cbar;
	u32 uart;
} last_resort[] = {
	{ 0x2c000000, 0x1c090000 }, /* Versatile Express, Cortex-A15 tile: DUI 0447 */
	{ 0x1e000000, 0x10009000 }, /* Versatile Express, Cortex-A9 tile, to refuse it aloud */
	{ 0x08000000, 0x09000000 }, /* QEMU virt */
};

int console_last_resort(u32 midr, u32 cbar, struct console_port *port)
{
	if (midr >> 24 != 0x41) {
		return -ENODEV;
	}
	for (u32 i = 0; i < ARRAY_SIZE(last_resort); i++) {
		if (last_resort[i].cbar == cbar) {
			port->kind = UART_PL011;
			port->source = CONSOLE_LAST_RESORT;
			port->node = -ENOENT;
			port->pa = last_resort[i].uart;
			return 0;
		}
	}
	return -ENODEV;
}
