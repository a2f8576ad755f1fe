/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which of a device tree's machinery the kernel uses, decided by the tree alone: interrupt
 * controller, timer, firmware, the other CPUs. The drivers act on it; make check-dtb prints it.
 * irq-safe.
 */
#pragma once

#include <lib/fdt.h>
#include <types.h>

/* Numbers of interrupts are the GIC's INTIDs (IHI 0048B, 2.2.1). */
#define GIC_PRIVATE	 16
#define GIC_SHARED	 32
#define GIC_SHARED_COUNT 448 /* a GIC-400 has up to 480; nobody here needs the last ones */

struct machine_gic {
	fdt_node node; /* negative: none that we know, enabled and with addresses */
	phys_addr_t dist;
	phys_addr_t iface;
};
void machine_gic(const struct fdt *f, struct machine_gic *gic);

/*
 * The index-th interrupt of a device. 0; -ENODEV: it belongs to another controller; -EINVAL: the
 * tree makes no sense; -ENOENT: the device has no such interrupt.
 */
int __must_check machine_irq(const struct fdt *f, fdt_node gic, fdt_node device, u32 index,
			     u32 *irq, bool *edge);

/*
 * Why the generic timer cannot be used, as far as its node and CNTFRQ (hz) say; NULL: *node is it.
 */
const char *machine_timer(const struct fdt *f, u32 hz, fdt_node *node);
/* Which of the node's interrupts is that of the secure world's timer, or of the virtual one. */
#define TIMER_WIRE_SECURE  0
#define TIMER_WIRE_VIRTUAL 2
#define TIMER_WIRE_LOST	   "its interrupt leads nowhere that we know"

struct machine_psci {
	bool by_hvc; /* else by SMC */
	bool old;    /* version 0.1: it only starts CPUs */
	bool starts; /* it says how to start one */
	u32 cpu_on;  /* function number */
};
/* 0; -ENOENT: no enabled node; -EINVAL: its method is neither hvc nor smc. */
int __must_check machine_psci(const struct fdt *f, struct machine_psci *psci);

/* Where the Versatile Express system registers are, if they can be used: 0 or -ENODEV. */
int __must_check machine_vexpress(const struct fdt *f, phys_addr_t *pa);

struct machine_cpu {
	fdt_node node;	    /* FDT_START begins */
	u32 mpidr;	    /* affinity */
	const char *method; /* its enable-method, or that of all; NULL: any will do */
};
#define MACHINE_AFFINITY 0x00ffffffu /* of the MPIDR (ARM DDI 0406C, B4.1.106) */

/* The tree's next CPU that makes sense; false at the end. */
bool machine_next_cpu(const struct fdt *f, struct machine_cpu *cpu);

static inline bool machine_other_cluster(u32 mpidr, u32 other)
{
	return ((mpidr ^ other) & MACHINE_AFFINITY) >> 8 != 0;
}

/*
 * Whether a method of that name may start a CPU whose enable-method is `wanted`. One of another
 * cluster (far) is coherent with us only when the interconnect between the two is told so, which
 * firmware does if it is firmware that starts the CPU: the method says so by `clusters`.
 */
bool machine_method_fits(const char *name, bool clusters, const char *wanted, bool far);
