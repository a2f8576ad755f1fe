/* SPDX-License-Identifier: BSD-2-Clause */
/* Owns the copies of the spinlock's verbs that files compiled for size call, and the wait. */
#include <arch/spinlock.h>

#include <interleave.h>

void call_spin_raw_lock(spinlock_t *lock) __asm__("spin_raw_lock");
void call_spin_raw_unlock(spinlock_t *lock) __asm__("spin_raw_unlock");
void call_spin_lock(spinlock_t *lock) __asm__("spin_lock");
void call_spin_unlock(spinlock_t *lock) __asm__("spin_unlock");
u32 call_spin_lock_irqsave(spinlock_t *lock) __asm__("spin_lock_irqsave");
void call_spin_unlock_irqrestore(spinlock_t *lock, u32 flags) __asm__("spin_unlock_irqrestore");

void call_spin_raw_lock(spinlock_t *lock)
{
	spin_raw_lock(lock);
}

void call_spin_raw_unlock(spinlock_t *lock)
{
	spin_raw_unlock(lock);
}

void call_spin_lock(spinlock_t *lock)
{
	spin_lock(lock);
}

void call_spin_unlock(spinlock_t *lock)
{
	spin_unlock(lock);
}

u32 call_spin_lock_irqsave(spinlock_t *lock)
{
	return spin_lock_irqsave(lock);
}

void call_spin_unlock_irqrestore(spinlock_t *lock, u32 flags)
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
