/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scheduler: threads that come and go, take turns, are preempted, sleep, move between CPUs and
 * stay where they must. Shares are judged by turns and counted work, never by wall-clock.
 */
#include <arch/irqflags.h>
#include <arch/probe.h>
#include <arch/trap.h>
#include <kernel/sched.h>
#include <kernel/smp.h>
#include <kernel/test.h>
#include <kernel/time.h>
#include <mm/highmem.h>
#include <mm/page_alloc.h>

#include "pages.h"
#include "threads.h"

#define MANY   100 /* threads alive at once */
#define TAKERS 4   /* that share one CPU */

/* ---- coming and going ---- */

static void count_up(void *arg)
{
	__atomic_fetch_add((u32 *)arg, 1, __ATOMIC_RELAXED);
}

TEST(sched, create_run_join)
{
	for (u32 i = 0; i < MANY; i++) {
		u32 ran = 0;
		struct thread *thread = thread_create("test", count_up, &ran);

		REQUIRE(thread);
		thread_join(thread);
		CHECK_EQ(ran, 1);
	}
}

/* How many of r4 to r11 are another value behind a turn of other threads: first, first + 1 … */
__attribute__((naked, target("arm"))) static u32 lost_by_yield(u32 __unused first)
{
	__asm__("push	{r0, r4-r11, lr}\n"
		".irp	reg, r4, r5, r6, r7, r8, r9, r10, r11\n"
		"mov	\\reg, r0\n"
		"add	r0, r0, #1\n"
		".endr\n"
		"bl	thread_yield\n"
		"ldr	r1, [sp]\n"
		"mov	r0, #0\n"
		".irp	reg, r4, r5, r6, r7, r8, r9, r10, r11\n"
		"cmp	\\reg, r1\n"
		"addne	r0, r0, #1\n"
		"add	r1, r1, #1\n"
		".endr\n"
		"add	sp, sp, #4\n"
		"pop	{r4-r11, pc}\n");
}

static void yield_and_look(void *arg)
{
	u32 *lost = arg;

	for (u32 i = 0; i < 100; i++) {
		*lost += lost_by_yield(0x100);
	}
}

/* Two in turns on one CPU. The other ends first: nothing but that function sees a register lost. */
TEST(sched, a_switch_keeps_what_a_call_keeps)
{
	u32 others = 0, own = 0;
	struct thread *thread;

	thread_bind();
	thread = thread_create_on(my_cpu(), "test", yield_and_look, &others);
	for (u32 i = 0; i < 200; i++) {
		own += lost_by_yield(0x200);
	}
	thread_unbind();
	REQUIRE(thread);
	thread_join(thread);
	CHECK_EQ(others, 0);
	CHECK_EQ(own, 0);
}

struct gate {
	struct wait_queue queue;
	u32 arrived, passed; /* atomic */
	bool open;
};

static void pass_gate(void *arg)
{
	struct gate *gate = arg;

	__atomic_fetch_add(&gate->arrived, 1, __ATOMIC_RELAXED);
	wait_event(&gate->queue, READ_ONCE(gate->open));
	__atomic_fetch_add(&gate->passed, 1, __ATOMIC_RELAXED);
}

TEST(sched, many_threads_at_once)
{
	struct thread *threads[MANY];
	struct gate gate = { .open = false };

	wait_queue_init(&gate.queue);
	for (u32 i = 0; i < MANY; i++) {
		threads[i] = thread_create("test", pass_gate, &gate);
	}
	while (READ_ONCE(gate.arrived) < MANY && threads[MANY - 1]) {
		thread_yield();
	}
	CHECK_EQ(gate.passed, 0);
	WRITE_ONCE(gate.open, true);
	wake_all(&gate.queue);
	CHECK(threads_join(threads, MANY));
	CHECK_EQ(gate.passed, MANY);
}

TEST(sched, a_thread_knows_itself)
{
	const struct thread *self = thread_current();
	struct thread_info info;

	REQUIRE(thread_query(self->id - 1, &info));
	CHECK_EQ(info.id, self->id);
	CHECK(info.state == THREAD_RUNNING);
	CHECK((vaddr_t)&info >= info.stack_start && (vaddr_t)&info < info.stack_end);
	CHECK(thread_of_stack((vaddr_t)&info) == self);
	CHECK(!thread_query(UINT32_MAX, &info));
}

/* ---- stacks ---- */

struct stack_facts {
	bool on_stack, lowest_mapped, guard_mapped, owner_known, aligned;
};

static void look_at_stack(void *arg)
{
	struct stack_facts *facts = arg;
	const struct thread_core *core = current_core();
	u64 here __aligned(8) = 0;
	u32 word;

	facts->aligned = IS_ALIGNED((vaddr_t)&here, 8) && IS_ALIGNED(core->stack_end, 8);
	facts->on_stack = trap_on_stack((vaddr_t)&here, sizeof(here)) &&
			  !trap_on_stack(core->stack_end, 4) &&
			  !trap_on_stack(core->stack_start - 4, 4);
	facts->lowest_mapped = probe_read((const void *)core->stack_start, &word) == 0;
	facts->guard_mapped = probe_read((const void *)(core->stack_start - 4), &word) == 0 ||
			      probe_read((const void *)(core->stack_start - PAGE_SIZE), &word) == 0;
	facts->owner_known = thread_of_stack(core->stack_start - 4) == thread_current();
}

TEST(sched, stacks_have_a_guard_below)
{
	for (u32 i = 0; i < 8; i++) {
		struct stack_facts facts = { .guard_mapped = true };
		struct thread *thread = thread_create("test", look_at_stack, &facts);

		REQUIRE(thread);
		thread_join(thread);
		CHECK(facts.aligned);
		CHECK(facts.on_stack);
		CHECK(facts.lowest_mapped);
		CHECK(!facts.guard_mapped);
		CHECK(facts.owner_known);
	}
}

/* ---- preemption ---- */

static void spin_until_set(void *arg)
{
	while (READ_ONCE(*(u32 *)arg) == 0) {
	}
}

TEST(sched, preempts_a_busy_loop)
{
	struct thread *threads[3];
	u32 flag = 0, cpu = my_cpu();

	if (!time_has_alarm()) {
		SKIP(NO_ALARM);
	}
	threads[0] = thread_create_on(cpu, "busy", spin_until_set, &flag);
	threads[1] = thread_create_on(cpu, "busy", spin_until_set, &flag);
	threads[2] = thread_create_on(cpu, "setter", count_up, &flag);
	if (!threads[2]) {
		WRITE_ONCE(flag, 1);
	}
	CHECK(threads_join(threads, 3));
}

struct hold {
	struct completion go;
	struct thread *other;
	bool ran, ran_inside, ran_at_once;
};

static void run_when_told(void *arg)
{
	struct hold *hold = arg;

	completion_wait(&hold->go);
	WRITE_ONCE(hold->ran, true);
}

static void hold_the_cpu(void *arg)
{
	struct hold *hold = arg;
	const struct thread_core *core = current_core();
	u64 until;

	while (READ_ONCE(hold->other->state) != THREAD_WAITING) {
		thread_yield();
	}
	preempt_disable();
	completion_signal(&hold->go);
	until = time_now_us() + 10000000;
	while (READ_ONCE(core->atomic_calm) && time_now_us() < until) {
	}
	hold->ran_inside = READ_ONCE(hold->ran);
	preempt_enable(); /* our slice is over: the other one's turn */
	hold->ran_at_once = READ_ONCE(hold->ran);
}

TEST(sched, preempt_disable_holds)
{
	struct hold hold = { .ran = false };
	struct thread *threads[2];
	u32 cpu = my_cpu();

	if (!time_has_alarm()) {
		SKIP(NO_ALARM);
	}
	completion_init(&hold.go);
	threads[0] = hold.other = thread_create_on(cpu, "told", run_when_told, &hold);
	REQUIRE(hold.other);
	threads[1] = thread_create_on(cpu, "holder", hold_the_cpu, &hold);
	if (!threads[1]) {
		completion_signal(&hold.go);
	}
	CHECK(threads_join(threads, 2));
	CHECK(!hold.ran_inside);
	CHECK(hold.ran_at_once);
}

/* ---- sleeping ---- */

struct sleep_test {
	u64 start_us;
	u32 order[8], count, late; /* on one CPU; late: atomic */
	struct sleep_one {
		struct sleep_test *test;
		u32 number, too_early;
	} one[8];
};

static void sleep_a_while(void *arg)
{
	struct sleep_one *one = arg;
	u64 until = one->test->start_us + 20000 + one->number * 5000;

	u32 late = time_now_us() + 1000 >= until;

	thread_sleep_until_us(until);
	one->too_early = time_now_us() < until;
	one->test->order[__atomic_fetch_add(&one->test->count, 1, __ATOMIC_RELAXED)] = one->number;
	__atomic_fetch_add(&one->test->late, late, __ATOMIC_RELAXED);
}

/* True if everybody lay down in time: only then it says something about the order. */
static bool sleep_in_order(void)
{
	static const u8 numbers[] = { 3, 0, 5, 1, 4, 2 };
	struct sleep_test test = { .start_us = time_now_us() };
	struct thread *threads[ARRAY_SIZE(numbers)];
	u32 cpu = my_cpu();

	for (u32 i = 0; i < ARRAY_SIZE(numbers); i++) {
		test.one[i] = (struct sleep_one){ .test = &test, .number = numbers[i] };
		threads[i] = thread_create_on(cpu, "sleeper", sleep_a_while, &test.one[i]);
	}
	CHECK(threads_join(threads, ARRAY_SIZE(numbers)));
	for (u32 i = 0; i < test.count; i++) {
		CHECK(!test.one[i].too_early);
	}
	for (u32 i = 0; i < test.count && !test.late; i++) {
		CHECK_EQ(test.order[i], i);
	}
	return !test.late;
}

/*
 * Who is to wake first wakes first, whoever lay down first. A host may be slow: it has some tries.
 */
TEST(sched, sleepers_wake_in_time_and_order)
{
	for (u32 tries = 0; tries < 20 && !sleep_in_order(); tries++) {
	}
}

TEST(sched, sleep_of_nothing_returns)
{
	u64 before = time_now_us();

	for (u32 i = 0; i < 10; i++) {
		thread_sleep_us(0);
		thread_sleep_us(1);
	}
	CHECK(time_now_us() >= before + 10);
}

/* ---- windows across switches ---- */

#define WINDOWS 3

enum pass { PASS_YIELD, PASS_SLEEP, PASS_PREEMPTION };

struct windows_test {
	enum pass pass;
	u32 rounds;
	u32 alive; /* atomic */
	struct windows {
		struct windows_test *test;
		struct page *pages[WINDOWS];
		u32 seed, wrong, moved, leaked;
	} user[TAKERS];
};

/*
 * This CPU's slots, none of which is ours: whoever was switched out must have left nothing there.
 */
static u32 live_slots(void)
{
	u32 flags = irq_save(), live = 0, word;
	const struct thread_core *core = current_core();

	for (u32 i = 0; i < WINDOWS; i++) {
		live += probe_read((const void *)(core->kmap_va + i * PAGE_SIZE), &word) == 0;
	}
	irq_restore(flags);
	return live;
}

static void let_others_run(struct windows_test *test)
{
	u32 turns = READ_ONCE(thread_current()->turns);

	switch (test->pass) {
	case PASS_YIELD:
		thread_yield();
		break;
	case PASS_SLEEP:
		thread_sleep_us(50);
		break;
	case PASS_PREEMPTION:
		while (READ_ONCE(thread_current()->turns) == turns && READ_ONCE(test->alive) > 1) {
		}
		break;
	}
}

static void use_windows(void *arg)
{
	struct windows *w = arg;
	void *va[WINDOWS];

	for (u32 round = 0; round < w->test->rounds; round++) {
		u32 open = 1 + (round + w->seed) % WINDOWS, cpu;

		w->leaked += live_slots();
		for (u32 i = 0; i < open; i++) {
			va[i] = kmap_local_page(w->pages[i]);
		}
		cpu = my_cpu();
		let_others_run(w->test);
		w->moved += my_cpu() != cpu;
		for (u32 i = 0; i < open; i++) {
			w->wrong += pattern_wrong(va[i], w->seed + i) != 0;
		}
		while (open > 0) {
			kunmap_local(va[--open]);
			let_others_run(w->test);
		}
	}
	__atomic_fetch_sub(&w->test->alive, 1, __ATOMIC_RELAXED);
}

/* All on one CPU, whose slots they share in turn, or anywhere. */
static void run_windows(struct windows_test *test, s32 cpu)
{
	struct thread *threads[TAKERS];

	test->alive = TAKERS;
	for (u32 i = 0; i < TAKERS; i++) {
		struct windows *w = &test->user[i];

		*w = (struct windows){ .test = test, .seed = 1 + i * 100 };
		REQUIRE(alloc_pages_bulk(GFP_HIGHONLY, WINDOWS, w->pages) == WINDOWS);
		for (u32 n = 0; n < WINDOWS; n++) {
			page_fill(w->pages[n], w->seed + n);
		}
	}
	for (u32 i = 0; i < TAKERS; i++) {
		struct windows *w = &test->user[i];

		threads[i] = cpu == THREAD_ANY_CPU ?
				     thread_create("windows", use_windows, w) :
				     thread_create_on((u32)cpu, "windows", use_windows, w);
	}
	CHECK(threads_join(threads, TAKERS));
	for (u32 i = 0; i < TAKERS; i++) {
		struct windows *w = &test->user[i];

		CHECK_EQ(w->wrong, 0);
		CHECK_EQ(w->moved, 0);
		CHECK_EQ(w->leaked, 0);
		free_pages_bulk(w->pages, WINDOWS);
	}
}

TEST(sched, windows_survive_yields)
{
	struct windows_test test = { .pass = PASS_YIELD, .rounds = 200 };

	run_windows(&test, (s32)my_cpu());
}

TEST(sched, windows_survive_sleep)
{
	struct windows_test test = { .pass = PASS_SLEEP, .rounds = 30 };

	run_windows(&test, THREAD_ANY_CPU);
}

TEST(sched, windows_survive_preemption)
{
	struct windows_test test = { .pass = PASS_PREEMPTION, .rounds = 3 };

	if (!time_has_alarm()) {
		SKIP(NO_ALARM);
	}
	run_windows(&test, (s32)my_cpu());
}
