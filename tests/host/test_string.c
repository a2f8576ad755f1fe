/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lib/string.c and lib/mem.c: the memory functions against plain loops at all alignments
 * and overlaps, text functions against the host's, globs and numbers against what is written.
 */
#include "check.h"

#include <errno.h>

/* The host's versions, before rename.h takes their names. */
static size_t host_strlen(const char *s)
{
	return strlen(s);
}

static int host_strncmp(const char *a, const char *b, size_t max)
{
	return strncmp(a, b, max);
}

static int host_memcmp(const void *a, const void *b, size_t len)
{
	return memcmp(a, b, len);
}

#include "rename.h"

#include <lib/string.h>

#define ARENA 96

static int sign(int v)
{
	return (v > 0) - (v < 0);
}

/* Two arenas with the same content; after an operation on one, done by loop on the other. */
static u8 got[ARENA], want[ARENA];

static void fill(void)
{
	int i;

	for (i = 0; i < ARENA; i++) {
		got[i] = want[i] = (u8)check_random();
	}
}

static void compare(const char *what, unsigned dst, unsigned src, size_t len)
{
	check_context("%s(%u, %u, %zu)", what, dst, src, len);
	CHECK(host_memcmp(got, want, ARENA) == 0);
}

TEST(memmove_at_all_overlaps)
{
	unsigned dst, src, i;
	size_t len;

	for (dst = 0; dst < 44; dst++) {
		for (src = 0; src < 44; src++) {
			for (len = 0; len <= 48; len++) {
				u8 copy[48];

				fill();
				for (i = 0; i < len; i++) {
					copy[i] = want[src + i];
				}
				for (i = 0; i < len; i++) {
					want[dst + i] = copy[i];
				}
				CHECK(memmove(got + dst, got + src, len) == got + dst);
				compare("memmove", dst, src, len);
			}
		}
	}
}

TEST(memcpy_at_all_alignments)
{
	unsigned dst, src, i;
	size_t len;

	for (dst = 0; dst < 8; dst++) {
		for (src = 48; src < 56; src++) {
			for (len = 0; len <= 40; len++) {
				fill();
				for (i = 0; i < len; i++) {
					want[dst + i] = want[src + i];
				}
				CHECK(memcpy(got + dst, got + src, len) == got + dst);
				compare("memcpy", dst, src, len);
			}
		}
	}
}

TEST(memset_at_all_alignments)
{
	unsigned dst, i;
	size_t len;

	for (dst = 0; dst < 8; dst++) {
		for (len = 0; len <= 80; len++) {
			int byte = (int)check_random();

			fill();
			for (i = 0; i < len; i++) {
				want[dst + i] = (u8)byte;
			}
			CHECK(memset(got + dst, byte, len) == got + dst);
			compare("memset", dst, 0, len);
		}
	}
}

/* A copy of the first len bytes with nothing readable behind it. */
static char *exact(const char *text, size_t len)
{
	char *p = malloc(len);

	memcpy(p, text, len);
	return p;
}

TEST(lengths_and_searches_stop_in_time)
{
	char *s = exact("hello", 6);
	char *raw = exact("hello", 5);

	CHECK_EQ(strlen(s), 5);
	CHECK_EQ(strnlen(s, 100), 5);
	CHECK_EQ(strnlen(raw, 5), 5);
	CHECK_EQ(strnlen(raw, 0), 0);
	CHECK(strchr(s, 'l') == s + 2);
	CHECK(strchr(s, '\0') == s + 5);
	CHECK(strchr(s, 'x') == NULL);
	CHECK(memchr(raw, 'o', 5) == raw + 4);
	CHECK(memchr(raw, 'o', 4) == NULL);
	CHECK(memchr(raw, 0x100 + 'h', 5) == raw);
	free(s);
	free(raw);
}

TEST(comparisons_agree_with_the_host)
{
	static const char *const texts[] = { "",
					     "a",
					     "ab",
					     "abc",
					     "abd",
					     "\x80",
					     "\xff"
					     "a",
					     "a\xff" };
	unsigned i, j;
	size_t max;

	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		for (j = 0; j < ARRAY_SIZE(texts); j++) {
			const char *a = texts[i], *b = texts[j];
			size_t both = min(host_strlen(a), host_strlen(b)) + 1;

			check_context("%s / %s", a, b);
			CHECK_EQ(sign(strcmp(a, b)), sign(host_strncmp(a, b, 100)));
			CHECK_EQ(sign(memcmp(a, b, both)), sign(host_memcmp(a, b, both)));
			for (max = 0; max < 5; max++) {
				CHECK_EQ(sign(strncmp(a, b, max)), sign(host_strncmp(a, b, max)));
			}
		}
	}
}

TEST(strlcpy_cuts_and_ends)
{
	char buf[4] = "xyz";

	CHECK_EQ(strlcpy(buf, "ab", sizeof(buf)), 2);
	CHECK_STR_EQ(buf, "ab");
	CHECK_EQ(strlcpy(buf, "abc", sizeof(buf)), 3);
	CHECK_STR_EQ(buf, "abc");
	CHECK_EQ(strlcpy(buf, "abcdef", sizeof(buf)), 6);
	CHECK_STR_EQ(buf, "abc");
	CHECK_EQ(strlcpy(buf, "zz", 1), 2);
	CHECK_STR_EQ(buf, "");
	CHECK_EQ(strlcpy(NULL, "zz", 0), 2);
}

TEST(globs)
{
	CHECK(glob_match("", ""));
	CHECK(!glob_match("", "a"));
	CHECK(glob_match("*", ""));
	CHECK(glob_match("*", "abc"));
	CHECK(glob_match("abc", "abc"));
	CHECK(!glob_match("abc", "abcd"));
	CHECK(!glob_match("abcd", "abc"));
	CHECK(glob_match("a?c", "abc"));
	CHECK(!glob_match("a?c", "ac"));
	CHECK(!glob_match("?", ""));
	CHECK(glob_match("highmem.*", "highmem.copy_kmap_atomic"));
	CHECK(!glob_match("highmem.*", "highmem"));
	CHECK(glob_match("*.copy*", "highmem.copy_kmap_atomic"));
	CHECK(glob_match("*ab*ab", "xxabyyabab"));
	CHECK(!glob_match("*ab*abc", "xxabyyabab"));
	CHECK(glob_match("**a**", "bab"));
	CHECK(glob_match("a*?", "ab"));
	CHECK(!glob_match("a*?", "a"));
	CHECK(!glob_match("[ab]", "a"));
	/* Only the last star is ever tried again, or this would take years. */
	CHECK(!glob_match("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b",
			  "aaaaaaaaaaaaaaaaaaaaaaaa"
			  "aaaaaaaaaaaaaaaaaaaaaaaa"
			  "aaaaaaaaaaaaaaaaaaaaaaaa"));
}

static bool globs(const char *list, const char *text)
{
	size_t len = host_strlen(list);
	char *raw = exact(list, len);
	bool match = span_globs_match((struct span){ raw, len }, text);

	free(raw);
	return match;
}

TEST(glob_lists_match_by_any)
{
	CHECK(globs("a,b*,c", "bcd"));
	CHECK(globs("a,b*,c", "c"));
	CHECK(globs(",a", "a"));
	CHECK(!globs("a,b*,c", "d"));
	CHECK(!globs("a,b*,c", "a,b"));
	CHECK(!globs("", "a"));
	CHECK(!span_globs_match((struct span){ NULL, 0 }, "a"));
	CHECK(span_eq((struct span){ "abc", 2 }, "ab"));
	CHECK(!span_eq((struct span){ "abc", 2 }, "abc"));
	CHECK(!span_eq((struct span){ "abc", 2 }, "a"));
	CHECK(span_eq((struct span){ "abc", 0 }, ""));
	CHECK(!span_eq((struct span){ NULL, 0 }, ""));
}

/* Parses text with nothing readable behind it: value, error, and how much was taken. */
static void expect(int (*parse)(const char *, const char *, u64 *, const char **), const char *text,
		   int want_err, u64 want_value, size_t want_taken)
{
	size_t len = host_strlen(text);
	char *raw = exact(text, len);
	const char *end = NULL;
	u64 value = 0;

	check_context("%s", text);
	CHECK_EQ(parse(raw, raw + len, &value, &end), want_err);
	CHECK_EQ(value, want_value);
	CHECK(want_err || end == raw + want_taken);
	free(raw);
}

TEST(numbers)
{
	expect(parse_u64, "0", 0, 0, 1);
	expect(parse_u64, "010", 0, 10, 3);
	expect(parse_u64, "42x", 0, 42, 2);
	expect(parse_u64, "0x1F,", 0, 31, 4);
	expect(parse_u64, "0XabCDef", 0, 0xabcdef, 8);
	expect(parse_u64, "0x", 0, 0, 1);
	expect(parse_u64, "0xg", 0, 0, 1);
	expect(parse_u64, "18446744073709551615", 0, UINT64_MAX, 20);
	expect(parse_u64, "18446744073709551616", -ERANGE, 0, 0);
	expect(parse_u64, "18446744073709551620", -ERANGE, 0, 0);
	expect(parse_u64, "184467440737095516150", -ERANGE, 0, 0);
	expect(parse_u64, "0xffffffffffffffff", 0, UINT64_MAX, 18);
	expect(parse_u64, "0x00ffffffffffffffff", 0, UINT64_MAX, 20);
	expect(parse_u64, "0x10000000000000000", -ERANGE, 0, 0);
	expect(parse_u64, "", -EINVAL, 0, 0);
	expect(parse_u64, "x", -EINVAL, 0, 0);
	expect(parse_u64, "-1", -EINVAL, 0, 0);
	expect(parse_u64, "+1", -EINVAL, 0, 0);
	expect(parse_u64, " 1", -EINVAL, 0, 0);
	expect(parse_u64, "f", -EINVAL, 0, 0);
}

TEST(sizes)
{
	expect(parse_size, "4096", 0, 4096, 4);
	expect(parse_size, "240M", 0, 240ull << 20, 4);
	expect(parse_size, "1k", 0, 1024, 2);
	expect(parse_size, "30G@0x80000000", 0, 30ull << 30, 3);
	expect(parse_size, "2T", 0, 2ull << 40, 2);
	expect(parse_size, "12x", 0, 12, 2);
	expect(parse_size, "12MB", 0, 12ull << 20, 3);
	expect(parse_size, "0x10K", 0, 16384, 5);
	expect(parse_size, "16777215T", 0, 16777215ull << 40, 9);
	expect(parse_size, "16777216T", -ERANGE, 0, 0);
	expect(parse_size, "18446744073709551616", -ERANGE, 0, 0);
	expect(parse_size, "M", -EINVAL, 0, 0);
	expect(parse_size, "", -EINVAL, 0, 0);
}
