/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The second run of memtest=all, and the handover that it finds in its tree. The input is memory
 * and the handover's words; a bit of the first two bytes makes each right that the first run would
 * have made right, the sum last. What is taken is sound, and for this image here: then all RAM
 * that it does not call good is reserved, nothing is given back, and no more is taken than that.
 * What is refused changes nothing. And which of the testers a word asks for.
 */
#include "machine.h"

#include "../../kernel/memtest/handover.h"

#include <kernel/memtest_all.h>
#include <kernel/reenter.h>
#include <kernel/report.h>
#include <lib/crc32.h>
#include <lib/fdt_edit.h>
#include <lib/string.h>

#define FEW_RANGES 6 /* and no list can be full */
#define TREE_BYTES 0x1234u

static const struct bootargs again = { .memtest = { "again,own", 9 } };

/* A node without a name, nothing in it: header, the end of the reservations, four words. */
static const u32 empty_tree[] = {
	0xd00dfeed, 72, 56, 72, 40, 17, 16, 0, 0, 16, 0, 0, 0, 0, 1, 0, 2, 9,
};

static struct fdt tree;

const struct fdt *report_tree(void)
{
	return &tree;
}

/* As the first run does it. */
static void seal(struct handover *h)
{
	h->version = HANDOVER_VERSION;
	h->build = handover_build();
	h->crc = crc32_update(0, &h->version, sizeof(*h) - 4);
}

/* One word that is wrong, and no other. */
static void damage(struct handover *h, struct fuzz_input *in)
{
	u32 *const words[] = { &h->crc, &h->version, &h->build };
	u32 which = fuzz_byte(in) % ARRAY_SIZE(words);

	*words[which] += 1 + fuzz_byte(in);
	if (which > 0) {
		h->crc = crc32_update(0, &h->version, sizeof(*h) - 4);
	}
}

/* Of a value: whose it is, and that its tail begins with a comma, if there is one. */
static void which_tester(const char *text, size_t len)
{
	enum memtest_word word = memtest_word((struct span){ text, len });
	const char *name = word == MEMTEST_ALL ? "all" : "again";
	char *first = fuzz_string(text, len);

	first[strcspn(first, ",")] = '\0';
	FUZZ_CHECK((word == MEMTEST_ALL) == (strcmp(first, "all") == 0));
	FUZZ_CHECK((word == MEMTEST_AGAIN) == (strcmp(first, "again") == 0));
	FUZZ_CHECK(word == MEMTEST_PLAIN || (word == strlen(name) && word <= len));
	free(first);
}

static void fill(struct handover *h, struct fuzz_input *in, u32 how)
{
	memset(h, 0, sizeof(*h));
	h->crc = fuzz_word(in);
	h->version = fuzz_word(in);
	h->build = fuzz_word(in);
	h->image = how & 4 ? pa_low32(boot_info.image_pa) : fuzz_word(in);
	h->tested.count = how & 8 ? fuzz_byte(in) % (FEW_RANGES + 1) : fuzz_word(in);
	if (how & 64) { /* a full list, or nearly so, all alike */
		h->tested.count = MEMBLOCK_MAX_RANGES + 1 - h->tested.count % 4;
		for (u32 i = 0; i < MEMBLOCK_MAX_RANGES; i++) {
			phys_addr_t start = boot_info.image_pa + (phys_addr_t)i * SZ_1M;

			h->tested.range[i] = (struct memblock_range){ start, i ? 4096 : SZ_1M / 2,
								      i % 2 * MEMBLOCK_BAD };
		}
	}
	for (u32 i = 0; i < FEW_RANGES && in->at < in->end; i++) {
		struct memblock_range *r = &h->tested.range[i];
		u8 what = fuzz_byte(in);
		phys_addr_t start = machine_address(in);

		if (what & 1) { /* behind the one before, as it should be */
			start = i ? r[-1].start + r[-1].size + (what & 2 ? 0 : machine_size(in)) :
				    boot_info.image_pa;
		}
		*r = (struct memblock_range){ start, machine_size(in), what >> 4 };
		switch (what & 12) {
		case 4:
			r->size += PHYS_END - 4096;
			break;
		case 8:
			r->start += PHYS_END - 4096;
			break;
		case 12:
			r->size = 0;
		}
	}
	if (how & 16) {
		seal(h);
	}
	if (how & 32) {
		damage(h, in);
	}
}

/* The tree, with the handover or some of it, or more. The caller frees it. */
static void *tree_with(const struct handover *h, u32 how, u32 len)
{
	u32 room = sizeof(empty_tree) + FDT_EDIT_ROOM(len);
	struct fdt_changes change = { how & 1 ? REENTER_HANDOVER : "fanlight,other", NULL, len, 0,
				      0 };
	u32 words[ARRAY_SIZE(empty_tree)];
	void *blob = malloc(ALIGN_UP(room, 8u));
	u8 *value = calloc(1, len + 1);

	for (u32 i = 0; i < ARRAY_SIZE(words); i++) {
		words[i] = __builtin_bswap32(empty_tree[i]);
	}
	memcpy(value, h, min(len, (u32)sizeof(*h)));
	change.value = value;
	FUZZ_CHECK(fdt_edit(words, sizeof(words), &change, blob, room) > 0);
	FUZZ_CHECK(fdt_open(&tree, blob, room) == 0);
	free(value);
	return blob;
}

static bool list_is_sound(const struct memblock_list *list)
{
	phys_addr_t before = 0;

	for (u32 i = 0; i < list->count; i++) {
		if (i == MEMBLOCK_MAX_RANGES || list->range[i].start < before ||
		    list->range[i].size == 0 || list->range[i].start > PHYS_END ||
		    list->range[i].start + list->range[i].size > PHYS_END) {
			return false;
		}
		before = list->range[i].start + list->range[i].size;
	}
	return true;
}

static bool good_in_one(const struct memblock_list *list, phys_addr_t start, u32 bytes)
{
	for (u32 i = 0; i < list->count; i++) {
		const struct memblock_range *r = &list->range[i];

		if (r->start <= start && start + bytes <= r->start + r->size) {
			return !(r->flags & MEMBLOCK_BAD);
		}
	}
	return false;
}

static bool is_for_us(const struct handover *h, u32 how, u32 len)
{
	struct handover sealed = *h;

	seal(&sealed);
	return how & 1 && len == sizeof(*h) && memcmp(h, &sealed, sizeof(sealed)) == 0 &&
	       h->image == pa_low32(boot_info.image_pa) && list_is_sound(&h->tested) &&
	       good_in_one(&h->tested, boot_info.image_pa, IMAGE_BYTES) &&
	       good_in_one(&h->tested, boot_info.dtb_pa, TREE_BYTES);
}

/* Whether some reservation of before that stays has a byte of this page. */
static bool page_was_kept(const struct memblock_list *before, phys_addr_t pa)
{
	phys_addr_t start = pa / PAGE_SIZE * PAGE_SIZE;

	for (u32 i = 0; i < before->count; i++) {
		const struct memblock_range *r = &before->range[i];

		if (r->flags & 7 && r->start < start + PAGE_SIZE && r->start + r->size > start) {
			return true;
		}
	}
	return false;
}

static void judge_place(const struct handover *h, const struct memblock_list *before,
			phys_addr_t at)
{
	u32 flags, had = 0, good = MEMBLOCK_BAD;
	bool reserved = machine_has(&memblock.reserved, at, &flags);
	bool was = machine_has(before, at, &had);

	FUZZ_CHECK(!was || (reserved && (flags & had) == had));
	if (!machine_has(&memblock.memory, at, &had)) {
		return;
	}
	if (!machine_has(&h->tested, at, &good) || good & MEMBLOCK_BAD) {
		FUZZ_CHECK(reserved);
	} else {
		FUZZ_CHECK(reserved == (was || page_was_kept(before, at)));
	}
}

static void judge(const struct handover *h, const struct memblock_list *before)
{
	phys_addr_t at = 0;

	machine_check_list(&memblock.reserved);
	while (at < PHYS_END) {
		phys_addr_t next = min(machine_border(&h->tested, at), machine_border(before, at));

		judge_place(h, before, at);
		next = min(next, machine_border(&memblock.memory, at));
		next = min(next, machine_border(&memblock.reserved, at));
		judge_place(h, before, next - 1);
		at = next;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, data + size };
	u32 how = fuzz_byte(&in), len = sizeof(struct handover);
	struct handover *h = malloc(sizeof(*h)), taken;
	struct memblock_list before;
	void *blob;
	bool good;

	boot_info.image_pa = machine_address(&in) / PAGE_SIZE * PAGE_SIZE;
	boot_info.dtb_pa = how & 128 ? boot_info.image_pa + IMAGE_BYTES : machine_address(&in);
	machine_memory(&in);
	before = memblock.reserved;
	fill(h, &in, how);
	if (!(how & 2)) {
		len = fuzz_word(&in) % 2048;
	}
	blob = tree_with(h, how, len);
	memtest_take_over(&tree, TREE_BYTES, &again);
	good = is_for_us(h, how, len);
	if (!handover_taken(&taken)) {
		FUZZ_CHECK(good && memcmp(&taken, h, sizeof(taken)) == 0);
		judge(h, &before);
	} else {
		FUZZ_CHECK(!good || h->tested.count > FEW_RANGES);
		FUZZ_CHECK(before.count == memblock.reserved.count &&
			   memcmp(before.range, memblock.reserved.range,
				  before.count * sizeof(before.range[0])) == 0);
	}
	which_tester((const char *)in.at, (size_t)(in.end - in.at));
	free(blob);
	free(h);
	return 0;
}
