/* SPDX-License-Identifier: BSD-2-Clause */
/* lib/fdt_edit.c: what is asked for is changed, nothing else is; libfdt accepts every copy. */
#include "check.h"

#include "blob.h"

#include <libfdt.h>

static int oracle_check(const void *blob, size_t len)
{
	return fdt_check_full(blob, len);
}

#include "rename.h"

#include <errno.h>
#include <lib/fdt_edit.h>
#include <lib/string.h>

static const char *const trees[] = { "host/dts/console.dtb", "host/dts/console-off.dtb",
				     "host/dts/names.dtb",   "host/dts/ranges.dtb",
				     "host/dts/irq.dtb",     "host/dts/old.dtb" };

#define ARGS  "selftest monitor mem=512M@0x80000000"
#define TAKEN 0x123456789000ull

/* A copy in memory of exactly `room` bytes; NULL: refused with that error. */
static unsigned char *edit(const struct blob *blob, const struct fdt_changes *changes, u32 room,
			   int error)
{
	unsigned char *out = malloc(room ? room : 1);
	int bytes = fdt_edit(blob->data, blob->len, changes, out, room);

	if (error) {
		CHECK_EQ(bytes, error);
		free(out);
		return NULL;
	}
	CHECK(bytes > 0 && (u32)bytes <= room);
	CHECK_EQ(oracle_check(out, (size_t)bytes), 0);
	return out;
}

static bool is_edited(const char *path, const char *name)
{
	return strcmp(path, "chosen") == 0 && strcmp(name, "bootargs") == 0;
}

/* Every property of a but /chosen's bootargs is in b too, in the same order. */
static void same_properties(const struct fdt *a, fdt_node node_a, const struct fdt *b,
			    fdt_node node_b)
{
	struct fdt_prop in_a = { .next = 0 }, in_b = { .next = 0 };
	const char *name = fdt_node_name(a, node_a);

	CHECK_STR_EQ(fdt_node_name(b, node_b), name);
	while (fdt_next_prop(a, node_a, &in_a)) {
		if (is_edited(name, in_a.name)) {
			continue;
		}
		do {
			CHECK(fdt_next_prop(b, node_b, &in_b));
		} while (is_edited(name, in_b.name));
		CHECK_STR_EQ(in_b.name, in_a.name);
		CHECK_EQ(in_b.len, in_a.len);
		CHECK_EQ(memcmp(in_b.data, in_a.data, in_a.len), 0);
	}
	while (fdt_next_prop(b, node_b, &in_b)) {
		CHECK(is_edited(name, in_b.name));
	}
}

static void same_but_for_changes(const struct blob *blob, const unsigned char *copy)
{
	fdt_node node_a = FDT_START, node_b = FDT_START;
	phys_addr_t pa, size, pa_b, size_b;
	struct fdt a, b;
	bool chosen;
	u32 i = 0;

	CHECK_EQ(fdt_open(&a, blob->data, blob->len), 0);
	CHECK_EQ(fdt_open(&b, copy, blob->len + 4096), 0);
	chosen = fdt_path_node(&a, "/chosen") >= 0;
	for (;;) {
		int depth_a = 0, depth_b = 0;

		node_a = fdt_next_node(&a, node_a, &depth_a);
		node_b = fdt_next_node(&b, node_b, &depth_b);
		if (!chosen && node_b >= 0 && strcmp(fdt_node_name(&b, node_b), "chosen") == 0) {
			CHECK_EQ(fdt_parent(&b, node_b), fdt_root(&b));
			node_b = fdt_next_node(&b, node_b, &depth_b);
			chosen = true;
		}
		CHECK_EQ(node_a < 0, node_b < 0);
		if (node_a < 0) {
			break;
		}
		CHECK_EQ(depth_a, depth_b);
		same_properties(&a, node_a, &b, node_b);
	}
	for (; fdt_rsv(&a, i, &pa, &size) == 0; i++) {
		CHECK_EQ(fdt_rsv(&b, i, &pa_b, &size_b), 0);
		CHECK(pa == pa_b && size == size_b);
	}
	CHECK_EQ(fdt_rsv(&b, i, &pa_b, &size_b), 0);
	CHECK(pa_b == TAKEN && size_b == 4096);
	CHECK_EQ(fdt_rsv(&b, i + 1, &pa_b, &size_b), -ENOENT);
}

/* Version 16 does not say how long its structure block is. */
TEST(a_copy_fits_the_room_that_is_promised)
{
	const struct fdt_changes changes = { "bootargs", ARGS, sizeof(ARGS), TAKEN, 4096 };

	for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]); i++) {
		struct blob blob = blob_load(trees[i]);

		check_context("%s", trees[i]);
		free(edit(&blob, &changes, (u32)blob.len + FDT_EDIT_ROOM(changes.len), 0));
		free(blob.data);
	}
}

TEST(only_what_was_asked_for_is_changed)
{
	struct fdt_changes changes = { "bootargs", ARGS, sizeof(ARGS), TAKEN, 4096 };

	for (u32 i = 0; i < sizeof(trees) / sizeof(trees[0]); i++) {
		struct blob blob = blob_load(trees[i]);
		unsigned char *copy = edit(&blob, &changes, (u32)blob.len + 4096, 0);
		struct fdt f;

		check_context("%s", trees[i]);
		same_but_for_changes(&blob, copy);
		CHECK_EQ(fdt_open(&f, copy, blob.len + 4096), 0);
		CHECK_STR_EQ(fdt_prop_string(&f, fdt_path_node(&f, "/chosen"), "bootargs"), ARGS);
		CHECK_EQ(memcmp(copy + 28, blob.data + 28, 4), 0); /* the boot CPU */
		free(copy);
		free(blob.data);
	}
}

TEST(bootargs_of_any_length_come_and_go)
{
	static char args[130];
	struct fdt_changes changes = { .name = "bootargs", .value = args };
	struct blob blob = blob_load("host/dts/names.dtb");
	struct fdt f;
	u32 rsv_count;

	CHECK_EQ(fdt_open(&f, blob.data, blob.len), 0);
	rsv_count = f.rsv_count;
	for (u32 len = 0; len < sizeof(args) - 1; len++) {
		struct blob next = { NULL, blob.len + FDT_EDIT_ROOM(len + 1) };

		memset(args, 'a' + (int)(len % 26), len);
		args[len] = '\0';
		changes.len = len + 1;
		next.data = edit(&blob, &changes, (u32)next.len, 0);
		CHECK_EQ(fdt_open(&f, next.data, next.len), 0);
		CHECK_STR_EQ(fdt_prop_string(&f, fdt_path_node(&f, "/chosen"), "bootargs"), args);
		CHECK_EQ(f.rsv_count, rsv_count);
		if (len > 0) { /* replaced, not added: it grows by a byte or a token's padding */
			CHECK(fdt_be32(next.data + 4) <= fdt_be32(blob.data + 4) + 4);
		}
		free(blob.data);
		blob = next;
	}
	free(blob.data);
}

TEST(without_changes_the_tree_stays)
{
	struct fdt_changes nothing = { .name = NULL };
	struct blob blob = blob_load("host/dts/console.dtb");
	unsigned char *copy = edit(&blob, &nothing, (u32)blob.len + FDT_EDIT_ROOM(0), 0);
	struct fdt a, b;

	CHECK_EQ(fdt_open(&a, blob.data, blob.len), 0);
	CHECK_EQ(fdt_open(&b, copy, blob.len + FDT_EDIT_ROOM(0)), 0);
	CHECK_EQ(b.structs_size, a.structs_size);
	CHECK_EQ(memcmp(b.structs, a.structs, a.structs_size), 0);
	CHECK_EQ(b.rsv_count, a.rsv_count);
	free(copy);
	free(blob.data);
}

/* As memtest=all does: bytes of any kind under a new name, then other ones in their place. */
TEST(a_value_of_bytes_comes_and_is_replaced)
{
	static const char name[] = "fanlight,of-a-length-of-31-byte";
	static unsigned char value[1201];
	struct fdt_changes changes = { .name = name, .value = value };
	struct blob blob = blob_load("host/dts/console-off.dtb");
	struct fdt f;

	for (u32 round = 0; round < 40; round++) {
		u32 len = round * 300 / 10;
		struct blob next = { NULL, blob.len + FDT_EDIT_ROOM(len) };
		const void *got;
		u32 got_len;

		for (u32 i = 0; i < len; i++) {
			value[i] = (unsigned char)(i * 7 + round);
		}
		changes.len = len;
		next.data = edit(&blob, &changes, (u32)next.len, 0);
		CHECK_EQ(fdt_open(&f, next.data, next.len), 0);
		got = fdt_prop(&f, fdt_path_node(&f, "/chosen"), name, &got_len);
		CHECK_EQ(got_len, len);
		CHECK_EQ(memcmp(got, value, len), 0);
		CHECK(fdt_be32(next.data + 4) <= fdt_be32(blob.data + 4) + (round ? 33 : 90));
		next.len = fdt_be32(next.data + 4);
		free(blob.data);
		blob = next;
	}
	free(blob.data);
}

TEST(too_little_room_is_refused_and_not_overrun)
{
	struct fdt_changes changes = { "bootargs", ARGS, sizeof(ARGS), TAKEN, 4096 };
	struct blob blob = blob_load("host/dts/names.dtb");
	u32 enough = (u32)blob.len + FDT_EDIT_ROOM(sizeof(ARGS));

	free(edit(&blob, &changes, enough, 0));
	for (u32 room = 0; room < fdt_be32(blob.data + 4) + sizeof(ARGS); room += 13) {
		edit(&blob, &changes, room, -ENOSPC);
	}
	free(blob.data);
}

/*
 * Whatever fdt_open() takes: blocks that overlap, that lie in any order. ASan looks at both ends.
 */
TEST(damaged_trees_do_no_harm)
{
	struct fdt_changes changes = { "bootargs", ARGS, sizeof(ARGS), TAKEN, 4096 };

	for (u32 round = 0; round < 20000; round++) {
		struct blob blob = blob_load(trees[round % (sizeof(trees) / sizeof(trees[0]))]);
		u32 room = (u32)check_below(3 * blob.len);
		unsigned char *out = malloc(room + 1);
		struct fdt f;
		int bytes;

		for (u32 i = 0; i <= round % 3; i++) {
			u64 at = round & 4 ? check_below(40) : check_below(blob.len);

			blob.data[at] ^= (unsigned char)(1u << check_below(8));
		}
		bytes = fdt_edit(blob.data, blob.len, &changes, out, room);
		if (bytes >= 0) {
			CHECK((u32)bytes <= room);
			CHECK_EQ(fdt_open(&f, out, (size_t)bytes), 0);
		}
		free(out);
		free(blob.data);
	}
}
