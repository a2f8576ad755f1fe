/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the two lists of physical ranges that boot works with. Must never touch the memory
 * itself, and must leave the lists as they were when it returns an error: the ranges
 * come from a device tree that may say anything.
 *
 * In both lists: ascending, disjoint, never empty, neighbours that touch differ in flags.
 * Boot CPU only, no locks.
 */
#include <mm/memblock.h>

#include <errno.h>

struct memblock memblock;

static __noinline phys_addr_t range_end(const struct memblock_range *r)
{
	return r->start + r->size;
}

/* The bytes of [start, end) that r covers begin at *from; returns how many. */
static phys_addr_t range_overlap(const struct memblock_range *r, phys_addr_t start, phys_addr_t end,
				 phys_addr_t *from)
{
	phys_addr_t to = min(range_end(r), end);

	*from = max(r->start, start);
	return *from < to ? to - *from : 0;
}

static int range_check(phys_addr_t start, phys_addr_t size)
{
	return start > PHYS_END || size > PHYS_END - start ? -ERANGE : 0;
}

/* Index of the first range that ends above pa; count if none does. */
static __noinline u32 list_find(const struct memblock_list *list, phys_addr_t pa)
{
	u32 low = 0, high = list->count;

	while (low < high) {
		u32 mid = (low + high) / 2;

		if (range_end(&list->range[mid]) > pa) {
			high = mid;
		} else {
			low = mid + 1;
		}
	}
	return low;
}

const struct memblock_range *memblock_list_at(const struct memblock_list *list, phys_addr_t pa)
{
	u32 i = list_find(list, pa);

	return i < list->count ? &list->range[i] : NULL;
}

static __noinline void list_insert(struct memblock_list *list, u32 at, struct memblock_range range)
{
	for (u32 i = list->count++; i > at; i--) {
		list->range[i] = list->range[i - 1];
	}
	list->range[at] = range;
}

static __noinline void list_delete(struct memblock_list *list, u32 at)
{
	list->count--;
	for (u32 i = at; i < list->count; i++) {
		list->range[i] = list->range[i + 1];
	}
}

/* Makes pa a border between ranges, if it lies within one. Needs room for one more. */
static __noinline void list_split(struct memblock_list *list, phys_addr_t pa)
{
	u32 i = list_find(list, pa);
	struct memblock_range *r = &list->range[i];

	if (i < list->count && r->start < pa) {
		struct memblock_range upper = { pa, range_end(r) - pa, r->flags };

		r->size = pa - r->start;
		list_insert(list, i + 1, upper);
	}
}

static __noinline void list_merge(struct memblock_list *list)
{
	for (u32 i = 1; i < list->count;) {
		struct memblock_range *r = &list->range[i - 1];

		if (range_end(r) == r[1].start && r->flags == r[1].flags) {
			r->size += r[1].size;
			list_delete(list, i);
		} else {
			i++;
		}
	}
}

/* How many bytes of [start, end) some range covers, and how many pieces the others are. */
static __noinline phys_addr_t list_covered(const struct memblock_list *list, phys_addr_t start,
					   phys_addr_t end, u32 *gaps)
{
	phys_addr_t covered = 0, at = start, from;

	*gaps = 0;
	for (u32 i = list_find(list, start); i < list->count && list->range[i].start < end; i++) {
		covered += range_overlap(&list->range[i], start, end, &from);
		*gaps += from > at;
		at = range_end(&list->range[i]);
	}
	*gaps += at < end;
	return covered;
}

int memblock_add(phys_addr_t start, phys_addr_t size)
{
	struct memblock_list *list = &memblock.memory;
	u32 gaps;

	if (size == 0 || range_check(start, size)) {
		return range_check(start, size);
	}
	if (list_covered(list, start, start + size, &gaps) != 0) {
		return -EEXIST;
	}
	if (list->count == MEMBLOCK_MAX_RANGES) {
		return -ENOSPC;
	}
	list_insert(list, list_find(list, start), (struct memblock_range){ start, size, 0 });
	list_merge(list);
	return 0;
}

int memblock_list_add(struct memblock_list *list, phys_addr_t start, phys_addr_t size, u32 flags)
{
	phys_addr_t end = start + size, at = start;
	u32 gaps, i;

	if (size == 0 || range_check(start, size)) {
		return range_check(start, size);
	}
	(void)list_covered(list, start, end, &gaps);
	if (list->count + gaps + 2 > MEMBLOCK_MAX_RANGES) {
		return -ENOSPC;
	}
	list_split(list, start);
	list_split(list, end);
	for (i = list_find(list, start); at < end; i++) {
		phys_addr_t next = i < list->count ? list->range[i].start : end;

		if (at < next) {
			list_insert(list, i, (struct memblock_range){ at, min(next, end) - at, 0 });
		}
		list->range[i].flags |= flags;
		at = range_end(&list->range[i]);
	}
	list_merge(list);
	return 0;
}

int memblock_reserve(phys_addr_t start, phys_addr_t size, u32 flags)
{
	return memblock_list_add(&memblock.reserved, start, size, flags);
}

int memblock_free(phys_addr_t start, phys_addr_t size)
{
	struct memblock_list *list = &memblock.reserved;
	u32 gaps, i;

	if (size == 0 || range_check(start, size)) {
		return range_check(start, size);
	}
	if (list_covered(list, start, start + size, &gaps) != size) {
		return -EINVAL;
	}
	if (list->count + 2 > MEMBLOCK_MAX_RANGES) {
		return -ENOSPC;
	}
	list_split(list, start);
	list_split(list, start + size);
	i = list_find(list, start);
	while (i < list->count && list->range[i].start < start + size) {
		list_delete(list, i);
	}
	list_merge(list);
	return 0;
}

void memblock_limit(phys_addr_t ram_bytes)
{
	struct memblock_list *list = &memblock.memory;

	for (u32 i = 0; i < list->count; i++) {
		if (list->range[i].size >= ram_bytes) {
			list->range[i].size = ram_bytes;
			list->count = i + (ram_bytes != 0);
			return;
		}
		ram_bytes -= list->range[i].size;
	}
}

void memblock_clear_memory(void)
{
	memblock.memory.count = 0;
}

/* The highest place for size bytes in [low, high) that nothing reserves; 0: none. */
static phys_addr_t place_below(phys_addr_t low, phys_addr_t high, phys_addr_t size, u32 align)
{
	const struct memblock_list *list = &memblock.reserved;

	while (high > low && high - low >= size) {
		phys_addr_t place = pa_align_down(high - size, align);
		u32 i = list_find(list, place);

		if (place < low) {
			break;
		}
		if (i == list->count || list->range[i].start >= place + size) {
			return place;
		}
		high = list->range[i].start;
	}
	return 0;
}

phys_addr_t memblock_alloc_range(phys_addr_t size, u32 align, phys_addr_t min_pa,
				 phys_addr_t max_pa)
{
	const struct memblock_list *list = &memblock.memory;

	for (u32 i = list->count; size != 0 && i-- > 0;) {
		phys_addr_t from;
		phys_addr_t bytes = range_overlap(&list->range[i], min_pa, max_pa, &from);
		phys_addr_t place = place_below(from, from + bytes, size, align);

		if (place != 0) {
			return memblock_reserve(place, size, 0) == 0 ? place : 0;
		}
	}
	return 0;
}

bool memblock_list_has(const struct memblock_list *list, phys_addr_t start, phys_addr_t size,
		       u32 flags)
{
	const struct memblock_range *r = memblock_list_at(list, start);

	return r && r->start <= start && range_end(r) - start >= size && (r->flags & flags) == 0;
}

bool memblock_is_ram(phys_addr_t start, phys_addr_t size)
{
	return memblock_list_has(&memblock.memory, start, size, 0);
}

static __noinline bool list_touches(const struct memblock_list *list, phys_addr_t start,
				    phys_addr_t size, u32 flags)
{
	for (u32 i = list_find(list, start); i < list->count; i++) {
		const struct memblock_range *r = &list->range[i];

		if (r->start >= start && r->start - start >= size) {
			break;
		}
		if ((r->flags & flags) == flags) {
			return size != 0;
		}
	}
	return false;
}

bool memblock_has_ram(phys_addr_t start, phys_addr_t size)
{
	return list_touches(&memblock.memory, start, size, 0);
}

bool memblock_is_reserved(phys_addr_t start, phys_addr_t size)
{
	return list_touches(&memblock.reserved, start, size, 0);
}

bool memblock_is_nomap(phys_addr_t start, phys_addr_t size)
{
	return list_touches(&memblock.reserved, start, size, MEMBLOCK_NOMAP);
}

phys_addr_t memblock_free_from(phys_addr_t from)
{
	phys_addr_t start, size, bytes = 0;

	while (memblock_next_free(&from, memblock_end(), &start, &size)) {
		bytes += size;
	}
	return bytes;
}

bool memblock_next_free(phys_addr_t *from, phys_addr_t end, phys_addr_t *start, phys_addr_t *size)
{
	const struct memblock_list *memory = &memblock.memory, *reserved = &memblock.reserved;
	phys_addr_t at = *from;

	for (;;) {
		u32 m = list_find(memory, at), r;
		phys_addr_t limit;

		if (m == memory->count || max(at, memory->range[m].start) >= end) {
			*from = end;
			return false;
		}
		at = max(at, memory->range[m].start);
		limit = min(range_end(&memory->range[m]), end);
		r = list_find(reserved, at);
		if (r < reserved->count && reserved->range[r].start <= at) {
			at = range_end(&reserved->range[r]);
			continue;
		}
		if (r < reserved->count) {
			limit = min(limit, reserved->range[r].start);
		}
		*start = at;
		*size = limit - at;
		*from = limit;
		return true;
	}
}

phys_addr_t memblock_start(void)
{
	return memblock.memory.count ? memblock.memory.range[0].start : 0;
}

phys_addr_t memblock_end(void)
{
	u32 count = memblock.memory.count;

	return count ? range_end(&memblock.memory.range[count - 1]) : 0;
}

phys_addr_t memblock_total(void)
{
	phys_addr_t bytes = 0;

	for (u32 i = 0; i < memblock.memory.count; i++) {
		bytes += memblock.memory.range[i].size;
	}
	return bytes;
}

phys_addr_t memblock_reserved_total(void)
{
	phys_addr_t bytes = 0;
	u32 gaps;

	for (u32 i = 0; i < memblock.memory.count; i++) {
		const struct memblock_range *r = &memblock.memory.range[i];

		bytes += list_covered(&memblock.reserved, r->start, range_end(r), &gaps);
	}
	return bytes;
}
