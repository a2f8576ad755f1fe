/* SPDX-License-Identifier: BSD-2-Clause */
/* lib/bootargs.c: the grammar, every argument, and what becomes of those that make no sense. */
#include "check.h"

#include <errno.h>
#include <lib/bootargs.h>

/* Compares a span with text; NULL: not given. */
static void expect_span(struct span got, const char *want)
{
	if (!want) {
		CHECK(got.s == NULL);
	} else {
		CHECK(got.s != NULL);
		CHECK_EQ(got.len, strlen(want));
		CHECK(memcmp(got.s, want, got.len) == 0);
	}
}

static void expect_word(const char **text, const char *whole, const char *key, const char *value)
{
	struct bootarg arg;

	CHECK(bootargs_next(text, &arg));
	expect_span(arg.whole, whole);
	expect_span(arg.key, key);
	expect_span(arg.value, value);
}

static void expect_end(const char *text)
{
	struct bootarg arg;

	CHECK(!bootargs_next(&text, &arg));
}

TEST(words_are_split_at_blanks)
{
	const char *text = "  monitor\tmem=1G\n\r empty= a=b=c =x  ";

	expect_word(&text, "monitor", "monitor", NULL);
	expect_word(&text, "mem=1G", "mem", "1G");
	expect_word(&text, "empty=", "empty", "");
	expect_word(&text, "a=b=c", "a", "b=c");
	expect_word(&text, "=x", "", "x");
	expect_end(text);
	expect_end("");
	expect_end("   ");
}

TEST(quotes_hold_blanks_together)
{
	const char *text = "a=\"b c\" \"d=e f\" g=\"\" \"h i\" j=k\"l m\"n o=\"p q";

	expect_word(&text, "a=\"b c\"", "a", "b c");
	expect_word(&text, "\"d=e f\"", "d", "e f");
	expect_word(&text, "g=\"\"", "g", "");
	expect_word(&text, "\"h i\"", "h i", NULL);
	expect_word(&text, "j=k\"l m\"n", "j", "k\"l m\"n");
	/* Not closed: up to the end. */
	expect_word(&text, "o=\"p q", "o", "p q");
	expect_end(text);
	text = "\"";
	expect_word(&text, "\"", "", NULL);
	expect_end(text);
}

TEST(nothing_is_given)
{
	static const char *const texts[] = { NULL, "", "  ", "--", "-- monitor mem=1G" };
	struct bootargs args;
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		bootargs_parse(&args, texts[i]);
		expect_span(args.selftest, NULL);
		expect_span(args.bench, NULL);
		expect_span(args.memtest, NULL);
		expect_span(args.console, NULL);
		expect_span(args.earlycon, NULL);
		expect_span(args.init, NULL);
		expect_span(args.errata_force, NULL);
		CHECK(!args.monitor);
		CHECK_EQ(args.panic, PANIC_DEFAULT);
		CHECK_EQ(args.loglevel, -1);
		CHECK_EQ(args.maxcpus, UINT32_MAX);
		CHECK_EQ(args.vmalloc_bytes, 0);
		CHECK_EQ(args.mem_limit, 0);
		CHECK_EQ(args.mem_count, 0);
		CHECK_EQ(args.mem_dropped.count, 0);
		CHECK_EQ(args.unknown.count, 0);
		CHECK_EQ(args.bad.count, 0);
	}
}

TEST(every_argument_is_read)
{
	struct bootargs args;

	bootargs_parse(&args, "selftest=mm.*,fixmap.* bench=kmap* memtest=1,2 monitor vmalloc=300M "
			      "maxcpus=3 mem=2G mem=1G@0x80000000 mem=2M@0x880000000 "
			      "console=ttyAMA0,115200 earlycon=pl011,0x1c090000 panic=reboot "
			      "loglevel=7 init=/bin/sh errata=force:798181");
	expect_span(args.selftest, "mm.*,fixmap.*");
	expect_span(args.bench, "kmap*");
	expect_span(args.memtest, "1,2");
	CHECK(args.monitor);
	CHECK_EQ(args.vmalloc_bytes, 300ull << 20);
	CHECK_EQ(args.maxcpus, 3);
	CHECK_EQ(args.mem_limit, 2ull << 30);
	CHECK_EQ(args.mem_count, 2);
	CHECK_EQ(args.mem[0].start, 0x80000000);
	CHECK_EQ(args.mem[0].size, 1ull << 30);
	CHECK_EQ(args.mem[1].start, 0x880000000);
	CHECK_EQ(args.mem[1].size, 2ull << 20);
	expect_span(args.console, "ttyAMA0,115200");
	expect_span(args.earlycon, "pl011,0x1c090000");
	CHECK_EQ(args.panic, PANIC_REBOOT);
	CHECK_EQ(args.loglevel, 7);
	expect_span(args.init, "/bin/sh");
	expect_span(args.errata_force, "798181");
	CHECK_EQ(args.unknown.count, 0);
	CHECK_EQ(args.bad.count, 0);
}

TEST(values_may_be_left_out_where_that_means_something)
{
	struct bootargs args;

	bootargs_parse(&args, "selftest bench= memtest earlycon");
	expect_span(args.selftest, "");
	expect_span(args.bench, "");
	expect_span(args.memtest, "");
	expect_span(args.earlycon, "");
	CHECK_EQ(args.bad.count, 0);
	bootargs_parse(&args, "console init= vmalloc mem panic loglevel maxcpus= errata");
	CHECK_EQ(args.bad.count, 8);
	expect_span(args.console, NULL);
	expect_span(args.init, NULL);
}

TEST(the_last_of_several_counts)
{
	struct bootargs args;

	bootargs_parse(&args, "panic=halt panic=poweroff mem=1G mem=512M console=a console=b");
	CHECK_EQ(args.panic, PANIC_POWEROFF);
	CHECK_EQ(args.mem_limit, 512ull << 20);
	expect_span(args.console, "b");
	bootargs_parse(&args, "panic=monitor panic=sideways");
	CHECK_EQ(args.panic, PANIC_MONITOR);
	CHECK_EQ(args.bad.count, 1);
	bootargs_parse(&args, "panic=halt maxcpus=0");
	CHECK_EQ(args.panic, PANIC_HALT);
	CHECK_EQ(args.maxcpus, 1);
}

static void expect_bad(const char *text)
{
	struct bootargs args;

	check_context("%s", text);
	bootargs_parse(&args, text);
	CHECK_EQ(args.bad.count, 1);
	expect_span(args.bad.first[0], text);
	CHECK_EQ(args.unknown.count, 0);
	CHECK_EQ(args.mem_count, 0);
	CHECK_EQ(args.mem_limit, 0);
	CHECK_EQ(args.vmalloc_bytes, 0);
	CHECK_EQ(args.maxcpus, UINT32_MAX);
	CHECK_EQ(args.loglevel, -1);
	CHECK(!args.monitor);
	expect_span(args.errata_force, NULL);
}

TEST(bad_values_are_named_and_ignored)
{
	expect_bad("vmalloc=12x");
	expect_bad("vmalloc=0");
	expect_bad("vmalloc=16777216T");
	expect_bad("mem=");
	expect_bad("mem=0");
	expect_bad("mem=1Gx");
	expect_bad("mem=1G@");
	expect_bad("mem=@0x80000000");
	expect_bad("mem=0@0x80000000");
	expect_bad("mem=1G@0x80000000x");
	expect_bad("mem=1G@0x80000000@0");
	expect_bad("mem=2@0xffffffffffffffff");
	expect_bad("maxcpus=-1");
	expect_bad("maxcpus=4K");
	expect_bad("maxcpus=4294967296");
	expect_bad("loglevel=9");
	expect_bad("loglevel=debug");
	expect_bad("panic=5");
	expect_bad("panic=halted");
	expect_bad("monitor=1");
	expect_bad("errata=798181");
	expect_bad("errata=force:");
}

TEST(unknown_words_are_collected)
{
	struct bootargs args;

	bootargs_parse(&args, "root=/dev/vda1 rw quiet monitors mem2=1 SELFTEST");
	CHECK_EQ(args.unknown.count, 6);
	expect_span(args.unknown.first[0], "root=/dev/vda1");
	expect_span(args.unknown.first[3], "monitors");
	expect_span(args.unknown.first[5], "SELFTEST");
	CHECK(!args.monitor);
	bootargs_parse(&args, "a b c d e f g h i j");
	CHECK_EQ(args.unknown.count, 10);
	expect_span(args.unknown.first[7], "h");
}

TEST(banks_beyond_sixteen_are_reported)
{
	char text[1024] = "";
	struct bootargs args;
	int i;

	for (i = 0; i < BOOTARGS_MAX_MEM + 2; i++) {
		sprintf(text + strlen(text), "mem=1M@%dG ", i);
	}
	bootargs_parse(&args, text);
	CHECK_EQ(args.mem_count, BOOTARGS_MAX_MEM);
	CHECK_EQ(args.mem[15].start, 15ull << 30);
	CHECK_EQ(args.mem_dropped.count, 2);
	expect_span(args.mem_dropped.first[0], "mem=1M@16G");
	CHECK_EQ(args.bad.count, 0);
}

TEST(sizes_are_whole_values)
{
	u64 bytes = 5;

	CHECK_EQ(bootargs_size((struct span){ "240M", 4 }, &bytes), 0);
	CHECK_EQ(bytes, 240ull << 20);
	CHECK_EQ(bootargs_size((struct span){ "240M", 2 }, &bytes), 0);
	CHECK_EQ(bytes, 24);
	CHECK_EQ(bootargs_size((struct span){ "240Mx", 5 }, &bytes), -EINVAL);
	CHECK_EQ(bootargs_size((struct span){ "", 0 }, &bytes), -EINVAL);
	CHECK_EQ(bootargs_size((struct span){ NULL, 0 }, &bytes), -EINVAL);
	CHECK_EQ(bootargs_size((struct span){ "99999999T", 9 }, &bytes), -ERANGE);
	CHECK_EQ(bytes, 24);
}

static int pair(const char *text, u32 *n, u32 *m)
{
	return bootargs_pair((struct span){ text, strlen(text) }, n, m);
}

TEST(pairs_are_whole_values_from_one_on)
{
	static const char bad[][24] = {
		"",	 "0",	 "0,1",	 "1,0", "1,",	      ",1",
		"1,2,3", "1,2x", "1 ,2", "-1",	"4294967296", "1,4294967296"
	};
	u32 n = 5, m = 6, i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		check_context("%s", bad[i]);
		CHECK_EQ(pair(bad[i], &n, &m), -EINVAL);
	}
	CHECK_EQ(n, 5);
	CHECK_EQ(pair("77", &n, &m), 0);
	CHECK_EQ(n, 77);
	CHECK_EQ(m, 6);
	CHECK_EQ(pair("4294967295,1", &n, &m), 0);
	CHECK_EQ(n, UINT32_MAX);
	CHECK_EQ(m, 1);
}

/* Random text of the characters that mean something: nothing is read beyond its end. */
TEST(any_text_is_survived)
{
	static const char letters[] = "mem=selftest vmalloc panic\"@=,=  GMk0123456789x-:";
	struct bootargs args;
	int i, j;

	for (i = 0; i < 50000; i++) {
		size_t len = (size_t)check_below(60);
		char *text = malloc(len + 1);

		for (j = 0; j < (int)len; j++) {
			text[j] = letters[check_below(sizeof(letters) - 1)];
		}
		text[len] = '\0';
		bootargs_parse(&args, text);
		for (j = 0; j < (int)args.unknown.count && j < BOOTARGS_MAX_NAMED; j++) {
			struct span s = args.unknown.first[j];

			CHECK(s.s >= text && s.s + s.len <= text + len && s.len > 0);
		}
		free(text);
	}
}
