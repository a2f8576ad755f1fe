/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the operations cost, counted by PMCCNTR: under QEMU's -icount it is the number of
 * instructions. Each operation stands in a loop of its own, as in the module by which Linux was
 * measured; what the same loop costs when it is empty is taken off. What it works on is read
 * from memory in every round, so the compiler cannot compute it once for all.
 */
#include "bench.h"
#include "globs.h"

#include <arch/barrier.h>
#include <arch/copypage.h>
#include <arch/cpreg.h>
#include <errno.h>
#include <kernel/irq.h>
#include <kernel/report.h>
#include <kernel/sched.h>
#include <kernel/test.h>
#include <lib/div.h>
#include <lib/printf.h>
#include <mm/highmem.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>
#include <printk.h>

#define BATCHES	   10 /* and one before, to warm up */
#define COLD_PAGES 1024
#define VMAP_PAGES 16

/* What the operations work on. */
struct env {
	struct page *high, *high2, *low;
	void *mapped, *mapped2; /* two lowmem pages */
	phys_addr_t device;
	struct page *pages[VMAP_PAGES];
	struct page **cold;		   /* COLD_PAGES of them, in one page */
	const struct irq_controller *irqs; /* NULL: none that interrupts us */
	u32 irq_cpu, irq_count;
	struct completion there, back; /* to the partner thread, and from it */
	struct mutex mutex;
	bool partner_ends;
};

typedef void loop_fn(struct env *e, u32 rounds);

static bool counting; /* rows, not what they cost: before any is run */
static u32 matches;

/* ---- the operations ---- */

/* The barrier makes the compiler forget what it read. */
#define OP(name, ...)                                               \
	static void loop_##name(__unused struct env *e, u32 rounds) \
	{                                                           \
		for (u32 i = 0; i < rounds; i++) {                  \
			__VA_ARGS__                                 \
			compiler_barrier();                         \
		}                                                   \
	}

OP(nothing)

OP(kmap_local_high, {
	void *va = kmap_local_page(e->high);

	compiler_barrier();
	kunmap_local(va);
})

OP(kmap_local_low, {
	void *va = kmap_local_page(e->low);

	compiler_barrier();
	kunmap_local(va);
})

OP(kmap_atomic_high, {
	void *va = kmap_atomic(e->high);

	compiler_barrier();
	kunmap_atomic(va);
})

OP(kmap_high_same, {
	void *va = kmap(e->high);

	(void)va;
	kunmap(e->high);
})

OP(kmap_high_cold, {
	struct page *page = e->cold[i % COLD_PAGES];
	void *va = kmap(page);

	(void)va; /* had it failed, kunmap would say so */
	kunmap(page);
})

OP(copy_highpage_high, { copy_highpage(e->high2, e->high); })
OP(copy_page_premapped, { copy_page(e->mapped2, e->mapped); })
OP(clear_highpage_high, { clear_highpage(e->high); })
OP(clear_page_premapped, { clear_page(e->mapped); })

OP(alloc_page_high, {
	struct page *page = alloc_page(GFP_HIGHUSER);

	if (page) {
		free_page(page);
	}
})

OP(alloc_pages_order9_high, {
	struct page *page = alloc_pages(GFP_HIGHUSER, 9);

	if (page) {
		free_pages(page, 9);
	}
})

OP(kmalloc64, {
	void *object = kmalloc(64);

	compiler_barrier();
	kfree(object);
})

OP(vmalloc_4pages, { vfree(vmalloc(4 * PAGE_SIZE)); })
OP(vmalloc_1mib, { vfree(vmalloc(SZ_1M)); })

OP(vmap_1page, {
	void *va = vmap(&e->high, 1, PAGE_KERNEL);

	if (va) {
		vunmap(va);
	}
})

OP(vmap_16pages, {
	void *va = vmap(e->pages, VMAP_PAGES, PAGE_KERNEL);

	if (va) {
		vunmap(va);
	}
})

OP(ioremap_4k, {
	void *va = ioremap(e->device, PAGE_SIZE);

	if (va) {
		iounmap(va);
	}
})

OP(fixmap_set_clear, {
	fixmap_set(FIX_STORY, e->device, PAGE_DEVICE);
	fixmap_clear(FIX_STORY);
})

/* From the request to the controller, which is an interrupt of this very CPU, until we go on. */
OP(irq_entry_exit, {
	u32 before = e->irq_count;

	if (!e->irqs) {
		break;
	}
	e->irqs->send(e->irq_cpu, SGI_BENCH);
	while (READ_ONCE(e->irq_count) == before) {
	}
})

static void irq_happens(__unused u32 irq, void *arg)
{
	struct env *e = arg;

	WRITE_ONCE(e->irq_count, e->irq_count + 1);
}

/* Two threads on this CPU: to the partner and back, which is two switches. */
OP(context_switch, { thread_yield(); })

static void yield_back(void *arg)
{
	struct env *e = arg;

	while (!READ_ONCE(e->partner_ends)) {
		thread_yield();
	}
}

/* The same by waiting and waking: each way a wake-up and a switch. */
OP(wait_wake, {
	completion_signal(&e->there);
	completion_wait(&e->back);
})

static void wake_back(void *arg)
{
	struct env *e = arg;

	for (;;) {
		completion_wait(&e->there);
		if (e->partner_ends) {
			return;
		}
		completion_signal(&e->back);
	}
}

OP(mutex_uncontended, {
	mutex_lock(&e->mutex);
	mutex_unlock(&e->mutex);
})

static const struct row {
	const char *name;
	loop_fn *loop; /* NULL: the boot, counted already */
	u32 rounds;    /* of one batch */
	/* another thread's, meanwhile: a round is two operations then */
	void (*partner)(void *env);
} rows[] = {
	{ "kmap_local_high", loop_kmap_local_high, 2000, NULL },
	{ "kmap_local_low", loop_kmap_local_low, 2000, NULL },
	{ "kmap_atomic_high", loop_kmap_atomic_high, 2000, NULL },
	{ "kmap_high_same", loop_kmap_high_same, 2000, NULL },
	{ "kmap_high_cold", loop_kmap_high_cold, 4 * COLD_PAGES, NULL },
	{ "copy_highpage_high", loop_copy_highpage_high, 500, NULL },
	{ "copy_page_premapped", loop_copy_page_premapped, 500, NULL },
	{ "clear_highpage_high", loop_clear_highpage_high, 500, NULL },
	{ "clear_page_premapped", loop_clear_page_premapped, 500, NULL },
	{ "alloc_page_high", loop_alloc_page_high, 2000, NULL },
	{ "alloc_pages_order9_high", loop_alloc_pages_order9_high, 500, NULL },
	{ "kmalloc64", loop_kmalloc64, 2000, NULL },
	{ "vmalloc_4pages", loop_vmalloc_4pages, 2000, NULL },
	{ "vmalloc_1mib", loop_vmalloc_1mib, 100, NULL },
	{ "vmap_1page", loop_vmap_1page, 2000, NULL },
	{ "vmap_16pages", loop_vmap_16pages, 2000, NULL },
	{ "ioremap_4k", loop_ioremap_4k, 2000, NULL },
	{ "fixmap_set_clear", loop_fixmap_set_clear, 2000, NULL },
	{ "irq_entry_exit", loop_irq_entry_exit, 500, NULL },
	{ "context_switch", loop_context_switch, 2000, yield_back },
	{ "wait_wake", loop_wait_wake, 500, wake_back },
	{ "mutex_uncontended", loop_mutex_uncontended, 2000, NULL },
	{ "boot_to_report", NULL, 1, NULL },
};

/* ---- measuring ---- */

struct counts {
	u32 insns, tlbi, dsb, isb;
};

static void counts_get(struct counts *c)
{
	c->tlbi = maint_counts.tlbi;
	c->dsb = maint_counts.dsb;
	c->isb = maint_counts.isb;
	c->insns = read_pmccntr();
}

/* Adds what a batch costs to *sum, or takes it off. */
static __noinline void batch(loop_fn *loop, struct env *e, u32 rounds, struct counts *sum, s32 sign)
{
	struct counts before, after;

	counts_get(&before);
	loop(e, rounds);
	counts_get(&after);
	sum->insns += sign * (after.insns - before.insns);
	sum->tlbi += sign * (after.tlbi - before.tlbi);
	sum->dsb += sign * (after.dsb - before.dsb);
	sum->isb += sign * (after.isb - before.isb);
}

/*
 * What BATCHES times that many rounds cost, without the loop around them, and, since each batch
 * is compared with one of a single round, without the way into the loop.
 */
static __cold struct counts measure(loop_fn *loop, struct env *e, u32 rounds)
{
	struct counts sum = { 0 }, warm = { 0 };

	batch(loop, e, rounds, &warm, 1);
	for (u32 i = 0; i < BATCHES; i++) {
		batch(loop, e, rounds + 1, &sum, 1);
		batch(loop, e, 1, &sum, -1);
		batch(loop_nothing, e, rounds + 1, &sum, -1);
		batch(loop_nothing, e, 1, &sum, 1);
	}
	return sum;
}

/* A quotient in tenths, rounded up: "43" or "43.1". */
static __cold void quotient(char *buf, size_t size, u32 sum, u32 rounds)
{
	u32 rest, tenths = (u32)div_u64((u64)sum * 10 + rounds - 1, rounds, &rest);

	if (tenths % 10) {
		(void)snprintf(buf, size, "%u.%u", tenths / 10, tenths % 10);
	} else {
		(void)snprintf(buf, size, "%u", tenths / 10);
	}
}

static __cold void print_row(const char *name, const struct counts *sum, u32 rounds, bool counted)
{
	const u32 values[4] = { sum->insns, sum->tlbi, sum->dsb, sum->isb };
	char text[4][16];

	for (u32 i = 0; i < 4; i++) {
		if (i == 0 || counted) {
			quotient(text[i], sizeof(text[i]), values[i], rounds);
		} else {
			(void)snprintf(text[i], sizeof(text[i]), "null");
		}
	}
	printk("@bench {\"op\":\"%s\",\"insns\":%s,\"tlbi\":%s,\"dsb\":%s,\"isb\":%s,\"iters\":%u}",
	       name, text[0], text[1], text[2], text[3], rounds);
}

void bench_print(const char *name, u32 insns, u32 rounds)
{
	struct counts sum = { .insns = insns };

	print_row(name, &sum, rounds, false);
}

/* With the partner on our own CPU, which is the one that counts. */
static __cold void run_partner_row(const struct row *row, struct env *e)
{
	struct thread *partner;
	struct counts sum;

	completion_init(&e->there);
	completion_init(&e->back);
	e->partner_ends = false;
	thread_bind();
	partner = thread_create_on(current_core()->cpu, "bench", row->partner, e);
	if (partner) {
		sum = measure(row->loop, e, row->rounds);
		print_row(row->name, &sum, 2 * row->rounds * BATCHES, CONFIG_COUNT);
		WRITE_ONCE(e->partner_ends, true);
		completion_signal(&e->there);
		thread_join(partner);
	}
	thread_unbind();
}

static __cold void run_row(const struct row *row, struct env *e)
{
	if (row->partner) {
		run_partner_row(row, e);
	} else if (row->loop) {
		struct counts sum = measure(row->loop, e, row->rounds);

		print_row(row->name, &sum, row->rounds * BATCHES, CONFIG_COUNT);
	} else {
		struct counts boot = { .insns = report_boot_cycles };

		print_row(row->name, &boot, 1, false);
	}
}

/* The empty loop costs the same each time, if instructions are what is counted. */
static __cold void check_counter(struct env *e)
{
	struct counts one = { 0 }, two = { 0 };

	batch(loop_nothing, e, 1000, &one, 1);
	batch(loop_nothing, e, 1000, &two, 1);
	if (one.insns == 0 || one.insns != two.insns) {
		printk("# bench: PMCCNTR counts time, not instructions: QEMU runs without -icount");
	}
}

/* ---- what they work on ---- */

static __cold void env_put(struct env *e)
{
	if (e->irqs) {
		irq_free(SGI_BENCH);
	}
	for (u32 i = 0; e->cold && i < COLD_PAGES && e->cold[i]; i++) {
		free_page(e->cold[i]);
	}
	if (e->cold) {
		free_page(virt_to_page(e->cold));
	}
	for (u32 i = 0; i < VMAP_PAGES && e->pages[i]; i++) {
		free_page(e->pages[i]);
	}
	if (e->mapped2) {
		free_page(virt_to_page(e->mapped2));
	}
	if (e->low) {
		free_page(e->low);
	}
}

static __cold bool env_get(struct env *e)
{
	struct page *low2 = alloc_page(GFP_KERNEL), *cold = alloc_page(GFP_KERNEL | GFP_ZERO);
	u32 got;

	*e = (struct env){ .low = alloc_page(GFP_KERNEL),
			   .device = pte_pa(fixmap_table[FIX_UART]) };
	mutex_init(&e->mutex);
	e->mapped2 = low2 ? lowmem_page_address(low2) : NULL;
	e->cold = cold ? lowmem_page_address(cold) : NULL;
	if (!e->low || !low2 || !cold) {
		return false;
	}
	e->mapped = lowmem_page_address(e->low);
	e->irq_cpu = 1u << current_core()->cpu;
	if (irq_request(SGI_BENCH, irq_happens, e, true, "bench") == 0) {
		e->irqs = irq_controller();
	}
	got = alloc_pages_bulk(GFP_HIGHONLY, VMAP_PAGES, e->pages);
	if (got == VMAP_PAGES) {
		e->high = e->pages[0];
		e->high2 = e->pages[1];
		return alloc_pages_bulk(GFP_HIGHONLY, COLD_PAGES, e->cold) == COLD_PAGES;
	}
	return false;
}

/* Each operation does its work here: one that failed would look cheap. */
static __cold bool ops_work(struct env *e)
{
	struct page *block = alloc_pages(GFP_HIGHUSER, 9);
	void *object = kmalloc(64), *area = vmalloc(SZ_1M);
	void *map = vmap(e->pages, VMAP_PAGES, PAGE_KERNEL), *io = ioremap(e->device, PAGE_SIZE);
	bool work = block && object && area && map && io && kmap(e->high);

	if (!work) {
		return false; /* the run has failed: nothing is put away */
	}
	kunmap(e->high);
	iounmap(io);
	vunmap(map);
	vfree(area);
	kfree(object);
	free_pages(block, 9);
	return true;
}

bool __cold bench_wants(const char *name, struct span globs)
{
	bool wanted = globs_want(globs, name);

	matches += wanted;
	return wanted && !counting;
}

static __cold void run_rows(struct env *e, struct span globs)
{
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		if (bench_wants(rows[i].name, globs)) {
			run_row(&rows[i], e);
		}
	}
	bench_smp(e->high, globs);
	bench_memtest(globs);
}

/* How many rows a glob asks for; none is run. */
static __cold u32 count_rows(struct span glob)
{
	struct env nothing = { 0 };

	matches = 0;
	counting = true;
	run_rows(&nothing, glob);
	counting = false;
	return matches;
}

int __cold bench_run(struct span globs)
{
	struct env e;
	int error = 0;

	if (!globs_all_fit(globs, count_rows, "bench", "row")) {
		return -ENOENT;
	}
	if (!env_get(&e) || !ops_work(&e)) {
		printk("error: bench: no memory, or no address space");
		error = -ENOMEM;
	} else {
		check_counter(&e);
		run_rows(&e, globs);
	}
	env_put(&e);
	return error;
}
