/* SPDX-License-Identifier: BSD-2-Clause */
/* What start.S and main.c have of each other. */
#pragma once

/* In r0 and at SRAM_STOP_CODE, for who can look but not listen: letters, the first one highest. */
#define STOP_NO_SLOT 0x534c4f54 /* "SLOT": neither can be booted */
#define STOP_COPY    0x434f5059 /* "COPY": RAM does not hold what is written to it */
#define STOP_TRAP    0x54524150 /* "TRAP": an exception that there should not be */

#ifndef __ASSEMBLER__
#include <types.h>

/* start.S: waits for ever. Any CPU, any mode. */
void flash_stop(u32 code) __noreturn;

/* start.S: leaves the loader as docs/porting.md promises it to a kernel. */
void flash_enter(u32 kernel, u32 dtb) __noreturn;

/* main.c: CPU 0's way from start.S on; and any CPU's that took an exception here. */
void flash_main(void) __noreturn;
void flash_trap(u32 number, u32 pc) __noreturn;
#endif
