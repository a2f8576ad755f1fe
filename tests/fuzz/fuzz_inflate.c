/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reader of DEFLATE streams, beside zlib. The input is a stream; or zlib packs it first, in one
 * of its ways, and up to three of the packed bytes are changed. What zlib takes is taken, and comes
 * to the same bytes. What zlib refuses is refused, but for sets of codes that have gaps or symbols
 * without a meaning, as long as none of those is met: zlib refuses them unseen.
 */
#include "fuzz.h"

#include <errno.h>
#include <lib/inflate.h>
#include <zlib.h>

#define ROOM_MAX 70000

struct bytes {
	uint8_t *at;
	size_t size;
};

/* zlib's word: 0 if the stream comes to exactly that many bytes. *why: what it did not like. */
static int zlib_unpacks(struct bytes in, struct bytes out, size_t *came, const char **why)
{
	z_stream z = { .next_in = in.at,
		       .avail_in = (uInt)in.size,
		       .next_out = out.at,
		       .avail_out = (uInt)out.size };
	int end;

	FUZZ_CHECK(inflateInit2(&z, -MAX_WBITS) == Z_OK);
	end = inflate(&z, Z_FINISH);
	*why = z.msg ? z.msg : "";
	*came = z.total_out;
	FUZZ_CHECK(inflateEnd(&z) == Z_OK);
	return end == Z_STREAM_END && *came == out.size ? 0 : -EINVAL;
}

/* Fits any stream that zlib makes of in. */
static struct bytes pack(struct fuzz_input *in, uint8_t how)
{
	struct bytes packed = { .size = 2 * (size_t)(in->end - in->at) + 64 };
	z_stream z = { .next_in = (Bytef *)in->at, .avail_in = (uInt)(in->end - in->at) };

	packed.at = malloc(packed.size);
	z.next_out = packed.at;
	z.avail_out = (uInt)packed.size;
	FUZZ_CHECK(deflateInit2(&z, how % 10, Z_DEFLATED, -MAX_WBITS, 9,
				how / 10 % (Z_FIXED + 1)) == Z_OK);
	FUZZ_CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
	FUZZ_CHECK(deflateEnd(&z) == Z_OK);
	packed.size = z.total_out;
	return packed;
}

static struct bytes some_stream(struct fuzz_input *in)
{
	uint8_t kind = fuzz_byte(in), how, flips = kind / 2 % 4;
	uint32_t flip[3] = { 0 };
	struct bytes stream;

	if (kind % 2 == 0) {
		stream.size = (size_t)(in->end - in->at);
		stream.at = fuzz_copy(in->at, stream.size);
		return stream;
	}
	how = fuzz_byte(in);
	for (int i = 0; i < flips; i++) {
		flip[i] = (uint32_t)fuzz_byte(in) << 8 | fuzz_byte(in);
	}
	stream = pack(in, how);
	for (int i = 0; i < flips; i++) {
		stream.at[(flip[i] >> 8) % stream.size] ^= (uint8_t)flip[i];
	}
	in->at = in->end;
	/* exactly as large as it is: the sanitizer watches its end */
	stream.at = realloc(stream.at, stream.size);
	return stream;
}

static bool refused_unseen(const char *why)
{
	return strcmp(why, "invalid code lengths set") == 0 ||
	       strcmp(why, "invalid literal/lengths set") == 0 ||
	       strcmp(why, "invalid distances set") == 0 ||
	       strcmp(why, "too many length or distance symbols") == 0;
}

/* Both read the stream into that much room. */
static void compare(struct bytes in, size_t room)
{
	struct bytes out = { malloc(room), room }, expected = { malloc(room), room };
	const char *why;
	size_t came;
	int zlib = zlib_unpacks(in, expected, &came, &why);
	int ours = inflate_raw(in.at, in.size, out.at, room);

	FUZZ_CHECK(ours == 0 || ours == -EINVAL);
	FUZZ_CHECK(ours == zlib || (ours == 0 && refused_unseen(why)));
	FUZZ_CHECK(zlib || memcmp(out.at, expected.at, room) == 0);
	free(expected.at);
	free(out.at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, data + size };
	uint8_t more = fuzz_byte(&in); /* what comes behind an error may fill that */
	struct bytes stream = some_stream(&in), all = { malloc(ROOM_MAX), ROOM_MAX };
	const char *why;
	size_t came;

	(void)zlib_unpacks(stream, all, &came, &why);
	compare(stream, came); /* what it comes to */
	compare(stream, came + 1);
	compare(stream, came + more);
	compare(stream, came + 1000); /* room enough to see a read before the start */
	if (came) {
		compare(stream, came - 1);
	}
	free(all.at);
	free(stream.at);
	return 0;
}
