/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the reading of the function names that tools/symtab.py put behind the text.
 * Runs inside a panic: it must never allocate, lock, or trust an address it is
 * asked about. No locks; the table is read-only.
 */
#include <lib/symtab.h>

/* The running kernel's table: the file that tools/symtab.py wrote. */
extern const u32 symtab_base;
extern const u32 symtab_size;
extern const u32 symtab_count;
extern const u8 symtab_pairs[];
extern const u8 symtab_names[];

#define TOKEN_FIRST 0x80u
#define TOKEN_DEPTH 8 /* DEPTH_MAX in tools/symtab.py */

struct writer {
	char *at;
	char *last; /* kept for the NUL */
};

/* A token stands for two bytes, each of which may be a token. */
static void symtab_expand(const struct symtab *tab, struct writer *w, u8 byte, u32 depth)
{
	const u8 *pair;

	if (byte >= TOKEN_FIRST && depth < TOKEN_DEPTH) {
		pair = tab->pairs + 2 * (byte - TOKEN_FIRST);
		symtab_expand(tab, w, pair[0], depth + 1);
		symtab_expand(tab, w, pair[1], depth + 1);
	} else if (w->at < w->last) {
		*w->at++ = (char)byte;
	}
}

static const u8 *symtab_distance(const u8 *p, u32 *bytes)
{
	u32 value = 0;
	u32 shift = 0;

	while (*p & 0x80) {
		value |= (*p++ & 0x7fu) << shift;
		shift += 7;
	}
	*bytes = (value | (u32)*p++ << shift) * 2;
	return p;
}

bool symtab_find(const struct symtab *tab, vaddr_t addr, char *name, size_t size, u32 *offset)
{
	struct writer w = { name, name + size - 1 };
	const u8 *p = tab->names;
	const u8 *found = NULL;
	vaddr_t want = addr - tab->base; /* below base: wraps, and is past size */
	u32 start = 0;
	u32 pos = 0;

	*name = '\0';
	if (want >= tab->size) {
		return false;
	}
	for (u32 i = 0; i < tab->count; i++) {
		u32 step;

		p = symtab_distance(p, &step);
		pos += step;
		if (pos > want) {
			break;
		}
		start = pos;
		found = p;
		while (*p++ != '\0') {
		}
	}
	if (!found) {
		return false;
	}
	for (p = found; *p != '\0'; p++) {
		symtab_expand(tab, &w, *p, 0);
	}
	*w.at = '\0';
	*offset = (u32)want - start;
	return true;
}

bool symtab_lookup(vaddr_t addr, char *name, size_t size, u32 *offset)
{
	const struct symtab tab = { symtab_base, symtab_size, symtab_count, symtab_pairs,
				    symtab_names };

	return symtab_find(&tab, addr, name, size, offset);
}
