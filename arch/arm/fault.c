/* SPDX-License-Identifier: BSD-2-Clause */
/* Fault status codes in words (ARM DDI 0406C, table B3-24). Pure: no state, no hardware. */
#include <arch/fault.h>

#define HAS_LEVEL 0x3c /* the mask of kinds whose two low bits are the level */

static const struct {
	u8 mask;
	u8 value;
	char word[14];
} fault_kinds[] = {
	{ HAS_LEVEL, FAULT_TRANSLATION, "translation" },
	{ HAS_LEVEL, FAULT_ACCESS_FLAG, "access_flag" },
	{ HAS_LEVEL, FAULT_PERMISSION, "permission" },
	{ FSR_STATUS_MASK, FAULT_EXTERNAL, "external" },
	{ FSR_STATUS_MASK, 0x11, "async" },
	{ HAS_LEVEL, 0x14, "walk_external" },
	{ FSR_STATUS_MASK, 0x18, "parity" },
	{ FSR_STATUS_MASK, 0x19, "async_parity" },
	{ HAS_LEVEL, 0x1c, "walk_parity" },
	{ FSR_STATUS_MASK, FAULT_ALIGNMENT, "alignment" },
	{ FSR_STATUS_MASK, 0x22, "debug" },
	{ FSR_STATUS_MASK, 0x30, "tlb_conflict" },
};

const char *fault_word(u32 status, u32 *level)
{
	for (u32 i = 0; i < ARRAY_SIZE(fault_kinds); i++) {
		if ((status & fault_kinds[i].mask) == fault_kinds[i].value) {
			*level = fault_kinds[i].mask == HAS_LEVEL ? status & 3 : 0;
			return fault_kinds[i].word;
		}
	}
	*level = 0;
	return "unknown";
}
