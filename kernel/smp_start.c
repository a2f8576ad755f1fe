/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the start of the other CPUs: who they are, what each needs before it comes, what it
 * does first, and what is said of one that does not come or is not as the boot CPU is. All are
 * prepared before the first is told to start, so they may come in any order, or all at once.
 *
 * Must never take memory back from a CPU that did not come: it may come yet, and be parked.
 */
#include <kernel/smp.h>

#include <arch/barrier.h>
#include <arch/cpreg.h>
#include <arch/early_tables.h>
#include <arch/secondary.h>
#include <arch/setup.h>
#include <arch/tlb.h>
#include <arch/trap.h>
#include <bug.h>
#include <errno.h>
#include <kernel/errata.h>
#include <kernel/irq.h>
#include <kernel/sched.h>
#include <kernel/time.h>
#include <lib/machine.h>
#include <lib/string.h>
#include <mm/bigwin.h>
#include <mm/page_alloc.h>
#include <mm/pgtable.h>
#include <mm/slab.h>
#include <printk.h>

#include "smp_internal.h"

#define PEN_WAIT_US 1000000 /* without a method: one that waits in our own pen */

struct secondary secondaries[NR_CPUS];

STATIC_ASSERT(sizeof(struct cpu_state) == 8 * sizeof(u32)); /* compared and named by words */

struct other_cpus others;
static struct cpu_state boot_state;
static u64 start_us; /* when the first was told to come */

void smp_method_register(const struct smp_method *method)
{
	for (u32 i = 0; i < METHODS_MAX; i++) {
		if (!others.methods[i]) {
			others.methods[i] = method;
			return;
		}
	}
}

/* ---- what the tree says ---- */

/*
 * How many CPUs this cluster has, for trees that name more than there are: L2CTLR of Cortex-A7
 * and A15 (TRM 4.3.54: bits 25:24; QEMU's goes on to bit 26, which reads as zero elsewhere).
 */
static u32 cluster_cpus(void)
{
	u32 part = (read_midr() >> 4) & 0xfff;

	if (read_midr() >> 24 != 0x41 || (part != 0xc07 && part != 0xc0f)) {
		return 256;
	}
	return ((read_l2ctlr() >> 24) & 7) + 1;
}

static bool in_other_cluster(u32 mpidr)
{
	return machine_other_cluster(mpidr, read_mpidr());
}

static bool cpu_exists(u32 mpidr)
{
	return in_other_cluster(mpidr) || (mpidr & 0xff) < cluster_cpus();
}

/* ---- what a CPU needs ---- */

static void prepare(u32 cpu, u32 mpidr)
{
	size_t bytes = (size_t)(__percpu_end - __percpu_start);
	struct secondary *s = &secondaries[cpu];
	struct page *abort_stack = alloc_page(GFP_KERNEL);
	char *percpu = kzalloc(bytes);
	struct thread *idle = sched_prepare_cpu(cpu, (u32)(percpu - __percpu_start));

	if (!abort_stack || !percpu || !idle || irq_prepare_cpu(cpu) < 0) {
		panic("no memory for CPU %u", cpu);
	}
	s->core = &idle->core;
	s->stack_top = (void *)idle->core.stack_end;
	s->abort_stack_top = lowmem_page_address(abort_stack) + ABORT_STACK_SIZE;
	s->state = SECONDARY_COMING;
	WRITE_ONCE(s->mpidr, mpidr); /* last: it is found by this */
}

/* ---- the other CPU's side ---- */

static bool state_is(struct secondary *s, u32 from, u32 to)
{
	return __atomic_compare_exchange_n(&s->state, &from, to, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

void secondary_main(struct secondary *self, u32 entry_cpsr)
{
	struct cpu_state state;
	u32 cpu = (u32)(self - secondaries);

	current_set(self->core);
	trap_init_cpu(self->abort_stack_top);
	cpu_state_get(&state, entry_cpsr);
	if (!state_is(self, SECONDARY_COMING, SECONDARY_HERE)) {
		cpu_park(entry_cpsr);
	}
	others.reports[cpu].midr = read_midr();
	if (memcmp(&state, &boot_state, sizeof(state)) != 0) {
		others.reports[cpu].state = state;
		state_is(self, SECONDARY_HERE, SECONDARY_DIFFERS);
		cpu_park(entry_cpsr);
	}
	others.reports[cpu].swallowed_abort = trap_unmask_async();
	others.reports[cpu].clock_us = time_now_us();
	state_is(self, SECONDARY_HERE, SECONDARY_ASKS);
	while (READ_ONCE(self->state) == SECONDARY_ASKS) {
		__asm__ volatile("yield" : : : "memory");
	}
	if (READ_ONCE(self->state) != SECONDARY_ADMITTED) {
		cpu_park(entry_cpsr);
	}
	page_alloc_cpu_init();
	slab_cpu_init();
	bigwin_init();
	errata_apply_cpu();
	irq_start_cpu();
	if (!irq_reaches_us()) {
		state_is(self, SECONDARY_ADMITTED, SECONDARY_DEAF);
		cpu_park(entry_cpsr);
	}
	sched_init_cpu();
	smp_set_online();
	state_is(self, SECONDARY_ADMITTED, SECONDARY_ONLINE);
	sched_idle();
}

/* ---- the boot CPU's side ---- */

/* By what the tree says; else by each way that the machine has, until one does not refuse. */
static void start_one(u32 cpu)
{
	u32 mpidr = secondaries[cpu].mpidr;
	bool far = in_other_cluster(mpidr);

	if (!far) {
		pen_open(mpidr); /* it may wait in our own, whatever the tree says */
	}
	for (u32 i = 0; i < METHODS_MAX && others.methods[i]; i++) {
		if (!machine_method_fits(others.methods[i]->name, others.methods[i]->clusters,
					 others.reports[cpu].wanted, far)) {
			continue;
		}
		others.reports[cpu].method = others.methods[i];
		others.reports[cpu].error = others.methods[i]->start(mpidr, secondary_entry_pa());
		if (others.methods[i]->wake) {
			irq_controller()->send_all(SGI_RESCHED); /* which asks for nothing */
		}
		if (others.reports[cpu].error == 0) {
			return;
		}
	}
}

/*
 * A CPU's virtual counter may have an offset of its own, which only HYP can set (B8.1.4): then it
 * thinks that it came before it was called, or later than now.
 */
static void admit(u32 cpu)
{
	u64 its_us, now_us;

	dmb_ish(); /* that it asks, before what it reported */
	its_us = others.reports[cpu].clock_us;
	now_us = time_now_us();
	state_is(&secondaries[cpu], SECONDARY_ASKS,
		 its_us >= start_us && its_us <= now_us ? SECONDARY_ADMITTED : SECONDARY_CLOCK);
}

/* Until it is online, or parked; the pen has one place for a number, so one after the other. */
static void wait_for(u32 cpu)
{
	u32 wait_us = others.reports[cpu].method && !others.reports[cpu].error ? COME_WAIT_US :
										 PEN_WAIT_US;
	struct secondary *s = &secondaries[cpu];
	u64 until = time_now_us() + wait_us;
	u32 state;

	for (;;) {
		state = READ_ONCE(s->state);
		if (state == SECONDARY_ASKS) {
			admit(cpu);
		} else if (state >= SECONDARY_ONLINE) {
			break;
		}
		if (time_now_us() > until && state_is(s, SECONDARY_COMING, SECONDARY_LATE)) {
			break;
		}
		if (time_now_us() > until + COME_WAIT_US) {
			panic("CPU %u came, and stopped on its way", cpu);
		}
		__asm__ volatile("yield" : : : "memory");
	}
	dmb_ish(); /* its state, before what it reported */
}

static void say_difference(u32 cpu)
{
	static const char names[][16] = { "SCTLR",     "TTBCR",	     "MAIR0",	      "MAIR1",
					  "TTBR1 low", "TTBR1 high", "mode at entry", "secure" };
	const u32 *is = (const u32 *)&others.reports[cpu].state, *want = (const u32 *)&boot_state;

	for (u32 i = 0; i < ARRAY_SIZE(names); i++) {
		if (is[i] != want[i]) {
			printk("smp: CPU %u differs from the boot CPU: %s %08x, not %08x: parked",
			       cpu, names[i], is[i], want[i]);
		}
	}
}

static void say_what_happened(u32 cpu)
{
	u32 mpidr = secondaries[cpu].mpidr;
	const struct smp_method *method = others.reports[cpu].method;

	if (others.reports[cpu].swallowed_abort) {
		warn("firmware left an asynchronous abort behind on CPU %u", cpu);
	}
	switch (secondaries[cpu].state) {
	case SECONDARY_CLOCK:
		printk("smp: CPU %u: its counter is off by %lld us (CNTVOFF): parked", cpu,
		       others.reports[cpu].clock_us - start_us);
		break;
	case SECONDARY_DEAF:
		printk("smp: CPU %u: its software interrupts are the secure world's: parked", cpu);
		break;
	case SECONDARY_DIFFERS:
		say_difference(cpu);
		break;
	case SECONDARY_LATE:
		if (secondary_incoherent_mpidr() == mpidr) {
			printk("smp: CPU %u cannot join coherency (ACTLR.SMP stays clear): parked",
			       cpu);
		} else if (!method && in_other_cluster(mpidr)) {
			printk("smp: CPU %u: another cluster's is firmware's to start, by PSCI",
			       cpu);
		} else if (!method) {
			printk("smp: CPU %u: no enable-method that we know (%s)", cpu,
			       others.reports[cpu].wanted ? others.reports[cpu].wanted : "none");
		} else if (others.reports[cpu].error) {
			printk("smp: CPU %u: %s refuses, error %d", cpu, method->name,
			       others.reports[cpu].error);
		} else {
			printk("smp: CPU %u, MPIDR %06x, did not come (%s)", cpu, mpidr,
			       method->name);
		}
	}
}

void boot_table_stand(void *pages)
{
	struct boot_pages lent = { pages, pages + PAGE_SIZE, virt_to_phys(pages),
				   virt_to_phys(pages) + PAGE_SIZE };

	pte_table_clear((pte_t *)lent.pmds);
	pte_table_clear(lent.ptes);
	boot_table_rebuild(&lent);
}

/* The boot table stands for as long as somebody may come: a late one finds the gate closed. */
static void start_all(void)
{
	struct page *pages = alloc_pages(GFP_KERNEL, 1);
	bool all = true;

	if (!pages) {
		panic("no memory for the boot table");
	}
	boot_table_stand(lowmem_page_address(pages));
	secondaries_open(true);
	start_us = time_now_us();
	for (u32 cpu = 1; cpu < others.total; cpu++) {
		start_one(cpu);
		wait_for(cpu);
		say_what_happened(cpu);
		all &= secondaries[cpu].state != SECONDARY_LATE;
	}
	secondaries_open(false);
	if (all) {
		boot_table_clear();
		free_pages(pages, 1);
	}
}

/* Gives each CPU of the tree a number, in its order, the boot CPU 0; returns how many it names. */
static u32 number_cpus(const struct fdt *f, u32 maxcpus)
{
	u32 self = read_mpidr() & MPIDR_AFFINITY, named = 0, absent = 0;
	struct machine_cpu cpu = { .node = FDT_START };

	while (machine_next_cpu(f, &cpu)) {
		if (!cpu_exists(cpu.mpidr)) {
			absent++;
			continue;
		}
		named++;
		if (cpu.mpidr == self || others.total >= maxcpus) {
			continue;
		}
		others.reports[others.total].wanted = cpu.method;
		prepare(others.total, cpu.mpidr);
		others.total++;
	}
	if (absent) {
		printk("smp: the tree names %u CPUs that are not there: the cluster has %u", absent,
		       cluster_cpus());
	}
	return max(named, 1u);
}

void smp_start(const struct fdt *f, u32 maxcpus)
{
	const char *why = NULL;

	others.reports = kzalloc(NR_CPUS * sizeof(*others.reports));
	if (!others.reports) {
		panic("no memory for CPU %u", 0);
	}
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		secondaries[cpu].mpidr = MPIDR_NONE;
	}
	secondaries[0].mpidr = read_mpidr() & MPIDR_AFFINITY;
	secondaries[0].state = SECONDARY_ONLINE;
	others.reports[0].midr = read_midr();
	others.total = 1;
	tlb_others = true;
	cpu_state_get(&boot_state, boot_info.entry_cpsr);
	errata_apply_cpu();
	if (!irq_controller_present()) {
		why = "no interrupts between CPUs";
	} else if (!(boot_info.actlr & ACTLR_SMP)) {
		why = "ACTLR.SMP is clear, and firmware does not let us set it";
	} else if (smp_calls_init() < 0) {
		why = "no software interrupts";
	} else if (!irq_reaches_us()) {
		why = "software interrupts are the secure world's";
	}
	others.named = number_cpus(f, why ? 1 : min(maxcpus, (u32)NR_CPUS));
	if (why) {
		printk("smp: %s: one CPU", why);
		return;
	}
	if (others.total > 1) {
		start_all();
	}
	printk("smp: %u of %u CPUs run%s%s", cpu_count(), others.named,
	       others.total > 1 && others.reports[1].method ? ", by " : "",
	       others.total > 1 && others.reports[1].method ? others.reports[1].method->name : "");
}

/* ---- asking ---- */

bool smp_query(u32 cpu, struct cpu_info *info)
{
	static const char *const texts[] = {
		[SECONDARY_COMING] = "coming",
		[SECONDARY_HERE] = "coming",
		[SECONDARY_ASKS] = "coming",
		[SECONDARY_ADMITTED] = "coming",
		[SECONDARY_ONLINE] = "online",
		[SECONDARY_DIFFERS] = "parked: differs",
		[SECONDARY_CLOCK] = "parked: its clock",
		[SECONDARY_DEAF] = "parked: not reached",
		[SECONDARY_LATE] = "did not come",
	};

	if (cpu >= others.total) {
		return false;
	}
	*info = (struct cpu_info){ secondaries[cpu].mpidr, others.reports[cpu].midr,
				   texts[secondaries[cpu].state] };
	return true;
}
