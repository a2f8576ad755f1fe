/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What starts when. The only file that sees every floor, once, in order.
 */
#include <arch/barrier.h>
#include <arch/cpreg.h>
#include <arch/early_boot.h>
#include <arch/early_tables.h>
#include <arch/irqflags.h>
#include <arch/trap.h>
#include <bug.h>
#include <drivers/arch_timer.h>
#include <drivers/gic.h>
#include <drivers/ns16550.h>
#include <drivers/pl011.h>
#include <drivers/psci.h>
#include <drivers/samsung_uart.h>
#include <drivers/sp805.h>
#include <drivers/vexpress_sysreg.h>
#include <errno.h>
#include <kernel/console.h>
#include <kernel/errata.h>
#include <kernel/irq.h>
#include <kernel/log.h>
#include <kernel/memory.h>
#include <kernel/memtest.h>
#include <kernel/memtest_all.h>
#include <kernel/monitor.h>
#include <kernel/panic.h>
#include <kernel/power.h>
#include <kernel/pristine.h>
#include <kernel/report.h>
#include <kernel/sched.h>
#include <kernel/smp.h>
#include <kernel/test.h>
#include <kernel/thread.h>
#include <lib/console_find.h>
#include <lib/string.h>
#include <mm/fdtmap.h>
#include <mm/fixmap.h>
#include <mm/image_late.h>
#include <mm/page_alloc.h>
#include <printk.h>

static struct bootargs *args; /* kernel_main()'s; keeps pointers into the copied tree */
static fdt_node console_node = -ENOENT;

static void attach_port(const struct console_port *port)
{
	static const struct uart_driver *const drivers[] = {
		[UART_PL011] = &pl011_driver,
		[UART_NS16550] = &ns16550_driver,
		[UART_SAMSUNG] = &samsung_uart_driver,
	};
	phys_addr_t page = pa_align_down(port->pa, PAGE_SIZE);

	console_node = port->node;
	console_attach(drivers[port->kind],
		       fixmap_set(FIX_UART, page, PAGE_DEVICE) + pa_offset(port->pa, PAGE_SIZE),
		       port);
	if (port->source == CONSOLE_FIRST) {
		printk("console: no stdout-path, console= or serial0: the first UART, at %010llx",
		       port->pa);
	}
}

/* No usable tree: says so on the last-resort console if the machine is known, and stops. */
static void __noreturn stop_without_tree(int error)
{
	struct console_port port;

	if (console_last_resort(read_midr(), cbar_if_arm(), &port) == 0) {
		attach_port(&port);
	} else {
		panic_silently(EARLY_NO_DTB);
	}
	panic("no device tree: r2 points at %010llx, where there is %s", boot_info.dtb_pa,
	      error == -EFAULT ? "no memory" :
	      error == -E2BIG  ? "one that is too large or nested too deep" :
				 "none, or a damaged one");
}

static const char *tree_bootargs(const struct fdt *f)
{
	return fdt_prop_string(f, fdt_path_node(f, "/chosen"), "bootargs");
}

/* The console, from the tree where the loader put it: before any allocator. */
static void open_tree_and_console(struct fdt *f, const void **blob, u32 *bytes)
{
	struct console_port port;
	int error = fdtmap_open(boot_info.dtb_pa, blob, bytes);

	if (error == 0) {
		error = fdt_open(f, *blob, *bytes);
	}
	if (error) {
		stop_without_tree(error);
	}
	if (console_find(f, tree_bootargs(f), &port) == 0 ||
	    console_last_resort(read_midr(), cbar_if_arm(), &port) == 0) {
		attach_port(&port);
	} else {
		panic_silently(EARLY_NO_CONSOLE);
	}
}

static void warn_of_rejects(const struct bootargs_rejects *rejects, const char *what)
{
	for (u32 i = 0; i < min(rejects->count, (u32)BOOTARGS_MAX_NAMED); i++) {
		warn("boot argument \"%.*s\" %s", SPAN_ARG(rejects->first[i]), what);
	}
	if (rejects->count > BOOTARGS_MAX_NAMED) {
		warn("and %u more that %s", rejects->count - BOOTARGS_MAX_NAMED, what);
	}
}

/* loglevel=: what is as urgent as that, or less, goes to the log only; the story while we boot. */
static void hold_back(bool booting)
{
	enum { LEVEL_WARNING = 4, LEVEL_INFO = 6 };
	bool given = args->loglevel >= 0;

	console_hold(given && booting && args->loglevel <= LEVEL_INFO,
		     given && args->loglevel <= LEVEL_WARNING);
}

static void read_arguments(const struct fdt *f)
{
	bootargs_parse(args, tree_bootargs(f));
	hold_back(true);
	panic_set_action(args->panic);
	warn_of_rejects(&args->unknown, "is unknown");
	warn_of_rejects(&args->bad, "has no sense: ignored");
	warn_of_rejects(&args->mem_dropped, "is one mem= too many");
	if (args->init.s) {
		warn("boot argument \"init\" has no effect yet");
	}
}

/* The tree moves to lowmem, and the fdt region is empty from then on. */
static void keep_tree(struct fdt *f, const void *blob, u32 bytes)
{
	struct page *page = NULL;
	u32 order = 0;

	while ((PAGE_SIZE << order) < bytes) {
		order++;
	}
	page = alloc_pages(GFP_KERNEL, order);
	if (!page) {
		panic("no memory to keep the device tree");
	}
	memcpy(lowmem_page_address(page), blob, bytes);
	fdtmap_close();
	if (fdt_open(f, lowmem_page_address(page), bytes) < 0) {
		panic("the device tree changed while it was copied");
	}
	bootargs_parse(args, tree_bootargs(f)); /* its pointers must outlive the loader's copy */
}

static bool something_to_run(void)
{
	return args->selftest.s || args->bench.s || args->memtest.s;
}

#define SENSELESS "boot argument \"%s=%.*s\" has no sense: ignored"

/* `selftest`, `bench`, `memtest`, in this order; nothing of these: all suites. */
static bool run_what_was_asked(void)
{
	bool passed = true;

	if (memtest_word(args->memtest) ==
	    MEMTEST_AGAIN) { /* the first run had its turn at the others */
		return memtest_main(args->memtest);
	}
	if (args->stress.s && !tests_set_stress(args->stress)) {
		warn(SENSELESS, "stress", SPAN_ARG(args->stress));
	}
	if (CONFIG_DEBUG && args->interleave.s && !tests_set_interleave(args->interleave)) {
		warn(SENSELESS, "interleave", SPAN_ARG(args->interleave));
	}
	if (args->selftest.s || !something_to_run()) {
		passed &= tests_run(args->selftest);
	}
	if (args->bench.s) {
		passed &= bench_run(args->bench) == 0;
	}
	if (memtest_word(args->memtest) == MEMTEST_ALL && (args->selftest.s || args->bench.s)) {
		printk("error: memtest=all goes alone");
		passed = false;
	} else if (args->memtest.s) {
		passed &= memtest_main(args->memtest);
	}
	return passed;
}

static void take_pending_abort(void)
{
	if (trap_unmask_async()) {
		warn("the loader left an asynchronous abort behind");
	}
}

/* An interrupt of the console's port, or it is polled: said once. */
static void start_input(const struct fdt *f)
{
	u32 irq;
	bool edge;

	if (irq_controller_present() &&
	    (irq_from_tree(f, console_node, 0, &irq, &edge) || console_input_start(irq, edge))) {
		printk("console: its interrupt leads nowhere that we know: input is polled");
	}
}

static void start_interrupts(const struct fdt *f)
{
	gic_init(f);
	if (irq_prepare_cpu(0)) {
		panic("no memory for an interrupt stack");
	}
	irq_start_cpu();
	arch_timer_init(f);
	start_input(f);
	irq_enable();
}

static void start_cpus(const struct fdt *f)
{
	if (args->errata_force.s && errata_force(args->errata_force) < 0) {
		warn("errata=force:%.*s: nothing of that name that the kernel can do",
		     SPAN_ARG(args->errata_force));
	}
	smp_start(f, args->maxcpus);
	errata_print(false);
}

void kernel_main(void) __noreturn;
void kernel_main(void)
{
	char initialized[INITIALIZED_MAX];
	struct bootargs given;
	struct fdt tree;
	const void *blob;
	u32 bytes;

	pristine_keep(initialized);
	args = &given;
	thread_init_boot(); /* who runs: locks and windows need to know */
	trap_init();	    /* vectors and abort stack: a fault is reported from here on */
	open_tree_and_console(&tree, &blob, &bytes); /* fdt window, UART in the fixmap */
	take_pending_abort();  /* what firmware left pending is reported now */
	read_arguments(&tree); /* panic= and friends */
	psci_init(&tree);      /* how to end */
	vexpress_sysreg_init(&tree);
	memory_discover(&tree, args, boot_info.dtb_pa, bytes); /* memblock */
	memtest_take_over(&tree, bytes, args); /* memtest=again: only tested memory is to be had */
	memory_start(args);	       /* direct mapping, page array, buddy, slab, vmalloc, pkmap */
	sched_init();		       /* this is one thread of many from now on */
	log_init();		       /* what was printed so far moves to a larger place */
	keep_tree(&tree, blob, bytes); /* the fdt window is closed */
	start_interrupts(&tree);       /* controller, timer, console input: unmasked from here on */
	sp805_stop(&tree);	       /* a watchdog that the loader left running */
	report_boot(&tree);	       /* banner, address map, @boot, @layout */
	image_late_unpack();	       /* suites, benchmarks, monitor: none is called before */
	if (args->panic == PANIC_MONITOR) {
		monitor_prepare_for_panic(); /* a stack for it */
	}
	start_cpus(&tree); /* the others, and what is wrong with them */
	story_tell();	   /* what a window is, for people */
	hold_back(false);  /* from here on people get what they ask for */
	if (!args->monitor || something_to_run()) {
		run_end(run_what_was_asked());
	}
	if (args->monitor) {
		monitor_run();
	}
	power_off();
	for (;;) {
		__asm__ volatile("wfi");
	}
}
