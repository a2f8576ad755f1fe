/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns what of a device tree we know how to use. Must never touch a device, or ask the CPU: what
 * they say is handed in.
 */
#include <lib/machine.h>

#include <errno.h>
#include <lib/fdt_irq.h>
#include <lib/string.h>
#include <phys.h>

#define SLOWEST_HZ 1000000u

/* Cells of the GIC's interrupts: first, and in the third. */
#define TREE_SHARED 0u
#define TREE_EDGES  3u /* rising, falling */

void machine_gic(const struct fdt *f, struct machine_gic *gic)
{
	static const char known[][19] = { "arm,cortex-a15-gic", "arm,gic-400", "arm,cortex-a7-gic",
					  "arm,cortex-a9-gic" };
	phys_addr_t size;

	for (u32 i = 0; i < ARRAY_SIZE(known); i++) {
		gic->node = FDT_START;
		while ((gic->node = fdt_find_compatible(f, gic->node, known[i])) >= 0) {
			if (fdt_node_enabled(f, gic->node) &&
			    fdt_reg_phys(f, gic->node, 0, &gic->dist, &size) == 0 &&
			    fdt_reg_phys(f, gic->node, 1, &gic->iface, &size) == 0) {
				return;
			}
		}
	}
}

int machine_irq(const struct fdt *f, fdt_node gic, fdt_node device, u32 index, u32 *irq, bool *edge)
{
	struct fdt_irq wire;
	int error = fdt_irq(f, device, index, &wire);

	if (error) {
		return error;
	}
	if (wire.controller != gic) {
		return -ENODEV;
	}
	if (wire.count != 3 || wire.cell[0] > 1 ||
	    wire.cell[1] >= (wire.cell[0] == TREE_SHARED ? GIC_SHARED_COUNT : 16)) {
		return -EINVAL;
	}
	*irq = wire.cell[1] + (wire.cell[0] == TREE_SHARED ? GIC_SHARED : GIC_PRIVATE);
	*edge = (wire.cell[2] & TREE_EDGES) != 0;
	return 0;
}

const char *machine_timer(const struct fdt *f, u32 hz, fdt_node *node)
{
	*node = fdt_find_compatible(f, FDT_START, "arm,armv7-timer");
	if (*node < 0) {
		*node = fdt_find_compatible(f, FDT_START, "arm,armv8-timer");
	}
	if (*node < 0) {
		return "the device tree has none";
	}
	if (!fdt_node_enabled(f, *node)) {
		return "the device tree says that it is disabled";
	}
	return hz <= SLOWEST_HZ ? "CNTFRQ does not say how fast it is" : NULL;
}

int machine_psci(const struct fdt *f, struct machine_psci *psci)
{
	fdt_node node = fdt_find_compatible(f, FDT_START, "arm,psci-0.2");
	const char *method;

	*psci = (struct machine_psci){ .cpu_on = 0x84000003u };
	if (node < 0) {
		node = fdt_find_compatible(f, FDT_START, "arm,psci-1.0");
	}
	if (node < 0) {
		node = fdt_find_compatible(f, FDT_START, "arm,psci");
		psci->old = true;
	}
	if (node < 0 || !fdt_node_enabled(f, node)) {
		return -ENOENT;
	}
	method = fdt_prop_string(f, node, "method");
	psci->by_hvc = method && strcmp(method, "hvc") == 0;
	psci->starts = !psci->old || fdt_prop_u32(f, node, "cpu_on", &psci->cpu_on) == 0;
	return psci->by_hvc || (method && strcmp(method, "smc") == 0) ? 0 : -EINVAL;
}

int machine_vexpress(const struct fdt *f, phys_addr_t *pa)
{
	fdt_node node = fdt_find_compatible(f, FDT_START, "arm,vexpress-sysreg");
	phys_addr_t size;

	return node < 0 || !fdt_node_enabled(f, node) || fdt_reg_phys(f, node, 0, pa, &size) < 0 ||
			       !pa_is_aligned(*pa, PAGE_SIZE) || !pa_below_4g(*pa) ||
			       fdt_is_memory(f, *pa) ?
		       -ENODEV :
		       0;
}

/* The CPU's own enable-method, or that of all (Devicetree Specification 3.8.1). */
static const char *enable_method(const struct fdt *f, fdt_node node)
{
	const char *name = fdt_prop_string(f, node, "enable-method");

	return name ? name : fdt_prop_string(f, fdt_parent(f, node), "enable-method");
}

bool machine_next_cpu(const struct fdt *f, struct machine_cpu *cpu)
{
	fdt_node node = cpu->node < 0 ? fdt_first_child(f, fdt_path_node(f, "/cpus")) :
					fdt_next_sibling(f, cpu->node);
	u64 mpidr, size;

	for (; node >= 0; node = fdt_next_sibling(f, node)) {
		if (fdt_prop_has_string(f, node, "device_type", "cpu") &&
		    fdt_reg(f, node, 0, &mpidr, &size) == 0 && mpidr <= MACHINE_AFFINITY) {
			cpu->node = node;
			cpu->mpidr = (u32)mpidr;
			cpu->method = enable_method(f, node);
			return true;
		}
	}
	return false;
}

bool machine_method_fits(const char *name, bool clusters, const char *wanted, bool far)
{
	return (clusters || !far) && (!wanted || strcmp(name, wanted) == 0);
}
