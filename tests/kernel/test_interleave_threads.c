/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How threads wait, end, find work, and stay where open windows hold them, with the other CPU's
 * step forced between two of theirs (DEBUG builds). Who wakes a thread, and a thread that ends, are
 * held at a point inside their lock until the other one has come: either to that lock, which is
 * right, or past it.
 */
#define KMAP_DEBUG_BYPASS /* the real windows */
#include <interleave.h>
#include <kernel/test.h>

#if CONFIG_DEBUG

#include <arch/cpreg.h>
#include <arch/irqflags.h>
#include <kernel/sched.h>
#include <kernel/smp.h>
#include <kernel/time.h>
#include <mm/highmem.h>
#include <mm/page_alloc.h>

#define ROUNDS 8

CP15_READ32(isr, 0, c12, c1, 0)
#define ISR_IRQ (1u << 7)

/* ---- who was let go, and who let it go ---- */

static struct {
	enum interleave_point point;
	const struct thread_core *held, *other; /* who is held there; who must not pass meanwhile */
	bool armed, inside;
	bool at_lock, past; /* where the other one is */
	u32 happened, early;
} meeting;

static void meeting_prepare(enum interleave_point point)
{
	meeting.point = point;
	meeting.armed = meeting.inside = meeting.at_lock = meeting.past = false;
}

static void at_meeting(enum interleave_point point)
{
	const struct thread_core *self = current_core();

	if (point == POINT_SPIN && self == meeting.other && READ_ONCE(meeting.inside)) {
		WRITE_ONCE(meeting.at_lock, true);
	} else if (point == POINT_THREAD_JOINED && self == meeting.other) {
		WRITE_ONCE(meeting.past, true);
	} else if (point == meeting.point && self == meeting.held && READ_ONCE(meeting.armed)) {
		WRITE_ONCE(meeting.armed, false);
		WRITE_ONCE(meeting.inside, true);
		while (!READ_ONCE(meeting.at_lock) && !READ_ONCE(meeting.past)) {
			__asm__ volatile("yield" : : : "memory");
		}
		meeting.happened++;
		meeting.early += READ_ONCE(meeting.past);
		WRITE_ONCE(meeting.inside, false);
	}
}

/* ---- a thread that was woken ---- */

static struct {
	struct completion completion;
	struct mutex mutex;
	struct thread *waiter;
	bool waker_ready;
} scene;

struct way {
	void (*prepare)(void); /* in the waker, before the waiter begins */
	void (*wait)(void);
	void (*wake)(void);
};

static void nothing(void)
{
}

static void wait_completion(void)
{
	completion_wait(&scene.completion);
}

static void wake_completion(void)
{
	completion_signal(&scene.completion);
}

static void take_mutex(void)
{
	mutex_lock(&scene.mutex);
}

static void wait_mutex(void)
{
	mutex_lock(&scene.mutex);
	WRITE_ONCE(meeting.past, true);
	mutex_unlock(&scene.mutex);
}

static void drop_mutex(void)
{
	mutex_unlock(&scene.mutex);
}

/* The alarm's interrupt wakes it, on the CPU where it went to sleep. */
static void wait_alarm(void)
{
	do {
		thread_sleep_us(1000);
	} while (!READ_ONCE(meeting.inside) && !READ_ONCE(meeting.happened));
}

static const struct way by_completion = { nothing, wait_completion, wake_completion },
			by_mutex = { take_mutex, wait_mutex, drop_mutex },
			by_alarm = { nothing, wait_alarm, nothing };

static void waiter_run(void *arg)
{
	const struct way *way = arg;

	while (!READ_ONCE(scene.waker_ready)) {
		thread_yield();
	}
	way->wait();
	WRITE_ONCE(meeting.past, true);
}

/*
 * On the same CPU as the waiter, until that sleeps; then any other may run it. So it is woken here,
 * and comes to the lock on another CPU while we hold it.
 */
static void waker_run(void *arg)
{
	const struct way *way = arg;
	u32 flags;

	meeting.held = current_core();
	way->prepare();
	WRITE_ONCE(scene.waker_ready, true);
	while (!READ_ONCE(meeting.armed)) {
		thread_yield();
		flags = irq_save();
		if (READ_ONCE(scene.waiter->state) == THREAD_WAITING) {
			scene.waiter->bound = THREAD_ANY_CPU;
			meeting.armed = true;
		}
		irq_restore(flags);
	}
	way->wake();
	while (!READ_ONCE(meeting.past)) {
		thread_yield();
	}
}

static void force_meeting(const struct way *way)
{
	u32 cpu = 31 - (u32)__builtin_clz(cpus_online());
	struct thread *waker;

	memset(&scene, 0, sizeof(scene));
	completion_init(&scene.completion);
	mutex_init(&scene.mutex);
	meeting.happened = meeting.early = 0;
	meeting_prepare(POINT_WOKEN);
	scene.waiter = thread_create_on(cpu, "waiter", waiter_run, (void *)way);
	REQUIRE(scene.waiter);
	meeting.other = &scene.waiter->core;
	WRITE_ONCE(interleave_hook, at_meeting);
	waker = thread_create_on(cpu, "waker", waker_run, (void *)way);
	if (CHECK(waker)) {
		thread_join(waker);
		thread_join(scene.waiter);
	}
	WRITE_ONCE(interleave_hook, NULL);
	CHECK_EQ(meeting.happened, 1);
	CHECK_EQ(meeting.early, 0);
}

TEST(interleave_threads, completion_stays_until_its_signaller_is_done)
{
	if (cpu_count() < 2) {
		SKIP("one CPU");
	}
	for (u32 round = 0; round < ROUNDS; round++) {
		force_meeting(&by_completion);
	}
}

TEST(interleave_threads, mutex_stays_until_it_was_handed_over)
{
	if (cpu_count() < 2) {
		SKIP("one CPU");
	}
	for (u32 round = 0; round < ROUNDS; round++) {
		force_meeting(&by_mutex);
	}
}

TEST(interleave_threads, sleeper_stays_until_its_alarm_is_done)
{
	if (cpu_count() < 2 || !time_has_alarm()) {
		SKIP("one CPU, or no timer");
	}
	for (u32 round = 0; round < ROUNDS; round++) {
		force_meeting(&by_alarm);
	}
}

/* ---- a thread that ends ---- */

static void end_at_once(__unused void *arg)
{
	meeting.held = current_core();
	WRITE_ONCE(meeting.armed, true);
}

TEST(interleave_threads, stack_is_freed_only_when_it_was_left)
{
	u32 cpu = 31 - (u32)__builtin_clz(cpus_online());
	struct thread *thread;

	if (cpu_count() < 2) {
		SKIP("one CPU");
	}
	meeting.happened = meeting.early = 0;
	for (u32 round = 0; round < ROUNDS; round++) {
		meeting_prepare(POINT_THREAD_ENDED);
		meeting.other = current_core();
		WRITE_ONCE(interleave_hook, at_meeting);
		thread = thread_create_on(cpu, "ender", end_at_once, NULL);
		if (CHECK(thread)) {
			thread_join(thread);
		}
		WRITE_ONCE(interleave_hook, NULL);
	}
	CHECK_EQ(meeting.happened, ROUNDS);
	CHECK_EQ(meeting.early, 0);
}

/* ---- a CPU that goes idle ---- */

static struct {
	u32 cpu;
	bool armed, looked, made, answered;
	bool called; /* an interrupt is pending where the CPU goes to sleep next */
	struct completion work;
	u32 taken_by; /* CPU + 1 */
	bool over;
} idle;

static void at_idle_point(enum interleave_point point)
{
	if (point != POINT_IDLE_LOOKED || current_core()->cpu != idle.cpu ||
	    !READ_ONCE(idle.armed)) {
		return;
	}
	WRITE_ONCE(idle.armed, false);
	WRITE_ONCE(idle.looked, true);
	while (!READ_ONCE(idle.made)) {
		__asm__ volatile("yield" : : : "memory");
	}
	idle.called = read_isr() & ISR_IRQ;
	WRITE_ONCE(idle.answered, true);
}

static void work(__unused void *arg)
{
	completion_wait(&idle.work);
	WRITE_ONCE(idle.taken_by, current_core()->cpu + 1);
}

static void be_busy(__unused void *arg)
{
	__atomic_fetch_add((u32 *)arg, 1, __ATOMIC_RELAXED);
	while (!READ_ONCE(idle.over)) {
		__asm__ volatile("yield" : : : "memory");
	}
}

/*
 * There is work for anybody while the idle CPU has looked and found none: it must be called, and
 * take it.
 */
static void make_work_when_it_has_looked(struct thread *worker)
{
	u32 flags;

	while (READ_ONCE(worker->state) != THREAD_WAITING) {
		thread_yield();
	}
	worker->bound = THREAD_ANY_CPU;
	idle.answered = idle.looked = idle.made = false;
	flags = irq_save(); /* no tick, so nobody is asked later */
	WRITE_ONCE(idle.armed, true);
	smp_resched(idle.cpu);
	while (!READ_ONCE(idle.looked)) {
		__asm__ volatile("yield" : : : "memory");
	}
	completion_signal(&idle.work);
	WRITE_ONCE(idle.made, true);
	while (!READ_ONCE(idle.answered) || (idle.called && !READ_ONCE(idle.taken_by))) {
		__asm__ volatile("yield" : : : "memory");
	}
	irq_restore(flags);
	CHECK(idle.called);
	CHECK_EQ(idle.taken_by, idle.cpu + 1);
}

TEST(interleave_threads, idle_cpu_takes_what_came_after_its_look)
{
	struct thread *busy[NR_CPUS] = { NULL }, *worker;
	u32 here = current_core()->cpu, ready = 0, wanted = 0;

	if (cpu_count() < 2) {
		SKIP("one CPU");
	}
	memset(&idle, 0, sizeof(idle));
	idle.cpu = 31 - (u32)__builtin_clz(cpus_online());
	completion_init(&idle.work);
	for (u32 cpu = 0; cpu < idle.cpu; cpu++) {
		if (cpu != here && cpus_online() >> cpu & 1) {
			busy[cpu] = thread_create_on(cpu, "busy", be_busy, &ready);
			wanted += busy[cpu] != NULL;
		}
	}
	while (READ_ONCE(ready) < wanted) {
		thread_yield();
	}
	worker = thread_create_on(here, "worker", work, NULL);
	WRITE_ONCE(interleave_hook, at_idle_point);
	if (CHECK(worker)) {
		make_work_when_it_has_looked(worker);
		thread_join(worker);
	}
	WRITE_ONCE(interleave_hook, NULL);
	WRITE_ONCE(idle.over, true);
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		if (busy[cpu]) {
			thread_join(busy[cpu]);
		}
	}
}

/* ---- a thread with open windows ---- */

static struct {
	u32 here, looks; /* looks: of other CPUs that are idle, for work; atomic */
	struct page *page;
	bool open;
	u32 ran_on; /* afterwards */
} pinned;

static void at_pinned_point(enum interleave_point point)
{
	if (point == POINT_IDLE_LOOKED && current_core()->cpu != pinned.here) {
		__atomic_fetch_add(&pinned.looks, 1, __ATOMIC_RELAXED);
	}
}

static void keep_window(__unused void *arg)
{
	(void)kmap_local_page(pinned.page);
	thread_current()->bound = THREAD_ANY_CPU; /* only the window holds it */
	WRITE_ONCE(pinned.open, true);
	thread_yield();
	pinned.ran_on = current_core()->cpu;
	kunmap_local((void *)current_core()->kmap_va); /* wherever it is now */
}

/* A thread waits for its CPU, and an idle one looks for work: it must leave it there. */
TEST(interleave_threads, open_windows_hold_a_thread)
{
	struct thread *keeper;

	if (cpu_count() < 2) {
		SKIP("one CPU");
	}
	memset(&pinned, 0, sizeof(pinned));
	pinned.here = current_core()->cpu;
	pinned.page = alloc_page(GFP_HIGHONLY);
	REQUIRE(pinned.page);
	keeper = thread_create_on(pinned.here, "keeper", keep_window, NULL);
	REQUIRE(keeper);
	while (!READ_ONCE(pinned.open)) {
		thread_yield();
	}
	preempt_disable();
	WRITE_ONCE(interleave_hook, at_pinned_point);
	for (u32 i = 1; i <= ROUNDS; i++) {
		smp_resched((u32)__builtin_ctz(cpus_online() & ~(1u << pinned.here)));
		while (READ_ONCE(pinned.looks) < i) {
			__asm__ volatile("yield" : : : "memory");
		}
	}
	WRITE_ONCE(interleave_hook, NULL);
	preempt_enable();
	thread_join(keeper);
	CHECK_EQ(pinned.ran_on, pinned.here);
	free_page(pinned.page);
}
#endif
