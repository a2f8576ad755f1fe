/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A YMODEM sender that does it right, and a line that does not: what test_ymodem.c sets and looks
 * at. Time is counted, not waited for.
 */
#pragma once

#include <errno.h>
#include <lib/ymodem.h>

enum { SOH = 0x01, STX = 0x02, ETX = 0x03, EOT = 0x04, ACK = 0x06, NAK = 0x15, CAN = 0x18 };

#define PACKET_MAX (3 + 1024 + 2)
#define FILE_MAX   (300 * 1024)
#define TIME_MAX   600000  /* ms: more than any session needs that does not hang */
#define CALLS_MAX  2000000 /* of get() */
#define ALL	   ~0u
#define EVEN	   (~0u - 1)

struct packet {
	u32 len;
	u8 bytes[PACKET_MAX];
};

/* One thing that goes wrong; ALL as `nth`: never. */
struct fault {
	u32 nth;     /* of the packets sent, from 0; EVEN: the first and each other one */
	u32 keep;    /* bytes of it that arrive */
	u32 at;	     /* byte from which `flip` is applied, little-endian */
	u32 flip;    /* bits */
	u32 silence; /* nth answer that the sender does not hear */
};

struct line {
	/* the session: */
	const u8 *file;
	u32 size, block; /* bytes of a data block */
	u32 stop;	 /* the sender falls silent behind so many packets */
	int (*instead)(u32 step, struct packet *p); /* replaces a step; 0: it does not */
	struct fault fault;
	/* the sender: */
	u32 step;     /* 0: header; 1 to n: data; then EOT; then the empty header; then done */
	u32 sent;     /* packets */
	bool wants_c; /* ACKed header or EOT: goes on when asked */
	/* the line: */
	u8 queue[64 * 1024];
	u32 in, out;
	u32 answers, calls, ms;
	u8 answer; /* the last one */
	/* what was received: */
	u32 begun, size_told, have;
	bool refuse_begin;
	u32 room;
	u8 got[FILE_MAX];
};
extern struct line line;

/* What is sent, all of it random. */
extern u8 file[FILE_MAX];

u16 crc_by_definition(const u8 *bytes, u32 len);
void packet_block(struct packet *p, u32 number, const void *data, u32 len, u32 size);
u32 data_blocks(void);

/* A new session of `size` bytes in blocks of `block`, with nothing wrong so far. */
void session(u32 size, u32 block);
/* Runs it with a byte from `get`; what must hold of every session is checked. */
enum ymodem_end receive(int (*get)(u32));
int line_get(u32 wait_ms);
