/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The unwinder: runs the few bytes of unwind code of the function that pc lies in on
 * a copy of the registers. Owns nothing. Must never fault: the codes lie in the image, and every
 * stack word is bounds-checked and probed.
 */
#include <arch/unwind.h>

#include <arch/probe.h>
#include <arch/trap.h>
#include <lib/symtab.h>

#define UNWIND_FINISH 0xb0u

struct unwind_code {
	const u8 *next, *end;
};

static u32 code_byte(struct unwind_code *code)
{
	return code->next < code->end ? *code->next++ : UNWIND_FINISH;
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
	const u8 *bytes = symtab_unwind_code(unwind_pc(u));
	struct unwind_code code;
	u32 byte, popped = 0;

	if (!bytes) {
		return false;
	}
	code = (struct unwind_code){ bytes + 1, bytes + 1 + *bytes };
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
