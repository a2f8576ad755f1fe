/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ARM Generic Interrupt Controller, version 2 (IHI 0048B, chapter 4). Owns its registers and which
 * CPU is which of its interfaces.
 *
 * We stay in the world that we were entered in. A secure kernel makes every interrupt group
 * 0, which reaches it as IRQ since FIQEn stays off; a non-secure one sees group 1 alone, and
 * its writes to the group registers are ignored. So both do the same, and the enable bits
 * of each world's view are the same bits.
 *
 * No locks: kernel/irq.c serializes what changes an interrupt; words of other interrupts are set
 * and cleared by writing ones.
 */
#include <drivers/gic.h>

#include <arch/barrier.h>
#include <arch/io.h>
#include <errno.h>
#include <kernel/irq.h>
#include <lib/machine.h>
#include <mm/vmalloc.h>
#include <printk.h>

#define GICD_CTLR	  0x000
#define GICD_TYPER	  0x004
#define GICD_IGROUPR(n)	  (0x080 + 4 * (n))
#define GICD_ISENABLER(n) (0x100 + 4 * (n))
#define GICD_ICENABLER(n) (0x180 + 4 * (n))
#define GICD_ISPENDR(n)	  (0x200 + 4 * (n))
#define GICD_ICPENDR(n)	  (0x280 + 4 * (n))
#define GICD_ICACTIVER(n) (0x380 + 4 * (n))
#define GICD_IPRIORITYR	  0x400 /* a byte each, as is the next */
#define GICD_ITARGETSR	  0x800
#define GICD_ICFGR(n)	  (0xc00 + 4 * (n))
#define GICD_SGIR	  0xf00
#define GICD_CPENDSGIR(n) (0xf10 + 4 * (n))

#define GICC_CTLR   0x00
#define GICC_PMR    0x04
#define GICC_BPR    0x08
#define GICC_IAR    0x0c
#define GICC_EOIR   0x10
#define GICC_APR(n) (0xd0 + 4 * (n))

#define CTLR_ENABLE  1u
#define CTLR_BYPASS  0x1e0u /* what becomes of signals while the interface is off: the firmware's */
#define PRIORITY     0xa0a0a0a0u /* one for all, in both worlds' views above the mask */
#define PRIORITY_ALL 0xf0u
#define GIC_CPUS     8

#define SGIR_ALL_OTHERS (1u << 24)

STATIC_ASSERT(GIC_PRIVATE == IRQ_PRIVATE && GIC_SHARED == IRQ_SHARED &&
	      GIC_SHARED + GIC_SHARED_COUNT == IRQ_MAX);

static u8 *dist, *iface;
static fdt_node gic_node = -ENODEV;
static u8 interface_of[GIC_CPUS]; /* a bit: logical CPU to interface; each CPU writes its own */

static void dist_write(u32 offset, u32 value)
{
	io_write32(dist + offset, value);
}

static void irq_bit_write(u32 bank, u32 irq)
{
	dist_write(bank + irq / 32 * 4, 1u << (irq % 32));
}

static void gic_disable(u32 irq)
{
	irq_bit_write(GICD_ICENABLER(0), irq);
}

static void gic_enable(u32 irq, bool edge)
{
	dsb_ishst(); /* whose it is, before it can be taken, here or elsewhere */
	if (irq >= IRQ_PRIVATE) {
		u32 config = GICD_ICFGR(irq / 16), bit = 2u << (irq % 16 * 2);
		u32 old = io_read32(dist + config);

		gic_disable(irq); /* or its kind must not change (4.3.13) */
		dist_write(config, edge ? old | bit : old & ~bit);
	}
	irq_bit_write(GICD_ISENABLER(0), irq);
}

static void gic_set_pending(u32 irq)
{
	dsb_ishst(); /* what was stored for its handler, before it runs */
	irq_bit_write(GICD_ISPENDR(0), irq);
}

static u32 gic_acknowledge(void)
{
	u32 word = io_read32(iface + GICC_IAR);

	dmb_ish(); /* the interrupt, before what its sender stored is read */
	return word;
}

static void gic_end(u32 word)
{
	io_write32(iface + GICC_EOIR, word);
}

static void gic_send(u32 cpu_mask, u32 irq)
{
	u32 targets = 0;

	for (; cpu_mask; cpu_mask &= cpu_mask - 1) {
		targets |= interface_of[__builtin_ctz(cpu_mask)];
	}
	dsb_ishst(); /* what was stored for the others, before they are told */
	dist_write(GICD_SGIR, targets << 16 | irq);
}

/* Also to CPUs whose interface we cannot know yet. */
static void gic_send_all(u32 irq)
{
	dsb_ishst(); /* what was stored for the others, before they are told */
	dist_write(GICD_SGIR, SGIR_ALL_OTHERS | irq);
}

/* The calling CPU's interface, as a bit; a distributor for one CPU reads 0. */
static u32 own_interface(void)
{
	u32 targets = io_read32(dist + GICD_ITARGETSR);

	return targets & 0xff ? targets & 0xff : 1;
}

/* 32 interrupts from first on: off, not pending, not active, our world's group. */
static void quiesce(u32 first)
{
	u32 word = first / 32;

	dist_write(GICD_ICENABLER(word), ~0u);
	dist_write(GICD_ICPENDR(word), ~0u);
	dist_write(GICD_ICACTIVER(word), ~0u);
	dist_write(GICD_IGROUPR(word), 0);
	for (u32 i = first; i < first + 32; i += 4) {
		dist_write(GICD_IPRIORITYR + i, PRIORITY);
	}
}

/* The software interrupts that we use: firmware may keep them for the secure world (4.3.5). */
#define SGI_OURS ((1u << SGI_CALL) | (1u << SGI_RESCHED) | (1u << SGI_STOP))

static bool gic_cpu_init(void)
{
	interface_of[current_core()->cpu] = (u8)own_interface();
	quiesce(0);
	for (u32 i = 0; i < 4; i++) {
		dist_write(GICD_CPENDSGIR(i), ~0u); /* the one that started us, perhaps */
		io_write32(iface + GICC_APR(i), 0); /* nor is one in service from before */
	}
	dist_write(GICD_ISENABLER(0), 0xffff);
	io_write32(iface + GICC_BPR, 0);
	io_write32(iface + GICC_PMR, PRIORITY_ALL);
	io_write32(iface + GICC_CTLR, (io_read32(iface + GICC_CTLR) & CTLR_BYPASS) | CTLR_ENABLE);
	dsb_sy(); /* all of it, before another CPU learns that this one takes interrupts */
	return (io_read32(dist + GICD_ISENABLER(0)) & SGI_OURS) == SGI_OURS;
}

static void distributor_init(void)
{
	u32 lines = ((io_read32(dist + GICD_TYPER) & 0x1f) + 1) * 32;
	u32 target = own_interface() * 0x01010101u; /* shared ones: all to the boot CPU */

	dist_write(GICD_CTLR, 0);
	for (u32 first = IRQ_SHARED; first < lines; first += 32) {
		quiesce(first);
		for (u32 i = first; i < first + 32; i += 4) {
			dist_write(GICD_ITARGETSR + i, target);
		}
	}
	dist_write(GICD_CTLR, CTLR_ENABLE);
}

static void gic_leave(bool last)
{
	if (!last) { /* the boot CPU sent it: the word that GICC_IAR gave (4.4.4) */
		gic_end(SGI_STOP | (u32)__builtin_ctz(interface_of[0]) << 10);
		gic_cpu_init();
		return;
	}
	distributor_init();
	dist_write(GICD_CTLR, 0);
	quiesce(0);
	io_write32(iface + GICC_CTLR, io_read32(iface + GICC_CTLR) & CTLR_BYPASS);
}

static const struct irq_controller gic_controller = {
	"GICv2",  gic_enable,	   gic_disable,	 gic_acknowledge, gic_end,
	gic_send, gic_set_pending, gic_cpu_init, gic_send_all,	  gic_leave,
};

void gic_init(const struct fdt *f)
{
	struct machine_gic found;

	machine_gic(f, &found);
	if (found.node >= 0) {
		dist = ioremap(found.dist, PAGE_SIZE);
		iface = ioremap(found.iface, PAGE_SIZE);
		if (dist && iface) {
			gic_node = found.node;
			distributor_init();
			irq_controller_register(&gic_controller);
			return;
		}
	}
	printk("irq: no interrupt controller that we know: all is polled");
}

int irq_from_tree(const struct fdt *f, fdt_node node, u32 index, u32 *irq, bool *edge)
{
	return machine_irq(f, gic_node, node, index, irq, edge);
}
