/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the end of the other CPUs, before another kernel starts: whether each can be put where that
 * one finds it, off or in a pen, and putting it there. Must never leave one behind that runs.
 */
#include <kernel/smp.h>

#include <arch/cpreg.h>
#include <arch/current.h>
#include <arch/early_tables.h>
#include <arch/secondary.h>
#include <kernel/irq.h>
#include <kernel/time.h>
#include <bug.h>
#include <mm/page.h>

#include "smp_internal.h"

#define PEN_GRACE_US 100000

static u32 leave_pen, leave_register; /* where in physical memory; 0: no pen */

/* A CPU's end, in the handler that stops it. */
static void leave_cpu(void)
{
	const struct smp_method *method = others.reports[current_core()->cpu].method;

	time_alarm_us(UINT64_MAX);
	irq_controller()->leave(false);
	if (!method->off) {
		cpu_leave(leave_pen, leave_register, 0, LEAVE_OWN_LEVEL | leave_mode());
	}
	method->off();
}

const char *smp_leave_check(bool *pen)
{
	static const char no_way_back[] = "a CPU could not be started again";
	bool firmware = false; /* has those that maxcpus= left out; else they wait in our image */

	if (current_core()->cpu != 0) {
		return no_way_back; /* it is the first that an image lets in */
	}
	leave_register = 0;
	for (u32 i = 0; i < METHODS_MAX && others.methods[i]; i++) {
		firmware |= others.methods[i]->clusters;
		if (others.methods[i]->pen_register && others.named > 1 &&
		    irq_controller_present()) {
			leave_register = others.methods[i]->pen_register();
		}
	}
	*pen = leave_register != 0;
	if (others.named > others.total && !*pen && !firmware) {
		return no_way_back;
	}
	for (u32 cpu = 1; cpu < others.total; cpu++) {
		const struct smp_method *method = others.reports[cpu].method;
		u32 state = secondaries[cpu].state;
		bool runs = state == SECONDARY_ONLINE;

		if (!method	? state != SECONDARY_LATE :
		    method->off ? !runs && !method->is_off(secondaries[cpu].mpidr) :
				  !method->pen_register) {
			return no_way_back;
		}
	}
	return NULL;
}

static void wait_for_leave(u32 cpu, void *pen)
{
	const struct smp_method *method = others.reports[cpu].method;
	u32 mpidr = secondaries[cpu].mpidr;
	u64 until = time_now_us() + COME_WAIT_US;

	while (method->off ? !method->is_off(mpidr) : !pen_holds(pen, mpidr)) {
		if (time_now_us() > until) {
			panic("CPU %u does not leave", cpu);
		}
	}
}

void smp_leave(void *pen)
{
	if (pen) {
		pen_make(pen);
		leave_pen = pa_low32(pa_without_mmu(virt_to_phys(pen)));
		pen_redirect(leave_pen, leave_register); /* those that are parked in the image */
		irq_controller()->send_all(SGI_RESCHED);
	}
	smp_stopped = leave_cpu;
	smp_stop_others();
	for (u32 cpu = 1; cpu < others.total; cpu++) {
		u32 state = secondaries[cpu].state;

		/* One that is late may not be there at all. */
		if (state == SECONDARY_ONLINE || (state != SECONDARY_LATE && pen)) {
			wait_for_leave(cpu, pen);
		}
	}
	if (pen && others.total < others.named) {
		delay_us(PEN_GRACE_US); /* those that maxcpus= left out, wherever they wait */
	}
}
