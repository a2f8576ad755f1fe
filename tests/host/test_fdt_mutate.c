/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device tree reader on damaged trees: bytes flipped, words replaced, headers edited,
 * ends cut off. Whatever fdt_open makes of them, nothing may be read outside the blob, which
 * ends where its allocation ends, at all eight alignments. Same damage in every run
 * (FANLIGHT_SEED for other runs).
 */
#include "check.h"

#include "blob.h"
#include "fdt_walk.h"

#include <lib/string.h>

#define HANDMADE_MUTATIONS 10000
#define CORPUS_TREES	   30
#define CORPUS_MUTATIONS   40
#define WALKS_PER_TREE	   6

/* How many damaged trees fdt_open let pass: without a fair share, little is tested. */
static int opened;

static void expect_opened(int trees)
{
	printf("# %d of %d damaged trees could be opened\n", opened, trees);
	CHECK(opened > trees / 10);
}

static bool one_in_four(void)
{
	return check_below(4) == 0;
}

static void use_tree(const struct fdt *f)
{
	static const char *const paths[] = { "/", "/bus/serial@1000", "serial0", "/aliases/x",
					     "bus/serial" };

	fdt_walk_tree(f, WALKS_PER_TREE, one_in_four);
	for (u32 i = 0; i < ARRAY_SIZE(paths); i++) {
		fdt_walk_value((u32)fdt_path_node(f, paths[i]));
	}
	fdt_walk_value((u32)fdt_by_phandle(f, 0x11) + (u32)fdt_by_phandle(f, 1));
}

/* Handles that nobody gave out: what they find may be nonsense, but not outside. */
static void use_forged(const struct fdt *f)
{
	int i;

	for (i = 0; i < 8; i++) {
		fdt_node node = (fdt_node)check_below(f->structs_size + 16);

		node = check_below(2) ? node & ~3 : node - 8;
		if (node != FDT_START) {
			fdt_walk_node(f, node);
			fdt_walk_value((u32)fdt_parent(f, node) + (u32)fdt_node_enabled(f, node));
		}
	}
}

static void use_blob(const u8 *data, size_t len, unsigned align)
{
	void *base;
	u8 *blob = blob_place(data, len, align, &base);
	struct fdt f;

	if (fdt_open(&f, blob, len) == 0) {
		use_tree(&f);
		use_forged(&f);
		opened++;
	}
	free(base);
}

/* A word that is likely to hurt: tokens, edges, lengths near the blob's own. */
static u32 nasty_word(size_t len)
{
	static const u32 words[] = { 0, 1,	    2,		3,	    4,
				     9, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffc };

	switch (check_below(3)) {
	case 0:
		return (u32)(len + check_below(64) - 32);
	case 1:
		return (u32)check_below(64);
	default:
		return words[check_below(ARRAY_SIZE(words))];
	}
}

/* Damages data in place and returns its new length. */
static size_t mutate(u8 *data, size_t len)
{
	u32 i;

	switch (check_below(8)) {
	case 0: /* a few bytes, anywhere */
		for (i = (u32)check_below(8) + 1; i; i--) {
			data[check_below(len)] = (u8)check_random();
		}
		break;
	case 1: /* a few bits */
		for (i = (u32)check_below(4) + 1; i; i--) {
			data[check_below(len)] ^= (u8)(1u << check_below(8));
		}
		break;
	case 2: /* words, where tokens and lengths are */
		for (i = (u32)check_below(3) + 1; i; i--) {
			be32_store(data + (check_below(len - 3) & ~3u), nasty_word(len));
		}
		break;
	case 3: /* a header field, the magic left alone */
		be32_store(data + 4 + 4 * check_below(9), nasty_word(len));
		break;
	case 4: /* cut, and said so; the header stays */
		len = FDT_HEADER_SIZE + check_below(len - FDT_HEADER_SIZE);
		be32_store(data + 4, (u32)len);
		if (check_below(2)) {
			/* The structure block up to the new end. */
			be32_store(data + 36, (u32)len - fdt_be32(data + 8));
		}
		break;
	default: /* one byte behind the header: most such trees can still be opened */
		data[FDT_HEADER_SIZE + check_below(len - FDT_HEADER_SIZE)] = (u8)check_random();
		break;
	}
	return len;
}

static void mutate_many(const struct blob *blob, int count)
{
	u8 *data = malloc(blob->len);
	int i, rounds;

	for (i = 0; i < count; i++) {
		size_t len = blob->len;

		memcpy(data, blob->data, len);
		for (rounds = (int)check_below(3); rounds >= 0 && len > FDT_HEADER_SIZE + 8;
		     rounds--) {
			len = mutate(data, len);
		}
		use_blob(data, len, (unsigned)i & 7);
	}
	free(data);
}

static void mutate_file(const char *name)
{
	struct blob blob = blob_load(name);

	check_context("%s", name);
	opened = 0;
	mutate_many(&blob, HANDMADE_MUTATIONS);
	free(blob.data);
	expect_opened(HANDMADE_MUTATIONS);
}

/* The same with the structure block at the very end. */
static void mutate_structs_last(const char *name)
{
	struct blob blob = blob_load(name);
	struct blob last = blob_structs_last(&blob);

	check_context("%s, structure block last", name);
	opened = 0;
	mutate_many(&last, HANDMADE_MUTATIONS);
	free(last.data);
	free(blob.data);
	expect_opened(HANDMADE_MUTATIONS);
}

TEST(damaged_names_stay_inside)
{
	mutate_file("host/dts/names.dtb");
	mutate_structs_last("host/dts/names.dtb");
}

TEST(damaged_ranges_stay_inside)
{
	mutate_file("host/dts/ranges.dtb");
	mutate_structs_last("host/dts/ranges.dtb");
}

TEST(damaged_interrupts_stay_inside)
{
	mutate_file("host/dts/irq.dtb");
	mutate_structs_last("host/dts/irq.dtb");
}

TEST(damaged_version_16_stays_inside)
{
	mutate_file("host/dts/old.dtb");
}

/*
 * A small tree cut anywhere inside its structure block, which is the last: handles forged
 * near the cut must not lead over it.
 */
TEST(forged_handles_stay_inside)
{
	struct builder b;
	struct blob blob;
	fdt_node node;
	struct fdt f;
	void *base;
	size_t len;

	build_start(&b);
	build_node(&b, "");
	/* What looks like a node with a property, inside a property. */
	build_prop(&b, "x", "\0\0\0\1ab\0\0\0\0\0\3\0\0\0\4\0\0\0\0abcd\0\0\0\1wxyz", 32);
	build_end_node(&b);
	blob = build_finish(&b);
	for (len = 0; len <= b.structs_len; len++) {
		size_t whole = blob.len - b.structs_len + len;

		CHECK_EQ(fdt_open(&f, blob.data, blob.len), 0);
		f.structs = blob_place(blob.data, whole, 1, &base) + whole - len;
		f.structs_size = (u32)len;
		for (node = 0; node < (fdt_node)len + 8; node++) {
			check_context("%zu of the structure block, handle %d", len, node);
			fdt_walk_node(&f, node);
		}
		free(base);
	}
	free(blob.data);
}

/* Every word of a small tree, replaced in turn. */
TEST(each_word_replaced_stays_inside)
{
	static const u32 words[] = { 0, 1, 2, 3, 4, 9, 0xffffffff, 0x7ffffffc };
	struct blob blob = blob_load("host/dts/names.dtb");
	u8 *data = malloc(blob.len);
	size_t at;
	unsigned i;

	for (at = 0; at + 4 <= blob.len; at += 4) {
		for (i = 0; i < ARRAY_SIZE(words); i++) {
			memcpy(data, blob.data, blob.len);
			be32_store(data + at, words[i]);
			check_context("word 0x%zx = 0x%x", at, words[i]);
			use_blob(data, blob.len, i);
		}
	}
	free(data);
	free(blob.data);
}

TEST(damaged_corpus_stays_inside)
{
	struct corpus corpus = corpus_open();
	size_t i;

	opened = 0;
	for (i = 0; i < CORPUS_TREES; i++) {
		const char *path = corpus.paths[i * corpus.count / CORPUS_TREES];
		struct blob blob = blob_read(path);

		check_context("%s", path);
		CHECK(blob.data != NULL);
		mutate_many(&blob, CORPUS_MUTATIONS);
		free(blob.data);
	}
	corpus_close(&corpus);
	expect_opened(CORPUS_TREES * CORPUS_MUTATIONS);
}
