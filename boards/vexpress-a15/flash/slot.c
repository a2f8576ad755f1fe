/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the choice of the slot. Pure: also built for the host and tested there. Must never read
 * outside a slot, whatever its header says, nor believe a header before its CRC.
 */
#include "slot.h"

#include <lib/crc32.h>
#include <lib/string.h>

STATIC_ASSERT(sizeof(struct slot_header) == 9 * sizeof(u32)); /* tools/flashimage.py */

static enum slot_fault wrong(struct slot *s, enum slot_fault fault, u32 found, u32 wanted)
{
	s->found = found;
	s->wanted = wanted;
	return fault;
}

/* Both may be anything; no sum of them is formed, for it could wrap. */
static bool is_inside(u32 at, u32 bytes)
{
	return at >= sizeof(struct slot_header) && at % 4 == 0 && at < SLOT_BYTES && bytes > 0 &&
	       bytes <= SLOT_BYTES - at;
}

static enum slot_fault check(const u8 *base, struct slot *s)
{
	struct slot_header h;
	u32 crc;

	memcpy(&h, base, sizeof(h));
	if (h.magic != SLOT_MAGIC) {
		return wrong(s, h.magic == SLOT_ERASED ? SLOT_IS_EMPTY : SLOT_NO_MAGIC, h.magic,
			     SLOT_MAGIC);
	}
	crc = crc32_update(0, &h, offsetof(struct slot_header, crc));
	if (crc != h.crc) {
		return wrong(s, SLOT_HEADER_DAMAGED, crc, h.crc);
	}
	if (h.version != SLOT_VERSION) {
		return wrong(s, SLOT_UNKNOWN_VERSION, h.version, SLOT_VERSION);
	}
	if (!is_inside(h.kernel_at, h.kernel_bytes)) {
		return wrong(s, SLOT_KERNEL_OUTSIDE, h.kernel_at, h.kernel_bytes);
	}
	if (!is_inside(h.dtb_at, h.dtb_bytes)) {
		return wrong(s, SLOT_DTB_OUTSIDE, h.dtb_at, h.dtb_bytes);
	}
	crc = crc32_update(0, base + h.kernel_at, h.kernel_bytes);
	if (crc != h.kernel_crc) {
		return wrong(s, SLOT_KERNEL_DAMAGED, crc, h.kernel_crc);
	}
	crc = crc32_update(0, base + h.dtb_at, h.dtb_bytes);
	if (crc != h.dtb_crc) {
		return wrong(s, SLOT_DTB_DAMAGED, crc, h.dtb_crc);
	}
	s->kernel = base + h.kernel_at;
	s->kernel_bytes = h.kernel_bytes;
	s->dtb = base + h.dtb_at;
	s->dtb_bytes = h.dtb_bytes;
	return SLOT_GOOD;
}

int slot_choose(const u8 *flash, struct slot slots[SLOT_COUNT])
{
	int chosen = -1;

	for (int i = 0; i < SLOT_COUNT; i++) {
		memset(&slots[i], 0, sizeof(slots[i]));
		slots[i].fault = check(flash + SLOT_AT(i), &slots[i]);
		if (slots[i].fault == SLOT_GOOD && chosen < 0) {
			chosen = i;
		}
	}
	return chosen;
}

const char *slot_fault_text(enum slot_fault fault)
{
	static const char *const texts[] = {
		[SLOT_GOOD] = "slot %c: good",
		[SLOT_IS_EMPTY] = "slot %c: empty (%08x)",
		[SLOT_NO_MAGIC] = "slot %c: not a slot: it begins with %08x, not %08x",
		[SLOT_HEADER_DAMAGED] = "slot %c: header damaged: CRC-32 %08x, not %08x",
		[SLOT_UNKNOWN_VERSION] = "slot %c: version %u is unknown, this loader knows %u",
		[SLOT_KERNEL_OUTSIDE] = "slot %c: kernel at %08x, %u bytes: not inside the slot",
		[SLOT_DTB_OUTSIDE] = "slot %c: device tree at %08x, %u bytes: not inside the slot",
		[SLOT_KERNEL_DAMAGED] = "slot %c: kernel damaged: CRC-32 %08x, not %08x",
		[SLOT_DTB_DAMAGED] = "slot %c: device tree damaged: CRC-32 %08x, not %08x",
	};

	return texts[fault];
}
