/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Orders of steps that chance brings once in a million times, forced at the points of interleave.h
 * (DEBUG builds). Windows: an interrupt and a switch at each point of each open and close, all of
 * them. kmap, the purge and new tables: plays (play.h). And a table walk that found an entry still
 * empty. How threads wait and end is in test_interleave_threads.c.
 */
#define KMAP_DEBUG_BYPASS /* the real windows */
#include <interleave.h>
#include <kernel/test.h>

#if CONFIG_DEBUG

#include <arch/irqflags.h>
#include <arch/pte_write.h>
#include <arch/tlb.h>
#include <kernel/irq.h>
#include <kernel/sched.h>
#include <kernel/smp.h>
#include <mm/highmem.h>
#include <mm/page_alloc.h>
#include <mm/pgtable.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>

#include "pages.h"
#include "play.h"
#include "threads.h"

/* ---- kmap_local ---- */

#define NEST	    3
#define LOCAL_STEPS (4 * NEST) /* points that one round of the victim passes */

enum force { FORCE_IRQ = 1, FORCE_SWITCH = 2, FORCES = 4 };

/* The victim is the test's own thread; the others live on its CPU. */
static struct {
	const struct thread_core *victim;
	struct page *pages[3 * NEST]; /* the victim's, the interrupt's, the companion's */
	u32 step, chosen;	      /* points passed in this round; where it happens */
	enum force force;
	u32 happened, wrong, visits;
	bool over;
} local;

/* Opens NEST windows and looks at them all before each is closed. Group: whose pages. */
static u32 nest(u32 group)
{
	struct page **pages = &local.pages[group * NEST];
	void *va[NEST];
	u32 wrong = 0;

	for (u32 i = 0; i < NEST; i++) {
		va[i] = kmap_local_page(pages[i]);
		wrong += pattern_wrong(va[i], group * NEST + i) != 0;
	}
	for (u32 i = NEST; i-- > 0;) {
		for (u32 k = 0; k <= i; k++) {
			wrong += pattern_wrong(va[k], group * NEST + k) != 0;
		}
		kunmap_local(va[i]);
	}
	return wrong;
}

static void visit(__unused u32 irq, __unused void *arg)
{
	local.wrong += nest(1);
	WRITE_ONCE(local.visits, local.visits + 1);
}

static void keep_company(__unused void *arg)
{
	while (!READ_ONCE(local.over)) {
		local.wrong += nest(2);
		thread_yield();
	}
}

static void at_local_point(enum interleave_point point)
{
	u32 visits = local.visits;

	if (point > POINT_LOCAL_FLUSHED || current_core() != local.victim || irqs_masked() ||
	    local.step++ != local.chosen) {
		return;
	}
	local.happened++;
	if (local.force & FORCE_IRQ) {
		irq_controller()->send(1u << current_core()->cpu, SGI_TEST);
		while (READ_ONCE(local.visits) == visits) {
		}
	}
	if (local.force & FORCE_SWITCH) {
		thread_yield();
	}
}

static void force_everywhere(void)
{
	local.victim = current_core();
	WRITE_ONCE(interleave_hook, at_local_point);
	for (u32 force = 1; force < FORCES; force++) {
		for (u32 step = 0; step < LOCAL_STEPS; step++) {
			local.force = (enum force)force;
			local.step = 0;
			local.chosen = step;
			local.wrong += nest(0);
			CHECK_EQ(local.step, LOCAL_STEPS);
		}
	}
	WRITE_ONCE(interleave_hook, NULL);
	CHECK_EQ(local.happened, (FORCES - 1) * LOCAL_STEPS);
	CHECK_EQ(local.visits, 2 * LOCAL_STEPS);
}

TEST(interleave, windows_cut_at_every_point)
{
	struct thread *companion;

	memset(&local, 0, sizeof(local));
	REQUIRE(alloc_pages_bulk(GFP_HIGHONLY, ARRAY_SIZE(local.pages), local.pages) ==
		ARRAY_SIZE(local.pages));
	for (u32 i = 0; i < ARRAY_SIZE(local.pages); i++) {
		page_fill(local.pages[i], i);
	}
	if (irq_request(SGI_TEST, visit, NULL, true, "interleave")) {
		free_pages_bulk(local.pages, ARRAY_SIZE(local.pages));
		SKIP("no interrupt controller");
	}
	companion = thread_create_on(current_core()->cpu, "companion", keep_company, NULL);
	if (CHECK(companion)) {
		force_everywhere();
		WRITE_ONCE(local.over, true);
		thread_join(companion);
	}
	CHECK_EQ(local.wrong, 0);
	irq_free(SGI_TEST);
	free_pages_bulk(local.pages, ARRAY_SIZE(local.pages));
}

/* ---- three actors, one window: a wake-up that is lost has nobody to make up for it ---- */

#define MAP_SEEDS  60
#define MAP_ROUNDS 2

static u32 windows_free;
static struct page *stage[ACTORS + 1]; /* each has one, and one is everybody's */

/* Back to the allocator, perhaps for another actor, and a new one in its place. */
static void renew(u32 actor)
{
	free_page(stage[actor]);
	stage[actor] = alloc_page(GFP_HIGHONLY);
	BUG_ON(!stage[actor], "interleave.stuck", "no memory for a page");
	page_fill(stage[actor], actor);
}

static void act_kmap(u32 actor)
{
	for (u32 round = 0; round < MAP_ROUNDS; round++) {
		u32 n = play_random(3) ? actor : ACTORS;
		void *va = kmap(stage[n]);

		play_expect(pattern_wrong(va, n) == 0);
		interleave_point(POINT_KMAP_COUNTED);
		play_expect(pattern_wrong(va, n) == 0 && page_address(stage[n]) == va);
		kunmap(stage[n]);
		if (n == actor && play_random(2)) {
			renew(actor);
		}
	}
}

/* Only everybody's page, whose window may be taken back at any moment that nobody uses it. */
static void act_kmap_same(__unused u32 actor)
{
	for (u32 round = 0; round < MAP_ROUNDS; round++) {
		void *va = kmap(stage[ACTORS]);

		play_expect(page_address(stage[ACTORS]) == va && pattern_wrong(va, ACTORS) == 0);
		interleave_point(POINT_KMAP_COUNTED);
		play_expect(page_address(stage[ACTORS]) == va);
		kunmap(stage[ACTORS]);
		if (play_random(2)) {
			pkmap_purge();
		}
	}
}

static void after_kmap(void)
{
	struct pkmap_info info;

	pkmap_query(&info);
	CHECK_EQ(info.waiting, 0);
	CHECK_EQ(info.used, PKMAP_SLOTS - windows_free);
}

static void kmap_plays(void (*act)(u32 actor))
{
	const struct play_bill bill = { .seeds = MAP_SEEDS, .act = act, .after = after_kmap };
	const struct pkmap_threads *threads = pkmap_set_threads(&play_threads);

	CHECK_EQ(play_all(&bill), 0);
	(void)pkmap_set_threads(threads);
}

/* With so many windows that are not in use by others. */
static void play_windows(u32 free, void (*act)(u32 actor))
{
	struct page **filler = vzalloc(PKMAP_SLOTS * sizeof(*filler));
	u32 filled = 0;

	REQUIRE(filler && alloc_pages_bulk(GFP_HIGHONLY, ACTORS + 1, stage) == ACTORS + 1);
	for (u32 i = 0; i <= ACTORS; i++) {
		page_fill(stage[i], i);
	}
	windows_free = free;
	while (filled < PKMAP_SLOTS - free && (filler[filled] = alloc_page(GFP_HIGHONLY)) &&
	       kmap_try(filler[filled])) {
		filled++;
	}
	if (CHECK_EQ(filled, PKMAP_SLOTS - free)) {
		kmap_plays(act);
	}
	while (filled > 0) {
		kunmap(filler[--filled]);
		free_page(filler[filled]);
	}
	free_pages_bulk(stage, ACTORS + 1);
	vfree(filler);
}

TEST(interleave, kmap_that_sleeps)
{
	if (cpu_count() < ACTORS) {
		SKIP("fewer than three CPUs");
	}
	play_windows(1, act_kmap);
}

/* Who finds that the page has none may find, once the lock is had, that it has. */
TEST(interleave, one_window_for_all_who_miss_it)
{
	if (cpu_count() < ACTORS) {
		SKIP("fewer than three CPUs");
	}
	play_windows(ACTORS, act_kmap_same);
}

/* ---- the purge ---- */

#define AREA_SEEDS  24
#define AREA_ROUNDS 4
#define AREA_PAGES  96 /* more than a CPU keeps for itself: freed, they may go to any */
#define AREA_BYTES  (AREA_PAGES * PAGE_SIZE)

/*
 * Areas that were given up: from the moment before that until the flush that covers them, nobody
 * may be given their addresses or their pages. Changed by who has the turn.
 */
static struct limbo {
	vaddr_t va; /* 0: this place is free */
	bool taken; /* by a purge, which has not flushed yet */
	struct page *page[AREA_PAGES];
} limbo[ACTORS * AREA_ROUNDS];

static struct page *area_page(vaddr_t va, u32 i)
{
	return pfn_to_page(pte_pfn(*kernel_pte(va + i * PAGE_SIZE)));
}

static void limbo_add(vaddr_t va)
{
	struct limbo *area = limbo;

	while (area->va) {
		area++;
	}
	*area = (struct limbo){ .va = va };
	for (u32 i = 0; i < AREA_PAGES; i++) {
		area->page[i] = area_page(va, i);
	}
}

static bool page_in_limbo(const struct page *page)
{
	for (u32 n = 0; n < ARRAY_SIZE(limbo); n++) {
		for (u32 i = 0; limbo[n].va && i < AREA_PAGES; i++) {
			if (limbo[n].page[i] == page) {
				return true;
			}
		}
	}
	return false;
}

static bool area_in_limbo(vaddr_t va)
{
	for (u32 n = 0; n < ARRAY_SIZE(limbo); n++) {
		if (limbo[n].va && va - limbo[n].va + AREA_BYTES < 2 * AREA_BYTES) {
			return true;
		}
	}
	for (u32 i = 0; i < AREA_PAGES; i++) {
		if (page_in_limbo(area_page(va, i))) {
			return true;
		}
	}
	return false;
}

static void at_purge_point(enum interleave_point point)
{
	if (play_actor() == ACTORS) {
		return;
	}
	for (u32 n = 0; n < ARRAY_SIZE(limbo); n++) {
		if (point == POINT_PURGE_TAKEN) {
			limbo[n].taken = true;
		} else if (point == POINT_PURGE_FLUSHED && limbo[n].taken) {
			limbo[n].va = 0;
		}
	}
	play_point(point);
}

static void act_purge(u32 actor)
{
	for (u32 round = 0; round < AREA_ROUNDS; round++) {
		u32 stamp = actor * 100 + round;
		char *va = vmalloc(AREA_BYTES), *last = va + AREA_BYTES - PAGE_SIZE;

		if (!va) {
			play_expect(false);
			return;
		}
		play_expect(!area_in_limbo((vaddr_t)va));
		pattern_fill(va, stamp);
		pattern_fill(last, ~stamp);
		interleave_point(POINT_AREA_DROPPED);
		play_expect(pattern_wrong(va, stamp) == 0 && pattern_wrong(last, ~stamp) == 0);
		limbo_add((vaddr_t)va);
		vfree(va);
		if (play_random(2)) {
			vmalloc_purge();
		}
	}
}

static void before_purge(void)
{
	vmalloc_purge();
	memset(limbo, 0, sizeof(limbo));
}

TEST(interleave, nothing_is_reused_before_its_flush)
{
	if (cpu_count() < ACTORS) {
		SKIP("fewer than three CPUs");
	}
	CHECK_EQ(play_all(&(struct play_bill){ .seeds = AREA_SEEDS,
					       .act = act_purge,
					       .hook = at_purge_point,
					       .before = before_purge }),
		 0);
}

/* ---- the first entries of a 2 MiB, by all at once ---- */

#define TABLE_SEEDS 6 /* each makes a table, and tables are for ever */

static vaddr_t fresh;

/*
 * The highest 2 MiB of the vmalloc area that have no table yet; if all have, those of the last
 * play.
 */
static void before_table(void)
{
	vaddr_t va = VMALLOC_END - PMD_SIZE;

	while (va >= vmalloc_start() && pmd_present(*kernel_pmd(va))) {
		va -= PMD_SIZE;
	}
	if (va >= vmalloc_start()) {
		fresh = va;
	}
}

static void act_table(u32 actor)
{
	vaddr_t va = fresh + actor * PAGE_SIZE;
	pte_t *pte = kernel_pte_alloc(va);

	BUG_ON(!pte, "interleave.stuck", "no memory for a table");
	pte_write(pte, pfn_pte(page_to_pfn(stage[actor]), PAGE_KERNEL));
	dsb_walk(); /* the entry, before our own walk */
	isb();
	interleave_point(POINT_TABLE_MISSING);
	play_expect(kernel_pte(va) == pte);
}

static void after_table(void)
{
	for (u32 i = 0; i < ACTORS; i++) {
		vaddr_t va = fresh + i * PAGE_SIZE;

		if (CHECK(pte_present(*kernel_pte(va)))) {
			CHECK_EQ(pattern_wrong((void *)va, i), 0);
			pte_write(kernel_pte(va), pte_none());
			tlb_flush_page(va);
		}
	}
}

TEST(interleave, one_table_for_all_who_miss_it)
{
	if (cpu_count() < ACTORS) {
		SKIP("fewer than three CPUs");
	}
	before_table();
	if (!fresh) {
		SKIP("all tables were made before");
	}
	REQUIRE(alloc_pages_bulk(GFP_HIGHONLY, ACTORS, stage) == ACTORS);
	for (u32 i = 0; i < ACTORS; i++) {
		page_fill(stage[i], i);
	}
	CHECK_EQ(play_all(&(struct play_bill){ .seeds = TABLE_SEEDS,
					       .act = act_table,
					       .before = before_table,
					       .after = after_table }),
		 0);
	free_pages_bulk(stage, ACTORS);
}

/* ---- slabs ---- */

#define SLAB_ROUNDS 40
#define SLAB_BACK   50				  /* objects that the taker gives back */
#define SLAB_TAKEN  (2 * SLAB_BACK + SLAB_ROUNDS) /* more than lie about then, the victim's too */

static struct {
	const struct thread_core *victim;
	u32 looked, taken, got,
		back; /* rounds: who looked, who took all, who got on, who gave back */
} slabs;

static void await(const u32 *round, u32 until)
{
	while (READ_ONCE(*round) != until) {
		__asm__ volatile("yield" : : : "memory");
	}
}

/* The victim has seen that there are slabs to take from: another CPU takes them all. */
static void take_slabs_at_point(enum interleave_point point)
{
	if (point == POINT_SLAB_LOOKED && current_core() == slabs.victim &&
	    slabs.looked == slabs.back) {
		WRITE_ONCE(slabs.looked, slabs.looked + 1);
		await(&slabs.taken, slabs.looked);
	}
}

static void free_all(void **objects, u32 count)
{
	for (u32 i = 0; i < count; i++) {
		kfree(objects[i]);
		objects[i] = NULL;
	}
}

/* Each object leads to the one that was taken before. */
static void **hoard_take(void **hoard, u32 count)
{
	for (u32 i = 0; i < count; i++) {
		void **object = kmalloc(KMALLOC_MAX);

		if (object) {
			*object = hoard;
			hoard = object;
		}
	}
	return hoard;
}

/* Every other one, so that slabs stay that are half in use: an empty one would not be kept. */
static void hoard_thin(void **hoard, u32 count)
{
	for (u32 i = 0; *hoard && i < count; i++) {
		void **second = *hoard;

		*hoard = *second;
		kfree(second);
		hoard = *hoard ? *hoard : hoard;
	}
}

static void take_all_slabs(__unused void *arg)
{
	void **hoard = NULL, **next;

	for (u32 round = 1; round <= SLAB_ROUNDS; round++) {
		await(&slabs.looked, round);
		hoard = hoard_take(hoard, SLAB_TAKEN);
		WRITE_ONCE(slabs.taken, round);
		await(&slabs.got, round);
		hoard_thin(hoard, SLAB_BACK);
		WRITE_ONCE(slabs.back, round);
	}
	for (; hoard; hoard = next) {
		next = *hoard;
		kfree(hoard);
	}
}

TEST(interleave, others_take_the_slabs_it_has_seen)
{
	void *objects[SLAB_ROUNDS] = { NULL };
	struct thread *taker;
	u32 none = 0;

	if (cpu_count() < 2) {
		SKIP("one CPU");
	}
	memset(&slabs, 0, sizeof(slabs));
	taker = thread_create_on((my_cpu() + 1) % cpu_count(), "taker", take_all_slabs, NULL);
	slabs.victim = current_core();
	WRITE_ONCE(interleave_hook, take_slabs_at_point);
	for (u32 i = 0; taker && slabs.back < SLAB_ROUNDS; i++) {
		void **object = &objects[i % ARRAY_SIZE(objects)];

		if (object == objects) {
			free_all(objects, ARRAY_SIZE(objects));
		}
		*object = kmalloc(KMALLOC_MAX);
		none += *object == NULL;
		WRITE_ONCE(slabs.got, slabs.looked);
		await(&slabs.back, slabs.looked);
	}
	WRITE_ONCE(interleave_hook, NULL);
	free_all(objects, ARRAY_SIZE(objects));
	CHECK(taker);
	if (taker) {
		thread_join(taker);
	}
	CHECK_EQ(none, 0);
}

/* ---- a walk that ran ahead ---- */

static struct {
	pte_t *entry, value;
	u32 faults;
} ahead;

/* The entry comes between the fault and the question to the MMU. */
static void write_at_fault(enum interleave_point point)
{
	if (point == POINT_TRAP_TRANSLATION) {
		ahead.faults++;
		pte_write(ahead.entry, ahead.value);
		dsb_walk(); /* the entry, before the trap asks the MMU */
		isb();
	}
}

TEST(interleave, walk_that_ran_ahead_is_forgiven)
{
	struct page *page = alloc_page(GFP_HIGHONLY);
	u32 *va;

	REQUIRE(page);
	va = vmap(&page, 1, PAGE_KERNEL);
	REQUIRE(va);
	*va = 0x600df00d;
	ahead.entry = kernel_pte((vaddr_t)va);
	ahead.value = *ahead.entry;
	ahead.faults = 0;
	pte_write(ahead.entry, pte_none());
	tlb_flush_page((vaddr_t)va);
	WRITE_ONCE(interleave_hook, write_at_fault);
	CHECK_EQ(READ_ONCE(*va), 0x600df00d);
	WRITE_ONCE(interleave_hook, NULL);
	CHECK_EQ(ahead.faults, 1);
	vunmap(va);
	free_page(page);
}

#endif
