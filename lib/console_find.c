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

/*
 * What a tree calls the UARTs that we know; without reg-shift, registers are 1 << shift apart. The
 * last number: whether it is Synopsys's. The earlier in the list wins, so what is more special
 * stands first. Texts of lists stand one behind the other: as arrays of one length they would be
 * mostly empty.
 */
#define KNOWN(X)                                     \
	X("arm,pl011", UART_PL011, 2, 0)             \
	X("arm,sbsa-uart", UART_PL011, 2, 0)         \
	X("snps,dw-apb-uart", UART_NS16550, 0, 1)    \
	X("nvidia,tegra20-uart", UART_NS16550, 2, 0) \
	X("ti,omap2-uart", UART_NS16550, 2, 0)       \
	X("ti,omap3-uart", UART_NS16550, 2, 0)       \
	X("ti,omap4-uart", UART_NS16550, 2, 0)       \
	X("ti,dra742-uart", UART_NS16550, 2, 0)      \
	X("ns16550a", UART_NS16550, 0, 0)            \
	X("ns16550", UART_NS16550, 0, 0)             \
	X("samsung,exynos4210-uart", UART_SAMSUNG, 2, 0)

#define TEXT(text, ...)	 text "\0"
#define ENTRY(text, ...) { __VA_ARGS__ },

static const char known_texts[] = KNOWN(TEXT);
static const struct {
	u8 kind, shift, dw;
} known[] = { KNOWN(ENTRY) };

/* Its registers as the tree says; false if nobody could access them so. */
static bool read_layout(const struct fdt *f, fdt_node node, struct console_port *port)
{
	u32 shift = port->shift, width = 1;
	int shift_error = fdt_prop_u32(f, node, "reg-shift", &shift);
	int width_error = fdt_prop_u32(f, node, "reg-io-width", &width);

	port->shift = (u8)shift;
	port->width = (u8)width;
	return shift_error != -EINVAL && width_error != -EINVAL && shift <= 4 &&
	       (width == 1 || width == 2 || width == 4) && width <= 1u << shift &&
	       !fdt_prop(f, node, "big-endian", NULL);
}

/* True if node is a UART that we know; fills kind, shift and width. */
static bool uart_known(const struct fdt *f, fdt_node node, struct console_port *port)
{
	const char *text = known_texts;
	u32 len;
	const char *compatible = fdt_prop(f, node, "compatible", &len);

	for (u32 i = 0; compatible && i < ARRAY_SIZE(known); i++, text += strlen(text) + 1) {
		if (fdt_strings_have(compatible, len, text)) {
			port->kind = known[i].kind;
			port->shift = known[i].shift;
			port->dw = known[i].dw;
			port->width = 4;
			return port->kind != UART_NS16550 || read_layout(f, node, port);
		}
	}
	return false;
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
	return uart_known(f, node, port) && fdt_node_enabled(f, node) &&
	       fdt_reg_phys(f, node, 0, &port->pa, &size) == 0 && port->pa < PHYS_END &&
	       pa_is_aligned(port->pa, port->width) &&
	       !fdt_is_memory(f, port->pa); /* a broken tree must not make RAM a device */
}

/* The index-th enabled UART of a kind, UART_NONE: of any that we know, in tree order. */
static bool port_by_order(const struct fdt *f, u32 index, enum uart_kind kind,
			  struct console_port *port)
{
	for (fdt_node node = fdt_next_node(f, FDT_START, NULL); node >= 0;
	     node = fdt_next_node(f, node, NULL)) {
		if (port_from_node(f, node, port) && (kind == UART_NONE || kind == port->kind) &&
		    index-- == 0) {
			return true;
		}
	}
	return false;
}

/* ttyAMA1, ttyS1: alias serial1 if it is of that kind, else the second of its kind. */
static bool port_by_number(const struct fdt *f, u64 index, enum uart_kind kind,
			   struct console_port *port)
{
	char alias[] = "serial0";

	if (index > 9) {
		return false;
	}
	alias[6] = (char)('0' + index);
	return (port_from_node(f, fdt_path_node(f, alias), port) && port->kind == kind) ||
	       port_by_order(f, (u32)index, kind, port);
}

/*
 * What console= and earlycon= may begin with. Behind it: a number, or where a width is given, an
 * address; then perhaps ",options".
 */
#define PREFIXES(X)                               \
	X("ttyAMA", UART_PL011, 0, 0)             \
	X("ttySAC", UART_SAMSUNG, 0, 0)           \
	X("ttyS", UART_NS16550, 0, 0)             \
	X("pl011,", UART_PL011, 2, 4)             \
	X("pl011,mmio32,", UART_PL011, 2, 4)      \
	X("uart8250,mmio,", UART_NS16550, 0, 1)   \
	X("uart8250,mmio32,", UART_NS16550, 2, 4) \
	X("omap8250,", UART_NS16550, 2, 1)        \
	X("exynos4210,", UART_SAMSUNG, 2, 4)

static const char prefix_texts[] = PREFIXES(TEXT);
static const struct {
	u8 kind, shift, width;
} prefixes[] = { PREFIXES(ENTRY) };

static bool port_by_value(const struct fdt *f, struct span value, struct console_port *port)
{
	const char *end = value.s + value.len, *text = prefix_texts;
	size_t len;
	u64 number;

	for (u32 i = 0; i < ARRAY_SIZE(prefixes); i++, text += len + 1) {
		len = strlen(text);
		if (value.len <= len || memcmp(value.s, text, len) != 0 ||
		    parse_u64(value.s + len, end, &number, NULL) < 0) {
			continue;
		}
		if (prefixes[i].width == 0) {
			return port_by_number(f, number, prefixes[i].kind, port);
		}
		port->kind = prefixes[i].kind;
		port->shift = prefixes[i].shift;
		port->dw = false;
		port->width = prefixes[i].width;
		port->node = -ENOENT;
		port->pa = number;
		return number < PHYS_END && pa_is_aligned(number, port->width);
	}
	return false;
}

static bool port_by_argument(const struct fdt *f, const char *bootargs, struct console_port *port)
{
	struct bootarg arg;

	while (bootargs && bootargs_next(&bootargs, &arg)) {
		if (arg.value.s && (span_eq(arg.key, "console") || span_eq(arg.key, "earlycon")) &&
		    port_by_value(f, arg.value, port)) {
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
	} else if (port_by_order(f, 0, UART_NONE, port)) {
		port->source = CONSOLE_FIRST;
	} else {
		return -ENODEV;
	}
	return 0;
}

/* Where the private peripherals are tells the machine; the MIDR that the register exists. */
static const struct {
	u32 cbar;
	u32 uart; /* PL011s, all of them */
} last_resort[] = {
	{ 0x2c000000, 0x1c090000 }, /* Versatile Express, Cortex-A15 tile: DUI 0447 */
	{ 0x1e000000, 0x10009000 }, /* its Cortex-A9 tile, to refuse it aloud */
	{ 0x08000000, 0x09000000 }, /* QEMU virt */
	{ 0xfff10000, 0xfff36000 }, /* Calxeda ECX-2000 */
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
			port->shift = 2;
			port->width = 4;
			port->node = -ENOENT;
			port->pa = last_resort[i].uart;
			return 0;
		}
	}
	return -ENODEV;
}
