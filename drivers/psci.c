/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PSCI (ARM DEN 0022), by HVC or SMC as the tree says: CPU_ON, and from version 0.2 on CPU_OFF,
 * AFFINITY_INFO, SYSTEM_OFF and SYSTEM_RESET. Version 0.1 has no fixed numbers: the tree gives
 * CPU_ON's; who is off, nobody can ask.
 */
#include <drivers/psci.h>

#include <arch/early_tables.h>
#include <arch/irqflags.h>
#include <errno.h>
#include <kernel/power.h>
#include <kernel/smp.h>
#include <lib/machine.h>
#include <printk.h>

#define PSCI_CPU_OFF	  0x84000002u
#define PSCI_AFFINITY	  0x84000004u
#define PSCI_SYSTEM_OFF	  0x84000008u
#define PSCI_SYSTEM_RESET 0x84000009u

#define PSCI_IS_OFF	1 /* AFFINITY_INFO */
#define PSCI_INVALID	(-2)
#define PSCI_ALREADY_ON (-4)
#define PSCI_ON_PENDING (-5)

static bool use_hvc;
static u32 cpu_on;

static s32 psci_call(u32 function, u32 arg1, u32 arg2)
{
	register u32 r0 __asm__("r0") = function;
	register u32 r1 __asm__("r1") = arg1;
	register u32 r2 __asm__("r2") = arg2;
	register u32 r3 __asm__("r3") = 0; /* CPU_ON: what the CPU finds in r0 */

	/* The SMC calling convention lets the firmware change r0-r3 only. */
	if (use_hvc) {
		__asm__ volatile(".arch_extension virt\n\thvc #0"
				 : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
				 :
				 : "memory");
	} else {
		__asm__ volatile(".arch_extension sec\n\tsmc #0"
				 : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
				 :
				 : "memory");
	}
	return (s32)r0;
}

static int psci_start(u32 mpidr, u32 entry)
{
	s32 error = psci_call(cpu_on, mpidr, entry);

	return error == 0					    ? 0 :
	       error == PSCI_ALREADY_ON || error == PSCI_ON_PENDING ? -EBUSY :
								      -EIO;
}

/* Caches are the firmware's business (DEN 0022, 5.5). Returns if it refuses. */
static void psci_cpu_off(void)
{
	(void)psci_call(PSCI_CPU_OFF, 0, 0);
}

/* One that does not exist is off, too. */
static bool psci_cpu_is_off(u32 mpidr)
{
	s32 state = psci_call(PSCI_AFFINITY, mpidr, 0);

	return state == PSCI_IS_OFF || state == PSCI_INVALID;
}

static const struct smp_method psci_method = {
	"psci", psci_start, false, true, psci_cpu_off, psci_cpu_is_off, NULL,
};
static const struct smp_method psci_01_method = {
	"psci", psci_start, false, true, NULL, NULL, NULL
};

static void psci_off(void)
{
	(void)psci_call(PSCI_SYSTEM_OFF, 0, 0);
}

static void psci_reboot(void)
{
	(void)psci_call(PSCI_SYSTEM_RESET, 0, 0);
}

static const struct power_ops psci_power = { "psci", psci_off, psci_reboot };

void psci_init(const struct fdt *f)
{
	struct machine_psci psci;
	int error = machine_psci(f, &psci);

	if (error == -ENOENT) {
		return;
	}
	if (error) {
		printk("psci: method is neither hvc nor smc: not used");
		return;
	}
	use_hvc = psci.by_hvc;
	cpu_on = psci.cpu_on;
	if (use_hvc && (boot_info.entry_cpsr & CPSR_MODE_MASK) == MODE_HYP) {
		printk("psci: by hvc, but we came from HYP and nobody is left there: not used");
		return;
	}
	if (!psci.old) {
		power_register(&psci_power);
	}
	if (psci.starts) {
		smp_method_register(psci.old ? &psci_01_method : &psci_method);
	}
}
