/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns how the second run of memtest=all begins: it reserves all RAM that is not good by the
 * handover, before it allocates anything. So its image, tree, page array, tables and stacks lie in
 * memory that was tested, and all else is free to be. What is missing or wrong is an error, never a
 * first run. Must never rely on a handover that is not sound from end to end: a loader may have put
 * anything there.
 *
 * Runs while there is one CPU and no allocator. No locks.
 */
#include <kernel/memtest_all.h>

#include <arch/early_tables.h>
#include <kernel/reenter.h>
#include <kernel/report.h>
#include <lib/crc32.h>
#include <lib/string.h>

#include "handover.h"

#define KEPT_FLAGS (MEMBLOCK_NOMAP | MEMBLOCK_FIRMWARE | MEMBLOCK_INITRD)

static const char none[] = "the first run left no handover";
static const char damaged[] = "the handover is damaged";
static const char *refused = none;

enum memtest_word memtest_word(struct span value)
{
	u32 len = value.len >= MEMTEST_AGAIN && value.s[1] == 'g' ? MEMTEST_AGAIN : MEMTEST_ALL;
	const char *text = len == MEMTEST_AGAIN ? "again" : "all";

	return value.len >= len && memcmp(value.s, text, len) == 0 &&
			       (value.len == len || value.s[len] == ',') ?
		       len :
		       MEMTEST_PLAIN;
}

u32 handover_build(void)
{
	return crc32_update(0, report_build_id(), BUILD_ID_BYTES);
}

/* As memblock keeps its lists: ascending, disjoint, never empty, within 40 bits. */
static bool list_is_sound(const struct memblock_list *list)
{
	phys_addr_t end = 0;

	for (u32 i = 0; i < list->count; i++) {
		const struct memblock_range *r = &list->range[i];

		if (i == MEMBLOCK_MAX_RANGES || r->start < end || r->start + r->size <= r->start) {
			return false;
		}
		end = r->start + r->size;
	}
	return end <= PHYS_END;
}

static const char *handover_read(const struct fdt *f, struct handover *h)
{
	u32 len;
	const void *bytes = fdt_prop(f, fdt_path_node(f, "/chosen"), REENTER_HANDOVER, &len);

	if (!bytes) {
		return none;
	}
	if (len != sizeof(*h)) {
		return damaged;
	}
	memcpy(h, bytes, sizeof(*h));
	if (h->crc != crc32_update(0, &h->version, sizeof(*h) - sizeof(u32))) {
		return damaged;
	}
	if (h->version != HANDOVER_VERSION || h->build != handover_build()) {
		return "the handover is of another build";
	}
	if (h->image != pa_low32(boot_info.image_pa)) {
		return "the handover is for another address";
	}
	return list_is_sound(&h->tested) ? NULL : "the handover makes no sense";
}

static int reserve_not_good(const struct memblock_list *tested, phys_addr_t at, phys_addr_t end)
{
	int error = 0;

	while (at < end && !error) {
		const struct memblock_range *r = memblock_list_at(tested, at);
		phys_addr_t from = r ? min(max(r->start, at), end) : end;
		phys_addr_t to = r ? min(r->start + r->size, end) : end;

		error = memblock_reserve(at, from - at, MEMBLOCK_UNTESTED);
		if (!error && r && r->flags & MEMBLOCK_BAD) {
			error = memblock_reserve(from, to - from, MEMBLOCK_BAD);
		}
		at = to;
	}
	return error;
}

/* What is somebody's in part is his whole: there is no test of half a page. */
static int round_reservations(void)
{
	int error = 0;

	for (u32 i = 0; i < memblock.reserved.count && !error; i++) {
		struct memblock_range r = memblock.reserved.range[i];
		phys_addr_t start = pa_align_down(r.start, PAGE_SIZE);

		if (r.flags & KEPT_FLAGS) {
			error = memblock_reserve(
				start, pa_align_up(r.start + r.size, PAGE_SIZE) - start, r.flags);
		}
	}
	return error;
}

void memtest_take_over(const struct fdt *f, u32 tree_bytes, const struct bootargs *args)
{
	u32 image_bytes = (u32)(__content_end - __image_start);
	struct memblock_list reserved = memblock.reserved;
	struct handover h;
	int error;

	if (memtest_word(args->memtest) != MEMTEST_AGAIN) {
		return;
	}
	refused = handover_read(f, &h);
	if (refused) {
		return;
	}
	if (!memblock_list_has(&h.tested, boot_info.image_pa, image_bytes, MEMBLOCK_BAD) ||
	    !memblock_list_has(&h.tested, boot_info.dtb_pa, tree_bytes, MEMBLOCK_BAD)) {
		refused = "its good memory is not where we are";
		return;
	}
	error = round_reservations();
	for (u32 i = 0; i < memblock.memory.count && !error; i++) {
		const struct memblock_range *bank = &memblock.memory.range[i];

		error = reserve_not_good(&h.tested, bank->start, bank->start + bank->size);
	}
	if (error) {
		memblock.reserved = reserved;
		refused = "the handover has too many ranges";
	}
}

const char *handover_taken(struct handover *h)
{
	return refused ? refused : handover_read(report_tree(), h);
}
