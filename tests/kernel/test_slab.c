/* SPDX-License-Identifier: BSD-2-Clause */
/* kmalloc and kfree: sizes, alignment, that objects never overlap, and that pages come back. */
#include <kernel/test.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>

#define SLOTS 128

/* Numerical Recipes' constants; its low bits are not used. */
static u32 random_state;

static u32 random_below(u32 limit)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 12) % limit;
}

struct slot {
	u8 *object;
	u16 size;
	u8 mark;
};

static u32 bytes_wrong(const u8 *object, u32 size, u8 mark)
{
	u32 wrong = 0;

	for (u32 i = 0; i < size; i++) {
		wrong += object[i] != mark;
	}
	return wrong;
}

static void slot_turn(struct slot *slot, u8 mark)
{
	if (slot->object) {
		CHECK_EQ(bytes_wrong(slot->object, slot->size, slot->mark), 0);
		kfree(slot->object);
		slot->object = NULL;
		return;
	}
	slot->size = (u16)(1 + random_below(1u << (4 + random_below(9))));
	slot->mark = mark;
	slot->object = kmalloc_any(slot->size);
	if (CHECK(slot->object)) {
		memset(slot->object, mark, slot->size);
	}
}

TEST(slab, random_objects_keep_their_bytes)
{
	struct slot *slots = kzalloc(SLOTS * sizeof(*slots));

	REQUIRE(slots);
	random_state = 20240229;
	test_note("seed %u", random_state);
	for (u32 i = 0; i < 8000; i++) {
		slot_turn(&slots[random_below(SLOTS)], (u8)i);
	}
	for (u32 i = 0; i < SLOTS; i++) {
		if (slots[i].object) {
			slot_turn(&slots[i], 0);
		}
	}
	kfree(slots);
}

TEST(slab, smallest_class_that_fits)
{
	for (u32 size = 0; size <= KMALLOC_MAX; size++) {
		u32 bytes = KMALLOC_MIN << kmalloc_class(size);

		REQUIRE(bytes >= size && (bytes == KMALLOC_MIN || bytes / 2 < size));
	}
}

TEST(slab, objects_are_aligned)
{
	for (u32 size = 0; size <= PAGE_SIZE; size = size ? 2 * size : 1) {
		void *first = kmalloc_any(size), *second = kmalloc_any(size);

		if (CHECK(first && second)) {
			CHECK(first != second);
			CHECK(IS_ALIGNED((vaddr_t)first | (vaddr_t)second,
					 size > KMALLOC_MIN ? size : KMALLOC_MIN));
			CHECK(is_lowmem(first) && is_lowmem(second));
		}
		kfree(first);
		kfree(second);
	}
}

TEST(slab, zeroed_when_asked)
{
	u8 *object = kmalloc(256);

	REQUIRE(object);
	memset(object, 0xff, 256);
	kfree(object);
	object = kzalloc(250); /* most likely the same */
	REQUIRE(object);
	CHECK_EQ(bytes_wrong(object, 250, 0), 0);
	kfree(object);
}

TEST(slab, large_objects_are_pages)
{
	static const u32 sizes[] = { KMALLOC_MAX + 1, PAGE_SIZE, PAGE_SIZE + 1, SZ_64K + 1, SZ_1M };

	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++) {
		u32 before = free_page_count(), pages;
		u8 *object = kmalloc(sizes[i]);

		REQUIRE(object);
		pages = before - free_page_count();
		CHECK(pages * PAGE_SIZE >= sizes[i]);
		CHECK(pages == 1 || pages * PAGE_SIZE / 2 < sizes[i]);
		CHECK(IS_ALIGNED((vaddr_t)object, PAGE_SIZE));
		object[sizes[i] - 1] = 1;
		kfree(object);
		CHECK_EQ(free_page_count(), before);
	}
	CHECK_EQ(kmalloc((PAGE_SIZE << MAX_ORDER) + 1), NULL);
	CHECK_EQ(kmalloc_any(0xffffffffu), NULL);
}

TEST(slab, freeing_nothing)
{
	kfree(NULL);
}

/* Pages return as slabs become empty, not only when they are asked back. */
TEST(slab, empty_slabs_return)
{
	void **list = NULL;
	u32 before, peak, after;

	slab_shrink();
	before = free_page_count();
	for (u32 i = 0; i < 2000; i++) {
		void **object = kmalloc(1024);

		REQUIRE(object);
		*object = list;
		list = object;
	}
	peak = before - free_page_count();
	CHECK(peak >= 2000 / 4);
	while (list) {
		void **next = *list;

		kfree(list);
		list = next;
	}
	after = before - free_page_count();
	CHECK(after <= 16);
	slab_shrink();
	CHECK_EQ(free_page_count(), before);
}

/* DEBUG: what was freed holds the pattern, what is new holds another. */
TEST(slab, poison)
{
	u32 *object = kmalloc(128);

	REQUIRE(object);
	if (CONFIG_DEBUG) {
		CHECK_EQ(object[31], 0x5a5a5a5au);
	}
	object[31] = 7;
	kfree(object);
	CHECK_EQ(object[31], CONFIG_DEBUG ? 0x6b6b6b6bu : 7u);
}

FATAL_TEST(kfree.double, "slab.double_free")
{
	void *object = kmalloc(64);

	kfree(object);
	kfree(object);
}

FATAL_TEST(kfree.inside_object, "slab.free_not_object")
{
	char *object = kmalloc(64);

	kfree(object + KMALLOC_MIN);
}

FATAL_TEST(kfree.never_lowmem, "slab.free_not_object")
{
	kfree(&random_state);
}
