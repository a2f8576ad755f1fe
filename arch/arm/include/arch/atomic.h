/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Atomic operations on 32-bit words in normal memory (ARM DDI 0406C, A3.4: LDREX and
 * STREX). Those that take or give something order it by DMB, as their comments say.
 */
#pragma once

#include <arch/barrier.h>
#include <types.h>

/* Stores new if *p is old; true if it did. Orders nothing. */
static __always_inline bool atomic_replace(u32 *p, u32 old, u32 new)
{
	u32 seen, failed;

	__asm__ goto volatile("1:	ldrex	%0, [%2]\n"
			      "	teq	%0, %3\n"
			      "	bne	%l[other]\n"
			      "	strex	%1, %4, [%2]\n"
			      "	teq	%1, #0\n"
			      "	bne	1b"
			      : "=&r"(seen), "=&r"(failed)
			      : "r"(p), "Ir"(old), "r"(new)
			      : "cc", "memory"
			      : other);
	return true;
other:
	__asm__ volatile("clrex");
	return false;
}

/* Adds; orders nothing. Returns the new value. */
static __always_inline u32 atomic_add(u32 *p, u32 n)
{
	u32 value, failed;

	__asm__ volatile("1:	ldrex	%0, [%3]\n"
			 "	add	%0, %0, %4\n"
			 "	strex	%1, %0, [%3]\n"
			 "	teq	%1, #0\n"
			 "	bne	1b"
			 : "=&r"(value), "=&r"(failed), "+m"(*p)
			 : "r"(p), "Ir"(n)
			 : "cc");
	return value;
}

/* Subtracts 1 if *p is above 1; true if it did. Releases: earlier accesses come before it. */
static __always_inline bool atomic_dec_above_one(u32 *p)
{
	u32 value, failed;

	dmb_ish();
	__asm__ goto volatile("1:	ldrex	%0, [%2]\n"
			      "	subs	%0, %0, #1\n"
			      "	bls	%l[too_low]\n"
			      "	strex	%1, %0, [%2]\n"
			      "	teq	%1, #0\n"
			      "	bne	1b"
			      : "=&r"(value), "=&r"(failed)
			      : "r"(p)
			      : "cc", "memory"
			      : too_low);
	return true;
too_low:
	__asm__ volatile("clrex");
	return false;
}

/*
 * On two words at once, the first at an address divisible by 8: looks at the first and changes
 * the second, for what an LDREX more would cost. Order nothing.
 *
 * Adds 1 to the second word if the first has `want` in its lowest bits; true if it did.
 */
static __always_inline bool atomic_pair_inc(u64 *pair, u32 want, const u32 bits)
{
	u64 value;
	u32 failed;

	__asm__ goto volatile("1:	ldrexd	%0, %H0, [%3]\n"
			      "	eor	%1, %Q0, %4\n"
			      "	movs	%1, %1, lsl %5\n"
			      "	bne	%l[other]\n"
			      "	add	%R0, %R0, #1\n"
			      "	strexd	%1, %0, %H0, [%3]\n"
			      "	teq	%1, #0\n"
			      "	bne	1b"
			      : "=&r"(value), "=&r"(failed), "+m"(*pair)
			      : "r"(pair), "r"(want), "M"(32 - bits)
			      : "cc"
			      : other);
	return true;
other:
	__asm__ volatile("clrex");
	return false;
}

/*
 * Subtracts 1 from the second word; true if that leaves 0. It must be above 0 and below 2^31. One
 * branch serves both rare cases: value <= failed << 31 if it is 0, or if the store failed.
 */
static __always_inline bool atomic_pair_dec_to_zero(u64 *pair)
{
	u64 value;
	u32 failed;

	__asm__ goto volatile("1:	ldrexd	%0, %H0, [%3]\n"
			      "	sub	%R0, %R0, #1\n"
			      "	strexd	%1, %0, %H0, [%3]\n"
			      "	cmp	%R0, %1, lsl #31\n"
			      "	bls	2f\n"
			      "	.subsection 1\n"
			      "2:	teq	%1, #0\n"
			      "	bne	1b\n"
			      "	b	%l[zero]\n"
			      "	.subsection 0"
			      : "=&r"(value), "=&r"(failed), "+m"(*pair)
			      : "r"(pair)
			      : "cc"
			      : zero);
	return false;
zero:
	return true;
}

/* Stores both words at once. Orders nothing. */
static __always_inline void atomic_pair_set(u64 *pair, u32 first, u32 second)
{
	__asm__ volatile("strd	%1, %H1, %0" : "=Q"(*pair) : "r"((u64)second << 32 | first));
}

/*
 * If the first word is `first`: makes both 0, and *second what the second was. True if so. Orders
 * nothing.
 */
static __always_inline bool atomic_pair_take(u64 *pair, u32 first, u32 *second)
{
	u64 value;
	u32 failed;

	__asm__ goto volatile("1:	ldrexd	%0, %H0, [%2]\n"
			      "	teq	%Q0, %3\n"
			      "	bne	%l[other]\n"
			      "	strexd	%1, %4, %H4, [%2]\n"
			      "	teq	%1, #0\n"
			      "	bne	1b"
			      : "=&r"(value), "=&r"(failed)
			      : "r"(pair), "I"(first), "r"(0ull)
			      : "cc", "memory"
			      : other);
	*second = (u32)(value >> 32);
	return true;
other:
	__asm__ volatile("clrex");
	return false;
}

/*
 * Adds 1 to the first word if the second is `second`; true if so. Acquires: later accesses come
 * after it.
 */
static __always_inline bool atomic_pair_join(u64 *pair, u32 second)
{
	u64 value;
	u32 failed;

	__asm__ goto volatile("1:	ldrexd	%0, %H0, [%2]\n"
			      "	teq	%R0, %3\n"
			      "	bne	%l[other]\n"
			      "	add	%Q0, %Q0, #1\n"
			      "	strexd	%1, %0, %H0, [%2]\n"
			      "	teq	%1, #0\n"
			      "	bne	1b"
			      : "=&r"(value), "=&r"(failed)
			      : "r"(pair), "r"(second)
			      : "cc", "memory"
			      : other);
	dmb_ish();
	return true;
other:
	__asm__ volatile("clrex");
	return false;
}
