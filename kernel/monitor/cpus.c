/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands about what runs: threads, CPUs, interrupts, errata. Queries. */
#include "monitor.h"

#include <config.h>
#include <kernel/errata.h>
#include <kernel/irq.h>
#include <kernel/smp.h>
#include <kernel/thread.h>
#include <lib/printf.h>

void cmd_threads(__unused u32 argc, __unused char **argv)
{
	static const char states[][10] = { "runnable", "running", "waiting", "ended" };
	struct thread_info t;

	say("   id  name              cpu  bound  state       turns  windows  stack");
	for (u32 id = 0; !line_stop() && thread_query(id, &t); id = t.id) {
		char bound[12] = "any";

		if (t.bound != THREAD_ANY_CPU) {
			(void)snprintf(bound, sizeof(bound), "%d", t.bound);
		}
		say("  %3u  %-16s  %3u  %5s  %-8s  %8u  %7u  0x%08x to 0x%08x", t.id, t.name, t.cpu,
		    bound, states[t.state], t.turns, t.windows, (u32)t.stack_start,
		    (u32)t.stack_end - 1);
	}
}

void cmd_cpus(__unused u32 argc, __unused char **argv)
{
	struct cpu_info info;

	for (u32 cpu = 0; cpu < NR_CPUS && smp_query(cpu, &info); cpu++) {
		say("  CPU %u: MPIDR 0x%08x, MIDR 0x%08x, %s%s", cpu, info.mpidr, info.midr,
		    info.text, cpu == current_core()->cpu ? ", runs this" : "");
	}
}

void cmd_irqs(__unused u32 argc, __unused char **argv)
{
	struct irq_info info;

	if (!irq_controller_present()) {
		say("no controller that we know: everything is polled");
		return;
	}
	say("%s: times handled, by CPU", irq_controller()->name);
	for (u32 irq = 0; irq_query(irq, &info) && !line_stop(); irq++) {
		char counts[NR_CPUS * 11 + 1], *to = counts;
		u32 sum = 0;

		for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
			sum += info.count[cpu];
			if (cpus_online() >> cpu & 1) {
				to += snprintf(to, 11, " %9u", info.count[cpu]);
			}
		}
		if (info.name || sum) {
			say("  %3u %-12s%s", irq, info.name ? info.name : "", counts);
		}
	}
	say("  nothing was pending: %u", irq_spurious_count());
}

void cmd_errata(__unused u32 argc, __unused char **argv)
{
	errata_print(true);
}
