/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CP15 registers by name (ARM DDI 0406C, B4.2). Reads and writes only: what must be
 * ordered around them is the caller's business and is written there.
 */
#pragma once

#include <types.h>

#define ACTLR_SMP (1u << 6)

#define CP15_READ32(name, op1, crn, crm, op2)                                       \
	static inline u32 read_##name(void)                                         \
	{                                                                           \
		u32 value;                                                          \
		__asm__ volatile("mrc p15, " #op1 ", %0, " #crn ", " #crm ", " #op2 \
				 : "=r"(value));                                    \
		return value;                                                       \
	}
#define CP15_WRITE32(name, op1, crn, crm, op2)                                      \
	static inline void write_##name(u32 value)                                  \
	{                                                                           \
		__asm__ volatile("mcr p15, " #op1 ", %0, " #crn ", " #crm ", " #op2 \
				 :                                                  \
				 : "r"(value)                                       \
				 : "memory");                                       \
	}
#define CP15_RW32(name, op1, crn, crm, op2)   \
	CP15_READ32(name, op1, crn, crm, op2) \
	CP15_WRITE32(name, op1, crn, crm, op2)
#define CP15_READ64(name, op1, crm)                                                    \
	static inline u64 read_##name(void)                                            \
	{                                                                              \
		u64 value;                                                             \
		__asm__ volatile("mrrc p15, " #op1 ", %Q0, %R0, " #crm : "=r"(value)); \
		return value;                                                          \
	}
#define CP15_WRITE64(name, op1, crm)                                                               \
	static inline void write_##name(u64 value)                                                 \
	{                                                                                          \
		__asm__ volatile("mcrr p15, " #op1 ", %Q0, %R0, " #crm : : "r"(value) : "memory"); \
	}

CP15_READ32(midr, 0, c0, c0, 0)
CP15_READ32(mpidr, 0, c0, c0, 5)
CP15_READ32(revidr, 0, c0, c0, 6)
CP15_READ32(id_pfr1, 0, c0, c1, 1)
CP15_READ32(id_mmfr0, 0, c0, c1, 4)
CP15_READ32(id_mmfr3, 0, c0, c1, 7)
CP15_READ32(ctr, 0, c0, c0, 1)
CP15_READ32(cbar, 4, c15, c0, 0)
CP15_READ32(l2ctlr, 1, c9, c0, 2)   /* Cortex-A7, A15 */
CP15_READ32(l2actlr, 1, c15, c0, 0) /* Cortex-A15 */
CP15_RW32(sctlr, 0, c1, c0, 0)
CP15_RW32(actlr, 0, c1, c0, 1)
CP15_RW32(cpacr, 0, c1, c0, 2)
CP15_RW32(ttbcr, 0, c2, c0, 2)
CP15_READ64(ttbr0, 0, c2)
CP15_WRITE64(ttbr0, 0, c2)
CP15_READ64(ttbr1, 1, c2)
CP15_WRITE64(ttbr1, 1, c2)
CP15_RW32(mair0, 0, c10, c2, 0)
CP15_RW32(mair1, 0, c10, c2, 1)
CP15_RW32(dfsr, 0, c5, c0, 0)
CP15_RW32(ifsr, 0, c5, c0, 1)
CP15_RW32(dfar, 0, c6, c0, 0)
CP15_RW32(ifar, 0, c6, c0, 2)
CP15_WRITE32(ats1cpr, 0, c7, c8, 0)
CP15_WRITE32(ats1cpw, 0, c7, c8, 1)
CP15_WRITE32(ats1cur, 0, c7, c8, 2)
CP15_WRITE32(ats1cuw, 0, c7, c8, 3)
CP15_READ64(par, 0, c7)
CP15_RW32(vbar, 0, c12, c0, 0)
CP15_WRITE32(tpidrprw, 0, c13, c0, 4)
CP15_RW32(pmcr, 0, c9, c12, 0)
CP15_WRITE32(pmcntenset, 0, c9, c12, 1)
CP15_READ32(pmccntr, 0, c9, c13, 0)
CP15_READ32(cntfrq, 0, c14, c0, 0)
CP15_READ64(cntvct, 1, c14)
CP15_READ64(cntpct, 0, c14)
CP15_WRITE32(cntp_ctl, 0, c14, c2, 1)
CP15_WRITE32(cntv_ctl, 0, c14, c3, 1)
CP15_WRITE64(cntp_cval, 2, c14)
CP15_WRITE64(cntv_cval, 3, c14)
CP15_WRITE32(dcimvac, 0, c7, c6, 1)   /* invalidate a data cache line by address, to the PoC */
CP15_WRITE32(dccmvac, 0, c7, c10, 1)  /* clean a data cache line by address, to the PoC */
CP15_WRITE32(dccimvac, 0, c7, c14, 1) /* both, as one */
CP15_WRITE32(iciallu_raw, 0, c7, c5, 0)
CP15_WRITE32(bpiall_raw, 0, c7, c5, 6)

/* CBAR is ARM's own: other vendors' CPUs may not have it. 0 there. */
static inline u32 cbar_if_arm(void)
{
	return read_midr() >> 24 == 0x41 ? read_cbar() : 0;
}

/* Whole instruction cache, then branch prediction; DSB and ISB are the caller's. */
static inline void write_iciallu(void)
{
	write_iciallu_raw(0);
	write_bpiall_raw(0);
}
