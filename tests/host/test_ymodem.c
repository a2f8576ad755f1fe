/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lib/ymodem.c against a sender that does it right over a line that does not: every bit
 * flipped, every packet cut at every byte, every answer lost; wrong numbers, wrong sizes, noise.
 *
 * Whatever comes: what is handed on is the file from its beginning, in order, none of it twice;
 * OK means all of it; and it ends in bounded time. Time is counted, not waited for.
 */
#include "check.h"

#include "ymodem_line.h"

/* And the sender knows it. */
static void expect_whole(void)
{
	CHECK_EQ(receive(line_get), YMODEM_OK);
	CHECK_EQ(line.have, line.size);
	CHECK_EQ(line.step, data_blocks() + 3);
}

/* ---- nothing goes wrong ---- */

TEST(published_crc)
{
	CHECK_EQ(crc_by_definition((const u8 *)"123456789", 9), 0x31c3);
}

TEST(files_of_every_size_come_whole)
{
	static const u32 sizes[] = { 1, 2, 127, 128, 129, 1023, 1024, 1025, 4096, FILE_MAX };

	for (u32 i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		check_context("%u bytes", sizes[i]);
		session(sizes[i], 128);
		expect_whole();
		CHECK_EQ(line.ms, 0);
		session(sizes[i], 1024);
		expect_whole();
		CHECK_EQ(line.ms, 0);
	}
}

/* ---- the line ---- */

/* One flipped bit costs a repetition, no more; but SOH may become the ^C of a person, at first. */
TEST(each_flipped_bit_is_repaired)
{
	for (u32 nth = 0; nth < 6; nth++) {
		for (u32 bit = 0; bit < 8 * 133; bit++) {
			session(300, 128);
			line.fault.nth = nth;
			line.fault.at = bit / 8;
			line.fault.flip = 1u << bit % 8;
			check_context("packet %u, bit %u", nth, bit);
			if (bit == 1 && (nth == 0 || nth == 5)) {
				CHECK_EQ(receive(line_get), nth ? YMODEM_OK : YMODEM_CANCELLED);
			} else {
				expect_whole();
			}
		}
	}
}

TEST(each_truncated_packet_is_repaired)
{
	for (u32 nth = 0; nth < 6; nth++) {
		for (u32 keep = 0; keep < 133; keep++) {
			session(300, 128);
			line.fault.nth = nth;
			line.fault.keep = keep;
			check_context("packet %u, %u bytes", nth, keep);
			expect_whole();
		}
	}
}

TEST(each_lost_answer_is_repaired)
{
	for (u32 silence = 0; silence < 8; silence++) {
		session(300, 128);
		line.fault.silence = silence;
		check_context("answer %u", silence);
		expect_whole();
	}
	session(300, 128); /* the very last: nobody is left to say it again */
	line.fault.silence = 8;
	CHECK_EQ(receive(line_get), YMODEM_OK);
	CHECK_EQ(line.answers, 9);
}

TEST(a_sender_that_falls_silent)
{
	for (u32 stop = 0; stop < 5; stop++) {
		session(300, 128);
		line.stop = stop;
		check_context("behind %u packets", stop);
		CHECK_EQ(receive(line_get), stop ? YMODEM_SILENT : YMODEM_NOBODY);
		CHECK_EQ(line.have, stop ? (stop - 1 > 2 ? 300 : (stop - 1) * 128) : 0);
	}
	session(300, 128);
	line.stop = 5; /* all is there, but for the last courtesy */
	CHECK_EQ(receive(line_get), YMODEM_OK);
}

/* Tries are counted per block: a bad line is slow, no more. */
TEST(each_other_packet_damaged)
{
	session(100 * 128, 128);
	line.fault.nth = EVEN;
	line.fault.at = 1;
	line.fault.flip = 0x40;
	expect_whole();
}

/* Bursts of up to 16 bits are what the CRC always finds; any number of them, lost answers too. */
TEST(random_faults)
{
	u32 whole = 0;

	for (u32 i = 0; i < 4000; i++) {
		session(1 + (u32)check_below(3000), check_below(2) ? 128 : 1024);
		line.fault.nth = (u32)check_below(8);
		line.fault.at = (u32)check_below(140);
		line.fault.flip = (u32)(check_random() & 0xffff) << check_below(9);
		line.fault.keep = check_below(3) ? ALL : (u32)check_below(1030);
		line.fault.silence = check_below(3) ? ALL : (u32)check_below(12);
		line.stop = check_below(8) ? ALL : (u32)check_below(9);
		check_context("session %u", i);
		whole += receive(line_get) == YMODEM_OK;
	}
	CHECK(whole > 3000);
}

/* ---- a sender that does it wrong ---- */

static u32 wrong_step, wrong_number;

static int other_number(u32 step, struct packet *p)
{
	if (step != wrong_step) {
		return 0;
	}
	packet_block(p, wrong_number, file, 128, 128);
	return 1;
}

TEST(every_wrong_block_number)
{
	for (wrong_step = 0; wrong_step <= 3; wrong_step++) {
		for (wrong_number = 0; wrong_number < 256; wrong_number++) {
			u32 have = wrong_step ? 128 * (wrong_step - 1) : 0;
			enum ymodem_end end;

			if (wrong_number == wrong_step) {
				continue;
			}
			session(384, 128);
			line.instead = other_number;
			check_context("block %u as %u", wrong_step, wrong_number);
			end = receive(line_get);
			CHECK(end == YMODEM_ORDER ||
			      (end == YMODEM_DAMAGED && wrong_number + 1 == wrong_step) ||
			      (end == YMODEM_SILENT && wrong_number + 1 == wrong_step));
			CHECK_EQ(line.have, have);
		}
	}
}

static u32 blocks_more;

/* A file that is longer, or shorter, than its header says. */
static int other_length(u32 step, struct packet *p)
{
	if (step != 0) {
		return 0;
	}
	packet_block(p, 0, blocks_more ? "f\000128" : "f\000500", 5, 128);
	return 1;
}

TEST(a_file_longer_or_shorter_than_it_said)
{
	session(384, 128);
	line.instead = other_length;
	blocks_more = 2;
	CHECK_EQ(receive(line_get), YMODEM_HEADER);
	CHECK_EQ(line.have, 128);
	session(384, 128);
	line.instead = other_length;
	blocks_more = 0;
	CHECK_EQ(receive(line_get), YMODEM_ORDER);
	CHECK_EQ(line.have, 384);
}

/* Blocks without an end, all in order: it gives up where the file ends. */
static int endless(u32 step, struct packet *p)
{
	packet_block(p, step, step ? (const char *)file : "f\0001000", step ? 128 : 6, 128);
	return 1;
}

TEST(endless_blocks)
{
	session(FILE_MAX, 128);
	line.instead = endless;
	line.file = line.got; /* only where it stops */
	CHECK_EQ(receive(line_get), YMODEM_HEADER);
	CHECK_EQ(line.have, 1000);
}

/* The same block for ever. */
static int repeating(u32 step, struct packet *p)
{
	packet_block(p, step > 0, step ? (const char *)file : "f\0001000", step ? 128 : 6, 128);
	return 1;
}

TEST(endless_repetition)
{
	session(FILE_MAX, 128);
	line.instead = repeating;
	CHECK_EQ(receive(line_get), YMODEM_DAMAGED);
	CHECK_EQ(line.have, 128);
}

static struct {
	const char *bytes;
	u32 len;
} header;

static int other_header(u32 step, struct packet *p)
{
	if (step != 0) {
		return 0;
	}
	packet_block(p, 0, header.bytes, header.len, 128);
	return 1;
}

TEST(headers)
{
	static const char long_name[129] =
		"aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"
		"eeeeeeeeeeeeeeeeffffffffffffffffgggggggggggggggghhhhhhhhhhhhhhhh";
	static const struct {
		const char *bytes;
		u32 len;
		enum ymodem_end end;
		u32 size;
	} cases[] = {
		{ "", 0, YMODEM_NO_FILE, 0 },
		{ "\0005", 2, YMODEM_NO_FILE, 0 },
		{ "f\000300", 5, YMODEM_OK, 300 },
		{ "f\000300 14 100644", 14, YMODEM_OK, 300 },
		{ "f\000300z", 6, YMODEM_HEADER, 0 },
		{ "f\000", 2, YMODEM_HEADER, 0 },
		{ "f\000big", 5, YMODEM_HEADER, 0 },
		{ "f\000-1", 4, YMODEM_HEADER, 0 },
		{ "f\0004294967296", 12, YMODEM_HEADER, 0 },	/* 33 bits */
		{ "f\0001099511627776", 15, YMODEM_HEADER, 0 }, /* 41 bits */
		{ "f\00018446744073709551616", 22, YMODEM_HEADER, 0 },
		{ "f\00099999999999999999999999999999", 31, YMODEM_HEADER, 0 },
		{ long_name, 128, YMODEM_HEADER, 0 }, /* no end, no size */
		{ long_name, 127, YMODEM_HEADER, 0 }, /* an end, no size */
	};

	for (u32 i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		session(300, 128);
		header.bytes = cases[i].bytes;
		header.len = cases[i].len;
		line.instead = other_header;
		check_context("header %u", i);
		CHECK_EQ(receive(line_get), cases[i].end);
		CHECK_EQ(line.size_told, cases[i].size);
		CHECK_EQ(line.begun, cases[i].end == YMODEM_OK);
	}
}

static int second_header(u32 step, struct packet *p)
{
	if (step != data_blocks() + 2) {
		return 0;
	}
	packet_block(p, 0, "g\0001", 3, 128);
	return 1;
}

/* One file is all it takes: the first is whole, the second is cancelled. */
TEST(a_second_file_is_declined)
{
	session(300, 128);
	line.instead = second_header;
	CHECK_EQ(receive(line_get), YMODEM_OK);
	CHECK_EQ(line.have, 300);
	CHECK_EQ(line.answer, CAN);
	session(300, 128);
	expect_whole();
	CHECK_EQ(line.answer, ACK);
}

static u32 cancel_step;
static const char *cancel_bytes;

static int cancelled(u32 step, struct packet *p)
{
	if (step != cancel_step) {
		return 0;
	}
	p->len = (u32)strlen(cancel_bytes);
	memcpy(p->bytes, cancel_bytes, p->len);
	return 1;
}

TEST(cancelled_at_each_step)
{
	for (cancel_step = 0; cancel_step <= 4; cancel_step++) {
		session(300, 128);
		line.instead = cancelled;
		cancel_bytes = "\x18\x18";
		check_context("step %u", cancel_step);
		CHECK_EQ(receive(line_get), YMODEM_CANCELLED);
		CHECK_EQ(line.have, cancel_step < 2  ? 0 :
				    cancel_step == 4 ? 300 :
						       128 * (cancel_step - 1));
	}
	session(300, 128);
	cancel_step = 0;
	line.instead = cancelled;
	cancel_bytes = "\x03";
	CHECK_EQ(receive(line_get), YMODEM_CANCELLED);
	session(300, 128);
	line.instead = cancelled;
	cancel_bytes = "\x18z"; /* one alone is none */
	CHECK_EQ(receive(line_get), YMODEM_DAMAGED);
}

TEST(refused)
{
	session(300, 128);
	line.refuse_begin = true;
	CHECK_EQ(receive(line_get), YMODEM_REFUSED);
	CHECK_EQ(line.have, 0);
	for (u32 room = 0; room < 300; room += 50) {
		session(300, 128);
		line.room = room;
		CHECK_EQ(receive(line_get), YMODEM_REFUSED);
		CHECK_EQ(line.have, room / 128 * 128);
	}
}

/* ---- noise ---- */

static u32 noise_left;

/* Bytes of the protocol and others, silence, errors of the port; then silence for ever. */
static int noise_get(u32 wait_ms)
{
	static const int likely[] = { SOH, STX, ETX, EOT, CAN, 0, 0xff, 1, 0xfe, -EIO, -EOVERFLOW };

	CHECK(line.calls++ < CALLS_MAX);
	if (noise_left > 0 && check_below(64)) {
		noise_left--;
		return check_below(2) ? likely[check_below(11)] : (int)check_below(256);
	}
	line.ms += wait_ms;
	CHECK(line.ms < TIME_MAX);
	return -EAGAIN;
}

TEST(noise_ends)
{
	for (u32 i = 0; i < 3000; i++) {
		session(300, 128);
		noise_left = (u32)check_below(i % 10 ? 300 : 100000);
		check_context("session %u", i);
		CHECK(receive(noise_get) != YMODEM_OK);
		CHECK_EQ(line.have, 0);
	}
}

/* Noise that never pauses. */
static int flood_get(u32 wait_ms)
{
	(void)wait_ms;
	CHECK(line.calls++ < CALLS_MAX);
	return (int)check_below(256);
}

TEST(noise_without_a_pause_ends)
{
	for (u32 i = 0; i < 20; i++) {
		session(300, 128);
		CHECK(receive(flood_get) != YMODEM_OK);
		CHECK_EQ(line.have, 0);
	}
}
