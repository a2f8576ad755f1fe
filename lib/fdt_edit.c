/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the writing of device trees: a copy, block by block, with at most one property put in or
 * replaced. Must never write what fdt_open() would refuse: it has the last word on the copy.
 */
#include <lib/fdt_edit.h>

#include <errno.h>
#include <lib/string.h>

#define FDT_MAGIC      0xd00dfeed
#define FDT_BEGIN_NODE 1u
#define FDT_END_NODE   2u
#define FDT_PROP       3u
#define RSV_ENTRY      16u
#define VERSION	       17u
#define COMPATIBLE     16u
#define HDR_BOOT_CPU   28

/* Where a property goes. */
struct splice {
	u32 at, cut; /* offset in the structure block; bytes that are left out there */
	u32 name;    /* offset of its name in the strings */
	bool node;   /* /chosen comes with it */
};

static u8 *put(u8 *to, const void *from, u32 bytes)
{
	memcpy(to, from, bytes);
	return to + bytes;
}

static u8 *put_u32(u8 *to, u32 value)
{
	value = __builtin_bswap32(value);
	return put(to, &value, sizeof(value));
}

static u8 *put_u64(u8 *to, u64 value)
{
	return put_u32(put_u32(to, (u32)(value >> 32)), (u32)value);
}

/* Padded to a token's place. */
static u8 *put_padded(u8 *to, const void *from, u32 len)
{
	u32 padded = ALIGN_UP(len, 4u);

	memset(to + len, 0, padded - len);
	memcpy(to, from, len);
	return to + padded;
}

/* A property that is there, or the end of its node's properties: nodes come behind them (5.4.2). */
static void find_splice(const struct fdt *f, const char *name, struct splice *s)
{
	fdt_node chosen = fdt_path_node(f, "/chosen");
	struct fdt_prop it = { .next = 0 };

	*s = (struct splice){ .name = f->strings_size, .node = chosen < 0 };
	while (fdt_next_prop(f, s->node ? fdt_root(f) : chosen, &it)) {
		if (!s->node && strcmp(it.name, name) == 0) {
			s->at = (u32)(it.data - f->structs) - 12;
			s->cut = 12 + ALIGN_UP(it.len, 4u);
			s->name = (u32)(it.name - f->strings);
			return;
		}
	}
	s->at = it.next;
}

static u8 *put_property(u8 *to, const struct splice *s, const struct fdt_changes *changes)
{
	if (s->node) {
		to = put_padded(put_u32(to, FDT_BEGIN_NODE), "chosen", sizeof("chosen"));
	}
	to = put_u32(put_u32(to, FDT_PROP), changes->len);
	to = put_padded(put_u32(to, s->name), changes->value, changes->len);
	return s->node ? put_u32(to, FDT_END_NODE) : to;
}

static u8 *put_structs(u8 *to, const struct fdt *f, const struct splice *s,
		       const struct fdt_changes *changes)
{
	u32 behind = s->at + s->cut;

	to = put(to, f->structs, s->at);
	if (changes->name) {
		to = put_property(to, s, changes);
	}
	return put(to, f->structs + behind, f->structs_size - behind);
}

static u8 *put_reservations(u8 *to, const struct fdt *f, const struct fdt_changes *changes)
{
	to = put(to, f->rsv, f->rsv_count * RSV_ENTRY);
	if (changes->bytes) {
		to = put_u64(put_u64(to, changes->taken), changes->bytes);
	}
	return put_u64(put_u64(to, 0), 0);
}

static void put_header(u8 *header, const u8 *structs, const u8 *strings, const u8 *end,
		       const u8 *from)
{
	const u32 words[FDT_HEADER_SIZE / 4] = {
		FDT_MAGIC,
		(u32)(end - header),
		(u32)(structs - header),
		(u32)(strings - header),
		FDT_HEADER_SIZE,
		VERSION,
		COMPATIBLE,
		fdt_be32(from + HDR_BOOT_CPU),
		(u32)(end - strings),
		(u32)(strings - structs),
	};

	for (u32 i = 0; i < ARRAY_SIZE(words); i++) {
		header = put_u32(header, words[i]);
	}
}

int fdt_edit(const void *blob, size_t avail, const struct fdt_changes *changes, void *out, u32 room)
{
	u8 *structs, *strings, *end, *header = out;
	struct splice s = { .at = 0 };
	struct fdt f;
	int error = fdt_open(&f, blob, avail);

	if (error) {
		return error;
	}
	/*
	 * Blocks may overlap in the original: the sum counts, not its size. None is above
	 * INT32_MAX.
	 */
	if ((u64)f.structs_size + f.strings_size + (u64)f.rsv_count * RSV_ENTRY +
		    FDT_EDIT_ROOM(changes->len) >
	    room) {
		return -ENOSPC;
	}
	if (changes->name) {
		find_splice(&f, changes->name, &s);
	}
	structs = put_reservations(header + FDT_HEADER_SIZE, &f, changes);
	strings = put_structs(structs, &f, &s, changes);
	end = put(strings, f.strings, f.strings_size);
	if (changes->name && s.name == f.strings_size) {
		end = put(end, changes->name, (u32)strlen(changes->name) + 1);
	}
	put_header(header, structs, strings, end, (const u8 *)blob);
	error = fdt_open(&f, out, room);
	return error ? error : (int)(end - header);
}
