/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handlers that go wrong, and stacks too short for an interrupt: each ends in a report that says
 * so.
 */
#include <arch/irqflags.h>
#include <arch/spinlock.h>
#include <kernel/irq.h>
#include <kernel/sched.h>
#include <kernel/test.h>
#include <kernel/time.h>

#define PATIENCE_US 100000

static volatile u32 never;

static void send_to_self(void)
{
	irq_controller()->send(1u << current_core()->cpu, SGI_TEST);
}

static void send_and_wait(irq_handler_fn *handler)
{
	preempt_disable();
	if (irq_request(SGI_TEST, handler, NULL, true, "test") == 0) {
		send_to_self();
		delay_us(PATIENCE_US);
	}
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winfinite-recursion"
static __noinline u32 too_deep(u32 depth)
{
	volatile u32 some[32];

	some[depth % 32] = depth;
	return too_deep(depth + 1) + some[depth % 32];
}
#pragma GCC diagnostic pop

static void overflow_the_stack(__unused u32 irq, __unused void *arg)
{
	never = too_deep(0);
}

FATAL_TEST(irq.stack_overflow, "stack.overflow")
{
	send_and_wait(overflow_the_stack);
}

/* Eight bytes are left, and an interrupt saves more: a fault in IRQ mode, before any handler. */
static void be_interrupted_on_a_full_stack(__unused void *arg)
{
	vaddr_t sp = current_core()->stack_start + 8;

	(void)irq_save();
	send_to_self();
	__asm__ volatile("mov sp, %0\n"
			 "cpsie i\n"
			 "1: b 1b\n"
			 :
			 : "r"(sp)
			 : "memory");
}

FATAL_TEST(irq.on_a_full_stack, "stack.overflow")
{
	struct thread *thread = thread_create("full", be_interrupted_on_a_full_stack, NULL);

	if (thread) {
		thread_join(thread);
	}
}

static void sleep_in_handler(__unused u32 irq, __unused void *arg)
{
	thread_yield();
}

FATAL_TEST(irq.sleep_in_handler, "sched.atomic_sleep")
{
	send_and_wait(sleep_in_handler);
}

static void free_itself(u32 irq, __unused void *arg)
{
	irq_free(irq);
}

FATAL_TEST(irq.free_in_handler, "irq.free")
{
	send_and_wait(free_itself);
}

static void fault_for_good(__unused u32 irq, __unused void *arg)
{
	volatile u32 *volatile nowhere = (volatile u32 *)8;

	*nowhere = 1;
}

FATAL_TEST(irq.fault_in_handler, "fault.translation")
{
	send_and_wait(fault_for_good);
}

#if CONFIG_DEBUG
static spinlock_t lock_of_both;

static void take_lock(__unused u32 irq, __unused void *arg)
{
	spin_raw_lock(&lock_of_both);
	spin_raw_unlock(&lock_of_both);
}

/* Nobody meets here: the next time somebody would. */
FATAL_TEST(lock.of_interrupts_taken_with_interrupts_on, "lock.irq_unsafe")
{
	spin_lock(&lock_of_both);
	spin_unlock(&lock_of_both);
	send_and_wait(take_lock);
}
#endif
