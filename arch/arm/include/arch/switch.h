/* SPDX-License-Identifier: BSD-2-Clause */
/* From one thread to another, on one CPU. */
#pragma once

#include <arch/current.h>

/* What switch.S pushes: r4 to r11, and where to go on. */
struct switch_frame {
	u32 r[8];
	u32 pc;
};

/*
 * Saves the running thread's registers on its stack and the place in *save_sp, makes next the
 * running one (TPIDRPRW) and goes on where it was left, at sp. Returns when somebody switches back,
 * perhaps on another CPU. Interrupts masked; the caller has seen to windows and DSB.
 */
void context_switch(u32 *save_sp, u32 sp, struct thread_core *next);

/*
 * A new thread's way into `entry`, which must not return: what a frame made by switch_prepare
 * names.
 */
void switch_entry(void);

/*
 * The sp of a thread that has never run and begins at entry, interrupts masked. stack_end:
 * 8-aligned.
 */
static inline u32 switch_prepare(vaddr_t stack_end, void (*entry)(void))
{
	struct switch_frame *frame = (struct switch_frame *)stack_end - 1;

	*frame = (struct switch_frame){ .r = { (u32)(vaddr_t)entry },
					.pc = (u32)(vaddr_t)switch_entry };
	return (u32)(vaddr_t)frame;
}
