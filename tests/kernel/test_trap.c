/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions and what the oops is made of: that a fault expected by a probe comes back with its
 * exact status and leaves everything else alone, that the walk by hand and the MMU agree, and
 * that the unwinder finds callers and never faults itself.
 */
#include <arch/early_tables.h>
#include <arch/fault.h>
#include <arch/probe.h>
#include <arch/trap.h>
#include <arch/unwind.h>
#include <arch/walk.h>
#include <kernel/oops.h>
#include <kernel/test.h>
#include <lib/string.h>
#include <lib/symtab.h>
#include <mm/highmem.h>
#include <mm/image_late.h>
#include <mm/page_type.h>
#include <mm/vmalloc.h>

#include "pages.h"

/* Beyond the RAM of every machine here, before the PCI windows of QEMU's virt. */
#define NOWHERE_PA 0x3f00000000ull /* hex-ok: an address, not an encoding */

/* The last page: no table reaches it, whatever the split. */
#define TOP_VA ((vaddr_t)0xfffff000u)

static u32 data_word = 0x600d600d;
static const u32 rodata_word = 0xc0de0001;
static const u64 rodata_pair = 0x0123456789abcdef; /* hex-ok: a value, not an encoding */

static __noinline void leaf(void)
{
	__asm__ volatile("");
}

static void status_is(u32 status, u32 want)
{
	CHECK_EQ(status & (FSR_WRITE | FSR_STATUS_MASK), want);
}

TEST(trap, probe_succeeds_on_memory)
{
	u64 pair = 0;
	u32 word = 0;
	u8 byte = 0;

	CHECK_EQ(probe_read(&data_word, &word), 0);
	CHECK_EQ(word, 0x600d600d);
	CHECK_EQ(probe_write(&data_word, 0x12345678), 0);
	CHECK_EQ(READ_ONCE(data_word), 0x12345678);
	CHECK_EQ(probe_write8(&data_word, 0x99), 0);
	CHECK_EQ(probe_read8((u8 *)&data_word + 1, &byte), 0);
	CHECK_EQ(byte, 0x56);
	CHECK_EQ(READ_ONCE(data_word), 0x12345699);
	CHECK_EQ(probe_read64(&rodata_pair, &pair), 0);
	CHECK_EQ(pair, rodata_pair);
	CHECK_EQ(probe_exec((const void *)leaf), 0);
	data_word = 0x600d600d;
}

TEST(trap, probe_reports_status)
{
	u32 word = 0xabcd;
	char *area = vmalloc(PAGE_SIZE);

	REQUIRE(area);
	status_is(probe_read_status((void *)TOP_VA, &word), FAULT_TRANSLATION + 2);
	status_is(probe_read_status(area + PAGE_SIZE, &word), FAULT_TRANSLATION + 3);
	status_is(probe_write8_status(area + PAGE_SIZE, 1), FSR_WRITE + FAULT_TRANSLATION + 3);
	status_is(probe_write_status((void *)&rodata_word, 1), FSR_WRITE + FAULT_PERMISSION + 3);
	status_is(probe_write_status((void *)__image_start, 1), FSR_WRITE + FAULT_PERMISSION + 3);
	status_is(probe_exec_status(&data_word), FAULT_PERMISSION + 3);
	status_is(probe_exec_status(&rodata_word), FAULT_PERMISSION + 3);
	status_is(probe_exec_status(area + PAGE_SIZE), FAULT_TRANSLATION + 3);
	CHECK_NO_READ(TOP_VA);
	CHECK_EQ(word, 0xabcd);
	CHECK_EQ(READ_ONCE(rodata_word), 0xc0de0001);
	vfree(area);
}

TEST(trap, user_part_unmapped)
{
	u32 word;

	for (vaddr_t va = 0; va < PAGE_OFFSET; va += SZ_16M) {
		/* Walks through TTBR0 are off, which counts as level 1. */
		if ((probe_read_status((void *)va, &word) & FSR_STATUS_MASK) !=
		    FAULT_TRANSLATION + 1) {
			CHECK_EQ(va, 0);
			return;
		}
	}
	CHECK_NO_READ(PAGE_OFFSET - 4);
	CHECK_ERR(probe_exec(NULL), EFAULT);
}

TEST(trap, external_abort_is_caught)
{
	void *nowhere = ioremap(NOWHERE_PA, PAGE_SIZE);
	u32 word, read, write;

	REQUIRE(nowhere);
	read = probe_read_status(nowhere, &word);
	write = probe_write_status(nowhere, 0);
	iounmap(nowhere);
	if (read == 0) {
		SKIP("an address with nothing behind it does not abort here");
	}
	status_is(read, FAULT_EXTERNAL);
	status_is(write, FSR_WRITE + FAULT_EXTERNAL);
}

/* r0-r11, lr and CPSR behind a fault; external, because assembly refers to it by name. */
u32 trap_test_registers[14];

__attribute__((target("arm"))) static __noinline void fault_with_known_registers(void)
{
	__asm__ volatile("mov r0, #0x10\n mov r1, #0x11\n mov r2, #0x12\n mov r3, #0x13\n"
			 "mov r4, #0\n mov r5, #0x15\n mov r6, #0x16\n mov r7, #0x17\n"
			 "mov r8, #0x18\n mov r9, #0x19\n mov r10, #0x1a\n mov r11, #0x1b\n"
			 "mov lr, #0x1e\n"
			 "msr cpsr_f, #0xa0000000\n"
			 "1: ldr r5, [r4]\n"
			 "b 3f\n"
			 "2:\n" EX_TABLE_1_TO_2 "movw r12, #:lower16:trap_test_registers\n"
			 "movt r12, #:upper16:trap_test_registers\n"
			 "stmia r12, {r0-r11, lr}\n"
			 "mrs r0, cpsr\n"
			 "str r0, [r12, #52]\n"
			 "3:\n"
			 :
			 :
			 : "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11",
			   "r12", "lr", "cc", "memory");
}

TEST(trap, registers_survive_a_fault)
{
	memset(trap_test_registers, 0, sizeof(trap_test_registers));
	fault_with_known_registers();
	for (u32 i = 0; i < 12; i++) {
		CHECK_EQ(trap_test_registers[i], i == 4 ? 0 : 0x10 + i);
	}
	CHECK_EQ(trap_test_registers[12], 0x1e);
	CHECK_EQ(trap_test_registers[13] >> 28, 0xa);
}

TEST(trap, reservation_does_not_outlive_a_fault)
{
	u32 word, failed;

	__asm__ volatile("ldrex %0, [%1]" : "=&r"(word) : "r"(&data_word) : "memory");
	CHECK_NO_READ(NULL);
	__asm__ volatile("strex %0, %1, [%2]"
			 : "=&r"(failed)
			 : "r"(word), "r"(&data_word)
			 : "memory");
	CHECK_EQ(failed, 1);
}

/* ---- the walk ---- */

static bool walk_agrees(vaddr_t va)
{
	struct walk_regs regs;
	struct walk walk;
	u64 read = walk_ask_mmu(va, false), write = walk_ask_mmu(va, true);
	bool same;

	walk_regs_get(&regs);
	walk_tables(&walk, &regs, va, phys_peek);
	same = CHECK_EQ(walk.mapped, !(read & PAR_FAULT));
	same &= CHECK_EQ(walk.mapped && walk.writable, !(write & PAR_FAULT));
	if (walk.mapped) {
		u64 mair = (u64)MAIR1_VALUE << 32 | MAIR0_VALUE;
		same &= CHECK_EQ(pa_to_pfn(walk.pa), pte_pfn((pte_t){ read }));
		same &= CHECK_EQ((u8)(read >> PAR_TYPE_SHIFT), (u8)(mair >> (walk.type * 8)));
	} else {
		u32 level = walk.steps ? walk.step[walk.steps - 1].level : 1;

		same &= CHECK_EQ(PAR_STATUS(read), FAULT_TRANSLATION + level);
	}
	same &= CHECK_EQ(walk.user, 0);
	if (!same) {
		test_note("at 0x%08x", (u32)va);
	}
	return walk.mapped;
}

static void mapped_is(vaddr_t va, bool mapped)
{
	if (!CHECK_EQ(walk_agrees(va), mapped)) {
		test_note("at 0x%08x", (u32)va);
	}
}

TEST(trap, walk_agrees_with_mmu)
{
	struct page *page = alloc_page(GFP_HIGHONLY);
	char *area = vmalloc(2 * PAGE_SIZE);
	char *local;

	REQUIRE(page && area);
	local = kmap_local_page(page);
	mapped_is((vaddr_t)local + 8, true);
	kunmap_local(local);
	mapped_is((vaddr_t)local, false);
	mapped_is((vaddr_t)kmap(page), true);
	kunmap(page);
	mapped_is((vaddr_t)area, true);
	mapped_is((vaddr_t)area + PAGE_SIZE, true);
	mapped_is((vaddr_t)area + 2 * PAGE_SIZE, false);
	mapped_is((vaddr_t)__image_start + 4, true);
	mapped_is((vaddr_t)&rodata_word, true);
	mapped_is((vaddr_t)&data_word, true);
	mapped_is((vaddr_t)__image_end, false);
	mapped_is(fixmap_va(FIX_UART), true);
	mapped_is(fixmap_va(FIX_NONE), false);
	mapped_is(BIGWIN_START, false);
	mapped_is(mm.lowmem_end, false);
	mapped_is(TOP_VA, false);
	mapped_is(0, false);
	mapped_is(PAGE_OFFSET - 1, false);
	for (vaddr_t va = PAGE_OFFSET; va < mm.lowmem_end; va += SZ_16M + PAGE_SIZE) {
		(void)walk_agrees(va); /* edges and holes: mapped or not, both must say the same */
	}
	vfree(area);
	free_page(page);
}

/* A peek may look at any RAM, but makes no second type of a page. */
TEST(trap, peek_leaves_uncached_pages_alone)
{
	struct page *page = alloc_page(GFP_HIGHONLY | GFP_ZERO);
	phys_addr_t pa;
	u64 value = 1;

	REQUIRE(page);
	pa = page_to_pa(page);
	CHECK(phys_peek(pa + PAGE_SIZE - 8, &value));
	CHECK_EQ(value, 0);
	page_types_unmapped();
	page_types_set(page_to_pfn(page), 1, MT_UNCACHED);
	CHECK(!phys_peek(pa, &value));
	page_types_reset(page_to_pfn(page), 1);
	CHECK(phys_peek(pa, &value));
	free_page(page);
}

static void words_are(u32 level, u64 desc, const char *words)
{
	char text[96];

	walk_describe(text, sizeof(text), level, desc);
	if (!CHECK_EQ(strcmp(text, words), 0)) {
		test_note("\"%s\", not \"%s\"", text, words);
	}
}

TEST(trap, walk_describes_in_words)
{
	words_are(3, pfn_pte(0x880123, PAGE_KERNEL).raw,
		  "page 0x0880123000 rw- user --- normal shared");
	words_are(3, pfn_pte(0x80010, PAGE_KERNEL_RX).raw,
		  "page 0x0080010000 r-x user --- normal shared");
	words_are(3, pfn_pte(0x1c090, PAGE_DEVICE).raw, "page 0x001c090000 rw- user --- device");
	words_are(2, pfn_pmd_block(0x80200, PAGE_KERNEL).raw,
		  "block 0x0080200000 rw- user --- normal shared");
	words_are(2, pmd_table(pfn_to_pa(0x80004)).raw | TABLE_PXN, "table 0x0080004000 pxn");
	words_are(3, DESC_BLOCK, "reserved type");
	words_are(3, 0, "empty");
}

/* ---- whose address ---- */

static void describes(const void *va, const char *words)
{
	char text[96];

	address_describe(text, sizeof(text), (vaddr_t)va);
	if (!CHECK_EQ(strncmp(text, words, strlen(words)), 0)) {
		test_note("%p is \"%s\", not \"%s\"", va, text, words);
	}
}

TEST(trap, addresses_have_owners)
{
	char *area = vmalloc(2 * PAGE_SIZE);
	struct page *page = alloc_page(GFP_KERNEL);

	REQUIRE(page && area);
	describes(NULL, "the NULL page");
	describes((void *)(PAGE_OFFSET - 1), "user part");
	describes((void *)mm.lowmem_end, "guard between lowmem and vmalloc");
	describes(area, "vmalloc area, 2 pages of vmalloc");
	describes(area + 2 * PAGE_SIZE, "vmalloc area, guard behind 2 pages of vmalloc");
	describes((void *)(PKMAP_START + 7 * PAGE_SIZE), "pkmap window 7");
	describes((void *)fixmap_va(FIX_UART), "fixmap slot 1");
	describes((void *)fixmap_va(FIX_KMAP_BEGIN + KMAP_LOCAL_STRIDE + 2),
		  "fixmap slot 34, kmap_local window 2 of CPU 1");
	describes((void *)(BIGWIN_START + SZ_2M), "bigwin of CPU 1");
	describes(__image_start, "image, text");
	describes(__rodata_start, "image, rodata");
	describes(__image_end, "image, nothing, behind its end");
	describes(&rodata_word, "image, late rodata");
	describes(__late_start, "image, late text");
	describes(__late_end, "image, nothing, behind its late end");
	describes(__data_start, "image, data");
	describes(&data_word, "image, data");
	describes((void *)TOP_VA, "the unmapped end");
	describes(lowmem_page_address(page), "lowmem, pfn 0x");
	free_page(page);
	vfree(area);
}

/* ---- the unwinder ---- */

static u32 *caught; /* addresses of the calls, ending in 0 */

static __noinline void chain_inner(void)
{
	struct unwind u;
	u32 n = 0;

	unwind_here(&u);
	do {
		caught[n++] = unwind_pc(&u);
	} while (n < UNWIND_MAX_DEPTH && unwind_step(&u));
	caught[n] = 0;
}

static __noinline void chain_middle(void)
{
	char room[600]; /* more than a short opcode can say */

	__asm__ volatile("" : : "r"(room) : "memory");
	CHECK_EQ(probe_exec((const void *)chain_inner), 0); /* assembly, ARM state */
	__asm__ volatile("" : : "r"(room) : "memory");
}

/* noipa: one frame for each call, whatever the compiler could make of it. */
__attribute__((noipa)) static u32 chain_outer(u32 depth)
{
	u32 r = depth ? chain_outer(depth - 1) + 1 : 0;

	if (depth == 0) {
		chain_middle();
	}
	__asm__ volatile("" : "+r"(r));
	return r;
}

TEST(trap, unwind_finds_callers)
{
	static const char *const names[] = {
		"chain_inner", "probe_exec_status", "chain_middle", "chain_outer",
		"chain_outer", "chain_outer",	    "chain_outer",  "trap.unwind_finds_callers",
	};
	u32 calls[UNWIND_MAX_DEPTH + 1];
	char name[48];
	u32 offset, n = 0;

	caught = calls;
	CHECK_EQ(chain_outer(3), 3);
	for (; caught[n]; n++) {
		symtab_lookup(caught[n], name, sizeof(name), &offset);
		if (n < ARRAY_SIZE(names) && !CHECK_EQ(strcmp(name, names[n]), 0)) {
			test_note("caller %u is %s, not %s", n, name, names[n]);
		}
	}
	CHECK(n > ARRAY_SIZE(names) && n < UNWIND_MAX_DEPTH);
	CHECK_EQ(strcmp(name, "kernel_main"), 0); /* the last one found */
}

/* Whatever the registers hold: it returns, and within the image's text or not at all. */
TEST(trap, unwind_survives_garbage)
{
	u32 seed = 1, text = (u32)(__text_end - __image_start);

	for (u32 i = 0; i < 2000; i++) {
		struct unwind u;

		for (u32 r = 0; r < 16; r++) {
			seed = seed * 1664525 + 1013904223;
			u.r[r] = r == 13 && (i & 1) ? (u32)&u : seed;
		}
		u.r[15] = (u32)__image_start + (seed >> 8) % text;
		u.exact = i & 2;
		for (u32 step = 0; step < UNWIND_MAX_DEPTH && unwind_step(&u); step++) {
		}
	}
}
