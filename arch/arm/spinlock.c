/* SPDX-License-Identifier: BSD-2-Clause */
/* Owns the copies of the spinlock's verbs that files compiled for size call, and the wait. */
#include <arch/spinlock.h>

#include <interleave.h>

CALLED(spin_raw_lock);
CALLED(spin_raw_unlock);
CALLED(spin_lock);
CALLED(spin_unlock);
CALLED(spin_lock_irqsave);
CALLED(spin_unlock_irqrestore);

static __used void call_spin_raw_lock(spinlock_t *lock)
{
	spin_raw_lock(lock);
}

static __used void call_spin_raw_unlock(spinlock_t *lock)
{
	spin_raw_unlock(lock);
}

static __used void call_spin_lock(spinlock_t *lock)
{
	spin_lock(lock);
}

static __used void call_spin_unlock(spinlock_t *lock)
{
	spin_unlock(lock);
}

static __used u32 call_spin_lock_irqsave(spinlock_t *lock)
{
	return spin_lock_irqsave(lock);
}

static __used void call_spin_unlock_irqrestore(spinlock_t *lock, u32 flags)
{
	spin_unlock_irqrestore(lock, flags);
}

void spin_wait(spinlock_t *lock, u32 ticket)
{
	while (READ_ONCE(lock->owner) != ticket >> 16) {
		interleave_point(POINT_SPIN);
		__asm__ volatile("wfe" : : : "memory");
	}
}
