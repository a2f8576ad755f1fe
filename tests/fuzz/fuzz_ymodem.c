/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The YMODEM receiver. With an even first byte the rest is the line as it is, 0xff and a byte being
 * silence; else it says what a sender does, step by step, who knows the protocol and breaks it:
 * right blocks, others, damaged, cut, repeated. Whatever comes: what is handed on is the file from
 * its begin on, byte for byte, never more than was said, and all of it if the end is YMODEM_OK; it
 * ends after a bounded number of questions.
 */
#include "fuzz.h"

#include "../host/include/rename.h"

#include <errno.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <lib/ymodem.h>

enum { SOH = 0x01, STX = 0x02, EOT = 0x04, CAN = 0x18 };

#define QUESTIONS_MAX 2000000

static struct {
	struct fuzz_input in;
	bool sender; /* else the line is the input */
	u8 frame[3 + YMODEM_BLOCK + 2];
	u32 frame_len, frame_at;
	u32 at; /* of the file: where the next right block begins */
	u32 number;
	u32 questions;
	u32 size, got; /* as begin() was told; handed on */
	bool begun;
} line;

/* The file: any byte follows from its place. */
static u8 file_byte(u32 at)
{
	return (u8)(at * 31 + (at >> 8) * 7 + 5);
}

static u16 sum(const u8 *bytes, u32 len)
{
	u16 crc = 0;

	for (u32 i = 0; i < len; i++) {
		for (int bit = 7; bit >= 0; bit--) {
			bool top = (crc >> 15 ^ bytes[i] >> bit) & 1;

			crc = (u16)(crc << 1) ^ (top ? 0x1021 : 0);
		}
	}
	return crc;
}

static void frame(u8 type, u32 number, u32 len)
{
	u16 crc = sum(line.frame + 3, len);

	line.frame[0] = type;
	line.frame[1] = (u8)number;
	line.frame[2] = (u8)~number;
	line.frame[3 + len] = (u8)(crc >> 8);
	line.frame[4 + len] = (u8)crc;
	line.frame_len = len + 5;
}

static void header(void)
{
	u32 size = fuzz_byte(&line.in) << 8 | fuzz_byte(&line.in);

	memset(line.frame + 3, 0, 128);
	memcpy(line.frame + 3, "file", 5);
	snprintf((char *)line.frame + 8, 40, "%u 0 0", size);
	frame(SOH, 0, 128);
	line.at = 0;
	line.number = 1;
}

static void block(u32 number, u32 at, bool large)
{
	u32 len = large ? YMODEM_BLOCK : 128;

	for (u32 i = 0; i < len; i++) {
		line.frame[3 + i] = file_byte(at + i);
	}
	frame(large ? STX : SOH, number, len);
}

/* What the sender does next. False: nothing. */
static bool next_frame(void)
{
	u8 what = fuzz_byte(&line.in), how = what >> 4;
	bool large = what & 8;

	line.frame_at = 0;
	switch (what & 7) {
	case 0:
		if (line.in.at >= line.in.end) {
			return false;
		}
		header();
		break;
	case 1: /* the next one */
	case 2:
		block(line.number++, line.at, large);
		line.at += large ? YMODEM_BLOCK : 128;
		break;
	case 3: /* one of another number: its bytes are no file's */
		block(line.number + how + 1, line.at + 77, large);
		break;
	case 4: /* the next one, damaged: it is to come again */
		block(line.number, line.at, large);
		line.frame[(fuzz_word(&line.in) % (line.frame_len - 1)) + 1] ^= 1u << (how & 7);
		break;
	case 5: /* the next one, cut */
		block(line.number, line.at, large);
		line.frame_len = fuzz_word(&line.in) % line.frame_len;
		break;
	case 6:
		line.frame[0] = how & 1 ? EOT : how & 2 ? CAN : (u8)fuzz_byte(&line.in);
		line.frame_len = 1;
		break;
	default: /* no name: the last file was that */
		memset(line.frame + 3, 0, 128);
		frame(SOH, 0, 128);
	}
	return line.frame_len > 0;
}

static int get(__unused u32 wait_ms)
{
	FUZZ_CHECK(++line.questions < QUESTIONS_MAX);
	if (!line.sender) {
		u8 c;

		if (line.in.at >= line.in.end) {
			return -EAGAIN;
		}
		c = fuzz_byte(&line.in);
		return c != 0xff ? c : fuzz_byte(&line.in) & 1 ? 0xff : -EAGAIN;
	}
	if (line.frame_at < line.frame_len) {
		return line.frame[line.frame_at++];
	}
	line.frame_len = 0;
	return -EAGAIN; /* between frames the line is silent */
}

static void put(__unused u8 c)
{
	if (line.sender && line.frame_at >= line.frame_len && !next_frame()) {
		line.frame_len = 0;
	}
}

static bool begin(struct ymodem *y, const char *name, u32 size)
{
	FUZZ_CHECK(!line.begun && name[0] && strlen(name) < YMODEM_BLOCK && y->left == size);
	line.begun = true;
	line.size = size;
	return size != 13;
}

static bool data(__unused struct ymodem *y, const u8 *bytes, u32 len)
{
	FUZZ_CHECK(line.begun && len > 0 && len <= YMODEM_BLOCK && len <= line.size - line.got);
	for (u32 i = 0; line.sender && i < len; i++) {
		FUZZ_CHECK(bytes[i] == file_byte(line.got + i));
	}
	line.got += len;
	return line.got != 17 * 128;
}

int LLVMFuzzerTestOneInput(const uint8_t *data_, size_t size)
{
	struct ymodem *y = malloc(sizeof(*y));
	enum ymodem_end end;

	if (size == 0) {
		free(y);
		return 0;
	}
	memset(&line, 0, sizeof(line));
	line.in = (struct fuzz_input){ data_ + 1, data_ + size };
	line.sender = data_[0] & 1;
	*y = (struct ymodem){ .get = get, .put = put, .begin = begin, .data = data };
	end = ymodem_receive(y);
	FUZZ_CHECK(end <= YMODEM_REFUSED);
	FUZZ_CHECK(end != YMODEM_OK || (line.begun && line.got == line.size));
	free(y);
	return 0;
}
