/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting: no wake-up is lost, wakers are served in order, a mutex excludes and is handed on.
 * Each test ends only if every wake-up arrives; one that is lost is a hang, which the runner sees.
 */
#include <kernel/sched.h>
#include <kernel/smp.h>
#include <kernel/test.h>

#include "threads.h"

#define ROUNDS	10000 /* on one CPU */
#define MEETS	300   /* across CPUs: an emulator's CPUs are slow to wake, and to pass a lock on */
#define WAITERS 6

/* Until a thread sleeps; it may still be on its way out of its CPU. */
static void wait_until_waiting(const struct thread *thread)
{
	while (READ_ONCE(thread->state) != THREAD_WAITING) {
		thread_yield();
	}
}

/* ---- no wake-up is lost ---- */

struct ping_pong {
	struct wait_queue queue;
	u32 turn; /* even: the test's, odd: the other's */
	u32 end;
};

static void play_odd(void *arg)
{
	struct ping_pong *game = arg;

	for (u32 i = 1; i < game->end; i += 2) {
		wait_event(&game->queue, READ_ONCE(game->turn) == i);
		WRITE_ONCE(game->turn, i + 1);
		wake_one(&game->queue);
	}
}

/* The other player is on that CPU; we are where we are. */
static void play(u32 cpu, u32 rounds)
{
	struct ping_pong game = { .end = 2 * rounds };
	struct thread *other;

	wait_queue_init(&game.queue);
	other = thread_create_on(cpu, "odd", play_odd, &game);
	REQUIRE(other);
	for (u32 i = 0; i < game.end; i += 2) {
		wait_event(&game.queue, READ_ONCE(game.turn) == i);
		WRITE_ONCE(game.turn, i + 1);
		wake_one(&game.queue);
	}
	thread_join(other);
	CHECK_EQ(game.turn, game.end);
}

TEST(wait, ping_pong)
{
	play(current_core()->cpu, ROUNDS);
}

/* The two run at once, so a wake-up meets its thread at every step of falling asleep. */
TEST(wait, ping_pong_across_cpus)
{
	u32 others = cpus_online() & ~(1u << current_core()->cpu);

	if (!others) {
		SKIP("one CPU");
	}
	play((u32)__builtin_ctz(others), MEETS);
}

struct stock {
	struct wait_queue filled, emptied;
	spinlock_t lock;
	u32 items, taken; /* guarded by lock */
};
#define STOCK_MAX 3

static bool stock_change(struct stock *stock, bool put)
{
	bool can;

	spin_lock(&stock->lock);
	can = put ? stock->items < STOCK_MAX : stock->items > 0;
	if (can) {
		stock->items += put ? 1 : -1u;
		stock->taken += !put;
	}
	spin_unlock(&stock->lock);
	return can;
}

static void produce(void *arg)
{
	struct stock *stock = arg;

	for (u32 i = 0; i < MEETS / WAITERS; i++) {
		wait_event(&stock->emptied, stock_change(stock, true));
		wake_one(&stock->filled);
	}
}

static void consume(void *arg)
{
	struct stock *stock = arg;

	for (u32 i = 0; i < MEETS / WAITERS; i++) {
		wait_event(&stock->filled, stock_change(stock, false));
		wake_one(&stock->emptied);
	}
}

TEST(wait, producers_and_consumers)
{
	struct stock stock = { .lock = SPINLOCK_INIT };
	struct thread *threads[WAITERS];

	wait_queue_init(&stock.filled);
	wait_queue_init(&stock.emptied);
	for (u32 i = 0; i < WAITERS; i++) {
		threads[i] = i % 2 ? thread_create("producer", produce, &stock) :
				     thread_create("consumer", consume, &stock);
	}
	CHECK(threads_join(threads, WAITERS));
	CHECK_EQ(stock.items, 0);
	CHECK_EQ(stock.taken, MEETS / WAITERS * (WAITERS / 2));
}

/* ---- who is woken ---- */

struct line_up {
	struct wait_queue queue;
	struct mutex mutex;
	struct completion served;
	u32 tickets, order[WAITERS], count;
	struct in_line {
		struct line_up *line;
		u32 number;
	} waiter[WAITERS];
};

static bool take_ticket(struct line_up *line)
{
	u32 tickets = READ_ONCE(line->tickets);

	WRITE_ONCE(line->tickets, tickets - (tickets != 0)); /* one waiter at a time is woken */
	return tickets != 0;
}

static void stand_in_line(void *arg)
{
	struct in_line *self = arg;
	struct line_up *line = self->line;

	wait_event(&line->queue, take_ticket(line));
	line->order[line->count++] = self->number;
	completion_signal(&line->served);
}

static void line_up_init(struct line_up *line)
{
	wait_queue_init(&line->queue);
	mutex_init(&line->mutex);
	completion_init(&line->served);
}

static void line_up_start(struct line_up *line, struct thread **threads, void (*run)(void *arg))
{
	for (u32 i = 0; i < WAITERS; i++) {
		line->waiter[i] = (struct in_line){ line, i };
		threads[i] = thread_create("waiter", run, &line->waiter[i]);
		if (threads[i]) {
			wait_until_waiting(threads[i]);
		}
	}
}

static void check_order(const struct line_up *line)
{
	CHECK_EQ(line->count, WAITERS);
	for (u32 i = 0; i < line->count; i++) {
		CHECK_EQ(line->order[i], i);
	}
}

TEST(wait, wake_one_goes_by_order)
{
	struct line_up line = { .tickets = 0 };
	struct thread *threads[WAITERS];

	line_up_init(&line);
	line_up_start(&line, threads, stand_in_line);
	wake_one(&line.queue); /* in vain: the first must keep its place */
	thread_sleep_us(1000);
	wait_until_waiting(threads[0]);
	for (u32 i = 0; i < WAITERS; i++) {
		WRITE_ONCE(line.tickets, 1);
		wake_one(&line.queue);
		completion_wait(&line.served);
	}
	CHECK(threads_join(threads, WAITERS));
	check_order(&line);
}

/* One more ticket comes, with its wake-up, while the first waiter is awake and takes one. */
static bool take_ticket_meanwhile(struct in_line *self)
{
	struct line_up *line = self->line;

	if (self->number == 0 && line->tickets == 1) {
		WRITE_ONCE(line->tickets, 2);
		wake_one(&line->queue);
	}
	return take_ticket(line);
}

static void stand_in_line_meanwhile(void *arg)
{
	struct in_line *self = arg;

	wait_event(&self->line->queue, take_ticket_meanwhile(self));
	__atomic_fetch_add(&self->line->count, 1, __ATOMIC_RELAXED);
}

/* Who is awake already has no use for a wake-up: the next in line gets it. */
TEST(wait, wakeup_of_one_who_leaves_goes_on)
{
	struct line_up line = { .tickets = 0 };
	struct thread *threads[WAITERS];

	line_up_init(&line);
	line_up_start(&line, threads, stand_in_line_meanwhile);
	WRITE_ONCE(line.tickets, 1);
	wake_one(&line.queue);
	for (u32 tries = 0; tries < 200 && READ_ONCE(line.count) < 2; tries++) {
		thread_sleep_us(5000);
	}
	CHECK_EQ(READ_ONCE(line.count), 2);
	WRITE_ONCE(line.tickets, WAITERS);
	wake_all(&line.queue);
	CHECK(threads_join(threads, WAITERS));
}

static void wait_for_tickets(void *arg)
{
	struct line_up *line = ((struct in_line *)arg)->line;

	wait_event(&line->queue, READ_ONCE(line->tickets));
	__atomic_fetch_add(&line->count, 1, __ATOMIC_RELAXED);
}

TEST(wait, wake_all_wakes_all)
{
	struct line_up line = { .tickets = 0 };
	struct thread *threads[WAITERS];

	line_up_init(&line);
	line_up_start(&line, threads, wait_for_tickets);
	wake_all(&line.queue); /* in vain */
	CHECK_EQ(READ_ONCE(line.count), 0);
	WRITE_ONCE(line.tickets, 1);
	wake_all(&line.queue);
	CHECK(threads_join(threads, WAITERS));
	CHECK_EQ(line.count, WAITERS);
	CHECK(list_is_empty(&line.queue.waiters));
}

/* ---- completions ---- */

TEST(wait, completion_counts)
{
	struct completion c;

	completion_init(&c);
	completion_signal(&c);
	completion_signal(&c);
	completion_wait(&c);
	completion_wait(&c);
	CHECK_EQ(c.done, 0);
}

static void signal_it(void *arg)
{
	completion_signal(arg);
}

/* The completion lies on the waiter's stack and is gone when the wait is over. */
TEST(wait, completion_on_the_stack)
{
	for (u32 i = 0; i < 300; i++) {
		struct completion c;
		struct thread *thread;

		completion_init(&c);
		thread = thread_create("signaller", signal_it, &c);
		REQUIRE(thread);
		completion_wait(&c);
		c = (struct completion){ .done = 0xdead };
		thread_join(thread);
		CHECK_EQ(c.done, 0xdead);
	}
}

/* ---- mutexes ---- */

struct contest {
	struct mutex mutex;
	u32 count, inside, overlaps;
};

static void count_with_mutex(void *arg)
{
	struct contest *contest = arg;

	for (u32 i = 0; i < MEETS / WAITERS; i++) {
		mutex_lock(&contest->mutex);
		contest->overlaps += contest->inside++;
		u32 count = READ_ONCE(contest->count);

		if (i % 16 == 0) {
			thread_yield(); /* a mutex may be held while others run */
		}
		WRITE_ONCE(contest->count, count + 1);
		contest->inside--;
		mutex_unlock(&contest->mutex);
	}
}

TEST(wait, mutex_excludes)
{
	struct contest contest = { .count = 0 };
	struct thread *threads[WAITERS];

	mutex_init(&contest.mutex);
	for (u32 i = 0; i < WAITERS; i++) {
		threads[i] = thread_create("contestant", count_with_mutex, &contest);
	}
	CHECK(threads_join(threads, WAITERS));
	CHECK_EQ(contest.count, WAITERS * (MEETS / WAITERS));
	CHECK_EQ(contest.overlaps, 0);
	CHECK_EQ(contest.mutex.state, 0);
}

static void lock_once(void *arg)
{
	struct in_line *self = arg;
	struct line_up *line = self->line;

	mutex_lock(&line->mutex);
	line->order[line->count++] = self->number;
	mutex_unlock(&line->mutex);
}

/* It is never free while somebody waits, and goes to the one that waits longest. */
TEST(wait, mutex_is_handed_on_by_order)
{
	struct line_up line = { .count = 0 };
	struct thread *threads[WAITERS];

	line_up_init(&line);
	mutex_lock(&line.mutex);
	line_up_start(&line, threads, lock_once);
	CHECK_EQ(line.mutex.state, 2);
	mutex_unlock(&line.mutex);
	CHECK(threads_join(threads, WAITERS));
	check_order(&line);
	CHECK_EQ(line.mutex.state, 0);
}

static void try_once(void *arg)
{
	struct contest *contest = arg;

	if (mutex_try_lock(&contest->mutex)) {
		contest->count++;
		mutex_unlock(&contest->mutex);
	}
}

TEST(wait, mutex_try_lock)
{
	struct contest contest = { .count = 0 };
	struct thread *thread;

	mutex_init(&contest.mutex);
	REQUIRE(mutex_try_lock(&contest.mutex));
	thread = thread_create("trier", try_once, &contest);
	CHECK(threads_join(&thread, 1));
	CHECK_EQ(contest.count, 0);
	mutex_unlock(&contest.mutex);
	thread = thread_create("trier", try_once, &contest);
	CHECK(threads_join(&thread, 1));
	CHECK_EQ(contest.count, 1);
}

/* ---- a wake-up that comes before the sleep ---- */

struct early {
	struct thread *sleeper;
	bool awake, slept;
};

/* Only if it has gone to sleep all the same, wakes it. */
static void watch_over(void *arg)
{
	struct early *early = arg;

	while (!READ_ONCE(early->awake)) {
		if (READ_ONCE(early->sleeper->state) == THREAD_WAITING) {
			WRITE_ONCE(early->slept, true);
			thread_wake(early->sleeper);
		}
		thread_yield();
	}
}

TEST(wait, a_wake_before_the_sleep_is_kept)
{
	struct early early = { .sleeper = thread_current() };
	struct thread *watcher;

	thread_wake(early.sleeper);
	watcher = thread_create("watcher", watch_over, &early);
	REQUIRE(watcher);
	thread_park();
	WRITE_ONCE(early.awake, true);
	thread_join(watcher);
	CHECK(!early.slept);
}
