/* SPDX-License-Identifier: BSD-2-Clause */
/* lib/crc32.c against published values, and against the definition, a bit at a time. */
#include "check.h"

#include <lib/crc32.h>

static u32 crc_text(const char *text)
{
	return crc32_update(0, text, strlen(text));
}

/* Polynomial 0x04c11db7, reflected: the remainder straight from the definition. */
static u32 crc_by_definition(const u8 *data, size_t len)
{
	u32 crc = 0xffffffff;
	int bit;

	while (len--) {
		crc ^= *data++;
		for (bit = 0; bit < 8; bit++) {
			crc = (crc & 1) ? (crc >> 1) ^ 0xedb88320 : crc >> 1;
		}
	}
	return crc ^ 0xffffffff;
}

TEST(published_values)
{
	CHECK_EQ(crc_text(""), 0);
	CHECK_EQ(crc_text("123456789"), 0xcbf43926);
	CHECK_EQ(crc_text("a"), 0xe8b7be43);
	CHECK_EQ(crc_text("The quick brown fox jumps over the lazy dog"), 0x414fa339);
}

TEST(agrees_with_the_definition_in_any_pieces)
{
	u8 data[300];
	size_t i, len, cut;

	for (i = 0; i < sizeof(data); i++) {
		data[i] = (u8)check_random();
	}
	for (len = 0; len <= sizeof(data); len++) {
		cut = (size_t)check_below(len + 1);
		CHECK_EQ(crc32_update(0, data, len), crc_by_definition(data, len));
		CHECK_EQ(crc32_update(crc32_update(0, data, cut), data + cut, len - cut),
			 crc_by_definition(data, len));
	}
}
