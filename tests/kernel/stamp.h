/* SPDX-License-Identifier: BSD-2-Clause */
/* Contents that only their owner knows: who shares the memory by mistake changes them. */
#pragma once

#include <types.h>

/* A page's: eight words, whose places in it depend on the stamp too. */
void stamp_write(void *va, u32 stamp);
/* How many of them are not there. */
u32 stamp_wrong(void *va, u32 stamp);

/* Memory by kmalloc(), with a stamp at both ends. */
struct stamped {
	u32 *words, count;
};
/* Of any size class, or a page; random chooses. False: no memory. */
bool __must_check stamped_get(struct stamped *object, u32 random);
/* Frees it, if there is one. False: it was not as its stamp says. */
bool __must_check stamped_put(struct stamped *object);
