/* SPDX-License-Identifier: BSD-2-Clause */
/* The fault status of DFSR, IFSR and PAR in words (ARM DDI 0406C, B3.13.3 and B4.1.52). Pure. */
#pragma once

#include <types.h>

#define FSR_STATUS_MASK 0x3fu
#define FSR_WRITE	(1u << 11) /* DFSR.WnR: a write, or cache maintenance */
#define FSR_CM		(1u << 13) /* DFSR.CM: cache maintenance or address translation */

/* Status values, without the level for those that have one. */
#define FAULT_TRANSLATION 0x04u
#define FAULT_ACCESS_FLAG 0x08u
#define FAULT_PERMISSION  0x0cu
#define FAULT_EXTERNAL	  0x10u
#define FAULT_ALIGNMENT	  0x21u

/* An asynchronous external abort, or parity error: not about the instruction it hits. */
static inline bool fault_is_async(u32 status)
{
	return (status & 0x37u) == 0x11;
}

/*
 * One word for a status, "translation" or "permission", as in the rules of an oops
 * ("fault.translation"); *level is the level of the walk, or 0 for faults without one.
 */
const char *fault_word(u32 status, u32 *level);
