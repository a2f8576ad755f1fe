/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flash loader's choice of a slot. The input is the headers' words; a bit of its first byte
 * makes each sum right, so that what lies behind the sums is reached. A slot is good only if a
 * second look, written another way, says so; the first good one is chosen; nothing is read outside
 * the flash.
 */
#include "fuzz.h"

#include "../host/include/rename.h"

#include "../../boards/vexpress-a15/flash/slot.h"

#include <lib/string.h>
#include <lib/crc32.h>

#define FLASH_BYTES ((size_t)SLOT_AT(SLOT_COUNT - 1) + SLOT_BYTES)

/* Most inputs mean small pieces, or each sum would take a tenth of a second. */
static u32 some_size(struct fuzz_input *in)
{
	u32 word = fuzz_word(in);

	return word >> 28 == 15 ? word << 4 :
	       word >> 28 == 14 ? SLOT_BYTES - (word & 0xff) + 128 :
				  word & 0xffff;
}

static bool lies_inside(u64 at, u64 bytes)
{
	return at >= sizeof(struct slot_header) && at % 4 == 0 && bytes > 0 &&
	       at + bytes <= SLOT_BYTES;
}

static u32 sum(const u8 *slot, u32 at, u32 bytes)
{
	return lies_inside(at, bytes) ? crc32_update(0, slot + at, bytes) : 0;
}

static void fill(u8 *slot, struct fuzz_input *in)
{
	u8 how = fuzz_byte(in);
	struct slot_header h = {
		.magic = how & 1 ? SLOT_MAGIC : fuzz_word(in),
		.version = how & 2 ? SLOT_VERSION : fuzz_word(in),
	};

	h.kernel_at = some_size(in);
	h.kernel_bytes = some_size(in);
	h.dtb_at = some_size(in);
	h.dtb_bytes = some_size(in);
	h.kernel_crc = how & 4 ? sum(slot, h.kernel_at, h.kernel_bytes) : fuzz_word(in);
	h.dtb_crc = how & 8 ? sum(slot, h.dtb_at, h.dtb_bytes) : fuzz_word(in);
	h.crc = how & 16 ? crc32_update(0, &h, offsetof(struct slot_header, crc)) : fuzz_word(in);
	memcpy(slot, &h, sizeof(h));
}

static bool is_good(const u8 *slot)
{
	struct slot_header h;

	memcpy(&h, slot, sizeof(h));
	return h.magic == SLOT_MAGIC && h.version == SLOT_VERSION &&
	       crc32_update(0, slot, offsetof(struct slot_header, crc)) == h.crc &&
	       lies_inside(h.kernel_at, h.kernel_bytes) && lies_inside(h.dtb_at, h.dtb_bytes) &&
	       sum(slot, h.kernel_at, h.kernel_bytes) == h.kernel_crc &&
	       sum(slot, h.dtb_at, h.dtb_bytes) == h.dtb_crc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static u8 *flash;
	struct fuzz_input in = { data, data + size };
	struct slot slots[SLOT_COUNT];
	int chosen, first = -1;

	if (!flash) {
		flash = calloc(1, FLASH_BYTES);
	}
	for (int i = 0; i < SLOT_COUNT; i++) {
		fill(flash + SLOT_AT(i), &in);
	}
	chosen = slot_choose(flash, slots);
	for (int i = 0; i < SLOT_COUNT; i++) {
		bool good = is_good(flash + SLOT_AT(i));

		FUZZ_CHECK((slots[i].fault == SLOT_GOOD) == good);
		FUZZ_CHECK(slot_fault_text(slots[i].fault));
		if (good) {
			const u8 *kernel = slots[i].kernel, *dtb = slots[i].dtb;

			first = first < 0 ? i : first;
			FUZZ_CHECK(kernel >= flash + SLOT_AT(i) &&
				   kernel + slots[i].kernel_bytes <=
					   flash + SLOT_AT(i) + SLOT_BYTES);
			FUZZ_CHECK(dtb >= flash + SLOT_AT(i) &&
				   dtb + slots[i].dtb_bytes <= flash + SLOT_AT(i) + SLOT_BYTES);
		}
	}
	FUZZ_CHECK(chosen == first);
	return 0;
}
