/* SPDX-License-Identifier: BSD-2-Clause */
/* PSCI 0.2 and later (ARM DEN 0022): SYSTEM_OFF and SYSTEM_RESET, by HVC or SMC as the tree says. */
#include <drivers/psci.h>

#include <arch/early_tables.h>
#include <arch/irqflags.h>
#include <kernel/power.h>
#include <lib/string.h>
#include <printk.h>

#define PSCI_SYSTEM_OFF	  0x84000008u
#define PSCI_SYSTEM_RESET 0x84000009u

static bool use_hvc;

static void psci_call(u32 function)
{
	register u32 r0 __asm__("r0") = function;

	/* The SMC calling convention lets the firmware change r0-r3 only. */
	if (use_hvc) {
		__asm__ volatile(".arch_extension virt\n\thvc #0"
				 : "+r"(r0)
				 :
				 : "r1", "r2", "r3", "memory");
	} else {
		__asm__ volatile(".arch_extension sec\n\tsmc #0"
				 : "+r"(r0)
				 :
				 : "r1", "r2", "r3", "memory");
	}
}

static void psci_off(void)
{
	psci_call(PSCI_SYSTEM_OFF);
}

static void psci_reboot(void)
{
	psci_call(PSCI_SYSTEM_RESET);
}

static const struct power_ops psci_power = { "psci", psci_off, psci_reboot };

void psci_init(const struct fdt *f)
{
	fdt_node node = fdt_find_compatible(f, FDT_START, "arm,psci-0.2");
	const char *method;

	if (node < 0) {
		node = fdt_find_compatible(f, FDT_START, "arm,psci-1.0");
	}
	if (node < 0 || !fdt_node_enabled(f, node)) {
		return;
	}
	method = fdt_prop_string(f, node, "method");
	use_hvc = method && strcmp(method, "hvc") == 0;
	if (!use_hvc && (!method || strcmp(method, "smc") != 0)) {
		printk("psci: method is neither hvc nor smc: not used");
		return;
	}
	if (use_hvc && (boot_info.entry_cpsr & CPSR_MODE_MASK) == MODE_HYP) {
		printk("psci: by hvc, but we came from HYP and nobody is left there: not used");
		return;
	}
	power_register(&psci_power);
}
