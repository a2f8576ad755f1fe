/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stamps: when something began, in one word and three instructions, for people to read later.
 * The generic timer's counter without its lowest 16 bits: a step is about a millisecond, and it
 * wraps after a month or two.
 */
#pragma once

#include <arch/cpreg.h>

#define STAMP_SHIFT 16

static __always_inline u32 stamp_now(void)
{
	return (u32)(read_cntvct() >> STAMP_SHIFT);
}

/* 0 if nobody said how fast the counter runs. */
static inline u32 stamp_age_ms(u32 stamp)
{
	u32 khz = read_cntfrq() / 1000;

	/* times 2^16 / khz, without a long division */
	return khz ? (u32)((u64)(stamp_now() - stamp) * ((1u << 31) / khz) >> (31 - STAMP_SHIFT)) :
		     0;
}
