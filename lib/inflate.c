/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the reading of DEFLATE streams (RFC 1951). Small rather than fast: a code is read bit by
 * bit. Must never trust its input: each length, distance and code is checked before it is used.
 *
 * A set of codes is canonical (3.2.2): codes of one length are consecutive numbers, in the order of
 * their symbols, and the first one of a length follows from how many are shorter. So it is enough
 * to know how many codes each length has, and all symbols in the order of their codes.
 */
#include <lib/inflate.h>

#include <errno.h>
#include <lib/string.h>

#define CODE_BITS_MAX	 15
#define LITERALS	 288 /* bytes, the end of a block, lengths */
#define DISTANCES	 32
#define END_OF_BLOCK	 256
#define ORDER_OF_LENGTHS 19

struct codes {
	u16 count[CODE_BITS_MAX + 1]; /* of each length */
	u16 symbol[LITERALS];	      /* in the order of the codes */
};

/* `failed` stays set, and zeros are read from then on: asked for once per symbol. */
struct stream {
	const u8 *in, *in_end;
	u8 *out_start, *out, *out_end;
	u32 bits, bit_count; /* read ahead: the next bit is the lowest */
	bool failed;
	struct codes literals, distances;
};

/* Reads ahead until there are so many bits, or no more. */
static inline void bits_fill(struct stream *s, u32 count)
{
	while (s->bit_count < count && s->in != s->in_end) {
		s->bits |= (u32)*s->in++ << s->bit_count;
		s->bit_count += 8;
	}
}

static inline void bits_drop(struct stream *s, u32 count)
{
	if (count > s->bit_count) {
		s->failed = true;
		count = s->bit_count;
	}
	s->bits >>= count;
	s->bit_count -= count;
}

static u32 bits_read(struct stream *s, u32 count)
{
	u32 value;

	bits_fill(s, count);
	value = s->bits & ((1u << count) - 1);
	bits_drop(s, count);
	return value;
}

/*
 * False if lengths promise more codes than there can be. Too few are allowed, for a block may use
 * but one distance (3.2.7): a code that stands for nothing is refused when it is met.
 */
static bool codes_make(struct codes *c, const u8 *lengths, u32 symbols)
{
	u16 next[CODE_BITS_MAX + 1];
	s32 left = 1;

	memset(c->count, 0, sizeof(c->count));
	for (u32 i = 0; i < symbols; i++) {
		c->count[lengths[i]]++;
	}
	c->count[0] = 0;
	next[0] = 0;
	for (u32 bits = 1; bits <= CODE_BITS_MAX; bits++) {
		left = 2 * left - c->count[bits];
		if (left < 0) {
			return false;
		}
		next[bits] = next[bits - 1] + c->count[bits - 1];
	}
	for (u32 i = 0; i < symbols; i++) {
		if (lengths[i]) {
			c->symbol[next[lengths[i]]++] = (u16)i;
		}
	}
	return true;
}

/* The next symbol. Codes stand in the stream from their highest bit on (3.1.1). */
static u32 symbol_read(struct stream *s, const struct codes *c)
{
	u32 code = 0; /* less the first code of this length */
	const u16 *symbol = c->symbol;
	u32 ahead;

	bits_fill(s, CODE_BITS_MAX);
	ahead = s->bits;
	for (u32 bits = 1; bits <= CODE_BITS_MAX; bits++) {
		u32 count = c->count[bits];

		code = 2 * code + (ahead & 1);
		ahead >>= 1;
		if (code < count) {
			bits_drop(s, bits);
			return symbol[code];
		}
		code -= count;
		symbol += count;
	}
	s->failed = true;
	return END_OF_BLOCK;
}

static void copy_from_before(struct stream *s, u32 length, u32 distance)
{
	if (distance > (u32)(s->out - s->out_start) || length > (u32)(s->out_end - s->out)) {
		s->failed = true;
		return;
	}
	for (; length != 0; length--, s->out++) {
		*s->out = *(s->out - distance); /* byte by byte: the two may overlap */
	}
}

/*
 * 3.2.5: each number of extra bits holds for `group` symbols, after twice as many that have none;
 * symbols stand for the values that follow each other, from `least` on.
 */
static u32 value_read(struct stream *s, u32 symbol, u32 group, u32 least)
{
	u32 extra = symbol < 2 * group ? 0 : symbol / group - 1;
	u32 base = extra ? (group + symbol % group) << extra : symbol;

	return least + base + bits_read(s, extra);
}

static u32 length_read(struct stream *s, u32 symbol)
{
	if (symbol == 28) {
		return 258; /* out of its turn, without extra bits */
	}
	if (symbol > 28) {
		s->failed = true;
	}
	return value_read(s, symbol, 4, 3);
}

static void block_read(struct stream *s)
{
	while (!s->failed) {
		u32 symbol = symbol_read(s, &s->literals), length, distance;

		if (symbol == END_OF_BLOCK) {
			return;
		}
		if (symbol < END_OF_BLOCK) {
			if (s->out == s->out_end) {
				s->failed = true;
				return;
			}
			*s->out++ = (u8)symbol;
			continue;
		}
		length = length_read(s, symbol - END_OF_BLOCK - 1);
		distance = symbol_read(s, &s->distances);
		if (distance >= 30) {
			s->failed = true; /* also after a failure: END_OF_BLOCK */
			return;
		}
		copy_from_before(s, length, value_read(s, distance, 2, 1));
	}
}

/* 3.2.4: the length, its complement, and bytes as they are. */
static void stored_read(struct stream *s)
{
	u32 length;

	(void)bits_read(s, s->bit_count % 8);
	length = bits_read(s, 16);
	if (bits_read(s, 16) != (length ^ 0xffff) || length > (u32)(s->out_end - s->out)) {
		s->failed = true;
		return;
	}
	while (length-- && !s->failed) {
		*s->out++ = (u8)bits_read(s, 8);
	}
}

/* 3.2.6 */
static void fixed_codes(struct stream *s)
{
	u8 lengths[LITERALS];

	memset(lengths, 8, LITERALS);
	memset(lengths + 144, 9, 256 - 144);
	memset(lengths + 256, 7, 280 - 256);
	(void)codes_make(&s->literals, lengths, LITERALS);
	memset(lengths, 5, DISTANCES);
	(void)codes_make(&s->distances, lengths, DISTANCES);
}

/* 3.2.7: lengths of both sets, themselves coded by s->literals, in one run. */
static void lengths_read(struct stream *s, u8 *lengths, u32 count)
{
	for (u32 i = 0; i < count && !s->failed;) {
		u32 symbol = symbol_read(s, &s->literals);
		u32 times = symbol < 16	 ? 1 :
			    symbol == 16 ? 3 + bits_read(s, 2) :
			    symbol == 17 ? 3 + bits_read(s, 3) :
					   11 + bits_read(s, 7);
		u8 length = symbol < 16 ? (u8)symbol : 0;

		if ((symbol == 16 && i == 0) || times > count - i) {
			s->failed = true;
			return;
		}
		memset(lengths + i, symbol == 16 ? lengths[i - 1] : length, times);
		i += times;
	}
}

/* 3.2.7 */
static void dynamic_codes(struct stream *s)
{
	static const u8 order[ORDER_OF_LENGTHS] = { 16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
						    11, 4,  12, 3, 13, 2, 14, 1, 15 };
	u8 lengths[LITERALS + DISTANCES] = { 0 };
	u32 literals = 257 + bits_read(s, 5);
	u32 distances = 1 + bits_read(s, 5);
	u32 count = 4 + bits_read(s, 4);

	for (u32 i = 0; i < count; i++) {
		lengths[order[i]] = (u8)bits_read(s, 3);
	}
	if (literals > LITERALS || !codes_make(&s->literals, lengths, ORDER_OF_LENGTHS)) {
		s->failed = true;
		return;
	}
	memset(lengths, 0, ORDER_OF_LENGTHS);
	lengths_read(s, lengths, literals + distances);
	if (!codes_make(&s->literals, lengths, literals) ||
	    !codes_make(&s->distances, lengths + literals, distances)) {
		s->failed = true;
	}
}

int inflate_raw(const void *in, size_t in_bytes, void *out, size_t out_bytes)
{
	struct stream s = { .in = in, .out_start = out, .out = out };
	bool last = false;

	s.in_end = s.in + in_bytes;
	s.out_end = s.out + out_bytes;
	while (!last && !s.failed) {
		u32 kind;

		last = bits_read(&s, 1);
		kind = bits_read(&s, 2);
		if (kind == 0) {
			stored_read(&s);
			continue;
		}
		if (kind == 1) {
			fixed_codes(&s);
		} else if (kind == 2) {
			dynamic_codes(&s);
		} else {
			s.failed = true;
		}
		block_read(&s);
	}
	return s.failed || s.out != s.out_end ? -EINVAL : 0;
}
