/* SPDX-License-Identifier: BSD-2-Clause */
/* Receiving one file by YMODEM (CRC-16, blocks of 128 and 1024 bytes). Pure: the line and the
 * place for the bytes are the caller's. */
#pragma once

#include <types.h>

#define YMODEM_BLOCK 1024

enum ymodem_end {
	YMODEM_OK,
	YMODEM_NOBODY,	  /* nothing came for a minute */
	YMODEM_SILENT,	  /* the sender stopped in the middle */
	YMODEM_CANCELLED, /* by the sender, or ^C before it began */
	YMODEM_DAMAGED,	  /* the same block ten times */
	YMODEM_ORDER,	  /* a block is missing */
	YMODEM_NO_FILE,	  /* the sender had none */
	YMODEM_HEADER,	  /* its first block has no proper name and size, or the file is longer */
	YMODEM_REFUSED,	  /* by begin() or data() */
};

struct ymodem {
	int (*get)(u32 wait_ms); /* a byte, or negative: none in time, or damaged */
	void (*put)(u8 c);
	/* The file begins: its size in bytes. False: not wanted. */
	bool (*begin)(struct ymodem *y, const char *name, u32 size);
	/* Its next bytes, in order, `size` in all. False: no room. */
	bool (*data)(struct ymodem *y, const u8 *bytes, u32 len);

	u32 left;		    /* bytes that are still to come */
	u32 tries;		    /* of the block that is wanted now */
	u8 block[YMODEM_BLOCK + 1]; /* and a NUL */
};

/* Ends in bounded time whatever comes. */
enum ymodem_end ymodem_receive(struct ymodem *y);
