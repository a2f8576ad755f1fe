/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flash loader in order: port, slots, copies, and on to the kernel. Runs in flash, on CPU 0,
 * with the MMU and the data cache off, so that all it writes is in memory as soon as a DSB has
 * completed. Whatever happens is said on the serial port, and ends in the kernel or in start.S's
 * flash_stop.
 *
 * Must never write to RAM but for the two copies, nor read any to find out how much there is: the
 * slot's device tree says that.
 */
#include <arch/barrier.h>
#include <arch/cpreg.h>
#include <lib/string.h>

#include "place.h"
#include "port.h"
#include "slot.h"
#include "start.h"

/* A fault in RAM, or in reading the flash a second time, is found before any of it is executed. */
static void copy(u32 to, const void *from, u32 bytes, const char *what)
{
	memcpy((void *)to, from, bytes);
	dsb_sy(); /* the copy is in memory, before it is read back */
	if (memcmp((void *)to, from, bytes) != 0) {
		port_print("the %s's copy at %010x differs: RAM does not hold it: stopped", what,
			   to);
		flash_stop(STOP_COPY);
	}
}

void flash_main(void)
{
	struct slot slots[SLOT_COUNT];
	int chosen;

	port_open();
	port_print("Fanlight's loader, from reset");
	chosen = slot_choose((const u8 *)FLASH_BASE, slots);
	for (int i = 0; i < SLOT_COUNT; i++) {
		if (slots[i].fault != SLOT_GOOD) {
			port_print(slot_fault_text(slots[i].fault), 'A' + i, slots[i].found,
				   slots[i].wanted);
		}
	}
	if (chosen < 0) {
		port_print("no slot can be booted: stopped");
		flash_stop(STOP_NO_SLOT);
	}
	copy(KERNEL_AT, slots[chosen].kernel, slots[chosen].kernel_bytes, "kernel");
	copy(DTB_AT, slots[chosen].dtb, slots[chosen].dtb_bytes, "device tree");
	port_print("slot %c: kernel, %u bytes, at %010x; device tree, %u bytes, at %010x",
		   'A' + chosen, slots[chosen].kernel_bytes, KERNEL_AT, slots[chosen].dtb_bytes,
		   DTB_AT);
	port_print("booting slot %c, %llu ticks of %u Hz from reset", 'A' + chosen, read_cntpct(),
		   read_cntfrq());
	flash_enter(KERNEL_AT, DTB_AT);
}

/* By the numbers of the vectors (ARM DDI 0406C, B1.8.1). Any CPU, in the mode that took it. */
void flash_trap(u32 number, u32 pc)
{
	static const char *const names[] = {
		"reset",      "undefined instruction", "software interrupt", "prefetch abort",
		"data abort", "entry to HYP",	       "interrupt",	     "fast interrupt",
	};

	if (!port_is_open()) {
		port_open();
	}
	port_print("CPU %u: %s, return address %08x: stopped", read_mpidr() & 0xff, names[number],
		   pc);
	flash_stop(STOP_TRAP);
}
