/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everybody prints at once, from threads and from interrupts. Nothing is judged here: a line that
 * is torn, or out of the order in which it was counted, breaks the suite's @sum.
 * tests/system/test_console.py looks at each line besides.
 */
#include <interleave.h>
#include <kernel/irq.h>
#include <kernel/sched.h>
#include <kernel/smp.h>
#include <kernel/test.h>

#define LINES  16
#define LETTER 40 /* how often a line has its own letter */

/* Says one line; a speaker's n-th differs from the one before it, and from its neighbours'. */
static void say(const char *who, u32 n)
{
	char text[LETTER + 1];
	u32 cpu = current_core()->cpu;

	memset(text, 'a' + (int)((cpu * 7 + n) % 26), LETTER);
	text[LETTER] = '\0';
	test_note("%s %u says %u: %s", who, cpu, n, text);
}

static u32 visits[NR_CPUS], ready;

static void visited(__unused u32 irq, __unused void *arg)
{
	say("visitor", visits[current_core()->cpu]++);
}

/* All begin together: who has nobody to compete with proves nothing. */
static void speak(void *arg)
{
	const struct irq_controller *irqs = arg;

	__atomic_fetch_add(&ready, 1, __ATOMIC_RELAXED);
	while (READ_ONCE(ready) < cpu_count()) {
		thread_yield();
	}
	for (u32 n = 0; n < LINES; n++) {
		say("thread", n);
		if (irqs && n % 4 == 0) {
			irqs->send(cpus_online(), SGI_TEST);
		}
	}
}

TEST(console, lines_of_all_cpus_stay_whole)
{
	struct thread *threads[NR_CPUS] = { NULL };
	bool irqs = irq_request(SGI_TEST, visited, NULL, true, "console") == 0;

	ready = 0;
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		visits[cpu] = 0;
		if (cpus_online() >> cpu & 1) {
			threads[cpu] = thread_create_on(cpu, "speaker", speak,
							irqs ? (void *)irq_controller() : NULL);
			REQUIRE(threads[cpu]);
		}
	}
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		if (threads[cpu]) {
			thread_join(threads[cpu]);
		}
	}
	if (irqs) {
		irq_free(SGI_TEST);
	}
}

#if CONFIG_DEBUG
#define IDLE_LINES 40 /* enough to last beyond the suite's @sum */

static u32 said[NR_CPUS];

/* Says a line each time it has looked for work, and has itself look again. */
static void at_idle_point(enum interleave_point point)
{
	u32 cpu = current_core()->cpu;

	if (point == POINT_IDLE_LOOKED && said[cpu] < IDLE_LINES) {
		say("idle", said[cpu]++);
		smp_resched(cpu);
	}
}

/* The suite's last: it leaves the idle CPUs talking, past the suite's result and sum. */
TEST(console, others_speak_while_the_suite_ends)
{
	if (cpu_count() < 2) {
		SKIP("one CPU");
	}
	memset(said, 0, sizeof(said));
	WRITE_ONCE(interleave_hook, at_idle_point);
	for (u32 cpu = 1; cpus_online() >> cpu; cpu++) {
		if (cpus_online() >> cpu & 1) {
			smp_resched(cpu);
		}
	}
}
#endif
