/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The other CPUs' way in: what kernel/ prepares for each, and what assembly leaves in return.
 *
 * A CPU comes to secondary_entry (secondary.S) with MMU and caches off and reads boot_mmu from
 * memory; so that is cleaned to the point of coherency. At the link address it finds its struct
 * secondary by its MPIDR, takes the stack, and calls secondary_main().
 */
#pragma once

#include <arch/current.h>
#include <config.h>
#include <types.h>

#define MPIDR_AFFINITY 0x00ffffffu
#define MPIDR_NONE     0xffffffffu /* of a struct secondary that is nobody's */

struct secondary {
	u32 mpidr; /* affinity; MPIDR_NONE */
	void *stack_top;
	void *abort_stack_top;
	struct thread_core *core; /* who it runs as */
	u32 state;		  /* kernel/smp_start.c's */
};
extern struct secondary secondaries[NR_CPUS];

/* Where another CPU enters: a physical address below 4 GiB, ARM state. */
u32 secondary_entry_pa(void);

/* Whether a CPU that comes may go on, or is parked: it looks at this before it uses our tables. */
void secondaries_open(bool open);

/* Lets CPU mpidr out of the image's own pen, if it waits there (secondary.S). Any context. */
void pen_open(u32 mpidr);
extern u32 pen_release;

/*
 * Written by a CPU that cannot switch on coherency: its MPIDR, past the caches; a line of its own.
 */
struct secondary_incoherent {
	u32 mpidr;
} __aligned(64);
extern struct secondary_incoherent secondary_incoherent;
/* The last one that wrote it; 0: none. */
u32 secondary_incoherent_mpidr(void);

/* Registers that must be the same on all CPUs. */
struct cpu_state {
	u32 sctlr, ttbcr, mair0, mair1;
	u64 ttbr1;
	u32 entry_mode; /* CPSR's */
	u32 secure;	/* 1: in the secure world */
};
/* Whether this CPU runs in the secure world. After trap_init(). */
bool cpu_is_secure(void);
/* A CPU without ACTLR.SMP never comes so far: secondary.S parks it. */
void cpu_state_get(struct cpu_state *state, u32 entry_cpsr);

/* Provided by kernel/smp_start.c: interrupts masked, on the CPU's own stack, TPIDRPRW not set. */
void secondary_main(struct secondary *self, u32 entry_cpsr) __noreturn;

/*
 * Waits, interrupts masked, for a CPU that must not take part: for ever, or until pen_redirect().
 * It leaves for the pen in the mode that it entered in.
 */
void cpu_park(u32 entry_cpsr) __noreturn;

/* ---- leaving: leave.S ---- */

/*
 * To physical address pc, MMU and caches off, with r0 = 0, r1 and r2 as given; the world stays.
 * Interrupts masked; the boot table stands (boot_table_rebuild()).
 * how: LEAVE_OWN_LEVEL cleans the calling CPU's own first level only; without it, for the last CPU,
 * everything, to the point of coherency. LEAVE_TO_HYP: not in SVC, but in HYP, where this CPU came
 * from.
 */
#define LEAVE_OWN_LEVEL 1u
#define LEAVE_TO_HYP	2u
void cpu_leave(u32 pc, u32 r1, u32 r2, u32 how) __noreturn;
/* LEAVE_TO_HYP if CPUs that are online entered in HYP, else 0. */
u32 leave_mode(void);

/* Makes a pen of a lowmem page, for CPUs that read their entry from a register. */
void pen_make(void *page);
/* CPUs that wait in this image, MMU on or off, go to the pen at that physical address. */
void pen_redirect(u32 pen, u32 pen_register);
/* Whether a CPU waits in the pen. */
bool pen_holds(void *page, u32 mpidr);

/* Writes back lines of the image or of lowmem, for readers without caches. Any context. */
void clean_for_uncached(const void *object, u32 bytes);
/* And drops them from the caches: what is read next comes from memory. */
void clean_and_forget(const void *object, u32 bytes);
