// SPDX-License-Identifier: BSD-2-Clause
/*
 * What Linux's own operations cost, counted in the kernel as tests/kernel/bench.c counts ours: each
 * operation in a loop of its own, batches of rounds after one to warm up, the empty loop taken off.
 * Under QEMU's -icount PMCCNTR advances by one for each instruction. Each row is one line,
 * `@bench {"op":…,"insns":…,"iters":…}`; `@calibration` says what a loop of known length counted.
 *
 * `@info` says how long the CPU was idle before, in which time passes without instructions.
 *
 *	mode=info	only that (default)
 *	mode=bench	then the calibration, and the operations
 *	ops=A:B:…	only these (default: all)
 *	rounds=N	at most so many in each batch
 *
 * Never stays loaded: its start measures, and then refuses (-EAGAIN).
 */
#include <linux/highmem.h>
#include <linux/io.h>
#include <linux/kprobes.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/tick.h>
#include <linux/vmalloc.h>
#include <asm/fixmap.h>

static char *mode = "info";
static char *ops = "";
static uint rounds_max = UINT_MAX;
static uint device = 0x1c1a0000; /* vexpress: the compact flash window, which Linux maps nowhere */
module_param(mode, charp, 0444);
module_param(ops, charp, 0444);
module_param_named(rounds, rounds_max, uint, 0444);
module_param(device, uint, 0444);

#define BATCHES	   10
#define COLD_PAGES 1024
#define VMAP_PAGES 16

/* What the operations work on. */
static struct env {
	struct page *high, *high2, *low, *low2;
	void *mapped, *mapped2;
	phys_addr_t low_pa;
	struct page *pages[VMAP_PAGES], *cold[COLD_PAGES];
	/* Not exported: found through a kprobe. */
	void (*poke)(void *va, unsigned int insn, bool remap);
	void (*set_slot)(enum fixed_addresses slot, phys_addr_t pa, pgprot_t prot);
} env;

typedef void loop_fn(struct env *e, u32 rounds);

/* ---- the operations; their names are those of tools/runner/bench.toml, where there is one ---- */

#define OP(name, ...)                                                         \
	static noinline void loop_##name(struct env *e __maybe_unused, u32 n) \
	{                                                                     \
		u32 i;                                                        \
                                                                              \
		for (i = 0; i < n; i++) {                                     \
			__VA_ARGS__                                           \
			barrier();                                            \
		}                                                             \
	}

OP(nothing)

OP(kmap_local_high, {
	void *va = kmap_local_page(e->high);

	barrier();
	kunmap_local(va);
})

OP(kmap_local_low, {
	void *va = kmap_local_page(e->low);

	barrier();
	kunmap_local(va);
})

OP(kmap_atomic_high, {
	void *va = kmap_atomic(e->high);

	barrier();
	kunmap_atomic(va);
})

OP(kmap_atomic_low, {
	void *va = kmap_atomic(e->low);

	barrier();
	kunmap_atomic(va);
})

OP(kmap_high_same, {
	kmap(e->high);
	barrier();
	kunmap(e->high);
})

OP(kmap_high_cold, {
	struct page *page = e->cold[i % COLD_PAGES];

	kmap(page);
	barrier();
	kunmap(page);
})

OP(copy_highpage_high, { copy_highpage(e->high2, e->high); })
OP(copy_page_premapped, { copy_page(e->mapped2, e->mapped); })
OP(clear_highpage_high, { clear_highpage(e->high); })
OP(clear_page_premapped, { clear_page(e->mapped); })

OP(alloc_page_high, {
	struct page *page = alloc_page(GFP_HIGHUSER);

	__free_page(page);
})

OP(alloc_pages_order9_high, {
	struct page *page = alloc_pages(GFP_HIGHUSER, 9);

	if (page) {
		__free_pages(page, 9);
	}
})

OP(kmalloc64, {
	void *object = kmalloc(64, GFP_KERNEL);

	barrier();
	kfree(object);
})

OP(vmalloc_4pages, { vfree(vmalloc(4 * PAGE_SIZE)); })
OP(vmalloc_1mib, { vfree(vmalloc(SZ_1M)); })
OP(vmap_1page, { vunmap(vmap(&e->high, 1, VM_MAP, PAGE_KERNEL)); })
OP(vmap_16pages, { vunmap(vmap(e->pages, VMAP_PAGES, VM_MAP, PAGE_KERNEL)); })
OP(vm_map_ram_1page, { vm_unmap_ram(vm_map_ram(&e->high, 1, NUMA_NO_NODE), 1); })
OP(vm_map_ram_16pages,
   { vm_unmap_ram(vm_map_ram(e->pages, VMAP_PAGES, NUMA_NO_NODE), VMAP_PAGES); })
OP(ioremap_4k, { iounmap(ioremap(device, PAGE_SIZE)); })

OP(fixmap_set_clear, {
	e->set_slot(FIX_TEXT_POKE0, e->low_pa, FIXMAP_PAGE_NORMAL);
	e->set_slot(FIX_TEXT_POKE0, 0, FIXMAP_PAGE_CLEAR);
})

/* The word that is patched, with itself. */
extern u32 mapbench_word[];
asm(".pushsection .text\n"
    ".arm\n"
    ".balign 4\n"
    ".type mapbench_patched, %function\n"
    "mapbench_patched:\n"
    "mapbench_word: nop\n"
    "	bx lr\n"
    ".popsection\n");

OP(text_poke_word, { e->poke(mapbench_word, mapbench_word[0], true); })

/* The rounds: some ten million instructions a batch, and enough for lazy work to come round. */
static const struct row {
	const char *name;
	loop_fn *loop;
	u32 rounds;
} rows[] = {
	{ "kmap_local_high", loop_kmap_local_high, 20000 },
	{ "kmap_local_low", loop_kmap_local_low, 50000 },
	{ "kmap_atomic_high", loop_kmap_atomic_high, 20000 },
	{ "kmap_atomic_low", loop_kmap_atomic_low, 50000 },
	{ "kmap_high_same", loop_kmap_high_same, 20000 },
	{ "kmap_high_cold", loop_kmap_high_cold, 16 * COLD_PAGES },
	{ "copy_highpage_high", loop_copy_highpage_high, 5000 },
	{ "copy_page_premapped", loop_copy_page_premapped, 5000 },
	{ "clear_highpage_high", loop_clear_highpage_high, 5000 },
	{ "clear_page_premapped", loop_clear_page_premapped, 5000 },
	{ "alloc_page_high", loop_alloc_page_high, 10000 },
	{ "alloc_pages_order9_high", loop_alloc_pages_order9_high, 50 },
	{ "kmalloc64", loop_kmalloc64, 20000 },
	{ "vmalloc_4pages", loop_vmalloc_4pages, 4000 },
	{ "vmalloc_1mib", loop_vmalloc_1mib, 100 },
	{ "vmap_1page", loop_vmap_1page, 8000 },
	{ "vmap_16pages", loop_vmap_16pages, 8000 },
	{ "vm_map_ram_1page", loop_vm_map_ram_1page, 8000 },
	{ "vm_map_ram_16pages", loop_vm_map_ram_16pages, 8000 },
	{ "ioremap_4k", loop_ioremap_4k, 8000 },
	{ "fixmap_set_clear", loop_fixmap_set_clear, 20000 },
	{ "text_poke_word", loop_text_poke_word, 10000 },
};

/* ---- counting ---- */

static inline u32 pmccntr(void)
{
	u32 value;

	asm volatile("mrc p15, 0, %0, c9, c13, 0" : "=r"(value) : : "memory");
	return value;
}

/* Cycle counter on, each cycle (ARM DDI 0406C, B4.1.117 PMCR, B4.1.116 PMCNTENSET). */
static void count_on(void)
{
	u32 pmcr;

	asm volatile("mrc p15, 0, %0, c9, c12, 0" : "=r"(pmcr));
	asm volatile("mcr p15, 0, %0, c9, c12, 1" : : "r"(1u << 31));
	asm volatile("mcr p15, 0, %0, c9, c12, 0\n\tisb"
		     :
		     : "r"((pmcr & ~(1u << 3)) | 1)
		     : "memory");
}

/* Two instructions a round. */
static noinline void spin(u32 rounds)
{
	asm volatile("1: subs %0, %0, #1\n\tbne 1b" : "+r"(rounds) : : "cc");
}

static u32 batch(loop_fn *loop, u32 rounds)
{
	u32 before;

	cond_resched();
	before = pmccntr();
	loop(&env, rounds);
	return pmccntr() - before;
}

static void calibrate(void)
{
	const u32 rounds = 100000;
	unsigned long flags;
	u32 count;

	local_irq_save(flags);
	count = pmccntr();
	spin(rounds);
	count = pmccntr() - count;
	local_irq_restore(flags);
	pr_info("@calibration {\"instructions\":%u,\"counted\":%u}\n", 2 * rounds, count);
}

static void measure(const struct row *row)
{
	u32 rounds = min(row->rounds, rounds_max), i;
	u64 sum = 0, empty = 0, milli;
	u32 rest;

	batch(row->loop, rounds);
	for (i = 0; i < BATCHES; i++) {
		sum += batch(row->loop, rounds);
		empty += batch(loop_nothing, rounds);
	}
	milli = div64_u64((sum - min(empty, sum)) * 1000, (u64)rounds * BATCHES);
	milli = div_u64_rem(milli, 1000, &rest);
	pr_info("@bench {\"op\":\"%s\",\"insns\":%llu.%03u,\"iters\":%u}\n", row->name, milli, rest,
		rounds * BATCHES);
}

/* ---- what they work on ---- */

static int env_get(void)
{
	struct kprobe probe = { .symbol_name = "kallsyms_lookup_name" };
	unsigned long (*find)(const char *name);
	int error = register_kprobe(&probe), i;

	if (error) {
		return error;
	}
	find = (void *)probe.addr;
	unregister_kprobe(&probe);
	env.poke = (void *)find("__patch_text_real");
	env.set_slot = (void *)find("__set_fixmap");
	env.high2 = alloc_page(GFP_HIGHUSER);
	env.low = alloc_page(GFP_KERNEL);
	env.low2 = alloc_page(GFP_KERNEL);
	for (i = 0; i < VMAP_PAGES; i++) {
		env.pages[i] = alloc_page(GFP_HIGHUSER);
	}
	for (i = 0; i < COLD_PAGES; i++) {
		env.cold[i] = alloc_page(GFP_HIGHUSER);
	}
	env.high = env.pages[0];
	/* the last one came, and is high: so is each before it */
	if (!env.poke || !env.set_slot || !env.low || !env.low2 || !env.cold[COLD_PAGES - 1] ||
	    !PageHighMem(env.high) || !PageHighMem(env.cold[COLD_PAGES - 1])) {
		return -ENOMEM;
	}
	env.low_pa = page_to_phys(env.low);
	env.mapped = page_address(env.low);
	env.mapped2 = page_address(env.low2);
	return 0;
}

/* Each operation does its work here: one that failed would look cheap. */
static bool ops_work(void)
{
	void __iomem *io = ioremap(device, PAGE_SIZE);
	void *area = vmalloc(SZ_1M), *map = vmap(env.pages, VMAP_PAGES, VM_MAP, PAGE_KERNEL);
	void *ram = vm_map_ram(env.pages, VMAP_PAGES, NUMA_NO_NODE),
	     *object = kmalloc(64, GFP_KERNEL);
	struct page *block = alloc_pages(GFP_HIGHUSER, 9);

	if (!io || !area || !map || !ram || !object || !block ||
	    !is_vmalloc_addr((void __force *)io)) {
		return false; /* the machine is switched off after this */
	}
	__free_pages(block, 9);
	kfree(object);
	vm_unmap_ram(ram, VMAP_PAGES);
	vunmap(map);
	vfree(area);
	iounmap(io);
	return true;
}

/* `ops` holds names with colons between them; empty: all. */
static bool asked_for(const char *name)
{
	size_t length = strlen(name);
	const char *at = ops;

	while (*at) {
		size_t next = strcspn(at, ":");

		if (next == length && !strncmp(at, name, length)) {
			return true;
		}
		at += next + (at[next] == ':');
	}
	return !*ops;
}

static int bench(void)
{
	int error = env_get();
	u32 i;

	if (error || !ops_work()) {
		pr_err("@error {\"text\":\"no memory, or a symbol is missing: %d\"}\n", error);
		return -ENOMEM;
	}
	count_on();
	calibrate();
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (asked_for(rows[i].name)) {
			measure(&rows[i]);
		}
	}
	return 0;
}

static void info(void)
{
	u64 wall;

	pr_info("@info {\"idle_us\":%llu,\"page_struct_bytes\":%zu,\"init_on_alloc\":%u}\n",
		get_cpu_idle_time_us(0, &wall), sizeof(struct page), want_init_on_alloc(0));
}

static int __init mapbench_init(void)
{
	info();
	if (!strcmp(mode, "bench")) {
		int error = bench();

		return error ? error : -EAGAIN;
	}
	return -EAGAIN;
}
module_init(mapbench_init);
MODULE_LICENSE("Dual BSD/GPL"); /* in a kernel under the GPL, by its terms */
MODULE_DESCRIPTION("what kernel operations cost, in instructions");
