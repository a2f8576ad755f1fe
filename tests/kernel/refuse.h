/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DEBUG: makes calls for memory find none (failalloc.h): any thread's and any interrupt handler's,
 * on any CPU. Each place in the code that asks is a site, told by its return address.
 */
#pragma once

#include <arch/current.h>

/* One call of a site's; a site's calls in handlers are counted apart from its others. */
struct refuse_call {
	vaddr_t at;
	u32 number;  /* since refuse_begin(): 0 is the first */
	u32 refused; /* since refuse_forget() */
};

/* Whether to refuse it: any context, on several CPUs at once. */
typedef bool refuse_fn(const struct refuse_call *call);

/* No site is known any more. */
void refuse_forget(void);
/* Asks from now on. victim: only of this thread's calls, outside of handlers; NULL: of all. */
void refuse_begin(refuse_fn *which, const struct thread_core *victim);
void refuse_end(void);

struct refused {
	u32 known, sites; /* sites that asked; of these, that were refused */
	u32 calls;	  /* that were refused */
	u32 in_irq;	  /* of these, handlers' */
};
/* Since refuse_forget(). */
void refuse_query(struct refused *refused);
/* Names each site that was refused, and how often: tests/system/test_failalloc.py reads that. */
void refuse_print(void);
