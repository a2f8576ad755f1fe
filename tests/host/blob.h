/* SPDX-License-Identifier: BSD-2-Clause */
/* Device tree blobs for tests: from a file, or put together by hand. Include check.h first. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct blob {
	unsigned char *data; /* malloc'd */
	size_t len;
};

/* A file of the build folder, such as "host/dts/names.dtb". Fails the test if there is none. */
struct blob blob_load(const char *name);
/* Any file; data is NULL if it can't be read. */
struct blob blob_read(const char *path);

/*
 * A copy whose last byte is the last of its allocation, and whose first is `align` bytes
 * behind an 8-byte boundary: reads outside are seen by ASan. Free *base.
 */
unsigned char *blob_place(const unsigned char *data, size_t len, unsigned align, void **base);

/*
 * The same tree with its structure block behind the strings: so that a step over that
 * block's end is one over the blob's end too. Only for well-formed blobs of version 17.
 */
struct blob blob_structs_last(const struct blob *blob);

/*
 * Builder: begin, then nodes and properties, then finish. Without checks, so that it can
 * build what is wrong too.
 */
struct builder {
	unsigned char structs[8192];
	size_t structs_len;
	char strings[512];
	size_t strings_len;
};

void build_start(struct builder *b);
void build_u32(struct builder *b, uint32_t value);
void build_node(struct builder *b, const char *name);
void build_prop(struct builder *b, const char *name, const void *data, size_t len);
void build_end_node(struct builder *b);
/* Adds FDT_END and the header, version 17; the structure block is the last. */
struct blob build_finish(struct builder *b);

/* Writes a big-endian word. */
void be32_store(unsigned char *p, uint32_t value);

/* Ends the test if there are none: the .dtb files of the corpus, sorted. */
struct corpus {
	char **paths;
	size_t count;
};
struct corpus corpus_open(void);
void corpus_close(struct corpus *corpus);
