/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands about the translation tables: what is mapped, and how one address is. Queries. */
#include "monitor.h"

#include <arch/cpreg.h>
#include <arch/early_tables.h>
#include <arch/walk.h>
#include <kernel/oops.h>
#include <kernel/report.h>
#include <lib/printf.h>
#include <mm/pgtable.h>

void tables_for_each(vaddr_t start, vaddr_t end, leaf_fn *leaf, void *arg)
{
	for (vaddr_t va = start; va < end && va >= start;
	     va = ALIGN_DOWN(va, PMD_SIZE) + PMD_SIZE) {
		pmd_t pmd = { READ_ONCE(kernel_pmd(va)->raw) };

		if (!pmd_present(pmd)) {
			continue;
		}
		if (!pmd_is_table(pmd)) {
			if (!leaf(arg, va, 2, pmd.raw)) {
				return;
			}
			continue;
		}
		for (u32 i = pte_index(va); i < PTRS_PER_TABLE; i++) {
			vaddr_t page = ALIGN_DOWN(va, PMD_SIZE) + i * PAGE_SIZE;
			u64 desc = READ_ONCE(kernel_pte(page)->raw);

			if (page < end && (desc & DESC_VALID) && !leaf(arg, page, 3, desc)) {
				return;
			}
		}
	}
}

void leaf_words(char *buf, size_t size, u32 level, u64 desc)
{
	char text[80];
	const char *words = text;

	/* "page 0x0880000000 rw- …": without the first two words */
	(void)walk_describe(text, sizeof(text), level, desc);
	for (u32 i = 0; i < 2 && words; i++) {
		words = strchr(words, ' ');
		words += words ? 1 : 0;
	}
	strlcpy(buf, words ? words : text, size);
}

/* ---- ptdump ---- */

/* A range of neighbours with the same rights and type. */
struct dump {
	vaddr_t start, end;
	u32 level;
	u64 desc;	  /* the first */
	phys_addr_t next; /* behind the last */
	u32 pieces;	  /* runs of consecutive physical addresses */
	u32 ranges;
	u64 bytes;
	bool stopped;
};

#define ATTRIBUTES(desc) ((desc) & ~DESC_ADDR_MASK)

static void dump_flush(struct dump *d)
{
	char words[64], pieces[24] = "";

	if (d->end == d->start) {
		return;
	}
	leaf_words(words, sizeof(words), d->level, d->desc);
	if (d->pieces > 1) {
		(void)snprintf(pieces, sizeof(pieces), " and %u more", d->pieces - 1);
	}
	say("  0x%08x to 0x%08x %7u KiB by %s  %s  to 0x%010llx%s", (u32)d->start,
	    (u32)(d->end - 1), (u32)(d->end - d->start) / 1024, d->level == 2 ? "2M" : "4K", words,
	    d->desc & DESC_ADDR_MASK, pieces);
	d->ranges++;
	d->bytes += d->end - d->start;
	d->end = d->start = 0;
}

static bool dump_leaf(void *arg, vaddr_t va, u32 level, u64 desc)
{
	struct dump *d = arg;
	u32 size = level == 2 ? PMD_SIZE : PAGE_SIZE;
	phys_addr_t pa = desc & DESC_ADDR_MASK;

	if (d->end != va || d->level != level || ATTRIBUTES(d->desc) != ATTRIBUTES(desc)) {
		dump_flush(d);
		if (line_stop()) {
			d->stopped = true;
			return false;
		}
		d->start = va;
		d->level = level;
		d->desc = desc;
		d->pieces = 0;
		d->next = pa + 1;
	}
	d->pieces += d->next != pa;
	d->next = pa + size;
	d->end = va + size;
	return true;
}

void cmd_ptdump(u32 argc, char **argv)
{
	struct region region;
	struct dump d = { .ranges = 0 };
	bool found = false;

	for (u32 i = 0; region_get(i, &region) && !d.stopped; i++) {
		if (argc > 0 && strcmp(argv[0], region.name) != 0) {
			continue;
		}
		found = true;
		say("%s, 0x%08x to 0x%08x:", region.name, (u32)region.start, (u32)region.end - 1);
		tables_for_each(region.start, region.end, dump_leaf, &d);
		dump_flush(&d);
	}
	if (!found) {
		(void)say_error("no region %.40s: layout shows them", argv[0]);
	} else {
		say("%u ranges, %llu KiB mapped%s", d.ranges, d.bytes >> 10,
		    d.stopped ? "; stopped" : "");
	}
}

/* ---- walk, pa ---- */

static void walk_get(struct walk *walk, vaddr_t va)
{
	struct walk_regs regs;

	walk_regs_get(&regs);
	walk_tables(walk, &regs, va, phys_peek);
}

/* The memory type that a PAR's attributes are of: a field of MAIR0. */
static u32 par_type(u64 par)
{
	u32 type = MT_NORMAL;

	while (type < 4 && (read_mair0() >> 8 * type & 0xff) != par >> PAR_TYPE_SHIFT) {
		type++;
	}
	return type;
}

/* In what the MMU's answers differ from what the tables say; NULL: in nothing. */
static const char *difference(const struct walk *walk, u64 read, u64 write)
{
	if (walk->mapped != !(read & PAR_FAULT)) {
		return "in whether it is mapped: a TLB, or a walker, sees something else";
	}
	if (!walk->mapped) {
		return NULL;
	}
	if ((read & DESC_ADDR_MASK) != pa_align_down(walk->pa, PAGE_SIZE)) {
		return "in the page";
	}
	if (walk->writable != !(write & PAR_FAULT)) {
		return "in whether it may be written";
	}
	return walk->type == par_type(read) ? NULL : "in the memory type";
}

void cmd_walk(__unused u32 argc, char **argv)
{
	const char *differ;
	struct walk walk;
	vaddr_t va;

	if (!want_va(argv[0], &va)) {
		return;
	}
	walk_report(va);
	walk_get(&walk, va);
	differ = difference(&walk, walk_ask_mmu(va, false), walk_ask_mmu(va, true));
	if (differ) {
		say("They differ: %s.", differ);
	} else if (walk.mapped) {
		say("The MMU agrees with the tables: 0x%010llx, r%c%c, %s memory.", walk.pa,
		    walk.writable ? 'w' : '-', walk.executable ? 'x' : '-', type_word(walk.type));
	} else {
		say("The MMU agrees with the tables: not mapped.");
	}
}

void cmd_pa(__unused u32 argc, char **argv)
{
	struct walk walk;
	vaddr_t va;

	if (!want_va(argv[0], &va)) {
		return;
	}
	walk_get(&walk, va);
	if (walk.mapped) {
		say("0x%08x is physical 0x%010llx", (u32)va, walk.pa);
	} else {
		say("0x%08x is not mapped", (u32)va);
	}
}
