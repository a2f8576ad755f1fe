/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kmap, the permanent mapping: one counted window per page, shared, reused only behind a
 * flush. The tests that need all windows run with none in use.
 */
#define KMAP_DEBUG_BYPASS /* the real windows */
#include <arch/probe.h>
#include <kernel/sched.h>
#include <kernel/test.h>
#include <kernel/time.h>
#include <kernel/watchdog.h>
#include <mm/highmem.h>
#include <mm/vmalloc.h>

#include "pages.h"

static bool in_pkmap(const void *va)
{
	return (vaddr_t)va - PKMAP_START < REGION_SIZE(pkmap) && IS_ALIGNED((vaddr_t)va, PAGE_SIZE);
}

TEST(kmap, same_page_same_window)
{
	struct page *page = alloc_page(GFP_HIGHONLY);
	struct pkmap_info before, now;
	void *va;

	REQUIRE(page);
	pkmap_query(&before);
	va = kmap(page);
	CHECK(in_pkmap(va));
	CHECK_EQ(kmap(page), va);
	CHECK_EQ(page_address(page), va);
	pkmap_query(&now);
	CHECK_EQ(now.used, before.used + 1);
	kunmap(page);
	pkmap_query(&now);
	CHECK_EQ(now.used, before.used + 1); /* one user is left */
	kunmap(page);
	pkmap_query(&now);
	CHECK_EQ(now.used, before.used);
	CHECK_EQ(now.used + now.stale + now.free, PKMAP_SLOTS);
	CHECK_EQ(kmap(page), va); /* unused, but not yet flushed: the same window again */
	kunmap(page);
	free_page(page);
}

TEST(kmap, lowmem_is_direct)
{
	struct page *page = alloc_page(GFP_KERNEL);
	struct pkmap_info before, now;

	REQUIRE(page);
	pkmap_query(&before);
	CHECK_EQ(kmap(page), phys_to_virt(page_to_pa(page)));
	pkmap_query(&now);
	CHECK_EQ(now.used, before.used);
	kunmap(page);
	free_page(page);
}

/* What the monitor says of a window: whose it is, and since when. */
TEST(kmap, window_remembers_its_opener)
{
	struct page *page = alloc_page(GFP_HIGHONLY);
	struct pkmap_window window;
	u64 start;

	REQUIRE(page);
	start = time_now_us();
	REQUIRE(kmap(page));
	delay_us(20000);
	pkmap_window_query(page->kmap, &window);
	CHECK_EQ(window.page, page);
	CHECK_EQ(window.count, 2);
	CHECK_EQ(window.opener, current_core());
	CHECK(window.open_ms >= 18 && window.open_ms <= (u32)(time_now_us() - start) / 1000 + 3);
	kunmap(page);
	free_page(page);
}

/* Pages mapped at once by several tests below, filled with their index. */
struct crowd {
	u32 count;
	struct page **pages;
	void **va;
};

static bool crowd_get(struct crowd *crowd, u32 count)
{
	struct page *tables = alloc_pages(GFP_KERNEL, 1);

	crowd->count = 0;
	crowd->pages = NULL;
	if (!tables) {
		return false;
	}
	crowd->pages = lowmem_page_address(tables);
	crowd->va = (void **)(crowd->pages + PAGE_SIZE / sizeof(void *));
	crowd->count = alloc_pages_bulk(GFP_HIGHONLY, count, crowd->pages);
	for (u32 i = 0; i < crowd->count; i++) {
		page_fill(crowd->pages[i], i);
	}
	return crowd->count == count;
}

static void crowd_put(struct crowd *crowd)
{
	free_pages_bulk(crowd->pages, crowd->count);
	if (crowd->pages) {
		free_pages(virt_to_page(crowd->pages), 1);
	}
}

/* A first and a last word are enough to know a page by; whole pages are compared elsewhere. */
static bool shows(const u32 *va, const u32 *same)
{
	const u32 last = PAGE_SIZE / sizeof(u32) - 1;

	return READ_ONCE(va[0]) == same[0] && READ_ONCE(va[last]) == same[last];
}

static bool shows_page(const void *va, struct page *page)
{
	void *local = kmap_local_page(page);
	bool same = shows(va, local);

	kunmap_local(local);
	return same;
}

static void fill_all_windows(struct crowd *crowd)
{
	u32 wrong = 0;

	for (u32 i = 0; i < PKMAP_SLOTS; i++) {
		crowd->va[i] = kmap(crowd->pages[i]);
		if (!CHECK(in_pkmap(crowd->va[i]))) {
			return;
		}
	}
	for (u32 i = 0; i < PKMAP_SLOTS; i++) {
		wrong += pattern_wrong(crowd->va[i], i) != 0; /* also if two share a window */
	}
	CHECK_EQ(wrong, 0);
}

TEST(kmap, full_then_works_again)
{
	struct crowd crowd;
	struct page *extra;
	struct pkmap_info info;

	if (CHECK(crowd_get(&crowd, PKMAP_SLOTS + 1))) {
		extra = crowd.pages[PKMAP_SLOTS];
		fill_all_windows(&crowd);
		pkmap_query(&info);
		CHECK_EQ(info.used, PKMAP_SLOTS);
		CHECK_EQ(kmap_try(extra), NULL);
		CHECK_EQ(kmap(crowd.pages[7]), crowd.va[7]); /* one that has a window needs none */
		kunmap(crowd.pages[7]);
		CHECK_EQ(kmap_try(extra), NULL); /* it is still in use */
		kunmap(crowd.pages[7]);
		if (CHECK_EQ(kmap(extra), crowd.va[7])) { /* the only one there is */
			CHECK_EQ(pattern_wrong(crowd.va[7], PKMAP_SLOTS), 0);
			kunmap(extra);
		}
		CHECK_EQ(page_address(crowd.pages[7]), NULL);
		for (u32 i = 0; i < PKMAP_SLOTS; i++) {
			if (i != 7) {
				kunmap(crowd.pages[i]);
			}
		}
		pkmap_query(&info);
		CHECK_EQ(info.used, 0);
	}
	crowd_put(&crowd);
}

/*
 * Cycles over more pages than windows until the index has wrapped three times. Right behind
 * a wrap every window but the newest is empty, and must fault although the TLB has seen it.
 */
TEST(kmap, wrap_three_times)
{
	struct crowd crowd;
	struct pkmap_info start, info;
	u32 wrong = 0, stale = 0, seen, word;

	pkmap_query(&start);
	seen = start.flushes;
	if (CHECK(crowd_get(&crowd, PKMAP_SLOTS + 88))) {
		for (u32 n = 0; seen < start.flushes + 3 && n < 5 * PKMAP_SLOTS; n++) {
			u32 i = n % crowd.count;
			void *va = kmap(crowd.pages[i]);

			REQUIRE(va);
			wrong += !shows_page(va, crowd.pages[i]);
			pkmap_query(&info);
			for (u32 slot = 0; info.flushes != seen && slot < PKMAP_SLOTS; slot++) {
				const char *window = (char *)PKMAP_START + slot * PAGE_SIZE;

				stale += window != va && probe_read(window, &word) == 0;
			}
			seen = info.flushes;
			kunmap(crowd.pages[i]);
		}
		CHECK_EQ(seen, start.flushes + 3);
		CHECK_EQ(wrong, 0);
		CHECK_EQ(stale, 0);
	}
	crowd_put(&crowd);
}

/* A window in use survives the wrap, at its address and with its page. */
TEST(kmap, pinned_across_wrap)
{
	struct page *pinned = alloc_page(GFP_HIGHONLY);
	struct crowd crowd;
	u32 moved = 0;
	void *va;

	REQUIRE(pinned);
	if (CHECK(crowd_get(&crowd, PKMAP_SLOTS))) {
		va = kmap(pinned);
		pattern_fill(va, 4711);
		for (u32 n = 0; n < 2 * PKMAP_SLOTS; n++) {
			struct page *page = crowd.pages[n % PKMAP_SLOTS];

			moved += kmap(page) == va;
			kunmap(page);
		}
		CHECK_EQ(moved, 0);
		CHECK_EQ(page_address(pinned), va);
		CHECK_EQ(pattern_wrong(va, 4711), 0);
		kunmap(pinned);
	}
	crowd_put(&crowd);
	free_page(pinned);
}

/* ---- threads that share, and threads that wait ---- */

static struct pkmap_info query(void)
{
	struct pkmap_info info;

	pkmap_query(&info);
	return info;
}

/* A lost wake-up ends here, by the watchdog. */
static void until_waiting(u32 threads)
{
	while (query().waiting != threads) {
		thread_yield();
	}
}

#define SHARE_ROUNDS 50

/* Two that map one page, each when it likes, and meet while both have it. */
struct share {
	struct page *page;
	u32 met, wrong; /* atomic */
	void *va[2];
	struct sharer {
		struct share *share;
		u32 number;
	} sharer[2];
};

static void share_page(void *arg)
{
	struct sharer *self = arg;
	struct share *share = self->share;

	for (u32 round = 1; round <= SHARE_ROUNDS; round++) {
		void *va = kmap(share->page);

		WRITE_ONCE(share->va[self->number], va);
		__atomic_fetch_add(&share->met, 1, __ATOMIC_ACQ_REL);
		while (READ_ONCE(share->met) < 4 * round - 2) {
			thread_yield();
		}
		if (READ_ONCE(share->va[!self->number]) != va || pattern_wrong(va, 12)) {
			__atomic_fetch_add(&share->wrong, 1, __ATOMIC_RELAXED);
		}
		__atomic_fetch_add(&share->met, 1, __ATOMIC_ACQ_REL);
		while (READ_ONCE(share->met) < 4 * round) {
			thread_yield();
		}
		kunmap(share->page);
	}
}

TEST(kmap, threads_share_a_window)
{
	struct share share = { .page = alloc_page(GFP_HIGHONLY) };
	struct thread *threads[2];

	REQUIRE(share.page);
	page_fill(share.page, 12);
	for (u32 i = 0; i < 2; i++) {
		share.sharer[i] = (struct sharer){ &share, i };
		threads[i] = thread_create("sharer", share_page, &share.sharer[i]);
		REQUIRE(threads[i]);
	}
	thread_join(threads[0]);
	thread_join(threads[1]);
	CHECK_EQ(share.wrong, 0);
	CHECK_EQ(query().used, 0);
	free_page(share.page);
}

/* Maps its page, and holds it until it is told to let go. */
struct mapper {
	struct thread *thread;
	struct page *page;
	void *va;
	struct completion mapped, let_go;
};

static void map_and_hold(void *arg)
{
	struct mapper *mapper = arg;

	mapper->va = kmap(mapper->page);
	completion_signal(&mapper->mapped);
	completion_wait(&mapper->let_go);
	kunmap(mapper->page);
}

static bool mapper_start(struct mapper *mapper, struct page *page)
{
	mapper->page = page;
	mapper->va = NULL;
	completion_init(&mapper->mapped);
	completion_init(&mapper->let_go);
	mapper->thread = thread_create("mapper", map_and_hold, mapper);
	return mapper->thread;
}

static void mapper_end(struct mapper *mapper)
{
	completion_signal(&mapper->let_go);
	thread_join(mapper->thread);
}

/*
 * All windows are in use and three threads wait: for one page, for another, for the first again.
 * Each window that is given back serves who came first, and everybody else who wants the same page.
 */
TEST(kmap, waits_its_turn_and_shares)
{
	struct mapper mapper[3];
	struct crowd crowd;
	struct page *const *extra;

	if (!CHECK(crowd_get(&crowd, PKMAP_SLOTS + 2))) {
		crowd_put(&crowd);
		return;
	}
	extra = &crowd.pages[PKMAP_SLOTS];
	fill_all_windows(&crowd);
	for (u32 i = 0; i < 3; i++) {
		REQUIRE(mapper_start(&mapper[i], extra[i % 2]));
		until_waiting(i + 1);
	}
	thread_wake(mapper[1].thread); /* for nothing: none is free, so it sleeps on */
	for (u32 i = 0; i < 100; i++) {
		thread_yield();
	}
	REQUIRE(!READ_ONCE(mapper[1].va));
	CHECK_EQ(kmap_try(extra[0]), NULL);
	CHECK_EQ(kmap_try(crowd.pages[3]), crowd.va[3]);
	kunmap(crowd.pages[3]);
	CHECK_EQ(query().waiting, 3); /* it is still in use */
	kunmap(crowd.pages[3]);
	completion_wait(&mapper[0].mapped);
	completion_wait(&mapper[2].mapped);
	CHECK_EQ(mapper[0].va, crowd.va[3]);
	CHECK_EQ(mapper[2].va, crowd.va[3]);
	CHECK_EQ(pattern_wrong(mapper[0].va, PKMAP_SLOTS), 0);
	CHECK_EQ(query().waiting, 1);
	CHECK_EQ(mapper[1].va, NULL);
	mapper_end(&mapper[0]);
	CHECK_EQ(query().waiting, 1); /* its window has one user still */
	mapper_end(&mapper[2]);
	completion_wait(&mapper[1].mapped);
	CHECK_EQ(mapper[1].va, crowd.va[3]);
	CHECK_EQ(pattern_wrong(mapper[1].va, PKMAP_SLOTS + 1), 0);
	mapper_end(&mapper[1]);
	for (u32 i = 0; i < PKMAP_SLOTS; i++) {
		if (i != 3) {
			kunmap(crowd.pages[i]);
		}
	}
	CHECK_EQ(query().used, 0);
	CHECK_EQ(query().waiting, 0);
	crowd_put(&crowd);
}

#define RUSH	    600 /* threads, for 512 windows */
#define RUSH_ROUNDS 6

struct rush {
	struct wait_queue gate;
	bool open;
	u32 inside, wrong; /* atomic */
	struct rusher {
		struct rush *rush;
		struct thread *thread;
		struct page *page;
		u32 seed;
	} rusher[RUSH];
};

/* Two words of the page: that it is this one, and that it is so still when others have run. */
static bool is_mine(const u32 *va, u32 seed)
{
	return va && READ_ONCE(va[0]) == seed && READ_ONCE(va[PAGE_SIZE / 4 - 1]) == ~seed;
}

static void rush_through(void *arg)
{
	struct rusher *self = arg;
	struct rush *rush = self->rush;

	for (u32 round = 0; round < RUSH_ROUNDS; round++) {
		u32 *va = kmap(self->page);
		bool mine = is_mine(va, self->seed);

		if (round == 0) { /* nobody leaves before all windows are in use */
			__atomic_fetch_add(&rush->inside, 1, __ATOMIC_RELAXED);
			wait_event(&rush->gate, READ_ONCE(rush->open));
		} else {
			thread_yield();
		}
		if (!mine || !is_mine(va, self->seed)) {
			__atomic_fetch_add(&rush->wrong, 1, __ATOMIC_RELAXED);
		}
		kunmap(self->page);
		watchdog_beat();
	}
}

static bool rusher_start(struct rush *rush, u32 i)
{
	struct rusher *self = &rush->rusher[i];
	u32 *va;

	*self = (struct rusher){ .rush = rush, .seed = i * 0x01000193u };
	self->page = alloc_page(GFP_HIGHONLY);
	if (!self->page) {
		return false;
	}
	va = kmap_local_page(self->page);
	va[0] = self->seed;
	va[PAGE_SIZE / 4 - 1] = ~self->seed;
	kunmap_local(va);
	self->thread = thread_create("rusher", rush_through, self);
	return self->thread;
}

TEST(kmap, six_hundred_threads)
{
	struct rush *rush = vzalloc(sizeof(*rush));
	u32 started = 0;

	REQUIRE(rush);
	wait_queue_init(&rush->gate);
	while (started < RUSH && CHECK(rusher_start(rush, started))) {
		started++;
	}
	if (started == RUSH) {
		until_waiting(RUSH - PKMAP_SLOTS);
		while (READ_ONCE(rush->inside) != PKMAP_SLOTS) {
			/* the last ones have their window, and have not said so yet */
			thread_yield();
		}
		CHECK_EQ(query().used, PKMAP_SLOTS);
	}
	WRITE_ONCE(rush->open, true);
	wake_all(&rush->gate);
	for (u32 i = 0; i < started; i++) {
		thread_join(rush->rusher[i].thread);
	}
	for (u32 i = 0; i < RUSH && rush->rusher[i].page; i++) {
		free_page(rush->rusher[i].page);
	}
	CHECK_EQ(rush->inside, started);
	CHECK_EQ(rush->wrong, 0);
	CHECK_EQ(query().used, 0);
	CHECK_EQ(query().waiting, 0);
	vfree(rush);
}

FATAL_TEST(kmap.full_with_preemption_off, "sched.atomic_sleep")
{
	struct page *page = alloc_page(GFP_HIGHONLY);

	for (u32 i = 0; page && kmap_try(page); i++) {
		page = alloc_page(GFP_HIGHONLY);
	}
	preempt_disable();
	if (page) {
		(void)!kmap(page);
	}
}
