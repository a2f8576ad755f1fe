/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The monitor's line: editing, history, completion, and which command it means. The input is what
 * a person types, with 0xfe for a break, 0xfd for lost bytes, and 0xfc for a command that looks for
 * ^C meanwhile. A terminal of one row stands beside it: what it shows when a line ends must be the
 * prompt and that very line. Then the line's words, and what they say as numbers, are looked at.
 */
#include "fuzz.h"

#include "../host/include/rename.h"

#include "../../kernel/monitor/monitor.h"

#include <lib/string.h>
#include <errno.h>
#include <kernel/console.h>

#define ROW 400

static const char prompt[] = "fanlight> ";

static struct {
	struct fuzz_input in;
	char row[ROW], last[ROW]; /* the cursor's; the one above */
	u32 at;
	bool ended; /* the input */
} term;

const struct command commands[] = {
	{ "Look", NULL, 0, true },
	{ "layout\0the address map", (void *)1, 0, true },
	{ "ptdump [REGION]\0ranges", (void *)1, COMPLETE_REGION, true },
	{ "pa ADDR\0virtual to physical", (void *)1, 0, true },
	{ "page PFN\0what the kernel knows", (void *)1, 0, true },
	{ "alloc high|low [N]\0N pages (1)", (void *)1, 0, false },
	{ "vmap PAGES...\0side by side", (void *)1, 0, false },
	{ "boot PHYSADDR|#N [ARG]...\0starts it", (void *)1, 0, false },
	{ "help [COMMAND]\0this", (void *)1, COMPLETE_COMMAND, true },
};
const u32 command_count = ARRAY_SIZE(commands);

bool complete_candidate(const char *line, u32 words, u32 n, char candidate[CANDIDATE_MAX])
{
	FUZZ_CHECK(strlen(line) < LINE_MAX);
	if (words == 0 || (words == 1 && command_find("help", 4) && n < 4)) {
		return command_name(n, candidate);
	}
	if (n < 2) { /* as long as there is room for */
		memset(candidate, 'a' + (char)n, CANDIDATE_MAX - 1);
		candidate[0] = 'x';
		candidate[CANDIDATE_MAX - 1] = '\0';
	}
	return n < 2;
}

bool after_panic(void)
{
	return false;
}

void say(const char *fmt, ...)
{
	(void)fmt;
}

void *console_hardware(const struct uart_driver **driver)
{
	*driver = NULL;
	return NULL;
}

/* ---- the terminal ---- */

static void show(char c)
{
	switch (c) {
	case '\b':
		FUZZ_CHECK(term.at > sizeof(prompt) - 1); /* never into the prompt */
		term.at--;
		break;
	case '\r':
		term.at = 0;
		break;
	case '\n':
		memcpy(term.last, term.row, ROW);
		memset(term.row, ' ', ROW);
		break;
	case '\a':
		break;
	default:
		FUZZ_CHECK(c >= ' ' && c < 0x7f && term.at < ROW - 1);
		term.row[term.at++] = c;
	}
}

void console_write(const char *text, size_t len)
{
	while (len--) {
		show(*text++);
	}
}

int console_try_getc(void)
{
	u8 c;

	if (term.in.at >= term.in.end) {
		term.ended = true;
		return -EAGAIN;
	}
	c = fuzz_byte(&term.in);
	return c == 0xfe ? -EIO : c == 0xfd ? -EOVERFLOW : c;
}

int console_getc(void)
{
	int c = console_try_getc();

	return c == -EAGAIN ? -EIO : c;
}

/* ---- what came of it ---- */

static void judge_row(const char *line)
{
	u32 start = sizeof(prompt) - 1, len = (u32)strlen(line);

	FUZZ_CHECK(len < LINE_MAX);
	FUZZ_CHECK(memcmp(term.last, prompt, start) == 0);
	FUZZ_CHECK(memcmp(term.last + start, line, len) == 0);
	for (u32 i = start + len; i < ROW; i++) {
		FUZZ_CHECK(term.last[i] == ' ');
	}
}

/* A number as its reader must see it, in 128 bits: -1 if it is none. */
static __int128 read_number(const char **word)
{
	bool hex = (*word)[0] == '0' && ((*word)[1] | 0x20) == 'x';
	const char *digits = hex ? "0123456789abcdef" : "0123456789", *p = *word + 2 * hex;
	const char *found;
	__int128 n = -1;

	while (*p && (found = strchr(digits, *p >= 'A' && *p <= 'F' ? *p | 0x20 : *p))) {
		n = (n < 0 ? 0 : n) * (hex ? 16 : 10) + (found - digits);
		n = n >> 100 ? (__int128)1 << 100 : n; /* too large is too large */
		p++;
	}
	*word = p;
	return n;
}

static u32 suffix_shift(char c)
{
	static const char suffixes[] = "KkMmGgTt";
	const char *found = c ? strchr(suffixes, c) : NULL;

	return found ? 10 * ((u32)(found - suffixes) / 2 + 1) : 0;
}

static void judge_number(const char *word, u64 max)
{
	const char *end = word;
	__int128 theirs = read_number(&end);
	u64 ours = 77, size = 78;

	if (word_number(word, max, &ours) == 0) {
		FUZZ_CHECK(*end == '\0' && ours == theirs && ours <= max);
	} else {
		FUZZ_CHECK(ours == 77 && (theirs < 0 || *end || theirs > max));
	}
	if (theirs >= 0 && suffix_shift(*end)) {
		theirs = theirs >> 64 ? theirs : theirs << suffix_shift(*end);
		end++;
	}
	if (word_size(word, max, &size) == 0) {
		FUZZ_CHECK(*end == '\0' && size == theirs && size <= max);
	} else {
		FUZZ_CHECK(size == 78 && (theirs < 0 || *end || theirs > max));
	}
}

static void judge_words(char *line)
{
	const char *end = line + strlen(line);
	const struct command *c = NULL;
	char *words[WORDS_MAX];
	u32 argc = 0;
	enum command_fault fault = command_parse(line, words, &argc, &c);

	if (fault == COMMAND_NOTHING || fault == COMMAND_WORDS) {
		return;
	}
	FUZZ_CHECK(argc < WORDS_MAX && (c != NULL) == (fault != COMMAND_UNKNOWN));
	for (u32 i = 0; i <= argc; i++) {
		FUZZ_CHECK(words[i] >= line && words[i] < end && words[i][0] != '\0');
		FUZZ_CHECK(words[i] + strlen(words[i]) <= end && !strchr(words[i], ' '));
		judge_number(words[i], UINT64_MAX);
		judge_number(words[i], 0xffffff);
	}
	if (c) {
		FUZZ_CHECK(c->run && strncmp(c->usage, words[0], strlen(words[0])) == 0);
	}
	if (fault == COMMAND_FOUND && strncmp(c->usage, "pa ", 3) == 0) {
		FUZZ_CHECK(argc == 1);
	}
	if (fault == COMMAND_FOUND && strncmp(c->usage, "alloc ", 6) == 0) {
		FUZZ_CHECK(argc == 1 || argc == 2);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = malloc(LINE_MAX);

	memset(&term, 0, sizeof(term));
	term.in = (struct fuzz_input){ data, data + size };
	memset(term.row, ' ', ROW);
	line_init();
	while (term.in.at < term.in.end) {
		if (*term.in.at == 0xfc) {
			term.in.at++;
			(void)line_stop();
		}
		term.at = 0;
		memset(term.row, ' ', ROW);
		if (line_read(prompt, line)) {
			judge_row(line);
			judge_words(line);
		}
	}
	while (!line_stop() && !term.ended) {
	}
	free(line);
	return 0;
}
