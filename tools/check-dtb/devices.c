/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts, timer, the other CPUs and firmware, by lib/machine.c. */
#include <stdio.h>

#include "report.h"

#include <config.h>
#include <errno.h>
#include <lib/machine.h>
#include <lib/printf.h>
#include <lib/string.h>

static const char *compatible_of(const struct fdt *f, fdt_node node)
{
	const char *text = fdt_prop_string(f, node, "compatible");

	return text ? text : "no compatible";
}

/* ---- interrupt controller and timer ---- */

static void report_gic(const struct fdt *f, const struct machine_gic *gic)
{
	u32 phandle;

	json_open("gic", '{');
	if (gic->node >= 0) {
		json_text("compatible", compatible_of(f, gic->node));
		json_text("node", node_path(f, gic->node));
		json_number("distributor", gic->dist);
		json_number("interface", gic->iface);
	} else {
		json_text("compatible", NULL);
		remark(REMARK_UNSUPPORTED,
		       "no interrupt controller that we know (the root's "
		       "interrupt-parent is %s): all is polled, one CPU runs",
		       fdt_prop_u32(f, fdt_root(f), "interrupt-parent", &phandle) == 0 ?
			       compatible_of(f, fdt_by_phandle(f, phandle)) :
			       "not there");
	}
	json_close();
}

/* INTID of one of the timer's wires, 0: it leads nowhere. */
static u32 wire(const struct fdt *f, const struct machine_gic *gic, fdt_node node, u32 index)
{
	u32 irq;
	bool edge;

	return gic->node >= 0 && machine_irq(f, gic->node, node, index, &irq, &edge) == 0 ? irq : 0;
}

/* What the tree says of the firmware that should have set CNTFRQ. */
static void note_frequency(const struct fdt *f, fdt_node node)
{
	u32 hz;

	if (fdt_prop_u32(f, node, "clock-frequency", &hz) == 0) {
		remark(REMARK_NOTE,
		       "the timer's node has clock-frequency %u, which says that CNTFRQ "
		       "is perhaps not set: then waiting polls",
		       hz);
	}
	if (fdt_prop(f, node, "arm,cpu-registers-not-fw-configured", NULL)) {
		remark(REMARK_NOTE,
		       "the timer's node says that firmware does not set the timer up: "
		       "CNTFRQ is perhaps 0, then waiting polls");
	}
}

static void report_timer(const struct fdt *f, const struct machine_gic *gic)
{
	fdt_node node;
	const char *why = machine_timer(f, UINT32_MAX, &node);
	u32 secure = wire(f, gic, node, TIMER_WIRE_SECURE);
	u32 virtual = wire(f, gic, node, TIMER_WIRE_VIRTUAL);

	if (!why && !secure && !virtual) {
		why = TIMER_WIRE_LOST;
	}
	json_open("timer", '{');
	json_bool("used", !why);
	json_text("why_not", why);
	if (why) {
		remark(REMARK_UNSUPPORTED, "timer: %s: nothing is preempted, waiting polls", why);
	} else {
		json_number("secure_irq", secure);
		json_number("virtual_irq", virtual);
		if (!secure || !virtual) {
			remark(REMARK_UNSUPPORTED, "timer: entered %s %s: waiting polls",
			       secure ? "non-secure or in HYP" : "secure", TIMER_WIRE_LOST);
		}
		note_frequency(f, node);
	}
	json_close();
}

void report_interrupts(const struct request *r)
{
	struct machine_gic gic;

	machine_gic(r->f, &gic);
	report_gic(r->f, &gic);
	report_timer(r->f, &gic);
}

/* ---- CPUs ---- */

/* What firmware and board offer, in the order in which the drivers register. */
struct methods {
	bool psci, vexpress;
	struct machine_psci firmware;
};

static bool method_starts(bool there, const char *name, bool clusters, const char *wanted, bool far)
{
	return there && machine_method_fits(name, clusters, wanted, far);
}

/* How a CPU would be started; NULL: not, and *why. */
static const char *start_of(const struct methods *m, const struct machine_cpu *cpu, bool far,
			    const char **why)
{
	if (method_starts(m->psci, "psci", true, cpu->method, far)) {
		return m->firmware.by_hvc ? "psci by hvc" : "psci by smc";
	}
	if (method_starts(m->vexpress, "arm,vexpress", false, cpu->method, far)) {
		return "arm,vexpress";
	}
	*why = far	   ? "another cluster's is firmware's to start, by PSCI" :
	       cpu->method ? "its enable-method is not one that we can use here" :
			     "no enable-method, and neither PSCI nor Versatile Express registers: "
			     "it runs only if it comes to the image's entry by itself";
	return NULL;
}

/* What is known of the CPUs of 32-bit trees: whether they have long descriptors. */
static const struct {
	const char *compatible;
	bool lpae;
} parts[] = {
	{ "arm,cortex-a7", true },  { "arm,cortex-a12", true },	 { "arm,cortex-a15", true },
	{ "arm,cortex-a17", true }, { "brcm,brahma-b15", true }, { "arm,cortex-a5", false },
	{ "arm,cortex-a8", false }, { "arm,cortex-a9", false },	 { "arm,arm1176jzf-s", false },
	{ "qcom,krait", false },    { "qcom,scorpion", false },	 { "marvell,pj4b", false },
};

static void check_boot_cpu(const struct fdt *f, const struct machine_cpu *cpu)
{
	for (u32 i = 0; i < ARRAY_SIZE(parts); i++) {
		if (fdt_is_compatible(f, cpu->node, parts[i].compatible)) {
			if (!parts[i].lpae) {
				remark(REMARK_FATAL, "%s has no LPAE (long page-table descriptors)",
				       parts[i].compatible);
			}
			return;
		}
	}
	remark(REMARK_NOTE, "%s: whether it has LPAE is not known here",
	       compatible_of(f, cpu->node));
}

static void report_cpu(const struct fdt *f, const struct machine_cpu *cpu, const char *start,
		       const char *why)
{
	json_open(NULL, '{');
	json_number("mpidr", cpu->mpidr);
	json_text("compatible", compatible_of(f, cpu->node));
	json_text("enable_method", cpu->method);
	json_text("start", start);
	json_text("why_not", start ? NULL : why);
	json_close();
}

/* CPUs that would not run, by reason. */
struct left_out {
	u32 count;
	struct {
		const char *why;
		char cpus[64];
	} reason[8];
};

static void leave_out(struct left_out *left, u32 mpidr, const char *why)
{
	u32 i = 0;
	size_t used;

	while (i < left->count && left->reason[i].why != why) {
		i++;
	}
	if (i == ARRAY_SIZE(left->reason)) {
		return;
	}
	left->count = max(left->count, i + 1);
	left->reason[i].why = why;
	used = strlen(left->reason[i].cpus);
	snprintf(left->reason[i].cpus + used, sizeof(left->reason[i].cpus) - used, " %x", mpidr);
}

static void say_left_out(const struct left_out *left)
{
	for (u32 i = 0; i < left->count; i++) {
		remark(REMARK_UNSUPPORTED, "CPU%s: %s", left->reason[i].cpus, left->reason[i].why);
	}
}

/* The first that the tree names is taken for the one that boots. */
static void report_cpu_list(const struct request *r, const struct methods *m)
{
	struct machine_cpu cpu = { .node = FDT_START };
	u32 boot = 0, named = 0, most = min(r->args.maxcpus, (u32)NR_CPUS), run = 0;
	struct left_out left = { .count = 0 };
	struct machine_gic gic;

	machine_gic(r->f, &gic);
	json_open("cpus", '[');
	while (machine_next_cpu(r->f, &cpu)) {
		const char *start = NULL, *why = NULL;

		if (named++ == 0) {
			boot = cpu.mpidr;
			start = "boots";
			check_boot_cpu(r->f, &cpu);
		} else if (gic.node < 0) {
			why = "no interrupts between CPUs";
		} else if (named > most) {
			why = r->args.maxcpus < NR_CPUS ? "maxcpus=" : "more than the kernel takes";
		} else {
			start = start_of(m, &cpu, machine_other_cluster(cpu.mpidr, boot), &why);
		}
		run += start != NULL;
		report_cpu(r->f, &cpu, start, why);
		if (!start) {
			leave_out(&left, cpu.mpidr, why);
		}
	}
	json_close();
	say_left_out(&left);
	json_number("cpus_run", max(run, 1u));
	if (named == 0) {
		remark(REMARK_UNSUPPORTED, "the tree names no CPU that makes sense: one runs");
	}
}

static void report_psci(int error, const struct machine_psci *psci)
{
	json_open("psci", '{');
	json_text("version", error ? NULL : psci->old ? "0.1" : "0.2 or later");
	if (error == 0) {
		json_text("by", psci->by_hvc ? "hvc" : "smc");
		json_bool("starts_cpus", psci->starts);
		json_bool("switches_off", !psci->old);
		if (psci->by_hvc) {
			remark(REMARK_NOTE,
			       "PSCI by hvc: not used if the kernel is entered in HYP");
		}
	} else if (error == -EINVAL) {
		remark(REMARK_UNSUPPORTED, "psci: method is neither hvc nor smc: not used");
	}
	json_close();
}

void report_cpus(const struct request *r)
{
	struct methods m;
	phys_addr_t regs;
	int error = machine_psci(r->f, &m.firmware);

	m.psci = error == 0 && m.firmware.starts;
	m.vexpress = machine_vexpress(r->f, &regs) == 0;
	report_cpu_list(r, &m);
	report_psci(error, &m.firmware);
	json_text("power", m.vexpress			 ? "arm,vexpress" :
			   error == 0 && !m.firmware.old ? "psci" :
							   NULL);
	if (!m.vexpress && (error || m.firmware.old)) {
		remark(REMARK_UNSUPPORTED,
		       "nothing that we know switches it off or resets it: it waits at the end");
	}
}

/* ---- what else could matter ---- */

static bool name_begins(const char *name, const char *with)
{
	return strncmp(name, with, strlen(with)) == 0;
}

static void check_watchdog(const struct fdt *f, fdt_node node)
{
	const char *name = fdt_node_name(f, node);

	if ((name_begins(name, "watchdog") || name_begins(name, "wdt")) &&
	    fdt_prop(f, node, "compatible", NULL) && fdt_node_enabled(f, node) &&
	    !fdt_is_compatible(f, node, "arm,sp805")) {
		remark(REMARK_UNSUPPORTED,
		       "watchdog %s (%s): if the loader leaves it running, nobody serves or stops it",
		       node_path(f, node), compatible_of(f, node));
	}
}

static void name_words(const struct bootargs_rejects *rejects, const char *what)
{
	for (u32 i = 0; i < min(rejects->count, (u32)BOOTARGS_MAX_NAMED); i++) {
		remark(REMARK_NOTE, "boot argument \"%.*s\" %s", SPAN_ARG(rejects->first[i]), what);
	}
}

void report_rest(const struct request *r)
{
	for (fdt_node node = fdt_next_node(r->f, FDT_START, NULL); node >= 0;
	     node = fdt_next_node(r->f, node, NULL)) {
		check_watchdog(r->f, node);
	}
	name_words(&r->args.unknown, "is unknown");
	name_words(&r->args.bad, "has no sense: ignored");
	name_words(&r->args.mem_dropped, "is one mem= too many");
}
