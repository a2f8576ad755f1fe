/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The unwinder: finds the function in .ARM.exidx and runs its few bytes of unwind code on
 * a copy of the registers. Owns nothing. Must never fault: tables lie in the image, and every
 * stack word is bounds-checked and probed.
 */
#include <arch/unwind.h>

#include <arch/early_tables.h>
#include <arch/probe.h>
#include <arch/trap.h>

/* IHI 0038, 6: both words are place-relative in 31 bits unless bit 31 says otherwise. */
struct exidx {
	u32 function;
	u32 code;
};
extern const struct exidx __exidx_start[], __exidx_end[];

#define EXIDX_CANTUNWIND 1u
#define EXIDX_INLINE	 (1u << 31)
#define UNWIND_FINISH	 0xb0u

/* The code's bytes, from the top of each word. */
struct unwind_code {
	const u32 *next;
	u32 word;
	u32 bytes; /* left in word */
	u32 words; /* left at next */
};

static const u32 *prel31(const u32 *place)
{
	return (const u32 *)((vaddr_t)place + ((s32)(*place << 1) >> 1));
}

/* The last entry whose function starts at or before pc; they are sorted. */
static const struct exidx *exidx_find(u32 pc)
{
	const struct exidx *low = __exidx_start, *high = __exidx_end;

	if (pc < (u32)__image_start || pc >= (u32)__text_end) {
		return NULL;
	}
	while (low < high) {
		const struct exidx *middle = low + (high - low) / 2;

		if ((u32)prel31(&middle->function) <= pc) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low == __exidx_start ? NULL : low - 1;
}

/* The compact models: 0 has three bytes, 1 and 2 have two and a count of further words. */
static bool code_open(const struct exidx *entry, struct unwind_code *code)
{
	const u32 *word = &entry->code;

	if (*word == EXIDX_CANTUNWIND) {
		return false;
	}
	if (!(*word & EXIDX_INLINE)) {
		word = prel31(word);
	}
	u32 model = *word >> 24;

	if (model < 0x80 || model > 0x82) {
		return false;
	}
	code->word = *word;
	code->bytes = model == 0x80 ? 3 : 2;
	code->words = model == 0x80 ? 0 : (*word >> 16) & 0xff;
	code->next = word + 1;
	return true;
}

static u32 code_byte(struct unwind_code *code)
{
	if (code->bytes == 0) {
		if (code->words == 0) {
			return UNWIND_FINISH;
		}
		code->word = *code->next++;
		code->bytes = 4;
		code->words--;
	}
	code->bytes--;
	return (code->word >> (code->bytes * 8)) & 0xff;
}

/* Pops the registers in mask, lowest first. A popped sp takes effect after the others. */
static bool pop(struct unwind *u, u32 mask)
{
	vaddr_t sp = u->r[13];

	for (u32 i = 0; i < 16; i++) {
		if (!(mask & (1u << i))) {
			continue;
		}
		if (!trap_on_stack(sp, 4) || probe_read((const void *)sp, &u->r[i])) {
			return false;
		}
		sp += 4;
	}
	if (!(mask & (1u << 13))) {
		u->r[13] = sp;
	}
	return true;
}

static u32 code_uleb128(struct unwind_code *code)
{
	u32 value = 0, byte, shift = 0;

	do {
		byte = code_byte(code);
		value |= (byte & 0x7f) << shift;
		shift += 7;
	} while ((byte & 0x80) && shift < 28);
	return value;
}

/* One instruction, table 4 in IHI 0038, 10.3. False: refused, or one for a coprocessor. */
static bool run_one(struct unwind *u, struct unwind_code *code, u32 byte, u32 *popped)
{
	u32 mask;

	if (byte < 0x80) { /* add to, or with bit 6 subtract from sp */
		u32 bytes = ((byte & 0x3f) << 2) + 4;

		u->r[13] += byte & 0x40 ? -bytes : bytes;
		return true;
	}
	if (byte < 0x90) { /* pop by a mask of r4 to r15 */
		mask = ((byte & 0xf) << 8 | code_byte(code)) << 4;
	} else if (byte < 0xa0) { /* sp from a register */
		u->r[13] = u->r[byte & 0xf];
		return true;
	} else if (byte < 0xb0) { /* pop r4 up to r4 + n, with bit 3 also lr */
		mask = ((2u << (byte & 7)) - 1) << 4 | (byte & 8 ? 1u << 14 : 0);
	} else if (byte == 0xb1) { /* pop by a mask of r0 to r3 */
		mask = code_byte(code) & 0xf;
	} else if (byte == 0xb2) {
		u->r[13] += 0x204 + (code_uleb128(code) << 2);
		return true;
	} else {
		return false;
	}
	*popped |= mask;
	return mask != 0 && pop(u, mask);
}

bool unwind_step(struct unwind *u)
{
	struct unwind up = *u;
	struct unwind_code code;
	const struct exidx *entry = exidx_find(unwind_pc(u));
	u32 byte, popped = 0;

	if (!entry || !code_open(entry, &code)) {
		return false;
	}
	while ((byte = code_byte(&code)) != UNWIND_FINISH) {
		if (!run_one(&up, &code, byte, &popped)) {
			return false;
		}
	}
	if (!(popped & (1u << 15))) {
		up.r[15] = up.r[14];
	}
	up.exact = popped & (1u << 13); /* the frame of an exception */
	if (up.r[15] == 0 || (up.r[15] == u->r[15] && up.r[13] == u->r[13])) {
		return false; /* boot called the outermost function with lr = 0; or no progress */
	}
	*u = up;
	return true;
}
