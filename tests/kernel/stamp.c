/* SPDX-License-Identifier: BSD-2-Clause */
/* Owns what a stamp looks like. */
#include "stamp.h"

#include <mm/slab.h>

#define STAMP_WORDS 8
#define SIZES	    9 /* from KMALLOC_MIN to a page */
STATIC_ASSERT(KMALLOC_MIN << (SIZES - 1) == PAGE_SIZE);

static u32 *stamp_place(void *va, u32 stamp, u32 i)
{
	return (u32 *)va + i * (PAGE_SIZE / 4 / STAMP_WORDS) + (stamp >> (3 * i)) % 128;
}

void stamp_write(void *va, u32 stamp)
{
	for (u32 i = 0; i < STAMP_WORDS; i++) {
		*stamp_place(va, stamp, i) = stamp ^ i * 0x9e3779b1u;
	}
}

u32 stamp_wrong(void *va, u32 stamp)
{
	u32 wrong = 0;

	for (u32 i = 0; i < STAMP_WORDS; i++) {
		wrong += READ_ONCE(*stamp_place(va, stamp, i)) != (stamp ^ i * 0x9e3779b1u);
	}
	return wrong;
}

bool stamped_get(struct stamped *object, u32 random)
{
	object->count = KMALLOC_MIN / 4u << random % SIZES;
	object->words = kmalloc(object->count * sizeof(u32));
	if (object->words) {
		object->words[0] = ~object->count;
		object->words[object->count - 1] = (u32)(vaddr_t)object;
	}
	return object->words;
}

bool stamped_put(struct stamped *object)
{
	u32 *words = object->words;
	bool right = !words || (words[0] == ~object->count &&
				words[object->count - 1] == (u32)(vaddr_t)object);

	kfree(words);
	object->words = NULL;
	return right;
}
