/* SPDX-License-Identifier: BSD-2-Clause */
/* Which UART would speak, by lib/console_find.c, and what is wrong with those that would not. */
#include <stdio.h>

#include "report.h"

#include <lib/console_find.h>
#include <lib/machine.h>
#include <lib/string.h>
#include <phys.h>

/* Where a Cortex-A7, A15 or A17 has its GIC, by which the last resort knows the machine. */
#define GIC_IN_PERIPHERALS 0x1000
#define MIDR_CORTEX_A15	   0x410fc0f0u

static const char *const drivers[] = { "none", "pl011", "ns16550", "samsung" };
static const char *const sources[] = { "stdout-path", "argument", "alias", "first", "last resort" };

/* Why the kernel passed over a node that something names as the console. */
static const char *reason(const struct fdt *f, fdt_node node)
{
	phys_addr_t pa, size;

	if (!fdt_node_enabled(f, node)) {
		return "it is disabled";
	}
	if (fdt_reg_phys(f, node, 0, &pa, &size) < 0) {
		return "its address cannot be translated";
	}
	if (fdt_is_memory(f, pa)) {
		return "it lies in RAM";
	}
	return "there is no driver for it, or its registers make no sense";
}

static void say_why_not(const struct fdt *f, const char *what, fdt_node node)
{
	const char *compatible = fdt_prop_string(f, node, "compatible");

	if (node >= 0) {
		remark(REMARK_UNSUPPORTED, "%s: %s (%s): %s", what, node_path(f, node),
		       compatible ? compatible : "no compatible", reason(f, node));
	}
}

static void say_others(const struct request *r, bool found, const struct console_port *port)
{
	const struct fdt *f = r->f;
	const char *path = fdt_prop_string(f, fdt_path_node(f, "/chosen"), "stdout-path");
	fdt_node node = fdt_stdout_node(f, NULL);

	if (found && port->source == CONSOLE_STDOUT_PATH) {
		return;
	}
	if (path && node < 0) {
		remark(REMARK_UNSUPPORTED, "stdout-path \"%s\" names no node", path);
	}
	say_why_not(f, "stdout-path", node);
	if (!found || port->source == CONSOLE_FIRST) {
		say_why_not(f, "alias serial0", fdt_path_node(f, "serial0"));
	}
}

/* Without one in the tree: what the CPU would tell, guessed from where the GIC is. */
static bool last_resort(const struct fdt *f, struct console_port *port)
{
	struct machine_gic gic;

	machine_gic(f, &gic);
	return gic.node >= 0 && pa_below_4g(gic.dist) &&
	       console_last_resort(MIDR_CORTEX_A15, pa_low32(gic.dist) - GIC_IN_PERIPHERALS,
				   port) == 0;
}

static void report_input(const struct fdt *f, const struct console_port *port)
{
	struct machine_gic gic;
	u32 irq;
	bool edge;

	machine_gic(f, &gic);
	if (gic.node >= 0 && machine_irq(f, gic.node, port->node, 0, &irq, &edge) == 0) {
		json_number("irq", irq);
		return;
	}
	json_text("irq", NULL);
	remark(REMARK_UNSUPPORTED,
	       "the console's interrupt leads nowhere that we know: input is polled");
}

static void report_port(const struct fdt *f, const struct console_port *port)
{
	const char *compatible = fdt_prop_string(f, port->node, "compatible");

	json_text("driver", drivers[port->kind]);
	json_text("source", sources[port->source]);
	json_text("node", port->node >= 0 ? node_path(f, port->node) : NULL);
	json_text("compatible", compatible);
	json_number("address", port->pa);
	json_number("shift", port->shift);
	json_number("width", port->width);
	report_input(f, port);
	if (port->kind == UART_SAMSUNG) {
		remark(REMARK_NOTE, "the driver of Samsung's UART has never run with the kernel");
	}
	if (port->source == CONSOLE_FIRST) {
		remark(REMARK_NOTE, "no stdout-path, console= or serial0 that can be used: "
				    "the first UART that we know is the console");
	}
}

void report_console(const struct request *r)
{
	struct console_port port;
	bool found = console_find(r->f, r->bootargs, &port) == 0;

	say_others(r, found, &port);
	json_open("console", '{');
	if (found) {
		report_port(r->f, &port);
	} else if (last_resort(r->f, &port)) {
		report_port(r->f, &port);
		remark(REMARK_UNSUPPORTED, "no console in the tree: the last resort, if CBAR is "
					   "where the tree's GIC suggests");
	} else {
		json_text("driver", NULL);
		remark(REMARK_FATAL, "no console: no UART that we know, and no last resort for "
				     "this machine: stops with the code \"CONS\" at image + 0x40");
	}
	json_close();
}
