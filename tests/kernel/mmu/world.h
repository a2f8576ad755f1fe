/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A world of our own: translation tables for both halves, the code that makes accesses in it, and
 * a visit of one CPU there, by which a list of accesses is made and what came of each is noted.
 *
 * Everything is on one CPU, preemption off from open to close; interrupts are masked only while a
 * visit lasts. The tables are walked by nobody outside a visit, so between two they are written
 * freely: break-before-make is the TLBIALL at a visit's start and end.
 */
#pragma once

#include <mm/page_alloc.h>
#include <types.h>

#include "model.h"

/* Where the code is in either half: in the 7th of 16 parts of 2 MiB, so that any size covers it. */
#define WORLD_LOW  0x00c00000u
#define WORLD_HIGH 0xfec00000u
/* For kinds that change tables: last[0] and last[1], writable, in the low half's code table. */
#define WORLD_ALIAS(half) (WORLD_LOW + (12 + (half)) * PAGE_SIZE)
/* For kinds that look at what was written in a half: the page behind it, beside the code. */
#define WORLD_BEHIND(home, half) ((home) + (14 + (half)) * PAGE_SIZE)

#define OPS_MAX	  500
#define SLOTS_MAX 32

struct op {
	u32 va;
	u32 kind;   /* enum op_kind */
	u32 lo, hi; /* in: what is written; out: what was read, or PAR */
	u32 trap;   /* TRAP_.. */
	u32 dfsr, dfar, ifsr, ifar;
	u32 slot; /* of its chains in struct world */
};

struct visit {
	u64 ttbr[2], kernel_ttbr[2];
	u32 ttbcr_enter, ttbcr_both, ttbcr_final, ttbcr_kernel;
	u32 sctlr, sctlr_kernel;
	u32 vbar_kernel;
	u32 low, home, back;
	u32 count;
	u32 unused;
	struct op op[OPS_MAX];
};

struct table {
	struct page *page;
	u64 *entry; /* its window */
};

#define TABLES 9

struct world {
	struct mmu_regs regs;
	struct chain chain[2][SLOTS_MAX]; /* [half] */
	union {
		struct {
			struct table root[2], mid[2], last[2]; /* [half] */
			struct table code_mid[2], code_last;
		};
		struct table table[TABLES];
	};
	struct page *code, *data;
	struct visit *visit;   /* data's direct mapping */
	struct page *land;     /* 2 MiB to map, aligned; LAND_PAGES of them filled */
	u64 behind[2];	       /* what WORLD_BEHIND() shows; not 0 once a visit's list has a look */
	struct page *gib_page; /* one whose GiB is RAM altogether, or NULL; filled */
	struct page *gib_owned;	   /* the same, if it is not in land */
	u32 cases, allowed, wrong; /* allowed: in which the model wants no fault */
};

#define DATA_ORDER 3 /* struct visit */
#define LAND_ORDER 9
#define LAND_FIRST 304 /* the first that is filled: at an address with bits set between */
#define LAND_PAGES 4

/*
 * The word that fills page n of the land: an instruction that returns, n instructions late. So a
 * value that is read says which page it came from, and a call which page ran.
 */
u32 land_word(u32 n);
/* Another word for the same instruction: what is written there. */
u32 land_twin(u32 word);
/* What is left by a call of that word: visit.S. */
u32 land_mark(u32 word);
struct page *land_page(const struct world *w, u32 n);
u64 land_pa(const struct world *w, u32 n);
/* Fills a page with such a word, to be read and fetched. */
void page_make_land(struct page *page, u32 word);

/*
 * NULL: no memory, or the MMU does not find the tables anywhere, which is said.
 */
struct world *world_open(void);
void world_close(struct world *w); /* NULL is allowed */

/* True if tables above 4 GiB are read elsewhere on this machine; found by world_open(). */
extern bool world_cuts;

/*
 * Asks the MMU from outside, ATS1CPR, with the world's lower half in place of the kernel's. T0SZ is
 * 2 or more: the kernel's half may begin at 1 GiB, and its stack is there.
 */
u64 world_ask(struct world *w, u32 va);

/* The address in a PAR of success. */
static inline u64 par_pa(u64 par)
{
	return par & ((1ull << 40) - PAGE_SIZE);
}

/* tables.c: */

static inline u64 table_pa(const struct table *table)
{
	return page_to_pa(table->page);
}

/* No walker looks at the table now: a plain store; cleaned where walks bypass the cache. */
void entry_set(u64 *entry, u64 value);
void table_empty(struct table *table);

/* The tables below the root for code and data, in both halves. */
void world_code(struct world *w);

/* Sizes: empties both roots, and puts the way to the code there. */
void world_shape(struct world *w, u32 t0sz, u32 t1sz);

/* Writes chain's descriptors for va into that half's tables; the tables' addresses are added. */
void world_map(struct world *w, u32 half, u32 va, struct chain *chain);

/* A page at va, below tables that limit nothing; its word is the land's of that half. */
#define PAGE_RW (D_PAGE | D_AF | D_AP(1) | D_SH_INNER)
struct chain *world_page(struct world *w, u32 half, u32 slot, u32 va, u64 leaf);

/* Makes that page the one that WORLD_BEHIND() shows: one for each half and visit. */
void world_show(struct world *w, u32 half, u64 pa);

/* Where accesses are made from: below, unless that half is closed. */
static inline u32 world_home(const struct world *w)
{
	return w->regs.epd[0] ? WORLD_HIGH : WORLD_LOW;
}

/* The level at which walks of that half start (B3.6.6). */
static inline u32 world_start_level(const struct world *w, u32 half)
{
	return w->regs.size[half] < 2 ? 1 : 2;
}

/* world.c again: */

/* Adds an access; slot: of the chains that answer for it. */
struct op *world_op(struct world *w, u32 slot, u32 va, enum op_kind kind);

/* Makes all accesses, by the registers' values in w->regs. Nothing is judged. */
void world_visit(struct world *w);
