/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the reading of the table of functions that tools/symtab.py put behind the text.
 * Runs inside a panic: it must never allocate, lock, or trust an address it is
 * asked about. No locks; the table is read-only.
 */
#include <lib/symtab.h>

/* The running kernel's table: the file that tools/symtab.py wrote. */
extern const u32 symtab_base;
extern const u32 symtab_size;
extern const u32 symtab_count;
extern const u32 symtab_last;
extern const u8 symtab_pairs[];
extern const u8 symtab_codes[];
extern const u8 symtab_names[];

#define LETTER_DEPTH 8 /* DEPTH_MAX in tools/symtab.py */

struct function {
	u32 start; /* bytes from base */
	u32 code;  /* its number, 0: none */
	const u8 *name;
};

struct writer {
	char *at;
	char *last; /* kept for the NUL */
};

static struct symtab symtab_own(void)
{
	return (struct symtab){ symtab_base,  symtab_size,  symtab_count, symtab_last,
				symtab_pairs, symtab_codes, symtab_names };
}

/* A letter stands for two others, or for a character. */
static void symtab_spell(const struct symtab *tab, struct writer *w, u8 letter, u32 depth)
{
	const u8 *pair = tab->pairs + 2 * letter;

	if (pair[1] != 0 && depth < LETTER_DEPTH) {
		symtab_spell(tab, w, pair[0], depth + 1);
		symtab_spell(tab, w, pair[1], depth + 1);
	} else if (pair[0] != '\0' && w->at < w->last) {
		*w->at++ = (char)pair[0];
	}
}

static const u8 *symtab_number(const u8 *p, u32 *number)
{
	u32 shift = 0;

	*number = 0;
	do {
		*number |= (*p & 0x7fu) << shift;
		shift += 7;
	} while (*p++ & 0x80);
	return p;
}

static bool symtab_entry(const struct symtab *tab, vaddr_t addr, struct function *found)
{
	const u8 *p = tab->names;
	vaddr_t want = addr - tab->base; /* below base: wraps, and is past size */
	struct function f = { 0, 0, NULL };

	found->name = NULL;
	if (want >= tab->size) {
		return false;
	}
	for (u32 i = 0; i < tab->count; i++) {
		u32 step;

		p = symtab_number(p, &step);
		f.start += 2 * step;
		if (f.start > want) {
			break;
		}
		f.name = symtab_number(p, &f.code);
		*found = f;
		for (p = f.name; *p < tab->last; p++) {
		}
		p++;
	}
	return found->name != NULL && tab->pairs[2 * *found->name] != '\0'; /* not in a gap */
}

bool symtab_find(const struct symtab *tab, vaddr_t addr, char *name, size_t size, u32 *offset)
{
	struct writer w = { name, name + size - 1 };
	struct function f;
	bool found = symtab_entry(tab, addr, &f);

	if (found) {
		*offset = (u32)(addr - tab->base) - f.start;
		do {
			symtab_spell(tab, &w, *f.name, 0);
		} while (*f.name++ < tab->last);
	}
	*w.at = '\0';
	return found;
}

bool symtab_lookup(vaddr_t addr, char *name, size_t size, u32 *offset)
{
	const struct symtab tab = symtab_own();

	return symtab_find(&tab, addr, name, size, offset);
}

const u8 *symtab_unwind_code(vaddr_t addr)
{
	const struct symtab tab = symtab_own();
	const u8 *code = tab.codes;
	struct function f;

	if (!symtab_entry(&tab, addr, &f) || f.code == 0) {
		return NULL;
	}
	while (--f.code != 0) {
		code += 1 + *code;
	}
	return code;
}
