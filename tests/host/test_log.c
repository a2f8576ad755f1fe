/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel/log.c against a list of all lines ever appended: what can be read is its newest part, as
 * much of it as fits. The ring of 16 KiB that the page allocator would give ends where ASan's
 * poison begins.
 */
#include "check.h"

#include <arch/barrier.h>
#include <kernel/log.h>
#include <mm/page_alloc.h>

#define EARLY_BYTES 512
#define LATE_BYTES  (4 * PAGE_SIZE)
#define LINES	    16384

void (*host_at_barrier)(void);
struct mm_state mm;

static char *lines[LINES]; /* as they must be read: cut */
static u32 count;
static u32 ring_bytes = EARLY_BYTES;

/*
 * A ring of its own each time; its page is a number, which the direct mapping's formula leads
 * there.
 */
struct page *alloc_pages(gfp_t gfp, u32 order)
{
	struct page *page = (struct page *)0x1000;
	char *ring = malloc(PAGE_SIZE << order);

	(void)gfp;
	CHECK_EQ(PAGE_SIZE << order, LATE_BYTES);
	memset(ring, 'x', LATE_BYTES);
	mm.low_va_bias = (vaddr_t)ring - ((vaddr_t)page << 8);
	return page;
}

/* The line lies alone on the heap: to read beyond it is found. */
static void append(size_t len)
{
	char *line = malloc(len + 1);
	size_t kept = len < LOG_LINE_MAX ? len : LOG_LINE_MAX - 1;

	for (size_t i = 0; i < len; i++) {
		line[i] = (char)('!' + check_below(90));
	}
	lines[count] = memcpy(calloc(kept + 1, 1), line, kept);
	line = realloc(line, len ? len : 1);
	log_append(line, len);
	count++;
	free(line);
}

/* The first line that must still be there. */
static u32 oldest(void)
{
	u32 first = count, used = 0;

	while (first > 0 && used + strlen(lines[first - 1]) + 1 <= ring_bytes) {
		used += (u32)strlen(lines[--first]) + 1;
	}
	return first;
}

static void expect_all(void)
{
	char line[LOG_LINE_MAX];
	u32 at = log_start(), n = oldest();

	for (; log_next(&at, line, sizeof(line)); n++) {
		CHECK(n < count);
		check_context("line %u of %u", n, count);
		CHECK_EQ(strcmp(line, lines[n]), 0);
	}
	CHECK_EQ(n, count);
}

/* From the log's first state on, all in one order: the ring cannot be emptied. */
static void begin(bool late)
{
	if (late && ring_bytes == EARLY_BYTES) {
		log_init();
		ring_bytes = LATE_BYTES;
	} else if (!late && ring_bytes == LATE_BYTES) {
		check_skip("another test has left the early ring");
	}
	host_at_barrier = NULL;
}

TEST(early_ring_keeps_the_newest_and_all_of_it_moves)
{
	begin(false);
	expect_all();
	append(0);
	expect_all();
	for (u32 i = 0; i < 200; i++) {
		append((size_t)check_below(60));
		expect_all();
	}
	append(EARLY_BYTES / 2 - 1); /* two that fill it to the last byte */
	append(EARLY_BYTES / 2 - 1);
	CHECK_EQ(oldest(), count - 2);
	expect_all();
	begin(true);
	/* What the early ring had is there, and no line before it: those were overwritten. */
	for (u32 i = 0; i < count - 2; i++) {
		free(lines[i]);
	}
	lines[0] = lines[count - 2];
	lines[1] = lines[count - 1];
	count = 2;
	expect_all();
	append(7);
	expect_all();
}

TEST(newest_lines_are_kept_whatever_their_lengths)
{
	begin(true);
	for (u32 i = 0; i < 3000; i++) {
		append((size_t)check_below(check_below(8) ? 80 : 400));
		if (i % 16 == 0) {
			expect_all();
		}
	}
	CHECK(oldest() > 0);
	expect_all();
}

TEST(lines_too_long_are_cut)
{
	static const size_t lengths[] = { LOG_LINE_MAX - 2, LOG_LINE_MAX - 1, LOG_LINE_MAX,
					  LOG_LINE_MAX + 1, 5 * LOG_LINE_MAX };

	begin(true);
	for (u32 i = 0; i < ARRAY_SIZE(lengths); i++) {
		append(lengths[i]);
		CHECK_EQ(strlen(lines[count - 1]), min(lengths[i], (size_t)LOG_LINE_MAX - 1));
	}
	expect_all();
}

TEST(reader_with_little_room_gets_the_beginnings)
{
	char line[8];
	u32 at, n;

	begin(true);
	for (u32 i = 0; i < 20; i++) {
		append((size_t)check_below(30));
	}
	at = log_start();
	for (n = oldest(); log_next(&at, line, sizeof(line)); n++) {
		CHECK(n < count);
		CHECK_EQ(strncmp(line, lines[n], sizeof(line) - 1), 0);
		CHECK_EQ(strlen(line), min(strlen(lines[n]), sizeof(line) - 1));
	}
	CHECK_EQ(n, count);
}

static void overwrite_all(void)
{
	for (u32 used = 0; used < ring_bytes; used += 101) {
		append(100);
	}
}

TEST(reader_that_was_overtaken_goes_on_with_the_oldest)
{
	char line[LOG_LINE_MAX];
	u32 at;

	begin(true);
	append(10);
	at = log_start();
	CHECK(log_next(&at, line, sizeof(line)));
	overwrite_all();
	CHECK(log_next(&at, line, sizeof(line)));
	CHECK_EQ(strcmp(line, lines[oldest()]), 0);
	CHECK(log_next(&at, line, sizeof(line)));
	CHECK_EQ(strcmp(line, lines[oldest() + 1]), 0);
}

static u32 barriers, chosen;

/* The other CPU's step: so much is written that nothing is left of what the reader looks at. */
static void overtake(void)
{
	if (barriers++ == chosen) {
		overwrite_all();
	}
}

TEST(reader_that_is_overtaken_at_any_step_gets_whole_lines)
{
	char line[LOG_LINE_MAX];
	u32 at, n;

	for (chosen = 0; chosen < 6; chosen++) {
		begin(true);
		overwrite_all();
		barriers = 0;
		at = log_start();
		host_at_barrier = overtake;
		for (u32 i = 0; i < 3; i++) {
			check_context("overtaken at barrier %u, line %u", chosen, i);
			CHECK(log_next(&at, line, sizeof(line)));
			for (n = oldest(); n < count && strcmp(line, lines[n]) != 0; n++) {
			}
			CHECK(n < count);
		}
		CHECK(barriers > chosen);
		host_at_barrier = NULL;
	}
}
