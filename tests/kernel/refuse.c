/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the table of sites, and what was refused to each. It is asked inside allocators, in any
 * context: so no locks, no allocation, atomic steps only. A site takes the first place that is free
 * and stays there.
 */
#include "refuse.h"

#include <arch/barrier.h>
#include <bug.h>
#include <failalloc.h>
#include <kernel/irq.h>
#include <kernel/test.h>
#include <lib/string.h>
#include <lib/symtab.h>

#define SITES_MAX 96

static struct site {
	vaddr_t at;	/* 0: no site yet */
	u32 calls[2];	/* of threads, and in handlers */
	u32 refused[2]; /* of these */
} sites[SITES_MAX];
static struct {
	refuse_fn *which;
	const struct thread_core *victim;
} rule; /* constant while there is the hook */

static struct site *site_of(vaddr_t at)
{
	for (u32 i = 0; i < SITES_MAX; i++) {
		vaddr_t there = 0;

		if (__atomic_compare_exchange_n(&sites[i].at, &there, at, false, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED) ||
		    there == at) {
			return &sites[i];
		}
	}
	bug("test.refuse", "more than %u sites", SITES_MAX);
}

static bool refuse(vaddr_t at)
{
	u32 context = in_irq();
	struct refuse_call call = { .at = at };
	struct site *site;
	bool yes;

	dmb_ish(); /* that there is a hook, before the rule is read */
	if (rule.victim && (context || current_core() != rule.victim)) {
		return false;
	}
	site = site_of(at);
	call.number = __atomic_fetch_add(&site->calls[context], 1, __ATOMIC_RELAXED);
	call.refused = READ_ONCE(site->refused[context]);
	yes = rule.which(&call);
	if (yes) {
		__atomic_fetch_add(&site->refused[context], 1, __ATOMIC_RELAXED);
	}
	return yes;
}

void refuse_forget(void)
{
	memset(sites, 0, sizeof(sites));
}

void refuse_begin(refuse_fn *which, const struct thread_core *victim)
{
	for (u32 i = 0; i < SITES_MAX; i++) {
		memset(sites[i].calls, 0, sizeof(sites[i].calls));
	}
	rule.which = which;
	rule.victim = victim;
	dmb_ish(); /* the rule, before anybody can find the hook */
	WRITE_ONCE(failalloc_hook, refuse);
}

void refuse_end(void)
{
	WRITE_ONCE(failalloc_hook, NULL);
}

void refuse_query(struct refused *refused)
{
	*refused = (struct refused){ 0 };
	for (u32 i = 0; i < SITES_MAX; i++) {
		u32 calls = sites[i].refused[0] + sites[i].refused[1];

		refused->known += sites[i].at != 0;
		refused->calls += calls;
		refused->sites += calls > 0;
		refused->in_irq += sites[i].refused[1];
	}
}

void refuse_print(void)
{
	char name[48];
	u32 offset;

	for (u32 i = 0; i < SITES_MAX; i++) {
		const struct site *site = &sites[i];
		u32 calls = site->refused[0] + site->refused[1];

		if (calls > 0 && symtab_lookup(site->at, name, sizeof(name), &offset)) {
			test_note("refused: %08x %u %s+0x%x", site->at & ~1u, calls, name, offset);
		}
	}
}
