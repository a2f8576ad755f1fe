/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the first run of memtest=all leaves for the second, in the device tree that this is given: a
 * property of /chosen with a CRC, for this build at this address alone.
 */
#pragma once

#include <mm/memblock.h>

struct handover {
	u32 crc;     /* of all that follows */
	u32 version; /* HANDOVER_VERSION */
	u32 build;   /* CRC-32 of the build-id */
	u32 image;   /* where the second run is entered, 0 in the first; that lay at first_image */
	u32 first_image;
	u32 seed;
	u32 errors;		     /* bad words */
	u32 failed;		     /* the first run is no pass */
	struct memblock_list tested; /* MEMBLOCK_BAD: and found bad */
};
#define HANDOVER_VERSION 1

/* CRC-32 of the build-id. */
u32 handover_build(void);

/* What memtest_take_over() took. Or why it took nothing; *h is of no meaning then. */
const char *__must_check handover_taken(struct handover *h);
