/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the reading of flattened device trees: blocks, tokens, nodes, properties. Addresses
 * are fdt_addr.c's.
 *
 * Every read of the structure block goes through fdt_token, which checks it, in fdt_open and
 * ever after: so no offset, however wrong, leads outside. Must never keep pointers in static
 * data, for it also runs before relocation, with the MMU off.
 */
#include <lib/fdt.h>

#include <errno.h>
#include <lib/string.h>

#define FDT_MAGIC 0xd00dfeed

/* Header fields, by offset (5.2). */
enum {
	HDR_MAGIC = 0,
	HDR_TOTALSIZE = 4,
	HDR_OFF_STRUCT = 8,
	HDR_OFF_STRINGS = 12,
	HDR_OFF_RSVMAP = 16,
	HDR_VERSION = 20,
	HDR_LAST_COMP_VERSION = 24,
	HDR_SIZE_STRINGS = 32,
	HDR_SIZE_STRUCT = 36, /* since version 17 */
};

/* Tokens of the structure block (5.4.1). TOK_BAD is ours: malformed, or outside. */
enum { TOK_BAD = 0, TOK_BEGIN = 1, TOK_END_NODE = 2, TOK_PROP = 3, TOK_NOP = 4, TOK_END = 9 };

#define RSV_ENTRY  16
#define VERSION_17 17

struct token {
	u32 tag;
	u32 next;	  /* offset of the token behind it */
	const char *name; /* TOK_BEGIN, TOK_PROP */
	const u8 *data;	  /* TOK_PROP */
	u32 len;
};

u32 fdt_be32(const void *p)
{
	const u8 *b = p;

	return (u32)b[0] << 24 | (u32)b[1] << 16 | (u32)b[2] << 8 | b[3];
}

u64 fdt_be64(const void *p)
{
	return (u64)fdt_be32(p) << 32 | fdt_be32((const u8 *)p + 4);
}

/* Reads the property whose tag is at off; there are at least 4 bytes left. */
static u32 prop_token(const struct fdt *f, u32 off, struct token *t)
{
	u32 left = f->structs_size - off;
	u32 name_off;

	if (left < 12) {
		return TOK_BAD;
	}
	t->len = fdt_be32(f->structs + off + 4);
	name_off = fdt_be32(f->structs + off + 8);
	if (t->len > left - 12 || name_off >= f->strings_size) {
		return TOK_BAD;
	}
	t->data = f->structs + off + 12;
	t->name = f->strings + name_off;
	t->next = off + 12 + ALIGN_UP(t->len, 4u);
	return TOK_PROP;
}

/*
 * Reads the token at off into *t, NOPs skipped, and returns its tag. What it returns has
 * been checked against the blocks; t->next may lie outside, and is checked when used.
 */
static u32 fdt_token(const struct fdt *f, u32 off, struct token *t)
{
	u32 len;

	for (;; off += 4) {
		if (off > f->structs_size || f->structs_size - off < 4 || (off & 3)) {
			return t->tag = TOK_BAD;
		}
		t->tag = fdt_be32(f->structs + off);
		t->next = off + 4;
		if (t->tag != TOK_NOP) {
			break;
		}
	}
	if (t->tag == TOK_BEGIN) {
		t->name = (const char *)f->structs + off + 4;
		len = (u32)strnlen(t->name, f->structs_size - off - 4);
		if (len == f->structs_size - off - 4) {
			t->tag = TOK_BAD;
		}
		t->next = off + 4 + ALIGN_UP(len + 1, 4u);
	} else if (t->tag == TOK_PROP) {
		t->tag = prop_token(f, off, t);
	} else if (t->tag != TOK_END_NODE && t->tag != TOK_END) {
		t->tag = TOK_BAD;
	}
	return t->tag;
}

/* The handle of the node that a TOK_BEGIN opens: where its tag is. */
static fdt_node token_node(const struct fdt *f, const struct token *t)
{
	return (fdt_node)((const u8 *)t->name - f->structs - 4);
}

/* Whether [off, off + size) lies inside the blob, behind its header. */
static bool block_fits(u32 off, u32 size, u32 total)
{
	return off >= FDT_HEADER_SIZE - 4 && off <= total && size <= total - off;
}

int fdt_total_size(const void *blob, u32 *bytes)
{
	const u8 *b = blob;
	u32 total = fdt_be32(b + HDR_TOTALSIZE);

	if (fdt_be32(b + HDR_MAGIC) != FDT_MAGIC || total < FDT_HEADER_SIZE || total > INT32_MAX) {
		return -EINVAL;
	}
	*bytes = total;
	return 0;
}

/* Finds the three blocks. Strings end with their last NUL, so that each one has its own. */
static int open_blocks(struct fdt *f, const u8 *b, u32 total)
{
	u32 off_struct = fdt_be32(b + HDR_OFF_STRUCT);
	u32 off_strings = fdt_be32(b + HDR_OFF_STRINGS);
	u32 off_rsv = fdt_be32(b + HDR_OFF_RSVMAP);
	u32 version = fdt_be32(b + HDR_VERSION);
	u32 size;

	if (version < 16 || fdt_be32(b + HDR_LAST_COMP_VERSION) > VERSION_17) {
		return -ENOTSUP;
	}
	f->strings_size = fdt_be32(b + HDR_SIZE_STRINGS);
	size = off_struct < total ? total - off_struct : 0;
	f->structs_size = version >= VERSION_17 ? fdt_be32(b + HDR_SIZE_STRUCT) : size;
	if (!block_fits(off_struct, f->structs_size, total) || !block_fits(off_rsv, 0, total) ||
	    !block_fits(off_strings, f->strings_size, total)) {
		return -EINVAL;
	}
	f->structs = b + off_struct;
	f->strings = (const char *)b + off_strings;
	f->rsv = b + off_rsv;
	while (f->strings_size && f->strings[f->strings_size - 1] != '\0') {
		f->strings_size--;
	}
	size = total - off_rsv;
	for (f->rsv_count = 0;; f->rsv_count++, size -= RSV_ENTRY) {
		const u8 *entry = f->rsv + RSV_ENTRY * f->rsv_count;

		if (size < RSV_ENTRY) {
			return -EINVAL;
		}
		if (fdt_be64(entry) == 0 && fdt_be64(entry + 8) == 0) {
			return 0;
		}
	}
}

/* One root, balanced, properties before children, and FDT_END behind it. Finds the root. */
static int check_structure(struct fdt *f)
{
	bool props_allowed = false;
	u32 depth = 0;
	struct token t = { .next = 0 };

	f->root = FDT_START;
	for (;;) {
		switch (fdt_token(f, t.next, &t)) {
		case TOK_BEGIN:
			if (depth == 0 && f->root >= 0) {
				return -EINVAL;
			}
			if (depth == 0) {
				f->root = token_node(f, &t);
			}
			if (depth++ == FDT_MAX_DEPTH) {
				return -E2BIG;
			}
			props_allowed = true;
			break;
		case TOK_END_NODE:
			if (depth-- == 0) {
				return -EINVAL;
			}
			props_allowed = false;
			break;
		case TOK_PROP:
			if (!props_allowed) {
				return -EINVAL;
			}
			break;
		case TOK_END:
			f->structs_size = t.next; /* version 16 does not say it */
			return depth == 0 && f->root >= 0 ? 0 : -EINVAL;
		default:
			return -EINVAL;
		}
	}
}

int fdt_open(struct fdt *f, const void *blob, size_t avail)
{
	u32 total;
	int err;

	if (avail < FDT_HEADER_SIZE) {
		return -EOVERFLOW;
	}
	err = fdt_total_size(blob, &total);
	if (err) {
		return err;
	}
	if (total > avail) {
		return -EOVERFLOW;
	}
	f->blob = blob;
	err = open_blocks(f, blob, total);
	if (err) {
		return err;
	}
	return check_structure(f);
}

fdt_node fdt_root(const struct fdt *f)
{
	return f->root;
}

/* The node's own token, or false if there is no node at that offset. */
static bool node_token(const struct fdt *f, fdt_node node, struct token *t)
{
	/* The tag's own offset, not that of a NOP before it: one node, one handle. */
	return node >= 0 && fdt_token(f, (u32)node, t) == TOK_BEGIN && token_node(f, t) == node;
}

const char *fdt_node_name(const struct fdt *f, fdt_node node)
{
	struct token t;

	return node_token(f, node, &t) ? t.name : NULL;
}

fdt_node fdt_next_node(const struct fdt *f, fdt_node node, int *depth)
{
	struct token t;
	int d = 1;

	if (node == FDT_START) {
		if (depth) {
			*depth = 0;
		}
		return f->root;
	}
	if (!node_token(f, node, &t)) {
		return -EINVAL;
	}
	for (;;) {
		switch (fdt_token(f, t.next, &t)) {
		case TOK_BEGIN:
			if (depth) {
				*depth += d;
			}
			return token_node(f, &t);
		case TOK_END_NODE:
			d--;
			break;
		case TOK_PROP:
			break;
		default:
			return -ENOENT;
		}
	}
}

fdt_node fdt_first_child(const struct fdt *f, fdt_node node)
{
	int depth = 0;
	fdt_node child = fdt_next_node(f, node < 0 ? -EINVAL : node, &depth);

	return child >= 0 && depth != 1 ? -ENOENT : child;
}

fdt_node fdt_next_sibling(const struct fdt *f, fdt_node node)
{
	int depth = 0;

	if (node < 0) {
		return -EINVAL;
	}
	do {
		node = fdt_next_node(f, node, &depth);
	} while (node >= 0 && depth > 0);
	return node >= 0 && depth != 0 ? -ENOENT : node;
}

bool fdt_next_prop(const struct fdt *f, fdt_node node, struct fdt_prop *it)
{
	struct token t;

	if (it->next == 0) {
		if (!node_token(f, node, &t)) {
			return false;
		}
		it->next = t.next;
	}
	if (fdt_token(f, it->next, &t) != TOK_PROP) {
		return false;
	}
	it->name = t.name;
	it->data = t.data;
	it->len = t.len;
	it->next = t.next;
	return true;
}

const void *fdt_prop(const struct fdt *f, fdt_node node, const char *name, u32 *len)
{
	struct fdt_prop it = { .next = 0 };

	while (fdt_next_prop(f, node, &it)) {
		if (strcmp(it.name, name) == 0) {
			if (len) {
				*len = it.len;
			}
			return it.data;
		}
	}
	return NULL;
}

int fdt_prop_u32(const struct fdt *f, fdt_node node, const char *name, u32 *value)
{
	u32 len;
	const void *data = fdt_prop(f, node, name, &len);

	if (!data) {
		return -ENOENT;
	}
	if (len != 4) {
		return -EINVAL;
	}
	*value = fdt_be32(data);
	return 0;
}

const char *fdt_prop_string(const struct fdt *f, fdt_node node, const char *name)
{
	u32 len;
	const char *s = fdt_prop(f, node, name, &len);

	return s && memchr(s, '\0', len) ? s : NULL;
}

bool fdt_strings_have(const char *list, u32 len, const char *text)
{
	size_t wanted = strlen(text) + 1;

	while (len >= wanted) {
		size_t n = strnlen(list, len);

		if (n == len) {
			break;
		}
		if (n + 1 == wanted && memcmp(list, text, n) == 0) {
			return true;
		}
		list += n + 1;
		len -= n + 1;
	}
	return false;
}

bool fdt_prop_has_string(const struct fdt *f, fdt_node node, const char *name, const char *text)
{
	u32 len;
	const char *list = fdt_prop(f, node, name, &len);

	return list && fdt_strings_have(list, len, text);
}

int fdt_rsv(const struct fdt *f, u32 index, phys_addr_t *pa, phys_addr_t *size)
{
	if (index >= f->rsv_count) {
		return -ENOENT;
	}
	*pa = fdt_be64(f->rsv + RSV_ENTRY * index);
	*size = fdt_be64(f->rsv + RSV_ENTRY * index + 8);
	return 0;
}
