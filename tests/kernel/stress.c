/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the operations of the stress, who does them, and what each of them knows of its pages. Never
 * counts as done what found no memory. No locks: a page is its thread's, an area that waits to be
 * freed goes from hand to hand by one exchange.
 */
#include "stress.h"

#include <arch/irqflags.h>
#include <kernel/irq.h>
#include <kernel/sched.h>
#include <kernel/smp.h>
#include <kernel/test.h>
#include <kernel/watchdog.h>
#include <mm/highmem.h>
#include <mm/page_alloc.h>
#include <mm/vmalloc.h>

#include "stamp.h"

#define HELD	     24 /* pages that one thread has at most */
#define SHARED	     16 /* pages that all map, and nobody changes */
#define AREA_PAGES   6
#define OBJECTS	     8	    /* that one operation has, or all interrupts on one CPU */
#define THREAD_TRIES 2000   /* before a thread that finds no memory is not there */
#define BEAT	     64	    /* operations between two signs of life */
#define TELL	     100000 /* and between two lines about it; there are a few in any case */

/* ---- who takes part ---- */

struct held {
	struct page *page;
	u32 stamp;
};

struct worker {
	struct thread *thread;
	u32 random, done;
	u32 wrong, first_wrong; /* the operation; of how many */
	u32 less;
	u32 count;
	struct held held[HELD];
};

/* What interrupts on one CPU work with: its own. */
struct visitor {
	struct held held[2];
	void *doomed; /* an area for it to free; atomic */
	u32 visits, wrong, less, freed;
	struct stamped objects[OBJECTS];
} __aligned(64);

static struct stress {
	struct worker workers[2 * NR_CPUS];
	struct held shared[SHARED];
	struct visitor visitors[NR_CPUS];
	const struct irq_controller *irqs; /* NULL: no interrupts */
	u32 wanted, seed, each;		   /* operations: of all threads, of each */
	u32 done;			   /* atomic, in steps of BEAT */
	u32 threads_less;		   /* threads that found no memory at first */
} * stress;

static u32 next(u32 *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 17;
	*random ^= *random << 5;
	return *random;
}

static u32 below(struct worker *w, u32 n)
{
	return (u32)(((u64)next(&w->random) * n) >> 32);
}

static void expect(struct worker *w, bool right)
{
	if (unlikely(!right)) {
		if (w->wrong++ == 0) {
			w->first_wrong = w->done;
		}
	}
}

static void *or_less(struct worker *w, void *got)
{
	w->less += got == NULL;
	return got;
}

/* ---- through any kind of window ---- */

enum window { WINDOW_LOCAL, WINDOW_ATOMIC, WINDOW_KMAP, WINDOW_VMAP, WINDOWS };

static void *window_open(enum window kind, struct page *page)
{
	switch (kind) {
	case WINDOW_LOCAL:
		return kmap_local_page(page);
	case WINDOW_ATOMIC:
		return kmap_atomic(page);
	case WINDOW_KMAP:
		return kmap(page);
	default:
		return vmap(&page, 1, PAGE_KERNEL);
	}
}

static void window_close(enum window kind, struct page *page, void *va)
{
	switch (kind) {
	case WINDOW_LOCAL:
		kunmap_local(va);
		break;
	case WINDOW_ATOMIC:
		kunmap_atomic(va);
		break;
	case WINDOW_KMAP:
		kunmap(page);
		break;
	default:
		vunmap(va);
	}
}

static void give_way(struct worker *w)
{
	if (below(w, 16) == 0) {
		thread_yield();
	}
}

/* Looks at the page, and stamps it anew if `change`. */
static void visit_page(struct worker *w, struct held *held, bool change)
{
	enum window kind = below(w, WINDOWS);
	void *va = or_less(w, window_open(kind, held->page));

	if (!va) {
		return; /* vmap's */
	}
	if (kind != WINDOW_ATOMIC) {
		give_way(w);
	}
	expect(w, stamp_wrong(va, held->stamp) == 0);
	if (change) {
		held->stamp = next(&w->random);
		stamp_write(va, held->stamp);
	}
	window_close(kind, held->page, va);
}

static struct held *any(struct worker *w)
{
	return &w->held[below(w, w->count)];
}

/* ---- operations ---- */

static void op_take(struct worker *w)
{
	static const gfp_t zones[] = { GFP_HIGHONLY, GFP_HIGH, GFP_HIGH, GFP_KERNEL };
	struct held *held = &w->held[w->count];
	void *va;

	if (w->count == HELD) {
		return;
	}
	held->page = or_less(w, alloc_page(zones[below(w, ARRAY_SIZE(zones))]));
	if (held->page) {
		held->stamp = next(&w->random);
		va = kmap_local_page(held->page);
		stamp_write(va, held->stamp);
		kunmap_local(va);
		w->count++;
	}
}

static void op_give(struct worker *w)
{
	struct held *held;

	if (w->count > 0) {
		held = any(w);
		visit_page(w, held, false);
		free_page(held->page);
		*held = w->held[--w->count];
	}
}

static void op_look(struct worker *w)
{
	if (w->count > 0) {
		visit_page(w, any(w), false);
	}
}

static void op_change(struct worker *w)
{
	if (w->count > 0) {
		visit_page(w, any(w), true);
	}
}

static void op_copy(struct worker *w)
{
	struct held *from, *to;

	if (w->count > 1) {
		from = any(w);
		to = any(w);
		if (from != to) {
			copy_highpage(to->page, from->page);
			to->stamp = from->stamp;
			visit_page(w, to, true); /* and from has to keep its own */
		}
	}
}

/* Several windows of a thread's own, nested, and switches meanwhile. */
static void op_nest(struct worker *w)
{
	void *va[4];
	u32 depth = min(w->count, (u32)ARRAY_SIZE(va));

	for (u32 i = 0; i < depth; i++) {
		va[i] = kmap_local_page(w->held[i].page);
		give_way(w);
	}
	for (u32 i = depth; i-- > 0;) {
		expect(w, stamp_wrong(va[i], w->held[i].stamp) == 0);
		kunmap_local(va[i]);
	}
}

/* All see one page at one address; nobody writes to it. */
static void op_share(struct worker *w)
{
	const struct held *shared = &stress->shared[below(w, SHARED)];
	void *va = kmap(shared->page);

	expect(w, page_address(shared->page) == va);
	give_way(w);
	expect(w, stamp_wrong(va, shared->stamp) == 0);
	expect(w, page_address(shared->page) == va);
	kunmap(shared->page);
}

static void op_vmap(struct worker *w)
{
	struct page *pages[AREA_PAGES];
	u32 count = min(w->count, (u32)AREA_PAGES);
	char *va;

	for (u32 i = 0; i < count; i++) {
		pages[i] = w->held[i].page;
	}
	va = count ? or_less(w, vmap(pages, count, PAGE_KERNEL)) : NULL;
	if (va) {
		give_way(w);
		for (u32 i = 0; i < count; i++) {
			expect(w, stamp_wrong(va + i * PAGE_SIZE, w->held[i].stamp) == 0);
		}
		vunmap(va);
	}
}

/* Freed here, or by an interrupt on any CPU. */
static void op_vmalloc(struct worker *w)
{
	u32 count = 1 + below(w, AREA_PAGES), stamp = next(&w->random);
	char *va = or_less(w, vmalloc(count * PAGE_SIZE));
	struct visitor *visitor = &stress->visitors[below(w, NR_CPUS)];

	if (!va) {
		return;
	}
	for (u32 i = 0; i < count; i++) {
		stamp_write(va + i * PAGE_SIZE, stamp + i);
	}
	give_way(w);
	for (u32 i = 0; i < count; i++) {
		expect(w, stamp_wrong(va + i * PAGE_SIZE, stamp + i) == 0);
	}
	vfree(below(w, 4) ? va : __atomic_exchange_n(&visitor->doomed, va, __ATOMIC_ACQ_REL));
}

static void op_block(struct worker *w)
{
	u32 order = 1 + below(w, 3), stamp = next(&w->random);
	struct page *block = or_less(w, alloc_pages(GFP_HIGH, order));
	void *first, *last;

	if (block) {
		first = kmap_local_page(block);
		last = kmap_local_page(block + (1u << order) - 1);
		stamp_write(first, stamp);
		stamp_write(last, ~stamp);
		give_way(w);
		expect(w, stamp_wrong(first, stamp) == 0 && stamp_wrong(last, ~stamp) == 0);
		kunmap_local(last);
		kunmap_local(first);
		free_pages(block, order);
	}
}

static void op_objects(struct worker *w)
{
	struct stamped objects[OBJECTS];
	u32 count = 1 + below(w, OBJECTS), got = 0;

	while (got < count && stamped_get(&objects[got], next(&w->random))) {
		got++;
	}
	w->less += got < count;
	give_way(w);
	while (got > 0) {
		expect(w, stamped_put(&objects[--got]));
	}
}

static void op_interrupt(struct worker *w)
{
	u32 mask = next(&w->random) & cpus_online();

	if (stress->irqs && mask) {
		stress->irqs->send(mask, SGI_TEST);
	}
}

static void (*const operations[])(struct worker *w) = {
	op_take,    op_take,	op_take,  op_give,    op_give,	    op_look,  op_look,
	op_change,  op_change,	op_copy,  op_nest,    op_share,	    op_share, op_vmap,
	op_vmalloc, op_vmalloc, op_block, op_objects, op_interrupt,
};

static void tell(void)
{
	u32 before = __atomic_fetch_add(&stress->done, BEAT, __ATOMIC_RELAXED);
	u32 every = min(stress->wanted / 16 + BEAT, (u32)TELL);

	watchdog_beat();
	if (before / every != (before + BEAT) / every) {
		test_note("%u operations", before + BEAT);
	}
}

static void work(void *arg)
{
	struct worker *w = arg;

	for (; w->done < stress->each; w->done++) {
		operations[below(w, ARRAY_SIZE(operations))](w);
		if (w->done % BEAT == BEAT - 1) {
			tell();
		}
	}
	while (w->count > 0) {
		op_give(w);
	}
}

/* ---- interrupts ---- */

/* The one that has been there longest goes, and another comes. */
static void visit_objects(struct visitor *v)
{
	struct stamped *object = &v->objects[v->visits % OBJECTS];

	v->wrong += !stamped_put(object);
	v->less += !stamped_get(object, v->visits * 5 / OBJECTS);
}

/* Lands inside windows that its thread is opening or closing, and opens its own above them. */
static void visited(__unused u32 irq, void *arg)
{
	struct visitor *v = &((struct stress *)arg)->visitors[current_core()->cpu];
	void *outer = kmap_local_page(v->held[0].page), *inner = kmap_local_page(v->held[1].page);
	void *doomed = __atomic_exchange_n(&v->doomed, NULL, __ATOMIC_ACQ_REL);
	struct page *page = alloc_page(GFP_HIGH);

	v->wrong += stamp_wrong(outer, v->held[0].stamp) + stamp_wrong(inner, v->held[1].stamp) !=
		    0;
	v->visits++;
	v->less += page == NULL;
	if (page) {
		copy_highpage(page, v->held[0].page);
		kunmap_local(inner);
		inner = kmap_local_page(page);
		v->wrong += stamp_wrong(inner, v->held[0].stamp) != 0;
	}
	stamp_write(outer, ++v->held[0].stamp);
	kunmap_local(inner);
	kunmap_local(outer);
	if (page) {
		free_page(page);
	}
	visit_objects(v);
	v->freed += doomed != NULL;
	vfree(doomed);
}

/* ---- all of it ---- */

static bool held_get(struct held *held, u32 stamp)
{
	void *va;

	held->page = alloc_page(GFP_HIGHONLY);
	if (!held->page) {
		return false;
	}
	held->stamp = stamp;
	va = kmap_local_page(held->page);
	stamp_write(va, stamp);
	kunmap_local(va);
	return true;
}

bool stress_begin(u32 wanted, u32 seed)
{
	bool got = true;

	stress = vzalloc(sizeof(*stress));
	if (!stress) {
		return false;
	}
	stress->wanted = wanted;
	stress->seed = seed;
	stress->each = DIV_ROUND_UP(wanted, 2 * cpu_count());
	for (u32 i = 0; i < SHARED; i++) {
		got = got && held_get(&stress->shared[i], 0x5a5a0000u + i);
	}
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		struct held *held = stress->visitors[cpu].held;

		got = got && held_get(&held[0], 0xa5a50000u + cpu * 16) &&
		      held_get(&held[1], 0xc3c30000u + cpu * 16);
	}
	if (got && irq_request(SGI_TEST, visited, stress, true, "stress") == 0) {
		stress->irqs = irq_controller();
	}
	return got;
}

/* Two on each CPU, one of them free to move. NULL: no memory, again and again. */
static struct thread *worker_start(struct worker *w, u32 i)
{
	struct thread *thread = NULL;

	for (u32 tries = 0; !thread && tries < THREAD_TRIES; tries++) {
		thread = i % 2 ? thread_create("stress", work, w) :
				 thread_create_on(i / 2, "stress", work, w);
		stress->threads_less += thread == NULL;
	}
	return thread;
}

void stress_work(void)
{
	u32 count = 2 * cpu_count(), online = cpus_online();

	test_note("seed %u, %u operations, %u threads", stress->seed, stress->wanted, count);
	for (u32 i = 0; i < 2 * NR_CPUS; i++) {
		struct worker *w = &stress->workers[i];

		if (online >> i / 2 & 1) {
			w->random = stress->seed + i * 0x01000193u;
			w->thread = worker_start(w, i);
		}
	}
	for (u32 i = 0; i < 2 * NR_CPUS; i++) {
		if (stress->workers[i].thread) {
			thread_join(stress->workers[i].thread);
		}
	}
}

static void workers_end(struct stress_result *result)
{
	for (u32 i = 0; i < 2 * NR_CPUS; i++) {
		const struct worker *w = &stress->workers[i];

		result->operations += w->done;
		result->less += w->less;
		result->wrong += w->wrong;
		if (w->wrong) {
			test_note(
				"thread %u: first at operation %u; stress=%u,%u repeats its choices",
				i, w->first_wrong, stress->wanted, stress->seed);
		}
	}
}

static void visitors_end(struct stress_result *result)
{
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		struct visitor *v = &stress->visitors[cpu];

		vfree(v->doomed);
		for (u32 i = 0; i < OBJECTS; i++) {
			v->wrong += !stamped_put(&v->objects[i]);
		}
		for (u32 i = 0; i < 2 && v->held[i].page; i++) {
			free_page(v->held[i].page);
		}
		result->visits += v->visits;
		result->freed += v->freed;
		result->less += v->less;
		result->wrong += v->wrong;
	}
}

void stress_end(struct stress_result *result)
{
	*result = (struct stress_result){ 0 };
	if (!stress) {
		return;
	}
	if (stress->irqs) {
		irq_free(SGI_TEST);
	}
	result->irqs = stress->irqs;
	result->less = stress->threads_less;
	for (u32 i = 0; i < SHARED && stress->shared[i].page; i++) {
		result->kept += stress->shared[i].page->refcount != 1;
		free_page(stress->shared[i].page);
	}
	workers_end(result);
	visitors_end(result);
	vfree(stress);
	stress = NULL;
}
