/* SPDX-License-Identifier: BSD-2-Clause */
/* The monitor's parser: what is a word, and what is a number. The rest is tests/system's. */
#include <errno.h>
#include <kernel/test.h>
#include <lib/string.h>
#include <lib/words.h>
#include <phys.h>

TEST(monitor, words_are_cut_at_blanks)
{
	char line[] = "  kmap\t #3   0x1f ";
	char *words[WORDS_MAX];

	REQUIRE(words_split(line, words) == 3);
	CHECK_EQ(strcmp(words[0], "kmap"), 0);
	CHECK_EQ(strcmp(words[1], "#3"), 0);
	CHECK_EQ(strcmp(words[2], "0x1f"), 0);
}

TEST(monitor, no_words)
{
	char empty[] = "", blank[] = " \t ";
	char *words[WORDS_MAX];

	CHECK_EQ(words_split(empty, words), 0);
	CHECK_EQ(words_split(blank, words), 0);
}

TEST(monitor, too_many_words)
{
	char full[] = "1 2 3 4 5 6 7 8 9 10 11 12 ", more[] = "1 2 3 4 5 6 7 8 9 10 11 12 13";
	char *words[WORDS_MAX];

	CHECK_EQ(words_split(full, words), WORDS_MAX);
	CHECK_ERR(words_split(more, words), E2BIG);
}

TEST(monitor, physical_addresses_have_40_bits)
{
	u64 pa = 7;

	CHECK_EQ(word_number("0xffffffffff", PHYS_END - 1, &pa), 0);
	CHECK_EQ(pa, PHYS_END - 1);
	CHECK_ERR(word_number("0x10000000000", PHYS_END - 1, &pa), ERANGE);
	CHECK_ERR(word_number("0x1ffffffffff", PHYS_END - 1, &pa), ERANGE);
	CHECK_ERR(word_number("0x10000000000000000", PHYS_END - 1, &pa), ERANGE);
	CHECK_EQ(pa, PHYS_END - 1); /* nothing was stored */
}

TEST(monitor, words_that_are_no_numbers)
{
	static const char *const bad[] = { "",	 "-1", "0x",  "0xg", "12z", "1 ",
					   "+1", "#1", "1.5", "z",   "''" };
	u64 value = 7;

	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK_ERR(word_number(bad[i], UINT64_MAX, &value), EINVAL);
		CHECK_ERR(word_size(bad[i], UINT64_MAX, &value), EINVAL);
	}
	CHECK_ERR(word_number("4K", UINT64_MAX, &value), EINVAL);
	CHECK_EQ(value, 7);
	CHECK_EQ(word_number("010", 10, &value), 0); /* no octal */
	CHECK_EQ(value, 10);
}

TEST(monitor, sizes)
{
	u64 bytes = 0;

	CHECK_EQ(word_size("64K", UINT32_MAX, &bytes), 0);
	CHECK_EQ(bytes, 65536);
	CHECK_EQ(word_size("0x10m", UINT32_MAX, &bytes), 0);
	CHECK_EQ(bytes, 16 * SZ_1M);
	CHECK_ERR(word_size("4G", UINT32_MAX, &bytes), ERANGE);
	CHECK_ERR(word_size("0x4000000000G", UINT64_MAX, &bytes), ERANGE);
	CHECK_ERR(word_size("64KB", UINT32_MAX, &bytes), EINVAL);
}
