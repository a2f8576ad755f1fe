/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns which handler an interrupt has, what each CPU counts, and the IRQ stacks. Must never
 * let an interrupt that nobody handles come twice: it is disabled and named.
 *
 * Locks: irq.lock, for changes of the table only; irq-safe, nothing is taken inside but the
 * console's. Handlers are found without it.
 */
#include <kernel/irq.h>

#include <arch/atomic.h>
#include <arch/spinlock.h>
#include <arch/trap.h>
#include <bug.h>
#include <errno.h>
#include <kernel/time.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>
#include <printk.h>

#define IRQ_NONE UINT32_MAX

/* More of them in one go than any device asks for: it is not listening to its handler. */
#define STORM_MAX 10000

struct irq_action {
	irq_handler_fn *handler;
	void *arg;
	const char *name;
	bool edge;
};

/* Written by its CPU alone; whoever asks reads it. */
struct irq_cpu {
	u32 running;	/* whose handler runs, or IRQ_NONE */
	bool reachable; /* by other CPUs; constant once it runs */
	u32 spurious;
	void *stack;
	u32 count[IRQ_MAX];
};

static struct {
	const struct irq_controller *controller;
	struct irq_cpu *cpu[NR_CPUS]; /* set once, before the CPU takes interrupts */
	struct irq_action **action;   /* of IRQ_MAX; stores guarded by lock */
	spinlock_t lock;
} irq = { .lock = SPINLOCK_RANKED(LOCK_RANK_DEVICE) };

const struct irq_controller *irq_controller(void)
{
	return irq.controller;
}

void irq_controller_register(const struct irq_controller *controller)
{
	irq.controller = controller;
}

/* ---- each CPU's part ---- */

int irq_prepare_cpu(u32 cpu)
{
	struct irq_cpu *c;

	if (irq.cpu[cpu]) {
		return 0;
	}
	if (!irq.action) { /* the boot CPU's turn */
		irq.action = kzalloc(IRQ_MAX * sizeof(*irq.action));
	}
	c = kzalloc(sizeof(*c));
	if (!c || !irq.action) {
		kfree(c);
		return -ENOMEM;
	}
	/* What ends below it is a guard: of the area before, or of the whole vmalloc area. */
	c->stack = vmalloc(IRQ_STACK_SIZE);
	if (!c->stack) {
		kfree(c);
		return -ENOMEM;
	}
	c->running = IRQ_NONE;
	WRITE_ONCE(irq.cpu[cpu], c);
	return 0;
}

void irq_start_cpu(void)
{
	struct irq_cpu *c = irq.cpu[current_core()->cpu];
	const struct irq_controller *controller = irq.controller;

	trap_set_irq_stack(c->stack + IRQ_STACK_SIZE);
	if (!controller) {
		return;
	}
	time_alarm_us(UINT64_MAX); /* firmware's, perhaps */
	c->reachable = controller->cpu_init();
	for (u32 i = 0; i < IRQ_SHARED; i++) {
		if (irq.action[i]) {
			controller->enable(i, irq.action[i]->edge);
		}
	}
}

bool irq_reaches_us(void)
{
	return irq.cpu[current_core()->cpu]->reachable;
}

/* ---- handlers ---- */

/* A handler's locks are not ordered after those of whoever it interrupted. */
#if CONFIG_DEBUG
static u32 locks_aside(struct thread_core *core)
{
	u32 held = core->locks_held;

	core->locks_held = 0;
	return held;
}

static void locks_back(struct thread_core *core, u32 held)
{
	core->locks_held = held;
}
#else
static u32 locks_aside(__unused struct thread_core *core)
{
	return 0;
}

static void locks_back(__unused struct thread_core *core, __unused u32 held)
{
}
#endif

static int action_set(u32 number, struct irq_action *action)
{
	u32 flags = spin_lock_irqsave(&irq.lock);
	int error = -EBUSY;

	if (!irq.action[number]) {
		dmb_ishst(); /* what it says, before another CPU finds it */
		WRITE_ONCE(irq.action[number], action);
		irq.controller->enable(number, action->edge);
		error = 0;
	}
	spin_unlock_irqrestore(&irq.lock, flags);
	return error;
}

int irq_request(u32 number, irq_handler_fn *handler, void *arg, bool edge, const char *name)
{
	struct irq_action *action;
	int error;

	if (!irq.controller) {
		return -ENODEV;
	}
	if (number >= IRQ_MAX) {
		return -EINVAL;
	}
	action = kmalloc(sizeof(*action));
	if (!action) {
		return -ENOMEM;
	}
	*action = (struct irq_action){ handler, arg, name, edge };
	error = action_set(number, action);
	if (error) {
		kfree(action);
	}
	return error;
}

static bool runs_somewhere(u32 number)
{
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		struct irq_cpu *c = irq.cpu[cpu];

		if (c && READ_ONCE(c->running) == number) {
			return true;
		}
	}
	return false;
}

void irq_free(u32 number)
{
	u32 flags = spin_lock_irqsave(&irq.lock);
	struct irq_action *action = irq.action[number];

	irq.controller->disable(number);
	WRITE_ONCE(irq.action[number], NULL);
	spin_unlock_irqrestore(&irq.lock, flags);
	BUG_ON(!action || in_irq(), "irq.free", "interrupt %u: %s", number,
	       action ? "freed in a handler" : "has no handler");
	/* A CPU says that it runs a handler before it looks for it: see irq_handle(). */
	dmb_ish(); /* the handler is gone, before we look who runs it */
	while (runs_somewhere(number)) {
	}
	dmb_ish(); /* and its last access, before the memory is another's */
	kfree(action);
}

static __cold void disable_unwanted(u32 number, const char *why)
{
	irq.controller->disable(number);
	warn("interrupt %u %s: disabled", number, why);
}

static void irq_handle(struct irq_cpu *c, u32 number)
{
	struct irq_action *action;

	if (unlikely(number >= IRQ_MAX)) {
		disable_unwanted(number, "is beyond all that we know");
		return;
	}
	WRITE_ONCE(c->running, number);
	c->count[number]++;
	dmb_ish(); /* that it runs, before the handler is looked up: irq_free() */
	action = READ_ONCE(irq.action[number]);
	if (likely(action)) {
		action->handler(number, action->arg);
	} else if (number >= IRQ_PRIVATE) {
		disable_unwanted(number, "has no handler");
	}
	dmb_ish(); /* the handler's accesses, before irq_free() goes on */
	WRITE_ONCE(c->running, IRQ_NONE);
}

void irq_dispatch(void)
{
	const struct irq_controller *controller = irq.controller;
	struct thread_core *core = current_core();
	struct irq_cpu *c = irq.cpu[core->cpu];
	u32 handled = 0, word, locks = locks_aside(core);

	BUG_ON(!controller, "irq.unexpected", "an interrupt, and no controller that we know");
	core->atomic_count += ATOMIC_IRQ;
	while (!IRQ_IS_NONE(word = controller->acknowledge())) {
		irq_handle(c, IRQ_NUMBER(word));
		if (unlikely(++handled >= STORM_MAX && IRQ_NUMBER(word) >= IRQ_PRIVATE)) {
			disable_unwanted(IRQ_NUMBER(word), "does not stop");
			handled = 1;
		}
		controller->end(word);
	}
	c->spurious += handled == 0;
	core->atomic_count -= ATOMIC_IRQ;
	locks_back(core, locks);
}

/* ---- queries ---- */

bool irq_query(u32 number, struct irq_info *info)
{
	const struct irq_action *action;
	u32 flags;

	if (number >= IRQ_MAX) {
		return false;
	}
	flags = spin_lock_irqsave(&irq.lock);
	action = irq.action ? irq.action[number] : NULL;
	info->name = action ? action->name : NULL;
	spin_unlock_irqrestore(&irq.lock, flags);
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		info->count[cpu] = irq.cpu[cpu] ? READ_ONCE(irq.cpu[cpu]->count[number]) : 0;
	}
	return true;
}

u32 irq_spurious_count(void)
{
	u32 sum = 0;

	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		sum += irq.cpu[cpu] ? READ_ONCE(irq.cpu[cpu]->spurious) : 0;
	}
	return sum;
}
