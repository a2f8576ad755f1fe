/* SPDX-License-Identifier: BSD-2-Clause */
/* Masking interrupts on this CPU (ARM DDI 0406C, B1.3.3). FIQ is left to the secure world. */
#pragma once

#include <types.h>

#define CPSR_MODE_MASK 0x1fu
#define MODE_SVC       0x13u
#define MODE_HYP       0x1au
#define CPSR_T	       (1u << 5)
#define CPSR_F	       (1u << 6)
#define CPSR_I	       (1u << 7)
#define CPSR_A	       (1u << 8)
#define CPSR_E	       (1u << 9)

/*
 * Returns the CPSR to hand to irq_restore(). A compiler barrier: nothing moves out of the section.
 */
static __always_inline u32 irq_save(void)
{
	u32 flags;

	__asm__ volatile("mrs %0, cpsr\n\tcpsid i" : "=r"(flags) : : "memory");
	return flags;
}

static __always_inline void irq_restore(u32 flags)
{
	__asm__ volatile("msr cpsr_c, %0" : : "r"(flags) : "memory");
}

static __always_inline bool irqs_masked(void)
{
	u32 flags;

	__asm__ volatile("mrs %0, cpsr" : "=r"(flags));
	return flags & CPSR_I;
}

static __always_inline void irq_enable(void)
{
	__asm__ volatile("cpsie i" : : : "memory");
}
