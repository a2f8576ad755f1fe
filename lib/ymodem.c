/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the receiving side of YMODEM: who says what when. Must never hand on a byte whose block
 * did not pass its CRC, or twice, and never wait without an end.
 *
 *	we:	C	ACK C	   ACK … ACK   ACK C	     ACK
 *	they:	  name	     data      EOT	   no name
 */
#include <lib/ymodem.h>

#include <errno.h>
#include <lib/string.h>

enum { SOH = 0x01, STX = 0x02, ETX = 0x03, EOT = 0x04, ACK = 0x06, NAK = 0x15, CAN = 0x18 };

#define START_TRIES 60 /* a second each */
#define BLOCK_TRIES 10
#define WAIT_MS	    1000
#define BLOCK_MS    3000 /* to the next block */
#define QUIET_MS    100	 /* the line is empty after this much silence */
#define QUIET_MAX   4096 /* bytes of noise */

enum step { STEP_BLOCK, STEP_EOT, STEP_CANCEL, STEP_ETX, STEP_BAD, STEP_NOTHING };

static u16 crc16(const u8 *bytes, u32 len)
{
	u32 crc = 0;

	while (len--) {
		crc ^= (u32)*bytes++ << 8;
		for (u32 bit = 0; bit < 8; bit++) {
			crc = crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1;
		}
	}
	return (u16)crc;
}

/* Number, its complement, the bytes, the CRC. */
static enum step read_block(struct ymodem *y, u32 size, u32 *number)
{
	int c = y->get(WAIT_MS), inverse = y->get(WAIT_MS), high, low;

	if (c < 0 || inverse < 0 || (c ^ inverse) != 0xff) {
		return STEP_BAD;
	}
	*number = (u32)c;
	for (u32 i = 0; i < size; i++) {
		c = y->get(WAIT_MS);
		if (c < 0) {
			return STEP_BAD;
		}
		y->block[i] = (u8)c;
	}
	high = y->get(WAIT_MS);
	low = y->get(WAIT_MS);
	return high < 0 || low < 0 || (u16)(high << 8 | low) != crc16(y->block, size) ? STEP_BAD :
											STEP_BLOCK;
}

static enum step read_step(struct ymodem *y, u32 wait_ms, u32 *size, u32 *number)
{
	switch (y->get(wait_ms)) {
	case SOH:
		*size = 128;
		return read_block(y, *size, number);
	case STX:
		*size = YMODEM_BLOCK;
		return read_block(y, *size, number);
	case EOT:
		return STEP_EOT;
	case CAN:
		return y->get(WAIT_MS) == CAN ? STEP_CANCEL : STEP_BAD;
	case ETX: /* a person's ^C */
		return STEP_ETX;
	case -EAGAIN:
		return STEP_NOTHING;
	default:
		return STEP_BAD;
	}
}

/* Lets what is under way run out, and asks for it again. False: too often already. */
static bool ask_again(struct ymodem *y, u8 how)
{
	if (++y->tries > BLOCK_TRIES) {
		return false;
	}
	for (u32 i = 0; i < QUIET_MAX && y->get(QUIET_MS) != -EAGAIN; i++) {
	}
	y->put(how);
	return true;
}

/* Asks until a block comes, which must be number 0. An EOT is one that did not hear our ACK. */
static enum ymodem_end read_header(struct ymodem *y, u32 start_tries, u32 *size)
{
	u32 number;

	y->tries = 0;
	for (u32 i = 0; i < start_tries; i++) {
		y->put('C');
		switch (read_step(y, WAIT_MS, size, &number)) {
		case STEP_BLOCK:
			return number == 0 ? YMODEM_OK : YMODEM_ORDER;
		case STEP_CANCEL:
		case STEP_ETX:
			return YMODEM_CANCELLED;
		case STEP_EOT:
			y->put(ACK);
			break;
		case STEP_NOTHING:
			break;
		default:
			if (!ask_again(y, NAK)) {
				return YMODEM_DAMAGED;
			}
		}
	}
	return YMODEM_NOBODY;
}

/* "name", NUL, size in decimal, and more that nobody needs. */
static enum ymodem_end begin(struct ymodem *y, u32 size)
{
	const char *name = (const char *)y->block, *digits, *end;
	u64 bytes;

	y->block[size] = '\0';
	if (name[0] == '\0') {
		return YMODEM_NO_FILE;
	}
	digits = name + strlen(name) + 1;
	if (parse_u64(digits, name + size, &bytes, &end) < 0 || (*end && *end != ' ') ||
	    bytes > UINT32_MAX) {
		return YMODEM_HEADER;
	}
	y->left = (u32)bytes;
	return y->begin(y, name, y->left) ? YMODEM_OK : YMODEM_REFUSED;
}

static enum ymodem_end take_block(struct ymodem *y, u32 size, u32 number, u32 *wanted)
{
	if (number == ((*wanted - 1) & 0xff)) {
		y->put(ACK); /* once more: our answer was lost */
		return ++y->tries > BLOCK_TRIES ? YMODEM_DAMAGED : YMODEM_OK;
	}
	if (number != (*wanted & 0xff)) {
		return YMODEM_ORDER;
	}
	if (y->left == 0) {
		return YMODEM_HEADER; /* there is more than it said */
	}
	size = min(size, y->left);
	if (!y->data(y, y->block, size)) {
		return YMODEM_REFUSED;
	}
	y->left -= size;
	y->tries = 0;
	(*wanted)++;
	y->put(ACK);
	return YMODEM_OK;
}

static enum ymodem_end read_file(struct ymodem *y)
{
	u32 wanted = 1, size, number;

	y->tries = 0;
	y->put(ACK);
	y->put('C');
	for (;;) {
		enum ymodem_end end = YMODEM_OK;

		switch (read_step(y, BLOCK_MS, &size, &number)) {
		case STEP_BLOCK:
			end = take_block(y, size, number, &wanted);
			break;
		case STEP_EOT:
			y->put(ACK);
			return y->left ? YMODEM_ORDER : YMODEM_OK;
		case STEP_CANCEL:
			return YMODEM_CANCELLED;
		case STEP_NOTHING: /* before the first block it may be our C that was lost */
			end = ask_again(y, wanted == 1 ? 'C' : NAK) ? YMODEM_OK : YMODEM_SILENT;
			break;
		default:
			end = ask_again(y, NAK) ? YMODEM_OK : YMODEM_DAMAGED;
		}
		if (end) {
			return end;
		}
	}
}

enum ymodem_end ymodem_receive(struct ymodem *y)
{
	u32 size;
	enum ymodem_end end = read_header(y, START_TRIES, &size);

	if (end == YMODEM_OK) {
		end = begin(y, size);
	}
	if (end == YMODEM_OK) {
		end = read_file(y);
	}
	if (end == YMODEM_OK && read_header(y, 3, &size) == YMODEM_OK) {
		if (y->block[0] == '\0') {
			y->put(ACK); /* and no more files */
			return YMODEM_OK;
		}
	}
	if (end == YMODEM_NO_FILE) {
		y->put(ACK);
	} else if (end != YMODEM_CANCELLED && end != YMODEM_NOBODY) {
		for (u32 i = 0; i < 5; i++) {
			y->put(CAN); /* an error, or a second file: one is all we take */
		}
	}
	return end;
}
