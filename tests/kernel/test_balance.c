/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How work is shared: turns on one CPU, threads that move between CPUs and those that must stay.
 * Judged by turns and counted work, never by wall-clock.
 */
#include <kernel/sched.h>
#include <kernel/smp.h>
#include <kernel/test.h>
#include <kernel/time.h>

#include "threads.h"

#define TAKERS 4 /* that share one CPU */

static u32 turns_of(const struct thread *thread)
{
	struct thread_info info;

	return thread_query(thread->id - 1, &info) && info.id == thread->id ? info.turns : 0;
}

/* ---- taking turns ---- */

/* Threads that all want to run, until each had `goal` turns; the first one watches. */
struct race {
	u32 runners, ready, goal; /* ready: atomic */
	bool yield, over;
	u64 until_us; /* it ends without the goal: who began with it was left waiting */
	struct runner {
		struct race *race;
		struct thread *thread;
		u32 turns_before, turns, work; /* work: its own, read by the first */
	} runner[NR_CPUS + 1];
};

/* Some had so many times the goal, and others not even that. */
#define UNFAIR 32

static void race_begin(struct race *race)
{
	for (u32 i = 0; i < race->runners; i++) {
		race->runner[i].turns_before = turns_of(race->runner[i].thread);
	}
}

static bool race_is_over(struct race *race)
{
	u32 least = UINT32_MAX, most = 0;

	for (u32 i = 0; i < race->runners; i++) {
		struct runner *runner = &race->runner[i];

		runner->turns = turns_of(runner->thread) - runner->turns_before;
		least = min(least, runner->turns);
		most = max(most, runner->turns);
	}
	return least >= race->goal || most >= UNFAIR * race->goal || time_now_us() > race->until_us;
}

/*
 * After so many rounds the first looks whether all is over: asks for each racer, under a lock, and
 * reads the clock. Done sixteen times as often, that alone took nineteen twentieths of its turns on
 * an emulated machine.
 */
#define LOOK 16384

static void run_race(void *arg)
{
	struct runner *self = arg;
	struct race *race = self->race;
	bool first = self == race->runner;

	self->thread = thread_current();
	__atomic_fetch_add(&race->ready, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&race->ready, __ATOMIC_ACQUIRE) < race->runners) {
		thread_yield();
	}
	if (first) {
		race_begin(race);
	}
	while (!READ_ONCE(race->over)) {
		WRITE_ONCE(self->work, self->work + 1);
		if (race->yield) {
			thread_yield();
		}
		if (first && (race->yield || self->work % LOOK == 0) && race_is_over(race)) {
			WRITE_ONCE(race->over, true);
		}
	}
}

/* On one CPU, or THREAD_ANY_CPU. False: a thread could not be made. */
static bool race_run(struct race *race, s32 cpu)
{
	struct thread *threads[NR_CPUS + 1];

	race->until_us = time_now_us() + 20000000;
	for (u32 i = 0; i < race->runners; i++) {
		struct runner *runner = &race->runner[i];

		runner->race = race;
		threads[i] = cpu == THREAD_ANY_CPU ?
				     thread_create("racer", run_race, runner) :
				     thread_create_on((u32)cpu, "racer", run_race, runner);
		if (!threads[i]) {
			WRITE_ONCE(race->over, true);
			WRITE_ONCE(race->ready, race->runners);
		}
	}
	return threads_join(threads, race->runners);
}

static void check_equal_turns(const struct race *race)
{
	for (u32 i = 0; i < race->runners; i++) {
		u32 turns = race->runner[i].turns;

		if (!CHECK(turns + 2 >= race->goal && turns <= race->goal + 2)) {
			test_note("runner %u: %u turns, the first: %u", i, turns, race->goal);
		}
	}
}

TEST(balance, yield_goes_round)
{
	struct race race = { .runners = TAKERS, .goal = 300, .yield = true };

	REQUIRE(race_run(&race, (s32)my_cpu()));
	check_equal_turns(&race);
}

/* Turns are exact; work is not, on a host that takes its CPU away in the middle of slices. */
TEST(balance, busy_threads_share_a_cpu)
{
	struct race race = { .runners = TAKERS, .goal = 6 };
	u32 least = UINT32_MAX, most = 0;

	if (!time_has_alarm()) {
		SKIP(NO_ALARM);
	}
	REQUIRE(race_run(&race, (s32)my_cpu()));
	check_equal_turns(&race);
	for (u32 i = 0; i < TAKERS; i++) {
		least = min(least, race.runner[i].work);
		most = max(most, race.runner[i].work);
	}
	if (!CHECK(most / 16 <= least)) {
		test_note("work from %u to %u", least, most);
	}
}

/* One CPU calls, the other answers. */
struct ping {
	u32 call, answer;
	bool over;
};

static void answer_calls(void *arg)
{
	struct ping *ping = arg;

	while (!READ_ONCE(ping->over)) {
		WRITE_ONCE(ping->answer, READ_ONCE(ping->call));
	}
}

#define WINDOW_US 500000
#define WINDOWS	  3
#define TURNS	  8   /* answers in a window that CPUs may give which take turns of 100 ms */
#define MANY	  20  /* and that they do not */
#define AT_ONCE	  10  /* answers that came while the caller went on: */
#define GAP_US	  500 /* between two looks at the clock there was no time for anybody's turn */

/* A busy host is slow, but at times it runs both; and its turns are short. */
static bool answers_come(struct ping *ping)
{
	u64 start = time_now_us(), last = start, now;
	u32 answers = 0, at_once = 0;
	bool gap = false;

	do {
		bool answered = READ_ONCE(ping->answer) == ping->call;

		now = time_now_us();
		gap |= now - last > GAP_US;
		last = now;
		if (answered) {
			answers++;
			at_once += !gap;
			gap = false;
			WRITE_ONCE(ping->call, ping->call + 1);
		}
	} while (answers < MANY && at_once < AT_ONCE && now - start < WINDOWS * WINDOW_US &&
		 (answers > TURNS || now - start < WINDOW_US));
	return answers == MANY || at_once == AT_ONCE;
}

/* False on an emulator that gives its CPUs one host thread, and each of them turns of it. */
static bool cpus_run_at_once(void)
{
	struct ping ping = { 0 };
	u32 other = (my_cpu() + 1) % cpu_count();
	struct thread *thread = thread_create_on(other, "answerer", answer_calls, &ping);
	bool at_once = false, asked = false;

	for (u32 i = 0; i < 3 && thread && !asked; i++) {
		preempt_disable();
		asked = my_cpu() != other;
		at_once = asked && answers_come(&ping);
		preempt_enable();
		thread_yield();
	}
	WRITE_ONCE(ping.over, true);
	return threads_join(&thread, 1) && at_once;
}

/* One thread more than CPUs: none of them may be left waiting. */
TEST(balance, threads_wander)
{
	struct race race = { .runners = cpu_count() + 1, .goal = 3 };
	u64 sum = 0;

	if (!time_has_alarm()) {
		SKIP(NO_ALARM);
	}
	if (cpu_count() > 1 && !cpus_run_at_once()) {
		SKIP("the CPUs take turns on this machine");
	}
	REQUIRE(race_run(&race, THREAD_ANY_CPU));
	for (u32 i = 0; i < race.runners; i++) {
		sum += race.runner[i].work;
	}
	for (u32 i = 0; i < race.runners; i++) {
		if (!CHECK(race.runner[i].turns >= race.goal &&
			   (u64)race.runner[i].work * race.runners * 16 > sum)) {
			test_note("runner %u of %u: work %u of %llu in all, %u turns", i,
				  race.runners, race.runner[i].work, sum, race.runner[i].turns);
		}
	}
}

/* ---- CPUs ---- */

struct roam {
	u32 cpu, wrong;
};

static void stay_on_cpu(void *arg)
{
	struct roam *roam = arg;

	for (u32 i = 0; i < 200; i++) {
		roam->wrong += my_cpu() != roam->cpu;
		if (i % 50 == 0) {
			thread_sleep_us(100);
		}
		thread_yield();
	}
}

TEST(balance, bound_threads_stay)
{
	struct thread *threads[2 * NR_CPUS];
	struct roam roams[2 * NR_CPUS];
	u32 count = 0, online = cpus_online();

	for (u32 i = 0; i < 2 * NR_CPUS; i++) {
		if (online & (1u << i / 2)) {
			roams[count] = (struct roam){ .cpu = i / 2 };
			threads[count] =
				thread_create_on(i / 2, "bound", stay_on_cpu, &roams[count]);
			count++;
		}
	}
	CHECK(threads_join(threads, count));
	for (u32 i = 0; i < count; i++) {
		CHECK_EQ(roams[i].wrong, 0);
	}
	CHECK(!thread_create_on(NR_CPUS, "nowhere", stay_on_cpu, &count));
}

struct spread {
	u32 seen; /* CPUs; atomic */
	u64 until_us;
};

static void spread_out(void *arg)
{
	struct spread *spread = arg;

	while (READ_ONCE(spread->seen) != cpus_online() && time_now_us() < spread->until_us) {
		__atomic_fetch_or(&spread->seen, 1u << my_cpu(), __ATOMIC_RELAXED);
	}
}

/* All are made on one CPU and never sleep: the others must come and take some. */
TEST(balance, idle_cpus_take_work)
{
	struct spread spread = { .until_us = time_now_us() + 10000000 };
	struct thread *threads[NR_CPUS];
	u32 count = cpu_count();

	if (count == 1) {
		SKIP("one CPU");
	}
	for (u32 i = 0; i < count; i++) {
		threads[i] = thread_create("spreader", spread_out, &spread);
	}
	CHECK(threads_join(threads, count));
	CHECK_EQ(spread.seen, cpus_online());
}
