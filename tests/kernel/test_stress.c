/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything at once, with an oracle: threads on all CPUs, and interrupts sent at random moments to
 * random ones, make, use and give back mappings of every kind. Each page bears a stamp that
 * only its owner knows, and is looked at through another kind of window than it was written
 * through. `stress=OPERATIONS[,SEED]` says how many, and repeats each thread's choices.
 */
#include <arch/irqflags.h>
#include <kernel/irq.h>
#include <kernel/sched.h>
#include <kernel/smp.h>
#include <kernel/test.h>
#include <kernel/watchdog.h>
#include <lib/bootargs.h>
#include <lib/printf.h>
#include <mm/highmem.h>
#include <mm/page_alloc.h>
#include <mm/vmalloc.h>

#define OPERATIONS 6000 /* of all threads, unless the boot argument says otherwise */
#define SEED	   20240229u
#define HELD	   24 /* pages that one thread has at most */
#define SHARED	   16 /* pages that all map, and nobody changes */
#define AREA_PAGES 6
#define BEAT	   64	  /* operations between two signs of life */
#define TELL	   100000 /* and between two lines about it, of which there are a few in any case */

/* ---- stamps: eight words, whose places in the page depend on the stamp too ---- */

#define STAMP_WORDS 8

static u32 *stamp_place(void *va, u32 stamp, u32 i)
{
	return (u32 *)va + i * (PAGE_SIZE / 4 / STAMP_WORDS) + (stamp >> (3 * i)) % 128;
}

static void stamp_write(void *va, u32 stamp)
{
	for (u32 i = 0; i < STAMP_WORDS; i++) {
		*stamp_place(va, stamp, i) = stamp ^ i * 0x9e3779b1u;
	}
}

static u32 stamp_wrong(void *va, u32 stamp)
{
	u32 wrong = 0;

	for (u32 i = 0; i < STAMP_WORDS; i++) {
		wrong += READ_ONCE(*stamp_place(va, stamp, i)) != (stamp ^ i * 0x9e3779b1u);
	}
	return wrong;
}

/* ---- who takes part ---- */

struct held {
	struct page *page;
	u32 stamp;
};

struct worker {
	struct thread *thread;
	struct stress *stress;
	u32 random, operations;
	u32 wrong, first_wrong; /* the operation; of how many */
	u32 done;
	u32 count;
	struct held held[HELD];
};

/* What interrupts on one CPU work with: its own. */
struct visitor {
	struct held held[2];
	void *doomed; /* an area for it to free; atomic */
	u32 visits, wrong, freed;
} __aligned(64);

static struct stress {
	struct held shared[SHARED];
	struct visitor visitors[NR_CPUS];
	const struct irq_controller *irqs; /* NULL: no interrupts */
	u32 done;			   /* atomic, in steps of BEAT */
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
	void *va = window_open(kind, held->page);

	if (!va) {
		return; /* vmap found no memory */
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
	held->page = alloc_page(zones[below(w, ARRAY_SIZE(zones))]);
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
	const struct held *shared = &w->stress->shared[below(w, SHARED)];
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
	va = count ? vmap(pages, count, PAGE_KERNEL) : NULL;
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
	char *va = vmalloc(count * PAGE_SIZE);
	struct visitor *visitor = &w->stress->visitors[below(w, NR_CPUS)];

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
	struct page *block = alloc_pages(GFP_HIGH, order);
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

static void op_interrupt(struct worker *w)
{
	u32 mask = next(&w->random) & cpus_online();

	if (w->stress->irqs && mask) {
		w->stress->irqs->send(mask, SGI_TEST);
	}
}

static void (*const operations[])(struct worker *w) = {
	op_take,  op_take,   op_take,	 op_give,    op_give,  op_look,
	op_look,  op_change, op_change,	 op_copy,    op_nest,  op_share,
	op_share, op_vmap,   op_vmalloc, op_vmalloc, op_block, op_interrupt,
};

static u32 wanted = OPERATIONS, seed = SEED;

static void tell(struct stress *s)
{
	u32 before = __atomic_fetch_add(&s->done, BEAT, __ATOMIC_RELAXED);
	u32 every = min(wanted / 16 + BEAT, (u32)TELL);

	watchdog_beat();
	if (before / every != (before + BEAT) / every) {
		test_note("%u operations", before + BEAT);
	}
}

static void work(void *arg)
{
	struct worker *w = arg;

	for (w->done = 0; w->done < w->operations; w->done++) {
		operations[below(w, ARRAY_SIZE(operations))](w);
		if (w->done % BEAT == BEAT - 1) {
			tell(w->stress);
		}
	}
	while (w->count > 0) {
		op_give(w);
	}
}

/* ---- interrupts ---- */

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
	v->freed += doomed != NULL;
	vfree(doomed);
}

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

static bool stress_get(struct stress *s)
{
	bool got = true;

	for (u32 i = 0; i < SHARED; i++) {
		got = got && held_get(&s->shared[i], 0x5a5a0000u + i);
	}
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		got = got && held_get(&s->visitors[cpu].held[0], 0xa5a50000u + cpu * 16) &&
		      held_get(&s->visitors[cpu].held[1], 0xc3c30000u + cpu * 16);
	}
	if (got && irq_request(SGI_TEST, visited, s, true, "stress") == 0) {
		s->irqs = irq_controller();
	}
	return got;
}

/* What interrupts saw, and all is given back. */
static void stress_put(struct stress *s)
{
	u32 visits = 0, freed = 0;

	if (s->irqs) {
		irq_free(SGI_TEST);
	}
	for (u32 i = 0; i < SHARED && s->shared[i].page; i++) {
		CHECK_EQ(s->shared[i].page->refcount, 1);
		free_page(s->shared[i].page);
	}
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		struct visitor *v = &s->visitors[cpu];

		CHECK_EQ(v->wrong, 0);
		visits += v->visits;
		freed += v->freed;
		vfree(v->doomed);
		for (u32 i = 0; i < 2 && v->held[i].page; i++) {
			free_page(v->held[i].page);
		}
	}
	if (s->irqs) {
		CHECK(visits > 0);
		CHECK(freed > 0);
	}
}

/* ---- the test ---- */

bool tests_set_stress(struct span text)
{
	return bootargs_pair(text, &wanted, &seed) == 0;
}

/* Two on each CPU, one of them free to move. */
static struct thread *worker_start(struct worker *w, u32 i)
{
	return i % 2 ? thread_create("stress", work, w) :
		       thread_create_on(i / 2, "stress", work, w);
}

static void worker_end(struct worker *w, u32 i)
{
	thread_join(w->thread);
	if (!CHECK_EQ(w->wrong, 0)) {
		test_note("thread %u: first at operation %u; stress=%u,%u repeats its choices", i,
			  w->first_wrong, wanted, seed);
	}
	CHECK_EQ(w->done, w->operations);
}

TEST(stress, random_operations)
{
	struct worker *workers = vzalloc(2 * NR_CPUS * sizeof(*workers));
	u32 count = 2 * cpu_count(), online = cpus_online();
	struct pkmap_info info;

	stress = vzalloc(sizeof(*stress));
	REQUIRE(workers && stress);
	test_note("seed %u, %u operations, %u threads", seed, wanted, count);
	if (CHECK(stress_get(stress))) {
		for (u32 i = 0; i < 2 * NR_CPUS; i++) {
			struct worker *w = &workers[i];

			if (online >> i / 2 & 1) {
				*w = (struct worker){ .stress = stress,
						      .random = seed + i * 0x01000193u,
						      .operations = wanted / count };
				w->thread = worker_start(w, i);
				CHECK(w->thread);
			}
		}
	}
	for (u32 i = 0; i < 2 * NR_CPUS; i++) {
		if (workers[i].thread) {
			worker_end(&workers[i], i);
		}
	}
	stress_put(stress);
	pkmap_query(&info);
	CHECK_EQ(info.used, 0);
	vfree(stress);
	vfree(workers);
}
