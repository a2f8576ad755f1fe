/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What of starting other CPUs is the architecture's: what they read with caches off, and the
 * registers that must be the same on all. Must never clean or invalidate by set and way: other
 * CPUs run.
 */
#include <arch/secondary.h>

#include <arch/barrier.h>
#include <arch/cpreg.h>
#include <arch/early_tables.h>
#include <arch/irqflags.h>
#include <arch/tlb.h>
#include <arch/trap.h>
#include <lib/string.h>

extern char secondary_entry[]; /* secondary.S */

void (*tlb_after_broadcast)(void);
bool tlb_others;

u32 secondary_entry_pa(void)
{
	return pa_low32(pa_without_mmu(pa_symbol(secondary_entry)));
}

/* To memory, for a reader without caches: by lines, to the point of coherency. */
void clean_for_uncached(const void *object, u32 bytes)
{
	u32 line = 4u << ((read_ctr() >> 16) & 0xf); /* DminLine, B4.1.42 */
	vaddr_t end = (vaddr_t)object + bytes;

	for (vaddr_t va = ALIGN_DOWN((vaddr_t)object, line); va < end; va += line) {
		write_dccmvac((u32)va);
	}
	dsb_sy(); /* in memory, before the reader is told to look */
}

void clean_and_forget(const void *object, u32 bytes)
{
	u32 line = 4u << ((read_ctr() >> 16) & 0xf); /* DminLine, B4.1.42 */
	vaddr_t end = (vaddr_t)object + bytes;

	for (vaddr_t va = ALIGN_DOWN((vaddr_t)object, line); va < end; va += line) {
		write_dccimvac((u32)va);
	}
	dsb_sy(); /* written back and dropped, before the next load */
}

void secondaries_open(bool open)
{
	boot_mmu.open = open;
	clean_for_uncached(&boot_mmu, sizeof(boot_mmu));
}

void pen_open(u32 mpidr)
{
	pen_release = mpidr;
	clean_for_uncached(&pen_release, sizeof(pen_release));
	__asm__ volatile("sev" : : : "memory");
}

/* ---- leaving ---- */

u32 leave_mode(void)
{
	return (boot_info.entry_cpsr & CPSR_MODE_MASK) == MODE_HYP ? LEAVE_TO_HYP : 0;
}

extern const char leave_pen[], leave_pen_here[], leave_pen_end[]; /* leave.S */

#define PEN_INDEX(mpidr) (((mpidr)&3) | ((mpidr) >> 6 & 0xc)) /* four CPUs in four clusters */

void pen_make(void *page)
{
	u32 bytes = (u32)(leave_pen_end - leave_pen);

	memcpy(page, leave_pen, bytes);
	clean_for_uncached(page, bytes);
}

void pen_redirect(u32 pen, u32 pen_register)
{
	WRITE_ONCE(boot_mmu.pen_register, pen_register);
	dmb_ishst(); /* where to look, before that there is a pen: cpu_park */
	WRITE_ONCE(boot_mmu.pen, pen);
	clean_for_uncached(&boot_mmu, sizeof(boot_mmu));
	__asm__ volatile("sev" : : : "memory");
}

bool pen_holds(void *page, u32 mpidr)
{
	const u8 *here = (const u8 *)page + (leave_pen_here - leave_pen) + PEN_INDEX(mpidr);

	write_dcimvac((u32)(vaddr_t)here); /* never dirty: only uncached writes */
	dsb_sy();			   /* invalidated, before the load */
	return READ_ONCE(*here);
}

u32 secondary_incoherent_mpidr(void)
{
	write_dcimvac((u32)(vaddr_t)&secondary_incoherent); /* never dirty: only uncached writes */
	dsb_sy();					    /* invalidated, before the load */
	return READ_ONCE(secondary_incoherent.mpidr);
}

/* SCR is readable in the secure world alone (B4.1.129). */
bool cpu_is_secure(void)
{
	register u32 status __asm__("r12") = 0;
	u32 scr;

	__asm__ volatile("1:	mrc	p15, 0, %0, c1, c1, 0\n"
			 "2:\n" EX_TABLE_1_TO_2
			 : "=r"(scr), "+r"(status));
	return status == 0;
}

void cpu_state_get(struct cpu_state *state, u32 entry_cpsr)
{
	*state = (struct cpu_state){
		.sctlr = read_sctlr(),
		.ttbcr = read_ttbcr(),
		.mair0 = read_mair0(),
		.mair1 = read_mair1(),
		.ttbr1 = read_ttbr1(),
		.entry_mode = entry_cpsr & CPSR_MODE_MASK,
		.secure = cpu_is_secure(),
	};
}
