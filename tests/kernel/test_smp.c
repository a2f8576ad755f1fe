/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several CPUs: that each has what is its own, that all have the same registers, that calls
 * reach those they are meant for and no others, and that an invalidation reaches every TLB.
 * With one CPU there is nothing to prove, and all of it is skipped.
 */
#define KMAP_DEBUG_BYPASS /* the real windows */
#include <arch/cpreg.h>
#include <arch/probe.h>
#include <arch/pte_write.h>
#include <arch/secondary.h>
#include <arch/tlb.h>
#include <kernel/errata.h>
#include <kernel/sched.h>
#include <kernel/smp.h>
#include <kernel/test.h>
#include <mm/discipline.h>
#include <mm/highmem.h>
#include <mm/page_alloc.h>
#include <mm/pgtable.h>
#include <mm/vmalloc.h>

#define NEED_CPUS()                      \
	do {                             \
		if (cpu_count() < 2) {   \
			SKIP("one CPU"); \
		}                        \
	} while (0)

/* What a call leaves of each CPU it ran on. */
static struct seen {
	u32 runs;
	u32 mpidr;
	const struct thread_core *core;
	vaddr_t percpu;
	bool masked;
} seen[NR_CPUS];

static DEFINE_PER_CPU(u32, own_word);

static void look_around(__unused void *arg)
{
	const struct thread_core *core = current_core();
	struct seen *s = &seen[core->cpu];

	*s = (struct seen){ .runs = s->runs + 1,
			    .mpidr = read_mpidr() & MPIDR_AFFINITY,
			    .core = core,
			    .percpu = (vaddr_t)this_cpu_ptr(own_word),
			    .masked = irqs_masked() };
}

static void look_on(u32 mask)
{
	memset(seen, 0, sizeof(seen));
	smp_call(mask, look_around, NULL);
}

static u32 lowest_other(void)
{
	u32 flags = irq_save(), others = cpus_online() & ~(1u << current_core()->cpu);

	irq_restore(flags);
	return others & -others;
}

TEST(smp, call_runs_once_on_each_cpu)
{
	u32 mpidrs = 0;

	NEED_CPUS();
	look_on(~0u);
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		struct cpu_info info;

		CHECK_EQ(seen[cpu].runs, (cpus_online() >> cpu) & 1);
		if (seen[cpu].runs) {
			CHECK(seen[cpu].masked);
			CHECK(smp_query(cpu, &info) && info.mpidr == seen[cpu].mpidr);
			CHECK((mpidrs & (1u << (seen[cpu].mpidr & 31))) == 0);
			mpidrs |= 1u << (seen[cpu].mpidr & 31);
		}
	}
}

TEST(smp, call_reaches_only_its_mask)
{
	u32 one;

	NEED_CPUS();
	one = lowest_other();
	look_on(one);
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		CHECK_EQ(seen[cpu].runs, (one >> cpu) & 1);
	}
	look_on(0);
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		CHECK_EQ(seen[cpu].runs, 0);
	}
}

/* A cache line that two CPUs write costs both of them, and shows in no count of instructions. */
TEST(smp, percpu_areas_share_no_line)
{
	u32 bytes = (u32)(__percpu_end - __percpu_start);

	NEED_CPUS();
	CHECK(IS_ALIGNED(bytes, 64));
	look_on(~0u);
	for (u32 a = 0; a < NR_CPUS; a++) {
		vaddr_t area = seen[a].percpu - (vaddr_t)&own_word + (vaddr_t)__percpu_start;

		if (!seen[a].runs) {
			continue;
		}
		CHECK(IS_ALIGNED(area, 64));
		for (u32 b = 0; b < a; b++) {
			CHECK(!seen[b].runs || seen[a].percpu - seen[b].percpu >= bytes ||
			      seen[b].percpu - seen[a].percpu >= bytes);
			CHECK(!seen[b].runs || seen[a].core != seen[b].core);
		}
	}
	STATIC_ASSERT(KMAP_LOCAL_STRIDE * sizeof(pte_t) % 64 == 0);
	STATIC_ASSERT(FIX_KMAP_BEGIN * sizeof(pte_t) % 64 == 0);
}

static void take_registers(void *arg)
{
	struct cpu_state *states = arg;

	cpu_state_get(&states[current_core()->cpu], 0);
}

TEST(smp, registers_are_the_same_on_all)
{
	struct cpu_state states[NR_CPUS];

	NEED_CPUS();
	smp_call(~0u, take_registers, states);
	for (u32 cpu = 1; cpu < NR_CPUS; cpu++) {
		if (cpus_online() & (1u << cpu)) {
			CHECK_EQ(states[cpu].sctlr, states[0].sctlr);
			CHECK_EQ(states[cpu].ttbcr, states[0].ttbcr);
			CHECK_EQ(states[cpu].mair0, states[0].mair0);
			CHECK_EQ(states[cpu].ttbr1, states[0].ttbr1);
			CHECK_EQ(states[cpu].secure, states[0].secure);
		}
	}
}

/* ---- calls while others call ---- */

#define CALLS 64 /* in all; where CPUs are many and emulated, each waits long for its turn */

static u32 calls_each;
static u32 calls_run[NR_CPUS]; /* each CPU's own */

static void count_call(__unused void *arg)
{
	calls_run[current_core()->cpu]++;
}

static void call_often(void *arg)
{
	u32 *done = arg;

	for (u32 i = 0; i < calls_each; i++) {
		smp_call(~0u, count_call, NULL);
	}
	*done = calls_each;
}

TEST(smp, calls_from_all_cpus_at_once_are_all_run)
{
	struct thread *threads[NR_CPUS] = { NULL };
	u32 done[NR_CPUS] = { 0 };
	u32 count = cpu_count();

	NEED_CPUS();
	calls_each = CALLS / count;
	memset(calls_run, 0, sizeof(calls_run));
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		if (cpus_online() & (1u << cpu)) {
			threads[cpu] = thread_create_on(cpu, "caller", call_often, &done[cpu]);
			CHECK(threads[cpu]);
		}
	}
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		if (threads[cpu]) {
			thread_join(threads[cpu]);
		}
	}
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		if (threads[cpu]) {
			CHECK_EQ(done[cpu], calls_each);
			CHECK_EQ(calls_run[cpu], calls_each * count);
		}
	}
}

/* ---- the TLBs of all ---- */

struct glance {
	const void *va;
	u32 word;   /* what was there */
	u32 status; /* of the fault, or 0 */
};

static void glance_here(void *arg)
{
	struct glance *g = arg;

	g->status = probe_read_status(g->va, &g->word);
}

/* What another CPU reads at va. */
static struct glance glance_on(u32 mask, const void *va)
{
	struct glance g = { .va = va };

	smp_call(mask, glance_here, &g);
	return g;
}

static void mark(struct page *page, u32 word)
{
	u32 *va = kmap_local_page(page);

	*va = word;
	kunmap_local(va);
}

/*
 * The other CPU has the entry in its TLB when we take it away. Without a broadcast it must go on
 * reading the page, or this machine cannot show a broadcast that is missing.
 */
TEST(smp, stale_on_another_cpu_until_the_broadcast)
{
	struct page *page;
	struct glance g;
	u32 other;
	pte_t was;
	void *va;

	NEED_CPUS();
	page = alloc_page(GFP_HIGHONLY);
	REQUIRE(page);
	mark(page, 0x5eed5eedu);
	va = vmap(&page, 1, PAGE_KERNEL);
	other = lowest_other();
	g = glance_on(other, va);
	CHECK(g.status == 0 && g.word == 0x5eed5eedu);
	was = *kernel_pte((vaddr_t)va);
	discipline_allow(true);
	pte_write(kernel_pte((vaddr_t)va), pte_none());
	tlb_flush_local((vaddr_t)va); /* the mistake */
	g = glance_on(other, va);
	if (g.status == 0) {
		CHECK_EQ(g.word, 0x5eed5eedu);
		tlb_flush_page((vaddr_t)va); /* what was missing */
		g = glance_on(other, va);
		CHECK(g.status != 0);
		pte_write(kernel_pte((vaddr_t)va), was); /* vunmap() finds the page that it holds */
		dsb_walk();				 /* before a walker may look */
		discipline_allow(false);
		vunmap(va);
		free_page(page);
		return;
	}
	pte_write(kernel_pte((vaddr_t)va), was);
	dsb_walk(); /* before a walker may look */
	discipline_allow(false);
	vunmap(va);
	free_page(page);
	SKIP("another CPU's TLB does not keep an entry on this machine");
}

TEST(smp, unmapped_is_unmapped_for_all)
{
	struct page *page;
	void *va;

	NEED_CPUS();
	page = alloc_page(GFP_HIGHONLY);
	REQUIRE(page);
	va = vmap(&page, 1, PAGE_KERNEL);
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		if (cpus_online() & (1u << cpu)) {
			CHECK_EQ(glance_on(1u << cpu, va).status, 0);
		}
	}
	vunmap(va);
	vmalloc_purge();
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		if (cpus_online() & (1u << cpu)) {
			CHECK(glance_on(1u << cpu, va).status != 0);
		}
	}
	free_page(page);
}

/* ---- windows of each CPU ---- */

struct window_use {
	struct page *page;
	vaddr_t va[NR_CPUS];
	u32 word[NR_CPUS];
};

static void use_window(void *arg)
{
	struct window_use *use = arg;
	u32 cpu = current_core()->cpu;
	const u32 *va = kmap_local_page(use->page);

	use->va[cpu] = (vaddr_t)va;
	use->word[cpu] = *va;
	kunmap_local(va);
}

TEST(smp, each_cpu_has_its_own_windows)
{
	struct window_use use = { 0 };

	NEED_CPUS();
	use.page = alloc_page(GFP_HIGHONLY);
	REQUIRE(use.page);
	mark(use.page, 0x0bed0bedu);
	smp_call(~0u, use_window, &use);
	for (u32 a = 0; a < NR_CPUS; a++) {
		if (!(cpus_online() & (1u << a))) {
			continue;
		}
		CHECK_EQ(use.word[a], 0x0bed0bedu);
		CHECK(use.va[a] - fixmap_va(FIX_KMAP_BEGIN + a * KMAP_LOCAL_STRIDE) <
		      KMAP_LOCAL_DEPTH * PAGE_SIZE);
	}
	free_page(use.page);
}

/* ---- errata ---- */

TEST(smp, erratum_798181_asks_every_cpu)
{
	u32 before;
	bool was;

	NEED_CPUS();
	was = errata_798181_set(true);
	before = errata_798181_count();
	tlb_flush_all();
	CHECK_EQ(errata_798181_count() - before, cpu_count());
	(void)errata_798181_set(false);
	before = errata_798181_count();
	tlb_flush_all();
	CHECK_EQ(errata_798181_count(), before);
	(void)errata_798181_set(was);
}

/* ---- a panic and the others ---- */

static u32 spinning;

static void spin_until_stopped(__unused void *arg)
{
	for (;;) {
		WRITE_ONCE(spinning, spinning + 1);
	}
}

FATAL_TEST(smp.panic_stops_the_others, "smp.test")
{
	if (cpu_count() > 1 && thread_create_on((u32)__builtin_ctz(lowest_other()), "spinner",
						spin_until_stopped, NULL)) {
		while (READ_ONCE(spinning) == 0) {
			__asm__ volatile("yield" : : : "memory");
		}
	}
	bug("smp.test", "%u CPUs", cpu_count());
}

static void panic_here(__unused void *arg)
{
	bug("smp.test", "in a call on CPU %u", current_core()->cpu);
}

FATAL_TEST(smp.panic_in_a_call, "smp.test")
{
	smp_call(cpu_count() > 1 ? lowest_other() : 1, panic_here, NULL);
}

FATAL_TEST(smp.call_masked, "smp.call_masked")
{
	(void)irq_save();
	smp_call(~0u, look_around, NULL);
}
