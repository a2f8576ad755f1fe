/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where things are, for the flash loader: C and assembly. From reset there is no device tree to
 * ask; these are the memory map "RS1" of the Versatile Express motherboard and the Cortex-A15
 * tile's devices. What is in flash is where slot.h says.
 */
#pragma once

#define FLASH_BASE 0x08000000 /* the first NOR flash; after reset also at 0 */
#define RAM_BASE   0x80000000

/*
 * The tile's own SRAM, 64 KiB: stacks, so that RAM is not needed before there is an image for it.
 */
#define SRAM_BASE      0x2e000000
#define SRAM_STOP_CODE (SRAM_BASE + 0x40) /* why we stopped, as in r0 */
#define SRAM_STACK_TOP (SRAM_BASE + 0x10000)
#define STACK_SHIFT    12 /* 4 KiB for each CPU */

/* Where image and device tree go. What else lies in RAM is the kernel's business. */
#define KERNEL_AT (RAM_BASE + 0x00010000)
#define DTB_AT	  (RAM_BASE + 0x08000000)

/* Motherboard system registers (ARM DUI 0447, 4.3). */
#define FLAGS	 0x1c010030
#define FLAGSCLR 0x1c010034

#define UART	   0x1c090000 /* the first PL011 */
#define UART_CLOCK 24000000
#define UART_BAUD  115200

/* The GIC's distributor and CPU interface (Cortex-A15 TRM 8.2.1: 0x1000 and 0x2000 from CBAR). */
#define GICD 0x2c001000
#define GICC 0x2c002000

/*
 * The tile's system counter: control frame (ARM DDI 0406C, appendix E). QEMU has none: it reads 0.
 */
#define COUNTER		0x2a430000
#define COUNTER_CNTCR	0x00
#define COUNTER_CNTFID0 0x20
#define COUNTER_HZ	24000000 /* if neither it nor CNTFRQ knows: the board's reference clock */
