/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns CRC-32 (reflected, polynomial 0x04c11db7). A table of 16 words instead of 256:
 * serial lines are short and the image is small.
 */
#include <lib/crc32.h>

/* crc_nibble[i]: the reflected polynomial 0xedb88320 after four shifts of i. */
static const u32 crc_nibble[16] = {
	0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
	0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
	0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
};

u32 crc32_update(u32 crc, const void *buf, size_t len)
{
	const u8 *p = buf;

	crc = ~crc;
	while (len--) {
		crc ^= *p++;
		crc = (crc >> 4) ^ crc_nibble[crc & 0xf];
		crc = (crc >> 4) ^ crc_nibble[crc & 0xf];
	}
	return ~crc;
}
