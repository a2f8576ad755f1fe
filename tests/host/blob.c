/* SPDX-License-Identifier: BSD-2-Clause */
/* Device tree blobs for tests: see blob.h. */
#include "check.h"

#include "blob.h"

#include <glob.h>

#define HEADER_SIZE 40

static const char *build_folder(void)
{
	const char *folder = getenv("FANLIGHT_BUILD");

	return folder ? folder : "build";
}

struct blob blob_read(const char *path)
{
	struct blob blob = { NULL, 0 };
	FILE *file = fopen(path, "rb");

	if (!file) {
		return blob;
	}
	fseek(file, 0, SEEK_END);
	blob.len = (size_t)ftell(file);
	rewind(file);
	blob.data = malloc(blob.len + 1);
	if (fread(blob.data, 1, blob.len, file) != blob.len) {
		free(blob.data);
		blob.data = NULL;
	} else {
		blob.data[blob.len] = '\0'; /* for those that are text */
	}
	fclose(file);
	return blob;
}

struct blob blob_load(const char *name)
{
	char path[512];
	struct blob blob;

	snprintf(path, sizeof(path), "%s/%s", build_folder(), name);
	blob = blob_read(path);
	if (!blob.data) {
		check_fail(__FILE__, __LINE__, "can't read %s (FANLIGHT_BUILD)", path);
	}
	return blob;
}

unsigned char *blob_place(const unsigned char *data, size_t len, unsigned align, void **base)
{
	unsigned char *p = malloc(len + align);

	*base = p;
	memcpy(p + align, data, len);
	return p + align;
}

void be32_store(unsigned char *p, uint32_t value)
{
	p[0] = (unsigned char)(value >> 24);
	p[1] = (unsigned char)(value >> 16);
	p[2] = (unsigned char)(value >> 8);
	p[3] = (unsigned char)value;
}

static uint32_t be32_load(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

void build_start(struct builder *b)
{
	memset(b, 0, sizeof(*b));
}

void build_u32(struct builder *b, uint32_t value)
{
	be32_store(b->structs + b->structs_len, value);
	b->structs_len += 4;
}

static void build_bytes(struct builder *b, const void *data, size_t len)
{
	memcpy(b->structs + b->structs_len, data, len);
	b->structs_len = (b->structs_len + len + 3) & ~(size_t)3;
}

void build_node(struct builder *b, const char *name)
{
	build_u32(b, 1);
	build_bytes(b, name, strlen(name) + 1);
}

void build_prop(struct builder *b, const char *name, const void *data, size_t len)
{
	build_u32(b, 3);
	build_u32(b, (uint32_t)len);
	build_u32(b, (uint32_t)b->strings_len);
	memcpy(b->strings + b->strings_len, name, strlen(name) + 1);
	b->strings_len += strlen(name) + 1;
	build_bytes(b, data, len);
}

void build_end_node(struct builder *b)
{
	build_u32(b, 2);
}

struct blob blob_structs_last(const struct blob *blob)
{
	const size_t structs = be32_load(blob->data + 8);
	const size_t strings = be32_load(blob->data + 12);
	const size_t strings_len = be32_load(blob->data + 32);
	const size_t structs_len = be32_load(blob->data + 36);
	struct blob copy = { malloc(blob->len), structs + strings_len + structs_len };

	/* Where dtc puts them: the structure block follows the reservations. */
	memcpy(copy.data, blob->data, structs);
	memcpy(copy.data + structs, blob->data + strings, strings_len);
	memcpy(copy.data + structs + strings_len, blob->data + structs, structs_len);
	be32_store(copy.data + 4, (uint32_t)copy.len);
	be32_store(copy.data + 8, (uint32_t)(structs + strings_len));
	be32_store(copy.data + 12, (uint32_t)structs);
	return copy;
}

struct blob build_finish(struct builder *b)
{
	const size_t rsv = HEADER_SIZE;
	const size_t strings = rsv + 16;
	const size_t structs = strings + b->strings_len;
	struct blob blob;
	uint32_t header[HEADER_SIZE / 4];
	size_t i;

	build_u32(b, 9);
	blob.len = structs + b->structs_len;
	blob.data = calloc(1, blob.len);
	memcpy(header,
	       (uint32_t[]){ 0xd00dfeed, (uint32_t)blob.len, (uint32_t)structs, (uint32_t)strings,
			     (uint32_t)rsv, 17, 16, 0, (uint32_t)b->strings_len,
			     (uint32_t)b->structs_len },
	       sizeof(header));
	for (i = 0; i < HEADER_SIZE / 4; i++) {
		be32_store(blob.data + 4 * i, header[i]);
	}
	memcpy(blob.data + structs, b->structs, b->structs_len);
	memcpy(blob.data + strings, b->strings, b->strings_len);
	return blob;
}

/* Ends the test with the reason that tools/fetch-linux.sh left in the folder of `pattern`. */
static _Noreturn void skip_corpus(char *pattern)
{
	char why[256] = "make host-corpus fetches them";
	struct blob blob;

	strcpy(strrchr(pattern, '/'), "/.why");
	blob = blob_read(pattern);
	*strrchr(pattern, '/') = '\0';
	if (blob.data) {
		snprintf(why, sizeof(why), "%.*s", (int)strcspn((char *)blob.data, "\n"),
			 blob.data);
		free(blob.data);
	}
	check_skip("no device trees in %s: %s", pattern, why);
}

struct corpus corpus_open(void)
{
	const char *folder = getenv("FANLIGHT_DTBS");
	char path[512];
	struct corpus corpus;
	glob_t found;

	snprintf(path, sizeof(path), "%s%s", folder ? folder : build_folder(),
		 folder ? "" : "/cache/dtbs");
	strcat(path, "/*.dtb");
	if (glob(path, 0, NULL, &found) != 0) {
		skip_corpus(path);
	}
	corpus.paths = found.gl_pathv;
	corpus.count = found.gl_pathc;
	return corpus;
}

void corpus_close(struct corpus *corpus)
{
	glob_t found = { .gl_pathv = corpus->paths, .gl_pathc = corpus->count };

	globfree(&found);
}
