/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lib/printf.c against the host's vsnprintf: every combination of flags, widths,
 * precisions, lengths and values that C defines, cut at every interesting size too. What we do
 * otherwise on purpose (%p, unknown letters) is written out.
 */
#include "check.h"

#include <limits.h>
#include <stdarg.h>
#include <stdint.h>

static int host_vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	return vsnprintf(buf, size, fmt, args);
}

#include "rename.h"

#include <lib/printf.h>
#include <lib/string.h>

#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-extra-args"

#define BUF 512

static const char *const widths[] = { "", "1", "5", "30", "*" };
static const char *const precisions[] = { "", ".", ".0", ".3", ".25", ".*" };

/* Formats by both into buffers of `size` bytes at the end of their memory. */
static void compare_size(size_t size, const char *fmt, va_list args)
{
	char *ours = malloc(size);
	char *theirs = malloc(size);
	va_list again;
	int want, got;

	va_copy(again, args);
	want = host_vsnprintf(theirs, size, fmt, again);
	va_end(again);
	va_copy(again, args);
	got = vsnprintf(ours, size, fmt, again);
	va_end(again);
	CHECK_EQ(got, want);
	if (size) {
		CHECK_STR_EQ(ours, theirs);
	}
	free(ours);
	free(theirs);
}

static void compare(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	compare_size(BUF, fmt, args);
	va_end(args);
}

static void compare_cut(const char *fmt, ...)
{
	size_t size;
	va_list args;

	check_context("%s", fmt);
	va_start(args, fmt);
	for (size = 0; size < 40; size++) {
		compare_size(size, fmt, args);
	}
	va_end(args);
}

/* A format "%<flags><width><precision><length><letter>", between brackets. */
static void build(char *fmt, unsigned flags, const char *width, const char *precision,
		  const char *length, char letter)
{
	static const char letters[] = "-0+ #";
	unsigned i;

	*fmt++ = '[';
	*fmt++ = '%';
	for (i = 0; i < 5; i++) {
		if (flags & (1u << i)) {
			*fmt++ = letters[i];
		}
	}
	fmt += sprintf(fmt, "%s%s%s%c]", width, precision, length, letter);
}

/* One argument, behind those that the stars take. */
static void compare_stars(const char *fmt, const char *width, const char *precision,
			  long long value)
{
	static const int star[][2] = { { 7, 4 }, { -7, -1 }, { 0, 0 } };
	unsigned i;

	check_context("\"%s\", %lld", fmt, value);
	if (*width != '*' && precision[0] && precision[1] == '*') {
		for (i = 0; i < ARRAY_SIZE(star); i++) {
			compare(fmt, star[i][1], value);
		}
	} else if (*width == '*' && precision[0] && precision[1] == '*') {
		for (i = 0; i < ARRAY_SIZE(star); i++) {
			compare(fmt, star[i][0], star[i][1], value);
		}
	} else if (*width == '*') {
		for (i = 0; i < ARRAY_SIZE(star); i++) {
			compare(fmt, star[i][0], value);
		}
	} else {
		compare(fmt, value);
	}
}

/* All values for one letter and length. `value` passes as long long: the same register. */
static void compare_letter(char letter, const char *length)
{
	static const long long values[] = {
		0,
		1,
		-1,
		7,
		8,
		10,
		-128,
		255,
		65535,
		-32768,
		INT_MAX,
		INT_MIN,
		UINT32_MAX,
		4294967296,
		LLONG_MAX,
		LLONG_MIN,
		1000000000000000000,
	};
	char fmt[32];
	unsigned flags, w, p, v;

	for (flags = 0; flags < 32; flags++) {
		for (w = 0; w < ARRAY_SIZE(widths); w++) {
			for (p = 0; p < ARRAY_SIZE(precisions); p++) {
				build(fmt, flags, widths[w], precisions[p], length, letter);
				for (v = 0; v < ARRAY_SIZE(values); v++) {
					compare_stars(fmt, widths[w], precisions[p], values[v]);
				}
			}
		}
	}
}

static void compare_all_lengths(char letter)
{
	static const char *const lengths[] = { "", "hh", "h", "l", "ll", "z", "t", "j" };
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		compare_letter(letter, lengths[i]);
	}
}

TEST(signed_d)
{
	compare_all_lengths('d');
}

TEST(signed_i)
{
	compare_letter('i', "");
	compare_letter('i', "ll");
}

TEST(unsigned_u)
{
	compare_all_lengths('u');
}

TEST(hexadecimal_x)
{
	compare_all_lengths('x');
	compare_letter('X', "");
	compare_letter('X', "ll");
}

TEST(octal_o)
{
	compare_all_lengths('o');
}

TEST(random_values)
{
	static const char letters[] = "diuxXo";
	char fmt[32];
	int i;

	for (i = 0; i < 100000; i++) {
		const char *width = widths[check_below(4)];
		const char *precision = precisions[check_below(5)];
		long long value = (long long)(check_random() >> check_below(64));

		build(fmt, (unsigned)check_below(32), width, precision, check_below(2) ? "ll" : "",
		      letters[check_below(6)]);
		compare_stars(fmt, width, precision, value);
	}
}

TEST(strings_and_characters)
{
	static const char *const texts[] = { "", "a", "hello", "a somewhat longer text" };
	char fmt[32];
	unsigned flags, w, p, t;

	for (flags = 0; flags < 2; flags++) {
		for (w = 0; w < ARRAY_SIZE(widths); w++) {
			build(fmt, flags, widths[w], "", "", 'c');
			compare_stars(fmt, widths[w], "", 'x');
			for (p = 0; p < ARRAY_SIZE(precisions); p++) {
				build(fmt, flags, widths[w], precisions[p], "", 's');
				for (t = 0; t < ARRAY_SIZE(texts); t++) {
					compare_stars(fmt, widths[w], precisions[p],
						      (long long)texts[t]);
				}
			}
		}
	}
}

TEST(precision_bounds_what_is_read)
{
	char *raw = malloc(3);
	char buf[8];

	memcpy(raw, "abc", 3);
	CHECK_EQ(snprintf(buf, sizeof(buf), "%.3s", raw), 3);
	CHECK_STR_EQ(buf, "abc");
	CHECK_EQ(snprintf(buf, sizeof(buf), "%.*s", 2, raw), 2);
	CHECK_STR_EQ(buf, "ab");
	free(raw);
}

TEST(cut_text_is_ended_and_its_length_known)
{
	compare_cut("");
	compare_cut("plain text, longer than most of the sizes");
	compare_cut("%d and %s and %#010x.", -12345, "text", 0xbeef);
	compare_cut("%-20d|%20s|", 7, "right");
	compare_cut("%%%c%%", 'x');
	CHECK_EQ(snprintf(NULL, 0, "%d", 12345), 5);
}

TEST(several_arguments_keep_their_places)
{
	compare("%d %lld %hhx %s %ld %c %zu %u", -1, 1LL << 40, 0x1ff, "mid", LONG_MIN, 'q',
		SIZE_MAX, 7u);
	compare("%*d%-*.*x|%s", 5, 1, 9, 4, 0xabc, "end");
}

static void expect(const char *want, const char *fmt, ...)
{
	char buf[BUF];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(buf, sizeof(buf), fmt, args);
	va_end(args);
	CHECK_STR_EQ(buf, want);
	CHECK_EQ(len, strlen(want));
}

TEST(pointers_have_all_digits)
{
	if (sizeof(void *) == 8) {
		expect("0x00000000c0001000", "%p", (void *)0xc0001000);
		expect("0x0000000000000000", "%p", NULL);
		expect("  0x00000000c0001000|", "%20p|", (void *)0xc0001000);
		expect("0x00000000c0001000  |", "%-20p|", (void *)0xc0001000);
	}
}

TEST(null_strings_are_named)
{
	expect("(null)", "%s", NULL);
	expect("(nu", "%.3s", NULL);
	expect("  (null)", "%8s", NULL);
}

TEST(unknown_conversions_are_copied)
{
	expect("%f 7", "%f %d", 7);
	expect("%-08.3lf|7", "%-08.3lf|%d", 7);
	expect("%n", "%n");
	expect("100%", "100%");
	expect("%5", "%5");
	expect("%ll", "%ll");
	expect("%y%d", "%y%%d");
}
