/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Versatile Express motherboard system registers (ARM DUI 0447, 4.3 and 4.6): the
 * configuration port to the board's controller, which switches power; and the flags, where the boot
 * monitor's waiting CPUs read their entry whenever an interrupt wakes them.
 */
#include <drivers/vexpress_sysreg.h>

#include <arch/barrier.h>
#include <arch/io.h>
#include <kernel/power.h>
#include <kernel/smp.h>
#include <lib/machine.h>
#include <mm/fixmap.h>

#define SYS_FLAGSSET 0x30
#define SYS_FLAGSCLR 0x34
#define SYS_CFGCTRL  0xa4

#define CFG_START_WRITE 0xc0000000u
#define CFG_SHUTDOWN	(8u << 20)
#define CFG_REBOOT	(9u << 20)

static void *regs;

static void configure(u32 function)
{
	dsb_sy(); /* everything sent and stored, before the power goes */
	io_write32(regs + SYS_CFGCTRL, CFG_START_WRITE | function);
	dsb_sy(); /* the request has left before the caller waits */
}

static void vexpress_off(void)
{
	configure(CFG_SHUTDOWN);
}

static void vexpress_reboot(void)
{
	configure(CFG_REBOOT);
}

static const struct power_ops vexpress_power = { "vexpress", vexpress_off, vexpress_reboot };

static int vexpress_start(__unused u32 mpidr, u32 entry)
{
	io_write32(regs + SYS_FLAGSCLR, ~0u);
	io_write32(regs + SYS_FLAGSSET, entry);
	dsb_sy(); /* the flags, before the interrupt that makes it look */
	return 0;
}

static u32 regs_pa;

/* Empty: or a CPU that wakes for any reason would take the entry that it was started with. */
static u32 vexpress_pen_register(void)
{
	io_write32(regs + SYS_FLAGSCLR, ~0u);
	dsb_sy(); /* cleared, before anybody looks */
	return regs_pa + SYS_FLAGSSET;
}

static const struct smp_method vexpress_method = {
	"arm,vexpress", vexpress_start, true, false, NULL, NULL, vexpress_pen_register,
};

void vexpress_sysreg_init(const struct fdt *f)
{
	phys_addr_t pa;

	if (machine_vexpress(f, &pa) < 0) {
		return;
	}
	regs_pa = pa_low32(pa);
	regs = fixmap_set(FIX_POWER, pa, PAGE_DEVICE);
	power_register(&vexpress_power);
	smp_method_register(&vexpress_method);
}
