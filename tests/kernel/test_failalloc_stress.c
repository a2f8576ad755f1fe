/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Allocations fail on all CPUs, in threads and in interrupt handlers, while the stress runs and
 * others take and give back memory of every kind (DEBUG builds alone link this). Who is refused
 * does with less; what is done must be right all the same, no more go without than were refused,
 * and nothing is lost. A test in which none was refused has failed.
 *
 * `stress=OPERATIONS,SEED`: an eighth of these operations for each time, and the seed also chooses
 * what is refused.
 */
#include <kernel/irq.h>
#include <kernel/sched.h>
#include <kernel/smp.h>
#include <kernel/test.h>
#include <mm/pgtable.h>
#include <mm/vmalloc.h>

#include "play.h"
#include "refuse.h"
#include "stamp.h"
#include "stress.h"
#include "takers.h"

#define TAKERS 2 /* that do the same, so that they run out of it at the same time */

struct taker {
	struct thread *thread;
	u32 rounds, less;
};
static bool takers_stop;

static void take_all(void *arg)
{
	static bool (*const operations[])(void) = { take_pages, take_instead, take_objects,
						    take_areas, take_wide,    take_threads };
	struct taker *taker = arg;

	do {
		for (u32 i = 0; i < ARRAY_SIZE(operations); i++) {
			taker->less += !operations[i]();
		}
		taker->rounds++;
	} while (!READ_ONCE(takers_stop));
}

/* Of these there can be one at a time. */
static void take_alone(void *arg)
{
	struct taker *taker = arg;

	do {
		taker->less += !take_memtest();
		taker->less += irq_controller_present() && !take_interrupt();
		taker->rounds++;
	} while (!READ_ONCE(takers_stop));
}

static bool takers_start(struct taker takers[TAKERS + 1])
{
	bool all = true;

	takers_stop = false;
	for (u32 i = 0; i <= TAKERS; i++) {
		takers[i] = (struct taker){ 0 };
		takers[i].thread =
			thread_create("taker", i < TAKERS ? take_all : take_alone, &takers[i]);
		all = all && takers[i].thread;
	}
	return all;
}

/* How often one of them went without. */
static u32 takers_end(struct taker takers[TAKERS + 1])
{
	u32 less = 0;

	WRITE_ONCE(takers_stop, true);
	for (u32 i = 0; i <= TAKERS; i++) {
		if (takers[i].thread) {
			thread_join(takers[i].thread);
			CHECK(takers[i].rounds > 0);
			less += takers[i].less;
		}
	}
	return less;
}

static void stress_refused(u32 operations, u32 seed, refuse_fn *which, struct refused *refused)
{
	struct holdings before = holdings_now();
	struct taker takers[TAKERS + 1];
	struct stress_result result;
	u32 less = 0;

	refuse_forget();
	if (CHECK(stress_begin(operations, seed))) {
		CHECK(takers_start(takers));
		refuse_begin(which, NULL);
		stress_work();
		less = takers_end(takers);
		refuse_end();
	}
	stress_end(&result);
	refuse_query(refused);
	less += result.less;
	test_note(
		"refused %u calls at %u of %u sites, %u in handlers; %u times somebody went without",
		refused->calls, refused->sites, refused->known, refused->in_irq, less);
	CHECK(result.operations >= operations);
	CHECK_EQ(result.wrong, 0);
	CHECK_EQ(result.kept, 0);
	/* Whoever went without was refused. */
	CHECK(less > 0 && less <= refused->calls);
	CHECK_EQ(taken_wrong, 0);
	if (!CHECK(holdings_same(&before))) {
		refuse_print();
	}
}

static bool refuse_first(const struct refuse_call *call)
{
	return call->number == 0;
}

TEST(failalloc_stress, first_call_of_each_site)
{
	struct refused refused;

	stress_refused(stress_wanted / 8, stress_seed, refuse_first, &refused);
	CHECK_EQ(refused.sites, refused.known);
	CHECK(refused.in_irq > 0 || !irq_controller_present());
	refuse_print();
}

static u32 chance_seed, chance_one_in;

/* By site and number, so that the same seed refuses the same calls of a site. */
static bool refuse_by_chance(const struct refuse_call *call)
{
	u32 x = (chance_seed ^ call->at) + call->number * 0x9e3779b1u;

	x = (x ^ x >> 15) * 0x85ebca6bu;
	x = (x ^ x >> 13) * 0xc2b2ae35u;
	return (x ^ x >> 16) % chance_one_in == 0;
}

TEST(failalloc_stress, calls_by_chance)
{
	static const u8 one_in[] = { 2, 8, 50 };
	struct refused refused;
	u32 in_irq = 0;

	for (u32 i = 0; i < ARRAY_SIZE(one_in); i++) {
		chance_seed = stress_seed + i;
		chance_one_in = one_in[i];
		test_note("one call in %u, by seed %u", chance_one_in, chance_seed);
		stress_refused(stress_wanted / 8, chance_seed, refuse_by_chance, &refused);
		in_irq += refused.in_irq;
	}
	CHECK(in_irq > 0 || !irq_controller_present());
}

/* ---- in forced orders (play.h): between any two steps of the others' ---- */

#define PLAY_SEEDS  12
#define PLAY_ROUNDS 4
#define PLAY_PAGES  96 /* more than are taken at once: an area may be left half made */

static vaddr_t table_missing; /* a 2 MiB without one; or, when there is none left, with one */
static u32 play_less;	      /* by who has the turn */

static bool refuse_actors(__unused const struct refuse_call *call)
{
	return play_actor() < ACTORS && play_random(4) == 0;
}

static void before_play(void)
{
	table_missing = VMALLOC_END - PMD_SIZE;
	while (table_missing > vmalloc_start() && kernel_pte(table_missing)) {
		table_missing -= PMD_SIZE;
	}
}

static void act_refused(u32 actor)
{
	for (u32 round = 0; round < PLAY_ROUNDS; round++) {
		u32 stamp = actor * PLAY_ROUNDS + round;
		char *va = vmalloc(PLAY_PAGES * PAGE_SIZE), *last;

		play_less += !kernel_pte_alloc(table_missing);
		if (!va) {
			play_less++;
			continue;
		}
		last = va + (PLAY_PAGES - 1) * PAGE_SIZE;
		stamp_write(va, stamp);
		stamp_write(last, ~stamp);
		interleave_point(POINT_AREA_DROPPED);
		play_expect(stamp_wrong(va, stamp) == 0 && stamp_wrong(last, ~stamp) == 0);
		vfree(va);
		if (play_random(2)) {
			vmalloc_purge();
		}
	}
}

TEST(failalloc_stress, forced_orders)
{
	const struct play_bill bill = { .seeds = PLAY_SEEDS,
					.act = act_refused,
					.before = before_play };
	struct holdings before = holdings_now();
	struct refused refused;

	if (cpu_count() < ACTORS) {
		SKIP("fewer than three CPUs");
	}
	play_less = 0;
	refuse_forget();
	refuse_begin(refuse_actors, NULL);
	CHECK_EQ(play_all(&bill), 0);
	refuse_end();
	refuse_query(&refused);
	test_note("refused %u calls at %u sites; %u times an actor went without", refused.calls,
		  refused.sites, play_less);
	CHECK(play_less > 0 && play_less <= refused.calls);
	CHECK(holdings_same(&before));
}
