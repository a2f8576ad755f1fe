/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts: that each comes once and is counted, that a masked one waits, that what nobody wants
 * or nobody can quieten is stopped, and that code under a storm of them does not notice:
 * registers, reservations, stacks, faults, and the thread's open windows.
 */
#include <arch/cpreg.h>
#include <arch/irqflags.h>
#include <arch/probe.h>
#include <arch/unwind.h>
#include <errno.h>
#include <kernel/irq.h>
#include <kernel/sched.h>
#include <kernel/test.h>
#include <kernel/time.h>
#include <lib/string.h>
#include <lib/symtab.h>
#include <mm/highmem.h>
#include <mm/slab.h>

#include "pages.h"
#include "storm.h"

#define SPARE_IRQ   90 /* a shared one that no board here uses */
#define STORM	    2000
#define TICKS	    800
#define ENOUGH	    1000000 /* rounds of whatever waits for that many */
#define PATIENCE_US 5000000

/* What handlers saw: CHECKs are for threads. */
static struct {
	u32 runs, depth, wrong;
} seen;

static u32 runs(void)
{
	return READ_ONCE(seen.runs);
}

static bool wait_for_runs(u32 count)
{
	u64 end = time_now_us() + PATIENCE_US;

	while (runs() < count && time_now_us() < end) {
	}
	return runs() >= count;
}

static void send_to_self(void)
{
	irq_controller()->send(1u << current_core()->cpu, SGI_TEST);
}

/* Takes SGI_TEST for this CPU; preemption is off until test_sgi_put(). */
static bool test_sgi_get(irq_handler_fn *handler)
{
	preempt_disable();
	memset(&seen, 0, sizeof(seen));
	if (irq_controller_present() && irq_request(SGI_TEST, handler, &seen, true, "test") == 0) {
		return true;
	}
	preempt_enable();
	return false;
}

static void test_sgi_put(void)
{
	irq_free(SGI_TEST);
	preempt_enable();
}

#define NEEDS(got, what)            \
	do {                        \
		if (!(got)) {       \
			SKIP(what); \
		}                   \
	} while (0)
#define NO_CONTROLLER "no interrupt controller that we know"
#define NO_STORM      "no second timer here"

static void count_run(u32 irq, void *arg)
{
	seen.wrong += irq != SGI_TEST || arg != &seen || !in_irq() || !irqs_masked();
	WRITE_ONCE(seen.runs, seen.runs + 1);
}

TEST(irq, software_interrupt_runs_its_handler_once)
{
	struct irq_info before, after;
	u32 cpu;

	NEEDS(test_sgi_get(count_run), NO_CONTROLLER);
	cpu = current_core()->cpu;
	CHECK(irq_query(SGI_TEST, &before));
	for (u32 i = 1; i <= 100; i++) {
		send_to_self();
		if (!wait_for_runs(i)) {
			break;
		}
	}
	CHECK_EQ(runs(), 100);
	CHECK_EQ(seen.wrong, 0);
	CHECK(!in_irq() && !irqs_masked());
	CHECK(irq_query(SGI_TEST, &after));
	CHECK(strcmp(after.name, "test") == 0);
	CHECK_EQ(after.count[cpu] - before.count[cpu], 100);
	test_sgi_put();
	CHECK(irq_query(SGI_TEST, &after));
	CHECK(after.name == NULL);
}

TEST(irq, masked_interrupt_waits)
{
	u32 flags;

	NEEDS(test_sgi_get(count_run), NO_CONTROLLER);
	flags = irq_save();
	send_to_self();
	send_to_self(); /* pending already: one interrupt */
	delay_us(200);
	CHECK_EQ(runs(), 0);
	irq_restore(flags);
	CHECK(wait_for_runs(1));
	delay_us(200);
	CHECK_EQ(runs(), 1);
	test_sgi_put();
}

static void send_again(__unused u32 irq, __unused void *arg)
{
	seen.wrong += seen.depth++ != 0;
	if (runs() < 100) {
		send_to_self();
		delay_us(5);
	}
	seen.depth--;
	WRITE_ONCE(seen.runs, seen.runs + 1);
}

TEST(irq, handlers_do_not_nest)
{
	NEEDS(test_sgi_get(send_again), NO_CONTROLLER);
	send_to_self();
	CHECK(wait_for_runs(101));
	CHECK_EQ(runs(), 101);
	CHECK_EQ(seen.wrong, 0);
	test_sgi_put();
}

TEST(irq, spurious_is_counted)
{
	u32 before = irq_spurious_count(), flags;

	NEEDS(irq_controller_present(), NO_CONTROLLER);
	flags = irq_save();
	while (!IRQ_IS_NONE(irq_controller()->acknowledge())) {
		CHECK(false); /* nothing here leaves one pending for longer than it is masked */
	}
	irq_dispatch();
	irq_restore(flags);
	CHECK_EQ(irq_spurious_count() - before, 1);
}

TEST(irq, request_refuses)
{
	struct irq_info info;

	CHECK(!irq_query(IRQ_MAX, &info));
	NEEDS(test_sgi_get(count_run), NO_CONTROLLER);
	CHECK_ERR(irq_request(SGI_TEST, count_run, NULL, true, "second"), EBUSY);
	CHECK_ERR(irq_request(IRQ_MAX, count_run, NULL, true, "beyond"), EINVAL);
	CHECK_ERR(irq_request(UINT32_MAX, count_run, NULL, true, "beyond"), EINVAL);
	test_sgi_put();
}

static u32 count_of(u32 irq)
{
	struct irq_info info;
	u32 sum = 0;

	if (irq_query(irq, &info)) {
		for (u32 cpu = 0; cpu < ARRAY_SIZE(info.count); cpu++) {
			sum += info.count[cpu];
		}
	}
	return sum;
}

TEST(irq, what_nobody_handles_is_disabled)
{
	u32 before = count_of(SPARE_IRQ);

	NEEDS(irq_controller_present(), NO_CONTROLLER);
	irq_controller()->enable(SPARE_IRQ, false);
	for (u32 i = 0; i < 5; i++) {
		irq_controller()->set_pending(SPARE_IRQ);
		delay_us(200);
	}
	CHECK_EQ(count_of(SPARE_IRQ) - before, 1);
}

static void ask_again(u32 irq, __unused void *arg)
{
	WRITE_ONCE(seen.runs, seen.runs + 1);
	irq_controller()->set_pending(irq);
}

TEST(irq, what_does_not_stop_is_stopped)
{
	NEEDS(irq_controller_present(), NO_CONTROLLER);
	memset(&seen, 0, sizeof(seen));
	REQUIRE(irq_request(SPARE_IRQ, ask_again, NULL, false, "test") == 0);
	irq_controller()->set_pending(SPARE_IRQ);
	CHECK(wait_for_runs(9000)); /* others that came between count too */
	delay_us(20000);
	CHECK(runs() <= 10000);
	irq_free(SPARE_IRQ);
}

TEST(irq, timer_wakes_a_sleeper)
{
	u64 before = time_now_us(), after;
	u32 timer = IRQ_PRIVATE, rang;
	struct irq_info info;

	while (irq_query(timer, &info) && !(info.name && strcmp(info.name, "timer") == 0)) {
		timer++;
	}
	NEEDS(timer < IRQ_MAX, "no timer that interrupts");
	rang = count_of(timer);
	thread_sleep_us(3000);
	after = time_now_us();
	CHECK(after - before >= 3000);
	CHECK(count_of(timer) > rang);
}

TEST(irq, time_never_goes_back)
{
	u64 last = time_now_us(), start = last;
	u32 back = 0;

	for (u32 i = 0; i < 20000; i++) {
		u64 now = time_now_us();

		back += now < last;
		last = now;
	}
	CHECK_EQ(back, 0);
	CHECK(last > start);
}

TEST(irq, delay_is_not_short)
{
	u32 hz = read_cntfrq();

	NEEDS(hz, "no counter to compare with");
	for (u32 us = 1; us <= 10000; us *= 10) {
		u64 begin = read_cntpct(), us_begin = time_now_us(), us_end, end;

		delay_us(us);
		us_end = time_now_us();
		isb(); /* the delay, before the counter */
		end = read_cntpct();
		CHECK((end - begin) * 1000000 >= (u64)us * hz);
		CHECK(us_end - us_begin >= us);
		/* Both clocks tell the same, to a thousandth and two ticks; or ours is a guess. */
		CHECK(!time_has_alarm() ||
		      (us_end - us_begin) * (hz / 1000) <= (end - begin + 2) * 1001 + hz / 1000);
	}
}

/* With nothing there the handler finds nothing, and does not keep the line. */
TEST(irq, console_input_comes_by_interrupt)
{
	u32 irq = IRQ_SHARED, before;
	struct irq_info info;

	while (irq_query(irq, &info) && !(info.name && strcmp(info.name, "console") == 0)) {
		irq++;
	}
	NEEDS(irq < IRQ_MAX, "input is polled");
	before = count_of(irq);
	irq_controller()->set_pending(irq);
	for (u64 end = time_now_us() + PATIENCE_US;
	     count_of(irq) == before && time_now_us() < end;) {
	}
	delay_us(200);
	CHECK(count_of(irq) > before);
	CHECK(count_of(irq) - before < 100); /* somebody may be typing */
}

/* ---- under a storm ---- */

/* Its caller's sp, which is the stack that C gets: eight bytes must divide it. */
__attribute__((naked)) static __noinline u32 sp_at_call(void)
{
	__asm__("mov r0, sp\n bx lr");
}

static void look_around(void)
{
	seen.wrong += sp_at_call() % 8 != 0 || !in_irq() || !irqs_masked();
}

/* r0-r11 and lr behind some thousand rounds; external, because assembly refers to it by name. */
u32 irq_test_registers[13];

/* In each round the flags are set, and looked at a little later. */
#define SPIN_WITH_KNOWN_REGISTERS(name, before, after)                                         \
	__attribute__((target("arm"))) static __noinline void name(void)                       \
	{                                                                                      \
		__asm__ volatile(before "mov r0, #0x10\n mov r1, #0x11\n mov r2, #0x12\n"      \
					"mov r3, #0x13\n mov r4, #0x14\n mov r5, #0x15\n"      \
					"mov r6, #0x16\n mov r7, #0x17\n mov r8, #0x18\n"      \
					"mov r9, #0x19\n mov r10, #0x1a\n mov r11, #0x1b\n"    \
					"mov lr, #0x1c\n mov r12, #0x8000\n"                   \
					"1: msr cpsr_f, #0xa0000000\n"                         \
					"b 2f\n"                                               \
					"2: bpl 3f\n bcc 3f\n beq 3f\n bvs 3f\n"               \
					"subs r12, r12, #1\n"                                  \
					"bne 1b\n"                                             \
					"b 4f\n"                                               \
					"3: mov r0, #0xff\n"                                   \
					"4: movw r12, #:lower16:irq_test_registers\n"          \
					"movt r12, #:upper16:irq_test_registers\n"             \
					"stmia r12, {r0-r11, lr}\n" after                      \
				 :                                                             \
				 :                                                             \
				 : "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", \
				   "r10", "r11", "r12", "lr", "cc", "memory");                 \
	}
SPIN_WITH_KNOWN_REGISTERS(spin, "", "")
SPIN_WITH_KNOWN_REGISTERS(spin_unaligned, "sub sp, sp, #4\n", "add sp, sp, #4\n")

static u32 wrong_registers(void (*spin_once)(void))
{
	u32 wrong = 0;

	memset(irq_test_registers, 0, sizeof(irq_test_registers));
	spin_once();
	for (u32 i = 0; i < ARRAY_SIZE(irq_test_registers); i++) {
		wrong += irq_test_registers[i] != 0x10 + i;
	}
	return wrong;
}

TEST(irq, registers_survive_a_storm)
{
	u32 wrong = 0;

	memset(&seen, 0, sizeof(seen));
	NEEDS(storm_start(TICKS, look_around), NO_STORM);
	for (u32 i = 0; i < 5000 && storm_count() < STORM; i++) {
		wrong += wrong_registers(spin) + wrong_registers(spin_unaligned);
	}
	CHECK(storm_stop() >= STORM);
	CHECK_EQ(wrong, 0);
	CHECK_EQ(seen.wrong, 0);
}

TEST(irq, reservation_does_not_outlive_an_interrupt)
{
	static u32 word;
	u32 value, failed = 0;

	NEEDS(test_sgi_get(count_run), NO_CONTROLLER);
	__asm__ volatile("ldrex %0, [%1]" : "=&r"(value) : "r"(&word) : "memory");
	send_to_self();
	CHECK(wait_for_runs(1));
	__asm__ volatile("strex %0, %1, [%2]" : "=&r"(failed) : "r"(value), "r"(&word) : "memory");
	CHECK_EQ(failed, 1);
	test_sgi_put();
}

static void fault_in_handler(void)
{
	u32 word = 0;

	seen.wrong += probe_read(NULL, &word) != -EFAULT || probe_read(&storm_count, &word) != 0;
}

TEST(irq, faults_and_interrupts_nest)
{
	u32 word, wrong = 0;

	memset(&seen, 0, sizeof(seen));
	NEEDS(storm_start(TICKS, fault_in_handler), NO_STORM);
	for (u32 i = 0; i < ENOUGH && storm_count() < STORM; i++) {
		wrong += probe_read(NULL, &word) != -EFAULT || probe_write(NULL, 0) != -EFAULT;
	}
	CHECK(storm_stop() >= STORM);
	CHECK_EQ(wrong, 0);
	CHECK_EQ(seen.wrong, 0);
}

/* Which of these functions are among the callers: a bit each. */
static const char *const chain[] = { "irq_dispatch", "interrupted_here",
				     "irq.backtrace_goes_on_through_an_interrupt", "kernel_main" };
static u32 found;

/* Who was interrupted, by name: what a watchdog prints. */
static void list_callers(__unused u32 irq, __unused void *arg)
{
	struct unwind u;
	char name[48];
	u32 offset;

	unwind_here(&u);
	found = 0;
	for (u32 depth = 0; depth < UNWIND_MAX_DEPTH && unwind_step(&u); depth++) {
		(void)symtab_lookup(unwind_pc(&u), name, sizeof(name), &offset);
		for (u32 i = 0; i < ARRAY_SIZE(chain); i++) {
			found |= (strcmp(name, chain[i]) == 0 ? 1u : 0u) << i;
		}
	}
	WRITE_ONCE(seen.runs, 1);
}

static __noinline bool interrupted_here(void)
{
	send_to_self();
	return wait_for_runs(1);
}

TEST(irq, backtrace_goes_on_through_an_interrupt)
{
	NEEDS(test_sgi_get(list_callers), NO_CONTROLLER);
	CHECK(interrupted_here());
	CHECK_EQ(found, (1u << ARRAY_SIZE(chain)) - 1);
	test_sgi_put();
}

/* ---- windows ---- */

#define WINDOWS 4 /* one page each, the last of them the handler's */
#define DEPTHS	((1u << WINDOWS) - 1)

static struct {
	struct page *page[WINDOWS + 1];
	u32 landed; /* a bit for each number of windows that were open */
	u32 rounds;
} win;

/* Two windows above the thread's own, with words that tell whether they are the right ones. */
static void open_in_handler(void)
{
	u32 depth = current_core()->kmap_depth;
	u32 *a = kmap_local_page(win.page[WINDOWS]), *b = kmap_local_page(win.page[0]);

	seen.wrong += a[0] != WINDOWS || a[1] != win.rounds || b[0] != 0;
	a[1] = ++win.rounds;
	kunmap_local(b);
	kunmap_local(a);
	seen.wrong += current_core()->kmap_depth != depth;
	win.landed |= 1u << depth;
}

/* Opens some windows, then closes them, looking at each whenever it may have been disturbed. */
static u32 open_and_close(u32 count)
{
	u32 *va[WINDOWS], wrong = 0;

	for (u32 i = 0; i < count; i++) {
		va[i] = kmap_local_page(win.page[i]);
		wrong += READ_ONCE(va[i][0]) != i;
		va[i][1]++;
	}
	for (u32 i = count; i-- > 0;) {
		wrong += READ_ONCE(va[i][0]) != i;
		va[i][2]++;
		wrong += READ_ONCE(va[i][1]) != READ_ONCE(va[i][2]);
		kunmap_local(va[i]);
	}
	return wrong;
}

static bool pages_get(void)
{
	memset(&win, 0, sizeof(win));
	for (u32 i = 0; i <= WINDOWS; i++) {
		win.page[i] = alloc_page(GFP_HIGHONLY | GFP_ZERO);
		if (!win.page[i]) {
			return false;
		}
		memcpy_to_page(win.page[i], 0, &i, sizeof(i));
	}
	return true;
}

static void pages_put(void)
{
	for (u32 i = 0; i <= WINDOWS && win.page[i]; i++) {
		free_page(win.page[i]);
	}
}

static void windows_under_storm(void)
{
	u32 wrong = 0, rounds = 0, handled;

	while (rounds < 4 * ENOUGH && (storm_count() < STORM || win.landed != DEPTHS)) {
		wrong += open_and_close(rounds++ % WINDOWS);
	}
	handled = storm_stop();
	CHECK_EQ(wrong, 0);
	CHECK_EQ(seen.wrong, 0);
	CHECK_EQ(win.landed, DEPTHS);
	CHECK(handled >= STORM);
}

TEST(irq, windows_open_inside_a_threads_own)
{
	memset(&seen, 0, sizeof(seen));
	if (CHECK(pages_get())) {
		if (storm_start(TICKS, open_in_handler)) {
			windows_under_storm();
		} else {
			test_skip(NO_STORM);
		}
	}
	pages_put();
}

/* What a handler may do besides: memory and threads' locks are irq-safe. */
static void allocate_in_handler(void)
{
	struct page *page = alloc_page(GFP_HIGH);
	u32 *object = kmalloc(64);

	if (page) {
		page_fill(page, 7);
		seen.wrong += page_wrong(page, 7) != 0;
		free_page(page);
	}
	if (object) {
		*object = 1;
		kfree(object);
	}
	seen.wrong += !page || !object;
}

TEST(irq, handlers_may_allocate)
{
	u32 wrong = 0;

	memset(&seen, 0, sizeof(seen));
	NEEDS(storm_start(4 * TICKS, allocate_in_handler), NO_STORM);
	for (u32 i = 0; i < 4 * ENOUGH && storm_count() < STORM; i++) {
		struct page *page = alloc_page(GFP_HIGHONLY);
		u32 *object = kmalloc(64);

		wrong += !page || !object;
		kfree(object);
		if (page) {
			free_page(page);
		}
	}
	CHECK(storm_stop() >= STORM);
	CHECK_EQ(wrong, 0);
	CHECK_EQ(seen.wrong, 0);
}
