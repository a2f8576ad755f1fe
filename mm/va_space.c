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

/* Multiplicative: areas tend to lie at equal distances, which a plain modulo folds together. */
static inline struct va_seg **va_bucket(struct va_space *space, u32 start)
{
	return &space->hash[(start * 0x9e3779b1u) >> 25];
}
STATIC_ASSERT(VA_HASH_BUCKETS == 1u << (32 - 25));

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

/* A free segment of at least size units; NULL: none. */
static inline struct va_seg *free_fit(struct va_space *space, u32 size)
{
	u32 floor = va_class(size);
	u32 fit = floor + (size != 1u << floor);
	u32 lists = space->nonempty & (~0u << fit);
	struct va_seg *seg;

	if (likely(lists)) {
		return space->free[__builtin_ctz(lists)]; /* anything in these lists fits */
	}
	for (seg = space->free[floor]; seg && seg->size < size; seg = seg->peer) {
	}
	return seg;
}

struct va_seg *va_alloc(struct va_space *space, u32 size)
{
	struct va_seg *seg, *from, **bucket;

	if (unlikely(size == 0 || size > 1u << 30)) {
		return NULL;
	}
	from = free_fit(space, size);
	if (unlikely(!from)) {
		return NULL;
	}
	if (from->size == size) {
		seg = from;
		free_unlink(space, seg, va_class(size));
	} else {
		seg = va_reclaim(space);
		if (unlikely(!seg)) {
			return NULL;
		}
		seg->start = from->start;
		seg->size = size;
		seg->prev = from->prev;
		seg->next = from;
		from->prev->next = seg;
		from->prev = seg;
		free_resize(space, from, from->start + size, from->size - size);
	}
	bucket = va_bucket(space, seg->start);
	seg->state = VA_ALLOCATED;
	seg->peer = *bucket;
	*bucket = seg;
	return seg;
}

struct va_seg *va_take(struct va_space *space, u32 start)
{
	struct va_seg **at = va_bucket(space, start);
	struct va_seg *seg;

	for (seg = *at; seg && seg->start != start; seg = *at) {
		at = &seg->peer;
	}
	if (likely(seg)) {
		*at = seg->peer;
		seg->state = VA_TAKEN;
	}
	return seg;
}

/* A listed free segment takes over a neighbour's range; the neighbour's descriptor is spare. */
static void seg_absorb(struct va_space *space, struct va_seg *keep, struct va_seg *gone)
{
	gone->prev->next = gone->next;
	gone->next->prev = gone->prev;
	free_resize(space, keep, min(keep->start, gone->start), keep->size + gone->size);
	va_donate(space, gone);
}

void va_free(struct va_space *space, struct va_seg *seg)
{
	struct va_seg *left = seg->prev, *right = seg->next;

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

const struct va_seg *va_find(const struct va_space *space, u32 unit, bool next)
{
	const struct va_seg *seg;

	for (seg = space->edge.next; seg != &space->edge; seg = seg->next) {
		if (seg->state == VA_FREE || seg->start + (seg->size - 1) < unit) {
			continue;
		}
		return next || seg->start <= unit ? seg : NULL;
	}
	return NULL;
}

void va_query(const struct va_space *space, struct va_stats *stats)
{
	const struct va_seg *seg;

	*stats = (struct va_stats){ 0 };
	for (seg = space->edge.next; seg != &space->edge; seg = seg->next) {
		if (seg->state == VA_FREE) {
			stats->free_units += seg->size;
			stats->free_pieces++;
			stats->largest = max(stats->largest, seg->size);
		}
	}
}
