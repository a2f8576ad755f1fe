/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Constants that assembly and the linker script need, computed by the compiler from
 * the C headers. Compiled to assembly only; the Makefile turns the marked lines into
 * asm-offsets.h.
 */
#include <arch/current.h>
#include <arch/early_boot.h>
#include <arch/early_tables.h>
#include <arch/pgtable.h>
#include <arch/secondary.h>
#include <arch/sweep.h>
#include <arch/trap.h>
#include <arch/unwind.h>
#include <layout.h>

#define DEFINE(name, value) __asm__ volatile("\n.ascii \"->" #name " %c0\"" : : "i"((u32)(value)))

void asm_offsets(void);
void asm_offsets(void)
{
	DEFINE(ASM_IMAGE_START, IMAGE_START);
	DEFINE(ASM_IMAGE_SIZE, REGION_SIZE(image));
	DEFINE(ASM_PAGE_SIZE, PAGE_SIZE);
	DEFINE(ASM_MAIR0, MAIR0_VALUE);
	DEFINE(ASM_MAIR1, MAIR1_VALUE);
	DEFINE(ASM_SCTLR, SCTLR_KERNEL);
	DEFINE(ASM_TTBCR_BOOT, TTBCR_BOOT);
	DEFINE(ASM_TTBCR_KERNEL, TTBCR_KERNEL);
	DEFINE(ASM_SCTLR_OFF, SCTLR_OFF);
	DEFINE(BOOT_INFO_IMAGE_LOW, offsetof(struct boot_info, image_low));
	DEFINE(BOOT_INFO_ACTLR, offsetof(struct boot_info, actlr));
	DEFINE(ASM_BOOT_STACK_SIZE, BOOT_STACK_SIZE);
	DEFINE(ASM_INITIALIZED_MAX, INITIALIZED_MAX);
	DEFINE(BOOT_MMU_OPEN, offsetof(struct boot_mmu, open));
	DEFINE(BOOT_MMU_PEN, offsetof(struct boot_mmu, pen));
	DEFINE(BOOT_MMU_PEN_REGISTER, offsetof(struct boot_mmu, pen_register));
	DEFINE(ASM_LEAVE_OWN_LEVEL, LEAVE_OWN_LEVEL);
	DEFINE(ASM_LEAVE_TO_HYP, LEAVE_TO_HYP);
	DEFINE(ASM_NR_CPUS, NR_CPUS);
	DEFINE(SECONDARY_SIZE, sizeof(struct secondary));
	DEFINE(SECONDARY_MPIDR, offsetof(struct secondary, mpidr));
	DEFINE(SECONDARY_STACK_TOP, offsetof(struct secondary, stack_top));

	DEFINE(TRAP_REGS_SIZE, sizeof(struct trap_regs));
	DEFINE(TRAP_SP, offsetof(struct trap_regs, r[13]));
	DEFINE(TRAP_LR, offsetof(struct trap_regs, r[14]));
	DEFINE(TRAP_PC, offsetof(struct trap_regs, r[15]));
	DEFINE(TRAP_KIND, offsetof(struct trap_regs, kind));
	DEFINE(TRAP_UNDEFINED, TRAP_UNDEFINED);
	DEFINE(TRAP_SVC, TRAP_SVC);
	DEFINE(TRAP_PREFETCH, TRAP_PREFETCH);
	DEFINE(TRAP_DATA, TRAP_DATA);
	DEFINE(TRAP_FIQ, TRAP_FIQ);
	DEFINE(CORE_ATOMIC, offsetof(struct thread_core, atomic));
	DEFINE(ABORT_STACK_SHIFT, PAGE_SHIFT);
	DEFINE(UNWIND_PC, offsetof(struct unwind, r[15]));
	DEFINE(UNWIND_EXACT, offsetof(struct unwind, exact));
	DEFINE(SWEEP_GOT, offsetof(struct sweep, got));
}
