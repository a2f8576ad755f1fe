/* SPDX-License-Identifier: BSD-2-Clause */
/* lib/inflate.c against zlib, which made the streams: whole ones, damaged ones, cut ones. */
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

/* Raw DEFLATE by zlib; the stream's length. */
static size_t deflated(size_t bytes, int level, int strategy)
{
	z_stream z = { .next_in = plain,
		       .avail_in = (uInt)bytes,
		       .next_out = stream,
		       .avail_out = sizeof(stream) };

	CHECK_EQ(deflateInit2(&z, level, Z_DEFLATED, -MAX_WBITS, 9, strategy), Z_OK);
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
