/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the arithmetic of address ranges: which are free, which are allocated, what
 * merges with what. Must never allocate, lock, or touch what an address points to: it is
 * also built on the host and run against a bitmap there.
 */
#include <mm/va_space.h>

static inline u32 va_class(u32 size)
{
	return 31 - (u32)__builtin_clz(size);
}

static void free_link(struct va_space *space, struct va_seg *seg)
{
	u32 class = va_class(seg->size);
	struct va_seg **head = &space->free[class];

	seg->peer = *head;
	seg->link = head;
	if (seg->peer) {
		seg->peer->link = &seg->peer;
	}
	*head = seg;
	space->nonempty |= 1u << class;
}

/* class: the one it was linked under, when its size has changed since. */
static void free_unlink(struct va_space *space, struct va_seg *seg, u32 class)
{
	*seg->link = seg->peer;
	if (seg->peer) {
		seg->peer->link = seg->link;
	}
	if (!space->free[class]) {
		space->nonempty &= ~(1u << class);
	}
}

/* Gives a listed free segment a new range. */
static inline void free_resize(struct va_space *space, struct va_seg *seg, u32 start, u32 size)
{
	u32 class = va_class(seg->size);

	seg->start = start;
	seg->size = size;
	if (va_class(size) != class) {
		free_unlink(space, seg, class);
		free_link(space, seg);
	}
}

void va_donate(struct va_space *space, struct va_seg *seg)
{
	seg->state = VA_SPARE;
	seg->peer = space->spare;
	space->spare = seg;
	space->spares++;
}

struct va_seg *va_reclaim(struct va_space *space)
{
	struct va_seg *seg = space->spare;

	if (seg) {
		space->spare = seg->peer;
		space->spares--;
	}
	return seg;
}

void va_init(struct va_space *space, struct va_seg *first, u32 start, u32 size)
{
	*space = (struct va_space){ .edge = { .prev = first, .next = first, .state = VA_EDGE } };
	*first = (struct va_seg){
		.prev = &space->edge,
		.next = &space->edge,
		.start = start,
		.size = size,
		.state = VA_FREE,
	};
	free_link(space, first);
}

/* A free segment of at least size units; NULL: none. Prefers one of about that size. */
static struct va_seg *free_fit(struct va_space *space, u32 size)
{
	u32 floor = va_class(size);
	u32 larger = space->nonempty & (~0u << floor << 1);
	struct va_seg *seg = space->free[floor];

	if (larger && !(seg && seg->size >= size)) {
		return space->free[__builtin_ctz(larger)]; /* anything in these lists fits */
	}
	while (seg && seg->size < size) {
		seg = seg->peer;
	}
	return seg;
}

/* The front of `from`, or all of it. NULL: no descriptor. */
static struct va_seg *free_split(struct va_space *space, struct va_seg *from, u32 size)
{
	struct va_seg *seg;

	if (from->size == size) {
		free_unlink(space, from, va_class(size));
		return from;
	}
	seg = va_reclaim(space);
	if (likely(seg)) {
		seg->start = from->start;
		seg->size = size;
		seg->prev = from->prev;
		seg->next = from;
		from->prev->next = seg;
		from->prev = seg;
		free_resize(space, from, from->start + size, from->size - size);
	}
	return seg;
}

struct va_seg *va_alloc_new(struct va_space *space, u32 size)
{
	struct va_seg *seg;

	if (size == 0 || size > 1u << 30) {
		return NULL;
	}
	do {
		seg = free_fit(space, size);
	} while (!seg && va_trim(space));
	seg = seg ? free_split(space, seg, size) : NULL;
	if (seg) {
		u32 bucket = va_bucket(seg->start);

		seg->hash_next = space->hash[bucket];
		space->hash[bucket] = seg;
		seg->state = VA_ALLOCATED;
		seg->owner = NULL;
	}
	return seg;
}

static void hash_unlink(struct va_space *space, struct va_seg *seg)
{
	struct va_seg **at = &space->hash[va_bucket(seg->start)];

	while (*at != seg) {
		at = &(*at)->hash_next;
	}
	*at = seg->hash_next;
}

/* A listed free segment takes over a neighbour's range; the neighbour's descriptor is spare. */
static void seg_absorb(struct va_space *space, struct va_seg *keep, struct va_seg *gone)
{
	gone->prev->next = gone->next;
	gone->next->prev = gone->prev;
	free_resize(space, keep, min(keep->start, gone->start), keep->size + gone->size);
	va_donate(space, gone);
}

/* Frees for good, and merges. */
void va_merge(struct va_space *space, struct va_seg *seg)
{
	struct va_seg *left = seg->prev, *right = seg->next;

	hash_unlink(space, seg);
	if (right->state == VA_FREE) {
		seg_absorb(space, right, seg);
		if (left->state == VA_FREE) {
			free_unlink(space, left, va_class(left->size));
			seg_absorb(space, right, left);
		}
	} else if (left->state == VA_FREE) {
		seg_absorb(space, left, seg);
	} else {
		seg->state = VA_FREE;
		free_link(space, seg);
	}
}

bool va_trim(struct va_space *space)
{
	bool any = space->cached > 0;

	for (u32 size = 1; space->cached > 0; size++) {
		struct va_seg *seg, *next;

		for (seg = space->cache[size]; seg; seg = next) {
			next = seg->peer;
			va_merge(space, seg);
			space->cached--;
		}
		space->cache[size] = NULL;
	}
	return any;
}

static bool seg_is_free(const struct va_seg *seg)
{
	return seg->state == VA_FREE || seg->state == VA_CACHED;
}

const struct va_seg *va_find(const struct va_space *space, u32 unit, bool next)
{
	const struct va_seg *seg;

	for (seg = space->edge.next; seg != &space->edge; seg = seg->next) {
		if (seg_is_free(seg) || seg->start + (seg->size - 1) < unit) {
			continue;
		}
		return next || seg->start <= unit ? seg : NULL;
	}
	return NULL;
}

void va_query(const struct va_space *space, struct va_stats *stats)
{
	const struct va_seg *seg;
	u32 run = 0;

	*stats = (struct va_stats){ 0 };
	for (seg = space->edge.next; seg != &space->edge; seg = seg->next) {
		if (!seg_is_free(seg)) {
			run = 0;
			continue;
		}
		stats->free_pieces += run == 0;
		run += seg->size;
		stats->free_units += seg->size;
		stats->largest = max(stats->largest, run);
	}
}
