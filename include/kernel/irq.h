/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts: numbers, handlers, and the controller's interface, which a driver implements.
 * Numbers are the GIC's INTIDs: 0-15 software (between CPUs), 16-31 private, 32 on shared.
 *
 * A handler runs with interrupts masked on its CPU's IRQ stack, so handlers never nest; it may
 * open windows, take irq-safe locks, wake threads; it must not sleep. FIQ stays masked.
 */
#pragma once

#include <arch/current.h>
#include <types.h>

#define IRQ_MAX	    480 /* 448 shared ones are enough for all boards here */
#define IRQ_PRIVATE 16	/* the first private one */
#define IRQ_SHARED  32	/* the first shared one */

/*
 * Who uses which software interrupt. Only 0-7: firmware may keep the others for the secure world.
 */
enum irq_software { SGI_CALL, SGI_RESCHED, SGI_STOP, SGI_TEST = 6, SGI_BENCH = 7 };

typedef void irq_handler_fn(u32 irq, void *arg);

/* What drivers/gic.c registers. All irq-safe. */
struct irq_controller {
	const char *name;
	void (*enable)(u32 irq, bool edge); /* a private one: on the calling CPU only */
	void (*disable)(u32 irq);
	u32 (*acknowledge)(void); /* the pending one, to be handed to end(); see IRQ_NUMBER */
	void (*end)(u32 acknowledged);
	void (*send)(u32 cpu_mask, u32 software_irq); /* what was stored before is seen there */
	void (*set_pending)(u32 irq);		      /* as if the device had asked; 16 and up */
	/* Each CPU's own part; masked. False: it gets no interrupts from other CPUs. */
	bool (*cpu_init)(void);
	/* To all but the caller, also those that never ran here. */
	void (*send_all)(u32 software_irq);
	/*
	 * Before another kernel is entered, masked: nothing is enabled, pending or in service here.
	 * The last CPU: anywhere; others, in SGI_STOP's handler: but software interrupts, which end
	 * a wfi.
	 */
	void (*leave)(bool last);
};

/* An acknowledged word's number, and whether that means "none was pending". */
#define IRQ_NUMBER(acknowledged)  ((acknowledged)&0x3ffu)
#define IRQ_IS_NONE(acknowledged) (IRQ_NUMBER(acknowledged) >= 1020)

/* Boot, once, after vmalloc_init(). */
void irq_controller_register(const struct irq_controller *controller);
/* NULL: none, everything is polled. */
const struct irq_controller *irq_controller(void);
static inline bool irq_controller_present(void)
{
	return irq_controller() != NULL;
}

/*
 * What a CPU needs before it takes interrupts: its stack and its counters. Process context on any
 * CPU that runs already. -ENOMEM.
 */
int __must_check irq_prepare_cpu(u32 cpu);
/*
 * On that CPU, with interrupts masked, after its vectors and its current thread are set: the
 * stack, the controller's part, and the private interrupts that have handlers. The caller
 * unmasks then.
 */
void irq_start_cpu(void);
/* Whether other CPUs' software interrupts reach this one: if not, they are the secure world's. */
bool irq_reaches_us(void);

/*
 * Sets the handler and enables: a private or software interrupt on every CPU that is started
 * later and on the caller's, a shared one at the boot CPU. Process context. -EBUSY: taken;
 * -EINVAL: no such number; -ENODEV: no controller; -ENOMEM.
 */
int __must_check irq_request(u32 irq, irq_handler_fn *handler, void *arg, bool edge,
			     const char *name);
/* Disables; when it returns the handler runs nowhere and will not again. Not from a handler. */
void irq_free(u32 irq);

/* arch calls this with interrupts masked, on the IRQ stack; handles all that is pending. */
void irq_dispatch(void);

/* True inside a handler on this CPU. */
static inline bool in_irq(void)
{
	return (current_core()->atomic & ATOMIC_IRQ) != 0;
}

struct irq_info {
	const char *name; /* a null one if nobody asked for it */
	u32 count[8];	  /* per CPU */
};
/* False: the number is out of range. Any context. */
bool irq_query(u32 irq, struct irq_info *info);
/* How often a CPU was interrupted and nothing was pending; of all CPUs. */
u32 irq_spurious_count(void);
