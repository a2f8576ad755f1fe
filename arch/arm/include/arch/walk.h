/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the page tables say about an address, level by level and in words, and what the MMU
 * itself says (ARM DDI 0406C, B3.6 and B4.2.4). Queries: they change nothing.
 *
 * The walk starts from register values and reads memory through a function, so it also
 * runs on the host.
 */
#pragma once

#include <arch/pgtable.h>
#include <types.h>

struct walk_regs {
	u32 ttbcr;
	u32 sctlr;
	u64 ttbr[2];
};

/* Reads the descriptor at pa; false if pa cannot be read. */
typedef bool walk_read_fn(phys_addr_t pa, u64 *desc);

struct walk_step {
	phys_addr_t entry; /* where the descriptor is */
	u64 desc;
	u32 level;
	bool read; /* false: entry could not be read, desc is 0 */
};

struct walk {
	struct walk_step step[3];
	u32 steps;		   /* 0: no table covers the address, or walks of it are off */
	u32 ttbr;		   /* 0 or 1: which one covers it; 2: neither */
	bool mapped;		   /* the rest is only then valid */
	bool writable, executable; /* by the kernel: tables' limits and WXN taken in */
	bool user;		   /* user mode may access it */
	enum mem_type type;
	phys_addr_t pa; /* what va is translated to */
};

/* The registers of the running CPU. */
void walk_regs_get(struct walk_regs *regs);

/* Walks by hand. */
void walk_tables(struct walk *walk, const struct walk_regs *regs, vaddr_t va, walk_read_fn *read);

/* A descriptor found at a level, in words: "page 0x0880000000 rw- user --- normal shared". */
int walk_describe(char *buf, size_t size, u32 level, u64 desc);

static inline int walk_describe_pte(char *buf, size_t size, pte_t pte)
{
	return walk_describe(buf, size, 3, pte.raw);
}

/*
 * Asks the MMU to translate va for a read or write by the kernel: the PAR. Any context; an external
 * abort of the walk comes back as a fault like any other.
 */
u64 walk_ask_mmu(vaddr_t va, bool write);

/* PAR, B4.1.112, long-descriptor format */
#define PAR_FAULT	(1ull << 0)
#define PAR_STATUS(par) ((u32)((par) >> 1) & 0x3f)
#define PAR_TYPE_SHIFT	56 /* the page's MAIR field */

/* A PAR in words: "0x0880000000 attributes 0xff", or "translation fault, level 3". */
int walk_describe_par(char *buf, size_t size, u64 par);
