/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command `tables`: every CPU's translation registers and the tables they lead to, as they are,
 * for tools/ptread on the other side of the line. Lines are as docs/serial-protocol.md says.
 * Must never judge, nor leave out an entry that it finds odd: that is the reader's. A query; no
 * locks.
 */
#include "monitor.h"

#include <arch/cpreg.h>
#include <arch/current.h>
#include <kernel/oops.h>
#include <kernel/smp.h>
#include <lib/crc32.h>
#include <lib/printf.h>

#define DUMP_LINE   150
#define DUMP_RUN    32 /* the most that one run takes: "1ff:200:ffffffffffffffff " */
#define DUMP_LEVELS 3

struct dump_regs {
	u64 ttbr[2];
	u32 ttbcr, mair0, mair1, sctlr;
};

static struct dump {
	struct dump_regs regs[NR_CPUS];
	u32 lines, crc;
	bool stopped; /* by the person, or by what could not be read */
	u32 len;      /* of the line that is being filled */
	char line[DUMP_LINE];
} * dump; /* on the stack of the command */

static void __printf(1, 2) add(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	dump->len +=
		(u32)vsnprintf(dump->line + dump->len, sizeof(dump->line) - dump->len, fmt, args);
	va_end(args);
}

static void end_line(void)
{
	dump->crc = crc32_update(dump->crc, dump->line, dump->len);
	dump->crc = crc32_update(dump->crc, "\n", 1);
	dump->lines++;
	dump->len = 0;
	say("%s", dump->line);
	dump->stopped = dump->stopped || line_stop();
}

/* ---- one table ---- */

struct table {
	phys_addr_t pa;
	u32 level, entries;
};

static bool entry_read(const struct table *t, u32 index, u64 *entry)
{
	if (!phys_peek(t->pa + index * sizeof(u64), entry)) {
		dump->stopped = true;
	}
	return !dump->stopped;
}

/* How far apart the addresses in neighbouring entries are that continue each other. */
static u64 step_of(const struct table *t, u64 entry)
{
	return t->level < DUMP_LEVELS && (entry & DESC_TYPE_MASK) == DESC_BLOCK ?
		       1ull << (PAGE_SHIFT + 9 * (DUMP_LEVELS - t->level)) :
		       PAGE_SIZE;
}

static void open_entries(const struct table *t)
{
	add("@pt {\"table\":\"0x%010llx\",\"level\":%u,\"entries\":\"", t->pa, t->level);
}

/* Valid entries, as "index:count:first entry", all in hex; the others are software's own. */
static void say_entries(const struct table *t)
{
	u32 index = 0, count;
	u64 first, entry;

	open_entries(t);
	while (index < t->entries && entry_read(t, index, &first)) {
		for (count = 1; (first & DESC_VALID) && index + count < t->entries &&
				entry_read(t, index + count, &entry) &&
				entry == first + count * step_of(t, first);
		     count++) {
		}
		if (first & DESC_VALID) {
			if (dump->len + DUMP_RUN > DUMP_LINE) {
				add("\"}");
				end_line();
				open_entries(t);
			}
			add("%s%x:%x:%llx", dump->line[dump->len - 1] == '"' ? "" : " ", index,
			    count, first);
		}
		index += count;
	}
	add("\"}");
	end_line();
}

static void say_tables(const struct table *t)
{
	u64 entry;

	if (!phys_peek(t->pa, &entry)) {
		return; /* nowhere: who reads misses it, and knows the entry that leads there */
	}
	say_entries(t);
	for (u32 i = 0; t->level < DUMP_LEVELS && i < t->entries && entry_read(t, i, &entry); i++) {
		if ((entry & DESC_TYPE_MASK) == DESC_TABLE) {
			say_tables(&(struct table){ entry & DESC_ADDR_MASK, t->level + 1,
						    PTRS_PER_TABLE });
		}
	}
}

/* ---- from the registers ---- */

static void take_regs(__unused void *arg)
{
	dump->regs[current_core()->cpu] = (struct dump_regs){
		{ read_ttbr0(), read_ttbr1() },
		read_ttbcr(),
		read_mair0(),
		read_mair1(),
		read_sctlr(),
	};
}

static void say_regs(u32 cpu)
{
	const struct dump_regs *r = &dump->regs[cpu];

	add("@pt {\"cpu\":%u,\"ttbr0\":\"0x%llx\",\"ttbr1\":\"0x%llx\",\"ttbcr\":\"0x%x\",", cpu,
	    r->ttbr[0], r->ttbr[1], r->ttbcr);
	add("\"mair0\":\"0x%x\",\"mair1\":\"0x%x\",\"sctlr\":\"0x%x\"}", r->mair0, r->mair1,
	    r->sctlr);
	end_line();
}

/* B3.6.4 and B3.6.6: 1 GiB or less begins at level 2. Off by EPDn: nothing is walked. */
static void say_half(const struct dump_regs *r, u32 n)
{
	u32 size = r->ttbcr >> 16 * n & 7, off = r->ttbcr >> (16 * n + 7) & 1;
	u32 level = size < 2 ? 1 : 2, bits = 32 - size - PAGE_SHIFT - 9 * (DUMP_LEVELS - level);

	if (!off) {
		say_tables(&(struct table){
			pa_align_down(r->ttbr[n] & (PHYS_END - 1), 1u << (bits + 3)), level,
			1u << bits });
	}
}

/* Whether another CPU, before this one, has led there. */
static bool said_before(u32 cpus, u32 cpu, u32 n)
{
	for (u32 i = 0; i < cpu; i++) {
		if ((cpus >> i & 1) && dump->regs[i].ttbr[n] == dump->regs[cpu].ttbr[n] &&
		    dump->regs[i].ttbcr == dump->regs[cpu].ttbcr) {
			return true;
		}
	}
	return false;
}

void cmd_tables(__unused u32 argc, __unused char **argv)
{
	u32 cpus = 1u << current_core()->cpu;
	struct dump all = { .lines = 0 };

	dump = &all;
	if (after_panic()) {
		take_regs(NULL); /* the others do not listen any more */
	} else {
		cpus = cpus_online();
		smp_call(cpus, take_regs, NULL);
	}
	add("@pt {\"v\":1,\"cpus\":\"0x%x\",\"online\":\"0x%x\"}", cpus, cpus_online());
	end_line();
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		if (cpus >> cpu & 1) {
			say_regs(cpu);
		}
	}
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		for (u32 n = 0; (cpus >> cpu & 1) && n < 2 && !dump->stopped; n++) {
			if (!said_before(cpus, cpu, n)) {
				say_half(&dump->regs[cpu], n);
			}
		}
	}
	if (dump->stopped) {
		(void)say_error("stopped: this is not all");
		return;
	}
	say("@pt {\"lines\":%u,\"crc32\":\"%08x\"}", dump->lines, dump->crc);
}
