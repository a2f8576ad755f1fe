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
 * In front of that: small segments that are freed stay as they are for a while, on one list per
 * exact size, and go out again with what their owner remembers of the place. They merge when
 * there are too many, or when a request would fail without them.
 *
 * Locking is the caller's: one lock around every call.
 */
#pragma once

#include <types.h>

#define VA_CLASSES	32 /* free segments of 2^k up to 2^(k+1) - 1 units */
#define VA_HASH_BUCKETS 128
#define VA_CACHED_SIZE	32  /* the largest segment that is cached */
#define VA_CACHED_MAX	256 /* segments that are cached at once */

enum va_state {
	VA_EDGE, /* the list's head: never merges */
	VA_FREE,
	VA_ALLOCATED, /* found by va_take() and va_find() */
	VA_TAKEN,     /* on its way from allocated to free: `peer` is the caller's */
	VA_CACHED,    /* free, but kept as it is */
	VA_SPARE,     /* a descriptor without a range */
};

struct va_seg {
	struct va_seg *prev, *next; /* address order */
	struct va_seg *peer; /* list of free, cached or spare ones; when taken, the caller's */
	union {
		struct va_seg **link;	  /* free: what points at us */
		struct va_seg *hash_next; /* allocated, taken, cached */
	};
	u32 start, size;
	u8 state;
	u8 tag;	     /* the caller's */
	void *owner; /* the caller's; survives caching, NULL in a segment of a new range */
};

struct va_space {
	struct va_seg edge;
	u32 nonempty; /* bit k: free[k] holds something */
	struct va_seg *free[VA_CLASSES];
	struct va_seg *hash[VA_HASH_BUCKETS];
	struct va_seg *cache[VA_CACHED_SIZE + 1]; /* by size */
	u32 cached;
	struct va_seg *spare;
	u32 spares;
};

/* One free segment, [start, start + size), described by `first`. */
void va_init(struct va_space *space, struct va_seg *first, u32 start, u32 size);

/* Gives the space a descriptor. Each va_alloc() may need one; merging gives up to two back. */
void va_donate(struct va_space *space, struct va_seg *seg);
/* Takes a spare descriptor back; NULL: none. */
struct va_seg *va_reclaim(struct va_space *space);

/* Merges all cached segments. True: there were some. */
bool va_trim(struct va_space *space);

/* The ways that go beyond the cache: see the inline functions. */
struct va_seg *__must_check va_alloc_new(struct va_space *space, u32 size);
void va_merge(struct va_space *space, struct va_seg *seg);

/* size units: a cached segment of just that size, or the front of a fitting free one. NULL: nothing
 * fits, or no descriptor to spare (va_donate() first). */
static inline struct va_seg *__must_check va_alloc(struct va_space *space, u32 size)
{
	struct va_seg *seg;

	if (unlikely(size > VA_CACHED_SIZE || !space->cache[size])) {
		return va_alloc_new(space, size);
	}
	seg = space->cache[size];
	space->cache[size] = seg->peer;
	space->cached--;
	seg->state = VA_ALLOCATED;
	return seg;
}

/* Multiplicative: areas tend to lie at equal distances, which a plain modulo folds together. */
static inline u32 va_bucket(u32 start)
{
	return (start * 0x9e3779b1u) >> 25;
}
STATIC_ASSERT(VA_HASH_BUCKETS == 1u << (32 - 25));

/* The allocated segment that begins at start, no longer found by its address but still
 * occupying it, until va_free(). NULL: none begins there. */
static inline struct va_seg *__must_check va_take(struct va_space *space, u32 start)
{
	struct va_seg *seg = space->hash[va_bucket(start)];

	while (seg && unlikely(seg->start != start)) {
		seg = seg->hash_next;
	}
	if (unlikely(!seg || seg->state != VA_ALLOCATED)) {
		return NULL;
	}
	seg->state = VA_TAKEN;
	return seg;
}

/* Makes a taken segment's range free: caches it, or merges it with its neighbours. */
static inline void va_free(struct va_space *space, struct va_seg *seg)
{
	if (unlikely(seg->size > VA_CACHED_SIZE)) {
		va_merge(space, seg);
		return;
	}
	if (unlikely(space->cached >= VA_CACHED_MAX)) {
		va_trim(space); /* full of sizes that nobody asks for, most likely */
	}
	seg->state = VA_CACHED;
	seg->peer = space->cache[seg->size];
	space->cache[seg->size] = seg;
	space->cached++;
}

/* The segment, allocated or taken, that unit lies in, or (next) the first that ends above it;
 * NULL: none. Linear: for people, not for paths that matter. */
const struct va_seg *va_find(const struct va_space *space, u32 unit, bool next);

/* Pieces are as they would be after va_trim(). */
struct va_stats {
	u32 free_units, free_pieces, largest;
};
void va_query(const struct va_space *space, struct va_stats *stats);
