/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pure allocator of address ranges, in units (the vmalloc area counts pages). It touches
 * neither the memory behind the addresses nor any lock, and allocates nothing: segment
 * descriptors are donated by the caller and can be taken back.
 *
 * Every unit belongs to exactly one segment, and all segments form one list in address
 * order. Free ones also hang on one list per power of two; a bitmap of lists that hold
 * something finds a fit at once. Allocated ones are hashed by start. Taking, freeing and
 * merging are constant time; only a request that no larger class can serve walks a list.
 *
 * Locking is the caller's: one lock around every call.
 */
#pragma once

#include <types.h>

#define VA_CLASSES	32 /* free segments of 2^k up to 2^(k+1) - 1 units */
#define VA_HASH_BUCKETS 128

enum va_state {
	VA_EDGE, /* the list's head: never merges */
	VA_FREE,
	VA_ALLOCATED, /* found by va_take() and va_find() */
	VA_TAKEN,     /* on its way from allocated to free: `peer` is the caller's */
	VA_SPARE,     /* a descriptor without a range */
};

struct va_seg {
	struct va_seg *prev, *next; /* address order */
	struct va_seg *peer;  /* free list, hash chain, spare list; when taken, the caller's */
	struct va_seg **link; /* free list: what points at us */
	u32 start, size;
	u8 state;
	u8 tag;	     /* the caller's */
	void *owner; /* the caller's */
};

struct va_space {
	struct va_seg edge;
	u32 nonempty; /* bit k: free[k] holds something */
	struct va_seg *free[VA_CLASSES];
	struct va_seg *hash[VA_HASH_BUCKETS];
	struct va_seg *spare;
	u32 spares;
};

/* One free segment, [start, start + size), described by `first`. */
void va_init(struct va_space *space, struct va_seg *first, u32 start, u32 size);

/* Gives the space a descriptor. Each va_alloc() may need one; merging gives up to two back. */
void va_donate(struct va_space *space, struct va_seg *seg);
/* Takes a spare descriptor back; NULL: none. */
struct va_seg *va_reclaim(struct va_space *space);

/* size units, at the front of a fitting free segment. NULL: nothing fits, or no descriptor
 * to spare (va_donate() first). tag and owner are the caller's to set. */
struct va_seg *__must_check va_alloc(struct va_space *space, u32 size);

/* The allocated segment that begins at start, no longer found by its address but still
 * occupying it, until va_free(). NULL: none begins there. */
struct va_seg *__must_check va_take(struct va_space *space, u32 start);

/* Makes a taken segment's range free and merges it with its neighbours. */
void va_free(struct va_space *space, struct va_seg *seg);

/* The segment, allocated or taken, that unit lies in, or (next) the first that ends above it;
 * NULL: none. Linear: for people, not for paths that matter. */
const struct va_seg *va_find(const struct va_space *space, u32 unit, bool next);

struct va_stats {
	u32 free_units, free_pieces, largest;
};
void va_query(const struct va_space *space, struct va_stats *stats);
