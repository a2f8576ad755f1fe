/* SPDX-License-Identifier: BSD-2-Clause */
/* lib/ktap.c: the very lines of a run, and the checksum as a reader computes it. */
#include "check.h"

#include <lib/crc32.h>
#include <lib/ktap.h>

static struct ktap run;
static char text[4096];

static void append(const char *line)
{
	size_t len = strlen(text);

	snprintf(text + len, sizeof(text) - len, "%s\n", line);
}

static const char
	*intruder; /* another CPU's line, between the next result of a suite and what follows */

/* What the console does: keeps the line, lets the run count it, and sends what is to follow. */
static void record(const char *line)
{
	char next[96];

	append(line);
	if (ktap_line(&run, line, strlen(line), next, sizeof(next))) {
		append(next);
		if (intruder) {
			append(intruder);
		}
	}
}

static void begin(unsigned suites)
{
	text[0] = '\0';
	check_printk = record;
	ktap_begin(&run, suites);
}

TEST(lines_of_a_run)
{
	begin(2);
	ktap_suite_begin(&run, "mm", 3);
	ktap_result(&run, "mm.alloc", KTAP_PASS, NULL);
	ktap_result(&run, "mm.free", KTAP_FAIL, "ignored");
	ktap_result(&run, "mm.stale", KTAP_SKIP, "no such thing here");
	ktap_suite_end(&run, "mm");
	ktap_suite_begin(&run, "trap", 1);
	ktap_result(&run, "trap.svc", KTAP_PASS, NULL);
	ktap_suite_end(&run, "trap");
	CHECK(!ktap_end(&run));
	check_printk = NULL;
	/* The sums come from another program's crc32. */
	CHECK_STR_EQ(text, "KTAP version 1\n"
			   "1..2\n"
			   "    KTAP version 1\n"
			   "    # Subtest: mm\n"
			   "    1..3\n"
			   "    ok 1 mm.alloc\n"
			   "    not ok 2 mm.free\n"
			   "    ok 3 mm.stale # SKIP no such thing here\n"
			   "not ok 1 mm\n"
			   "@sum {\"suite\":\"mm\",\"lines\":7,\"crc32\":\"78866009\"}\n"
			   "    KTAP version 1\n"
			   "    # Subtest: trap\n"
			   "    1..1\n"
			   "    ok 1 trap.svc\n"
			   "ok 2 trap\n"
			   "@sum {\"suite\":\"trap\",\"lines\":5,\"crc32\":\"443c148f\"}\n"
			   "# Totals: pass:2 fail:1 skip:1\n");
}

TEST(foreign_lines_inside_a_suite_count)
{
	unsigned crc;

	begin(1);
	record("# before");
	ktap_suite_begin(&run, "s", 1);
	record("# a diagnostic");
	ktap_result(&run, "s.t", KTAP_PASS, NULL);
	ktap_suite_end(&run, "s");
	record("# behind");
	CHECK_EQ(run.lines, 6);
	crc = crc32_update(0, strstr(text, "    KTAP"),
			   (size_t)(strstr(text, "@sum") - strstr(text, "    KTAP")));
	CHECK_EQ(run.crc, crc);
	CHECK(ktap_end(&run));
}

TEST(sum_follows_its_suite_at_once)
{
	const char *ok, *sum;

	begin(1);
	intruder = "another CPU's";
	ktap_suite_begin(&run, "s", 1);
	ktap_result(&run, "s.t", KTAP_PASS, NULL);
	record("ok 1 another"); /* not ours: counts */
	ktap_suite_end(&run, "s");
	intruder = NULL;
	CHECK_EQ(run.lines, 6);
	ok = strstr(text, "\nok 1 s\n");
	sum = strstr(text, "@sum");
	CHECK(ok && sum == ok + strlen("\nok 1 s\n"));
	CHECK(ktap_end(&run));
}

TEST(nothing_run_is_no_pass)
{
	begin(0);
	CHECK(!ktap_end(&run));
	begin(1);
	ktap_suite_begin(&run, "s", 1);
	ktap_result(&run, "s.t", KTAP_SKIP, "reason");
	ktap_suite_end(&run, "s");
	CHECK(ktap_end(&run));
}
