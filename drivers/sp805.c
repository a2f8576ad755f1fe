/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ARM Watchdog Module SP805 (ARM DDI 0270, 3.3): nobody here serves it, so one that is
 * running would end a long memory test with a reset. It is stopped, and said.
 */
#include <drivers/sp805.h>

#include <arch/io.h>
#include <mm/vmalloc.h>
#include <printk.h>

#define WDOG_CONTROL 0x008
#define WDOG_LOCK    0xc00

#define CONTROL_INTEN (1u << 0) /* the counter runs */
#define LOCK_KEY      0x1acce551u

static void stop_if_running(phys_addr_t pa, u32 size)
{
	void *regs = ioremap(pa, size);

	if (!regs) {
		return;
	}
	if (io_read32(regs + WDOG_CONTROL) & CONTROL_INTEN) {
		io_write32(regs + WDOG_LOCK, LOCK_KEY);
		io_write32(regs + WDOG_CONTROL, 0);
		io_write32(regs + WDOG_LOCK, 0);
		printk("watchdog: SP805 at %010llx was running: stopped", pa);
	}
	iounmap(regs);
}

void sp805_stop(const struct fdt *f)
{
	fdt_node node = FDT_START;
	phys_addr_t pa, size;

	while ((node = fdt_find_compatible(f, node, "arm,sp805")) >= 0) {
		if (fdt_node_enabled(f, node) && fdt_reg_phys(f, node, 0, &pa, &size) == 0 &&
		    size >= PAGE_SIZE) {
			stop_if_running(pa, PAGE_SIZE);
		}
	}
}
