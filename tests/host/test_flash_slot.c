/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * boards/vexpress-a15/flash/slot.c: a damaged slot is never booted, its damage is named, and
 * nothing outside a slot is read. The flash has its real size; what no slot may touch is poisoned.
 */
#include "check.h"

#include <sanitizer/asan_interface.h>

#include "../../boards/vexpress-a15/flash/slot.h"
#include <lib/crc32.h>

#define FLASH_BYTES  (SLOT_AT(SLOT_COUNT - 1) + SLOT_BYTES)
#define KERNEL_BYTES 300
#define DTB_BYTES    101
#define KERNEL_AT    64
#define DTB_AT	     400
#define USED_BYTES   (DTB_AT + DTB_BYTES)

static u8 *flash;
static struct slot slots[SLOT_COUNT];

static u8 *slot_base(int i)
{
	return flash + SLOT_AT(i);
}

static struct slot_header *header(int i)
{
	return (struct slot_header *)slot_base(i);
}

/* The CRC that the header's own fields call for: a builder's mistake instead of damage. */
static void seal(int i)
{
	header(i)->crc = crc32_update(0, header(i), offsetof(struct slot_header, crc));
}

/* A good slot, its contents random, at the start of slot i. */
static void fill(int i)
{
	u8 *base = slot_base(i);

	for (u32 at = 0; at < USED_BYTES; at++) {
		base[at] = (u8)check_random();
	}
	*header(i) = (struct slot_header){
		.magic = SLOT_MAGIC,
		.version = SLOT_VERSION,
		.kernel_at = KERNEL_AT,
		.kernel_bytes = KERNEL_BYTES,
		.kernel_crc = crc32_update(0, base + KERNEL_AT, KERNEL_BYTES),
		.dtb_at = DTB_AT,
		.dtb_bytes = DTB_BYTES,
		.dtb_crc = crc32_update(0, base + DTB_AT, DTB_BYTES),
	};
	seal(i);
}

static void setup(void)
{
	if (!flash) {
		flash = malloc(FLASH_BYTES);
		CHECK(flash != NULL);
	}
	ASAN_UNPOISON_MEMORY_REGION(flash, FLASH_BYTES);
	for (int i = 0; i < SLOT_COUNT; i++) {
		fill(i);
	}
	ASAN_POISON_MEMORY_REGION(flash, SLOT_AT(0)); /* the loader is none of its business */
}

static void check_is_good(int i)
{
	CHECK_EQ(slots[i].fault, SLOT_GOOD);
	CHECK(slots[i].kernel == slot_base(i) + KERNEL_AT);
	CHECK(slots[i].dtb == slot_base(i) + DTB_AT);
	CHECK_EQ(slots[i].kernel_bytes, KERNEL_BYTES);
	CHECK_EQ(slots[i].dtb_bytes, DTB_BYTES);
}

/* What damage of a byte of the header is called, by where it is. */
static enum slot_fault header_fault(u32 at)
{
	return at < sizeof(u32) ? SLOT_NO_MAGIC : SLOT_HEADER_DAMAGED;
}

TEST(first_good_slot_is_chosen_and_the_other_still_looked_at)
{
	setup();
	CHECK_EQ(slot_choose(flash, slots), 0);
	check_is_good(0);
	check_is_good(1);
	slot_base(1)[KERNEL_AT] ^= 1;
	CHECK_EQ(slot_choose(flash, slots), 0);
	check_is_good(0);
	CHECK_EQ(slots[1].fault, SLOT_KERNEL_DAMAGED);
}

TEST(every_value_of_every_header_byte_is_noticed)
{
	setup();
	for (u32 at = 0; at < sizeof(struct slot_header); at++) {
		u8 was = slot_base(0)[at];

		for (u32 value = 0; value < 256; value++) {
			check_context("header byte %u is %02x", at, value);
			slot_base(0)[at] = (u8)value;
			if (value == was) {
				CHECK_EQ(slot_choose(flash, slots), 0);
				continue;
			}
			CHECK_EQ(slot_choose(flash, slots), 1);
			CHECK_EQ(slots[0].fault, header_fault(at));
			check_is_good(1);
		}
		slot_base(0)[at] = was;
	}
}

TEST(every_flipped_bit_of_the_contents_is_noticed)
{
	setup();
	for (u32 at = sizeof(struct slot_header); at < USED_BYTES; at++) {
		bool in_kernel = at >= KERNEL_AT && at < KERNEL_AT + KERNEL_BYTES;
		bool in_dtb = at >= DTB_AT;

		for (u32 bit = 0; bit < 8; bit++) {
			check_context("byte %u, bit %u", at, bit);
			slot_base(0)[at] ^= 1u << bit;
			CHECK_EQ(slot_choose(flash, slots), in_kernel || in_dtb ? 1 : 0);
			CHECK_EQ(slots[0].fault, in_kernel ? SLOT_KERNEL_DAMAGED :
						 in_dtb	   ? SLOT_DTB_DAMAGED :
							     SLOT_GOOD);
			slot_base(0)[at] ^= 1u << bit;
		}
	}
}

TEST(a_slot_that_was_written_half_is_noticed)
{
	setup();
	for (u32 end = USED_BYTES; end-- > 0;) {
		check_context("erased from byte %u on", end);
		if (slot_base(0)[end] == 0xff) {
			continue; /* nothing is missing yet, or not more than before */
		}
		slot_base(0)[end] = 0xff;
		if (end >= KERNEL_AT + KERNEL_BYTES && end < DTB_AT) {
			continue;
		}
		CHECK_EQ(slot_choose(flash, slots), 1);
		CHECK_EQ(slots[0].fault, end >= DTB_AT			   ? SLOT_DTB_DAMAGED :
					 end >= KERNEL_AT		   ? SLOT_KERNEL_DAMAGED :
					 end >= sizeof(struct slot_header) ? SLOT_KERNEL_DAMAGED :
					 end >= sizeof(u32)		   ? SLOT_HEADER_DAMAGED :
					 end > 0			   ? SLOT_NO_MAGIC :
									     SLOT_IS_EMPTY);
	}
}

TEST(both_damaged_is_none)
{
	setup();
	slot_base(0)[KERNEL_AT + 7] ^= 0x10;
	header(1)->version = SLOT_VERSION + 1;
	seal(1);
	CHECK_EQ(slot_choose(flash, slots), -1);
	CHECK_EQ(slots[0].fault, SLOT_KERNEL_DAMAGED);
	CHECK_EQ(slots[1].fault, SLOT_UNKNOWN_VERSION);
	CHECK_EQ(slots[1].found, SLOT_VERSION + 1);
}

/* Slot A's header with these two, sealed; slot B is empty, and poisoned behind its header. */
static void check_place(u32 at, u32 bytes, bool of_kernel)
{
	bool fits = at % 4 == 0 && at >= sizeof(struct slot_header) && bytes > 0 &&
		    (u64)at + bytes <= SLOT_BYTES;
	enum slot_fault outside = of_kernel ? SLOT_KERNEL_OUTSIDE : SLOT_DTB_OUTSIDE;
	enum slot_fault damaged = of_kernel ? SLOT_KERNEL_DAMAGED : SLOT_DTB_DAMAGED;

	check_context("%s at %x, %x bytes", of_kernel ? "kernel" : "device tree", at, bytes);
	if (of_kernel) {
		header(0)->kernel_at = at;
		header(0)->kernel_bytes = bytes;
	} else {
		header(0)->dtb_at = at;
		header(0)->dtb_bytes = bytes;
	}
	seal(0);
	CHECK_EQ(slot_choose(flash, slots), -1);
	CHECK_EQ(slots[0].fault, fits ? damaged : outside);
}

TEST(no_header_leads_outside_its_slot)
{
	static const u32 places[] = { 0,
				      4,
				      32,
				      36,
				      37,
				      64,
				      SLOT_BYTES - 4,
				      SLOT_BYTES,
				      SLOT_BYTES + 4,
				      0x02000000,
				      0x7ffffffc,
				      0x80000000u,
				      0xfffffffcu,
				      0xffffffffu };
	static const u32 lengths[] = { 0,
				       1,
				       3,
				       4,
				       5,
				       SZ_64K,
				       SLOT_BYTES + 1,
				       0x7fffffff,
				       0x80000000u,
				       0xff000000u,
				       0xff000004u,
				       0xfffffffcu,
				       0xffffffffu };

	setup();
	memset(slot_base(1), 0xff, sizeof(struct slot_header));
	ASAN_POISON_MEMORY_REGION(slot_base(1) + 40, SLOT_BYTES - 40);
	for (u32 i = 0; i < ARRAY_SIZE(places); i++) {
		for (u32 j = 0; j < ARRAY_SIZE(lengths); j++) {
			fill(0);
			check_place(places[i], lengths[j], true);
			fill(0);
			check_place(places[i], lengths[j], false);
		}
	}
	fill(0);
	check_place(sizeof(struct slot_header), SLOT_BYTES - sizeof(struct slot_header), true);
	fill(0);
	check_place(sizeof(struct slot_header), SLOT_BYTES - sizeof(struct slot_header) + 1, false);
}

TEST(random_sealed_headers_do_no_harm)
{
	setup();
	memset(slot_base(1), 0xff, sizeof(struct slot_header));
	ASAN_POISON_MEMORY_REGION(slot_base(1) + 40, SLOT_BYTES - 40);
	for (u32 round = 0; round < 20000; round++) {
		u32 *words = (u32 *)slot_base(0);

		fill(0);
		words[2 + check_below(6)] = (u32)check_random() >> check_below(32);
		words[2 + check_below(6)] = (u32)check_random() >> check_below(32);
		header(0)->kernel_bytes &= 0xff000fff; /* else each round takes long */
		header(0)->dtb_bytes &= 0xff000fff;
		seal(0);
		check_context("round %u", round);
		if (slot_choose(flash, slots) == 0) {
			CHECK(slots[0].kernel_bytes <= SLOT_BYTES &&
			      slots[0].dtb_bytes <= SLOT_BYTES);
			CHECK_EQ(crc32_update(0, slots[0].kernel, slots[0].kernel_bytes),
				 header(0)->kernel_crc);
		}
	}
}

TEST(every_fault_has_words)
{
	for (int fault = SLOT_GOOD; fault <= SLOT_DTB_DAMAGED; fault++) {
		CHECK(strncmp(slot_fault_text(fault), "slot %c: ", 9) == 0);
	}
}
