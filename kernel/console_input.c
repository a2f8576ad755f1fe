/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns what was received on the console and not read yet. When the ring is full the interrupt is
 * turned off and the bytes stay in the port, which says itself what it has to drop.
 * Without an interrupt, or with interrupts masked, readers take from the port.
 *
 * Lock: input.lock, interrupt code takes it; nothing is taken inside.
 */
#include <kernel/console.h>

#include <arch/spinlock.h>
#include <errno.h>
#include <kernel/irq.h>
#include <kernel/sched.h>
#include <kernel/wait.h>
#include <mm/slab.h>

#define RING_SIZE 256u
#define POLL_US	  1000

static struct {
	spinlock_t lock;
	bool by_irq;  /* constant once true */
	bool stalled; /* the ring is full, the interrupt off */
	u32 in, out;
	s16 *ring; /* of RING_SIZE, once by_irq: bytes, and -Exxx for events */
	struct wait_queue readers;
} input = { .lock = SPINLOCK_RANKED(LOCK_RANK_DEVICE), .readers = WAIT_QUEUE_INIT(input.readers) };

static int take_from_port(void)
{
	const struct uart_driver *driver;
	void *regs = console_hardware(&driver);

	return driver ? driver->getc(regs) : -EAGAIN;
}

static void port_irq(bool on)
{
	const struct uart_driver *driver;
	void *regs = console_hardware(&driver);

	driver->receive_irq(regs, on);
}

static void received(__unused u32 irq, __unused void *arg)
{
	u32 flags = spin_lock_irqsave(&input.lock);
	int c = 0;

	while (input.in - input.out < RING_SIZE && (c = take_from_port()) != -EAGAIN) {
		input.ring[input.in++ % RING_SIZE] = (s16)c;
	}
	if (c != -EAGAIN) {
		input.stalled = true;
		port_irq(false);
	}
	spin_unlock_irqrestore(&input.lock, flags);
	wake_one(&input.readers);
}

int console_input_start(u32 irq, bool edge)
{
	int error;

	input.ring = kmalloc(RING_SIZE * sizeof(*input.ring));
	if (!input.ring) {
		return -ENOMEM;
	}
	error = irq_request(irq, received, NULL, edge, "console");
	if (error) {
		kfree(input.ring);
		return error;
	}
	port_irq(true);
	WRITE_ONCE(input.by_irq, true);
	return 0;
}

int console_try_getc(void)
{
	u32 flags = spin_lock_irqsave(&input.lock);
	int c;

	if (input.in == input.out) {
		c = take_from_port();
	} else {
		c = input.ring[input.out++ % RING_SIZE];
		if (input.stalled && input.in - input.out <= RING_SIZE / 2) {
			input.stalled = false;
			port_irq(true);
		}
	}
	spin_unlock_irqrestore(&input.lock, flags);
	return c;
}

int console_getc(void)
{
	bool may_sleep = !irqs_masked() && current_core()->atomic_count == 0;
	int c = -EAGAIN;

	if (may_sleep && READ_ONCE(input.by_irq)) {
		wait_event(&input.readers, (c = console_try_getc()) != -EAGAIN);
		return c;
	}
	while ((c = console_try_getc()) == -EAGAIN) {
		if (may_sleep) {
			thread_sleep_us(POLL_US);
		}
	}
	return c;
}
