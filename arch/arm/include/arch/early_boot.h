/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What head.S and early_tables.c agree on: register values of the MMU (ARM DDI 0406C,
 * B4.1.130 SCTLR, B4.1.153 TTBCR in the long-descriptor format).
 */
#pragma once

#include <config.h>
#include <types.h>

#define BOOT_STACK_SIZE SZ_8K
extern char boot_stack[], boot_stack_top[]; /* head.S */

/*
 * At most so much of the image is initialized data; the boot stack keeps what it was
 * (kernel/pristine.c).
 */
#define INITIALIZED_MAX (CONFIG_DEBUG ? 1024 : 512)

#define TTBCR_EAE     (1u << 31)
#define TTBCR_EPD0    (1u << 7)
#define TTBCR_EPD1    (1u << 23)
#define TTBCR_A1      (1u << 22)
#define TTBCR_T0SZ(n) ((u32)(n) << 0)
#define TTBCR_T1SZ(n) ((u32)(n) << 16)
/* Walks: inner-shareable, inner and outer write-back write-allocate */
#define TTBCR_WALK0 ((3u << 12) | (1u << 10) | (1u << 8))
#define TTBCR_WALK1 ((3u << 28) | (1u << 26) | (1u << 24))

/* The split as the MMU sees it: TTBR1 covers exactly the kernel part, TTBR0 the user part. */
#define KERNEL_T0SZ (CONFIG_VMSPLIT == 1 ? 2 : 0)
#define KERNEL_T1SZ (CONFIG_VMSPLIT - 1)

/* Everything through TTBR0, until the kernel runs at its own address. */
#define TTBCR_BOOT (TTBCR_EAE | TTBCR_WALK0)
/* TTBR0's walks stay off until there is a user process. */
#define TTBCR_KERNEL                                                                    \
	(TTBCR_EAE | TTBCR_WALK0 | TTBCR_WALK1 | TTBCR_EPD0 | TTBCR_T0SZ(KERNEL_T0SZ) | \
	 TTBCR_T1SZ(KERNEL_T1SZ))

#define SCTLR_M	      (1u << 0)
#define SCTLR_C	      (1u << 2)
#define SCTLR_CP15BEN (1u << 5)
#define SCTLR_Z	      (1u << 11)
#define SCTLR_I	      (1u << 12)
#define SCTLR_WXN     (1u << 19) /* what is writable is never executable, whatever XN says */
#define SCTLR_UWXN    (1u << 20) /* what user mode can write the kernel never executes */
#define SCTLR_TRE     (1u << 28) /* reads as if set in the long format; set for the record */
#define SCTLR_AFE     (1u << 29)
#define SCTLR_RES1    ((3u << 3) | (1u << 6) | (1u << 16) | (1u << 18) | (3u << 22))
#define SCTLR_KERNEL                                                                      \
	(SCTLR_RES1 | SCTLR_M | SCTLR_C | SCTLR_CP15BEN | SCTLR_Z | SCTLR_I | SCTLR_WXN | \
	 SCTLR_UWXN | SCTLR_TRE | SCTLR_AFE)
/* As after reset: what the next kernel finds. */
#define SCTLR_OFF (SCTLR_RES1 | SCTLR_CP15BEN)

/* Why an image stopped before it could speak: in r0 and at image + 0x40. */
enum early_error {
	EARLY_OK = 0,
	EARLY_NO_LPAE = 0x4c504145,    /* "LPAE" */
	EARLY_NO_CONSOLE = 0x434f4e53, /* "CONS" */
	EARLY_PANIC = 0x50414e49,      /* "PANI": a panic before there was a console */
	EARLY_NO_DTB = 0x44544220,     /* "DTB " */
	EARLY_UNDEFINED = 0x5542534e,  /* "UBSN": UBSAN=1, and no console to name the place on */
};

#define EARLY_ERROR_OFFSET 0x40

/* Leaves error in r0 and waits for ever. Any address, MMU on or off. */
static inline void __noreturn early_stop(enum early_error error)
{
	register u32 r0 __asm__("r0") = error;

	for (;;) {
		__asm__ volatile("wfi" : : "r"(r0));
	}
}
