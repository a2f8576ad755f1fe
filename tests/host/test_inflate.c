/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lib/inflate.c against zlib, which made the streams: whole ones, damaged ones, cut ones. And
 * streams made by hand, with one thing wrong that changes at random hardly ever come to.
 */
#include "check.h"

#include <errno.h>
#include <lib/inflate.h>
#include <zlib.h>

#define MAX_BYTES 70000

static u8 plain[MAX_BYTES], stream[2 * MAX_BYTES];

/* What compresses in different ways: noise, runs, text-like repetition over long distances. */
static void fill(size_t bytes, u32 kind)
{
	for (size_t i = 0; i < bytes; i++) {
		plain[i] = kind == 0	  ? (u8)check_random() :
			   kind == 1	  ? (u8)(i / 300) :
			   i < 3	  ? (u8)('a' + i) :
			   check_below(9) ? plain[i - 1 - check_below(i < 32768 ? i : 32768)] :
					    (u8)check_below(64);
	}
}

/* Raw DEFLATE by zlib; the stream's length. Its memory, and so its time, is as little as fits. */
static size_t deflated(size_t bytes, int level, int strategy)
{
	bool small = bytes < 1u << 9;
	z_stream z = { .next_in = plain,
		       .avail_in = (uInt)bytes,
		       .next_out = stream,
		       .avail_out = sizeof(stream) };

	CHECK_EQ(deflateInit2(&z, level, Z_DEFLATED, small ? -9 : -MAX_WBITS, small ? 4 : 9,
			      strategy),
		 Z_OK);
	CHECK_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
	CHECK_EQ(deflateEnd(&z), Z_OK);
	return z.total_out;
}

/* On the heap, exactly as large as said: the sanitizer watches both ends. */
static int unpack(const u8 *in, size_t in_bytes, u8 **out, size_t out_bytes)
{
	u8 *copy = malloc(in_bytes ? in_bytes : 1);
	int error;

	memcpy(copy, in, in_bytes);
	*out = malloc(out_bytes ? out_bytes : 1);
	error = inflate_raw(copy, in_bytes, *out, out_bytes);
	free(copy);
	return error;
}

TEST(unpacks_what_zlib_packs)
{
	static const int strategies[] = { Z_DEFAULT_STRATEGY, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED };
	static const size_t sizes[] = { 0, 1, 2, 3, 257, 258, 259, 4096, 65535, 65536, MAX_BYTES };

	for (u32 kind = 0; kind < 3; kind++) {
		for (u32 s = 0; s < 4 * 11; s++) {
			size_t bytes = sizes[s / 4];

			fill(bytes, kind);
			for (int level = 0; level <= 9; level += 3) {
				size_t len = deflated(bytes, level, strategies[s % 4]);
				u8 *out;

				check_context("kind %u, %zu bytes, level %d, strategy %d", kind,
					      bytes, level, strategies[s % 4]);
				CHECK_EQ(unpack(stream, len, &out, bytes), 0);
				CHECK_EQ(memcmp(out, plain, bytes), 0);
				free(out);
			}
		}
	}
}

TEST(room_that_is_not_exact_is_refused)
{
	u8 *out;
	size_t len;

	fill(5000, 2);
	len = deflated(5000, 9, Z_DEFAULT_STRATEGY);
	CHECK_EQ(unpack(stream, len, &out, 4999), -EINVAL);
	free(out);
	CHECK_EQ(unpack(stream, len, &out, 5001), -EINVAL);
	free(out);
	stream[len] = 0xff; /* what follows the last block is nobody's */
	CHECK_EQ(unpack(stream, len + 1, &out, 5000), 0);
	free(out);
}

TEST(a_cut_stream_is_refused)
{
	fill(3000, 2);
	for (int strategy = Z_DEFAULT_STRATEGY; strategy <= Z_FIXED; strategy++) {
		size_t len = deflated(3000, 9, strategy);

		for (size_t cut = 0; cut < len; cut++) {
			u8 *out;

			check_context("strategy %d, %zu of %zu bytes", strategy, cut, len);
			CHECK_EQ(unpack(stream, cut, &out, 3000), -EINVAL);
			free(out);
		}
	}
}

/* zlib's word on a stream: 0 if it unpacks to exactly that many bytes, which go to out. */
static int judge(const u8 *in, size_t in_bytes, u8 *out, size_t out_bytes)
{
	z_stream z = { .next_in = (Bytef *)in,
		       .avail_in = (uInt)in_bytes,
		       .next_out = out,
		       .avail_out = (uInt)out_bytes };
	int end;

	CHECK_EQ(inflateInit2(&z, -MAX_WBITS), Z_OK);
	end = inflate(&z, Z_FINISH);
	CHECK_EQ(inflateEnd(&z), Z_OK);
	return end == Z_STREAM_END && z.total_out == out_bytes ? 0 : -EINVAL;
}

/*
 * Whatever zlib takes is taken, and comes to the same bytes. The other way round zlib is stricter
 * in one thing: it also refuses sets of codes with gaps, even if no code that is missing is met.
 */
TEST(damaged_streams_are_judged_as_by_zlib)
{
	u32 taken = 0, refused = 0;
	static u8 expected[3000];

	fill(3000, 2);
	for (u32 round = 0; round < 40000; round++) {
		int strategy = (int)check_below(Z_FIXED + 1);
		size_t len = deflated(64 + check_below(200), (int)check_below(10), strategy);
		size_t bytes = 64 + check_below(200);
		u8 *out;
		int error;

		for (u64 flips = 1 + check_below(3); flips; flips--) {
			stream[check_below(len < 24 ? len : 24)] ^= (u8)(1u << check_below(8));
		}
		check_context("round %u", round);
		error = unpack(stream, len, &out, bytes);
		if (judge(stream, len, expected, bytes) == 0) {
			CHECK_EQ(error, 0);
			CHECK_EQ(memcmp(out, expected, bytes), 0);
			taken++;
		}
		refused += error != 0;
		free(out);
	}
	CHECK(taken > 20);
	CHECK(refused > 1000);
}

/* ---- by hand, in `stream`: each has a twin that is right but for one thing ---- */

static size_t bit_count;

/* Numbers stand in the stream from their lowest bit on (RFC 1951, 3.1.1); */
static void put(u32 value, u32 bits)
{
	for (u32 i = 0; i < bits; i++, bit_count++) {
		u8 *byte = &stream[bit_count / 8];

		*byte = (u8)(bit_count % 8 ? *byte : 0) | (u8)((value >> i & 1) << bit_count % 8);
	}
}

/* codes from their highest. */
static void put_code(u32 code, u32 bits)
{
	while (bits--) {
		put(code >> bits & 1, 1);
	}
}

/* The last block, of that kind, begins the stream. */
static void begin(u32 kind)
{
	bit_count = 0;
	put(1, 1);
	put(kind, 2);
}

/* zlib and we are of one mind: it comes to that many bytes, or nobody takes it. */
static void judged_alike(size_t bytes, int want)
{
	static u8 expected[MAX_BYTES];
	size_t len = (bit_count + 7) / 8;
	u8 *out;

	CHECK_EQ(judge(stream, len, expected, bytes), want);
	CHECK_EQ(unpack(stream, len, &out, bytes), want);
	CHECK(want || memcmp(out, expected, bytes) == 0);
	free(out);
}

enum {
	LITERAL = 10,	/* the only byte that these streams stand for */
	LENGTH_3 = 257, /* bytes */
	CODES = LENGTH_3 + 1,
	RIGHT = 0,
	ONE_LITERAL_MORE,
	ONE_DISTANCE_MORE,
	ONE_LENGTH_MORE,
	REPEAT_FIRST,
	REPEAT_BEYOND,
};

/*
 * Codes of one bit: two of them use up all there are. A third one, of a higher symbol, is no code
 * that a reader could meet, so nothing but the count of them is wrong.
 */
static void begin_with_codes_of_one_bit(u32 wrong)
{
	static const u8 order[] = { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1 };
	bool repeats = wrong == REPEAT_FIRST || wrong == REPEAT_BEYOND;
	u32 distances = 3;

	begin(2);
	put(CODES - 257, 5);
	put(distances - 1, 5);
	put(ARRAY_SIZE(order) - 4, 4);
	for (u32 i = 0; i < ARRAY_SIZE(order); i++) { /* lengths of the lengths' own codes */
		u32 symbol = order[i];

		put(symbol == 0				     ? 1 :
		    symbol == 1				     ? 1 + repeats :
		    symbol == 16			     ? 2 * repeats :
		    symbol == 18 && wrong == ONE_LENGTH_MORE ? 1 :
							       0,
		    3);
	}
	if (wrong == REPEAT_FIRST) { /* of what? */
		put_code(3, 2);
		put(0, 2);
	}
	for (u32 i = wrong == REPEAT_FIRST ? 3 : 0; i < CODES + distances; i++) {
		bool one = i == LITERAL || i == 256 || i == CODES ||
			   (i == CODES + 1 && wrong != REPEAT_BEYOND) ||
			   (i == LENGTH_3 && wrong == ONE_LITERAL_MORE) ||
			   (i == CODES + 2 && wrong == ONE_DISTANCE_MORE);

		if (i == CODES + 2 && wrong == REPEAT_BEYOND) { /* three for the last one */
			put_code(3, 2);
			put(0, 2);
		} else if (one) {
			put_code(repeats ? 2 : 1, 1 + repeats);
		} else {
			put(0, 1);
		}
	}
	for (u32 i = 0; i < 7; i++) {
		put_code(0, 1); /* LITERAL */
	}
	put_code(1, 1); /* the end */
}

TEST(more_codes_than_there_can_be_are_refused)
{
	begin_with_codes_of_one_bit(RIGHT);
	judged_alike(7, 0);
	for (u32 wrong = ONE_LITERAL_MORE; wrong <= ONE_LENGTH_MORE; wrong++) {
		check_context("wrong: %u", wrong);
		begin_with_codes_of_one_bit(wrong);
		judged_alike(7, -EINVAL);
	}
}

TEST(repeated_lengths_have_one_to_repeat_and_room)
{
	for (u32 wrong = REPEAT_FIRST; wrong <= REPEAT_BEYOND; wrong++) {
		check_context("wrong: %u", wrong);
		begin_with_codes_of_one_bit(wrong);
		judged_alike(7, -EINVAL);
	}
}

/* The fixed codes (3.2.6). The two last lengths stand for nothing, as do the two last distances. */
static void put_fixed(u32 symbol)
{
	if (symbol < 144) {
		put_code(0x30 + symbol, 8);
	} else if (symbol < 280) {
		put_code(symbol - 256, 7); /* 144 to 255 are not asked for */
	} else {
		put_code(0xc0 + symbol - 280, 8);
	}
}

/* A byte, and as many copies as that length says, all extra bits 0. */
static void one_byte_again(u32 symbol, u32 extra_bits)
{
	begin(1);
	put_fixed(LITERAL);
	put_fixed(symbol);
	put(0, extra_bits);
	put_code(0, 5); /* the byte before */
	put_fixed(256);
}

TEST(lengths_that_stand_for_nothing_are_refused)
{
	one_byte_again(284, 5);
	judged_alike(1 + 227, 0);
	one_byte_again(285, 0);
	judged_alike(1 + 258, 0);
	for (u32 symbol = 286; symbol < 288;
	     symbol++) { /* as if they went on behind 284, in turn */
		check_context("symbol %u", symbol);
		one_byte_again(symbol, 6);
		judged_alike(1 + 3 + ((4 + (symbol - 257) % 4) << 6), -EINVAL);
	}
}

/* 258 bytes, often enough; then three from that far before. */
static size_t three_from_far(u32 symbol, u32 extra_bits)
{
	u32 copies = 200;

	begin(1);
	put_fixed(LITERAL);
	for (u32 i = 0; i < copies; i++) {
		put_fixed(285);
		put_code(0, 5);
	}
	put_fixed(LENGTH_3);
	put_code(symbol, 5);
	put(0, extra_bits);
	put_fixed(256);
	return 1 + copies * 258 + 3;
}

TEST(distances_that_stand_for_nothing_are_refused)
{
	judged_alike(three_from_far(29, 13), 0);
	for (u32 symbol = 30; symbol < 32; symbol++) {
		check_context("symbol %u", symbol);
		judged_alike(three_from_far(symbol, 14), -EINVAL);
	}
}
