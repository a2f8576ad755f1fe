/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the line that is being typed, its history, and what was typed ahead. Whatever comes
 * over the line, each call ends with a line or without one; nothing is written beyond it.
 *
 * For any terminal: all it needs to know is backspace. No locks; one thread.
 */
#include "monitor.h"

#include <errno.h>
#include <kernel/console.h>
#include <mm/slab.h>

#define CTRL(c)	      ((c) - '@')
#define ESC	      0x1b
#define DEL	      0x7f
#define HISTORY_LINES 12
#define AHEAD_BYTES   64
#define ESC_MAX	      8 /* bytes of one escape sequence */

static struct {
	char (*history)[LINE_MAX]; /* HISTORY_LINES, or NULL; the newest one at [added - 1] */
	u32 added;
	u8 ahead[AHEAD_BYTES]; /* typed while a command ran */
	u32 ahead_in, ahead_out;
	bool after_cr; /* a line feed that follows belongs to it */
} state;

struct line {
	char *text;
	u32 len, at; /* at: the cursor */
	u32 back;    /* how many lines back in the history it came from; 0: typed */
	u32 escape;  /* bytes of an escape sequence so far */
	bool too_long;
	const char *prompt;
};

void line_init(void)
{
	STATIC_ASSERT(HISTORY_LINES * LINE_MAX <= KMALLOC_MAX);
	if (!state.history) {
		state.history = kzalloc(HISTORY_LINES * LINE_MAX);
	}
}

/* Behind a panic nothing may be waited for, nor any lock taken: straight from the port. */
static int try_byte(void)
{
	const struct uart_driver *driver;
	void *regs;

	if (!after_panic()) {
		return console_try_getc();
	}
	regs = console_hardware(&driver);
	return driver->getc(regs);
}

static int next_byte(void)
{
	int c;

	if (state.ahead_out != state.ahead_in) {
		return state.ahead[state.ahead_out++ % AHEAD_BYTES];
	}
	if (!after_panic()) {
		return console_getc();
	}
	while ((c = try_byte()) == -EAGAIN) {
	}
	return c;
}

bool line_stop(void)
{
	int c;

	/* What does not fit is left where it is, a ^C among it too. */
	while (state.ahead_in - state.ahead_out < AHEAD_BYTES && (c = try_byte()) != -EAGAIN) {
		if (c == CTRL('C') || c == -EIO) {
			state.ahead_in = state.ahead_out;
			return true;
		}
		if (c >= 0) {
			state.ahead[state.ahead_in++ % AHEAD_BYTES] = (u8)c;
		}
	}
	return false;
}

/* ---- what is seen of it ---- */

static void echo(const char *text, u32 len)
{
	console_write(text, len);
}

static void newline(void)
{
	echo("\r\n", 2);
}

static void repeat(char c, u32 count)
{
	while (count-- > 0) {
		echo(&c, 1);
	}
}

/* What stands from the cursor on, and blanks where there was more. */
static void show_tail(const struct line *l, u32 gone)
{
	echo(l->text + l->at, l->len - l->at);
	repeat(' ', gone);
	repeat('\b', l->len - l->at + gone);
}

static void move_to(struct line *l, u32 at)
{
	if (at < l->at) {
		repeat('\b', l->at - at);
	} else {
		echo(l->text + l->at, at - l->at);
	}
	l->at = at;
}

/* Letters before the cursor. */
static void rub_out(struct line *l, u32 count)
{
	move_to(l, l->at - count);
	l->len -= count;
	memmove(l->text + l->at, l->text + l->at + count, l->len - l->at);
	show_tail(l, count);
}

static void insert(struct line *l, const char *text, u32 len)
{
	u32 room = LINE_MAX - 1 - l->len;

	if (len > room) {
		l->too_long = true;
		len = room;
		echo("\a", 1);
	}
	memmove(l->text + l->at + len, l->text + l->at, l->len - l->at);
	memcpy(l->text + l->at, text, len);
	l->len += len;
	move_to(l, l->at + len);
	show_tail(l, 0);
}

static void redraw(const struct line *l)
{
	newline();
	echo(l->prompt, (u32)strlen(l->prompt));
	echo(l->text, l->at);
	show_tail(l, 0);
}

static void rub_out_word(struct line *l)
{
	u32 left = l->at;

	while (left > 0 && l->text[left - 1] == ' ') {
		left--;
	}
	while (left > 0 && l->text[left - 1] != ' ') {
		left--;
	}
	rub_out(l, l->at - left);
}

/* ---- history ---- */

static void history_add(const char *text)
{
	char *newest = NULL;

	if (!state.history || text[0] == '\0') {
		return;
	}
	if (state.added > 0) {
		newest = state.history[(state.added - 1) % HISTORY_LINES];
	}
	if (!newest || strcmp(newest, text) != 0) {
		strlcpy(state.history[state.added++ % HISTORY_LINES], text, LINE_MAX);
	}
}

static void history_show(struct line *l, u32 back)
{
	const char *text = "";

	if (!state.history || back > min(state.added, (u32)HISTORY_LINES)) {
		return;
	}
	if (back > 0) {
		text = state.history[(state.added - back) % HISTORY_LINES];
	}
	move_to(l, l->len);
	rub_out(l, l->len);
	insert(l, text, (u32)strlen(text));
	l->back = back;
}

static void history_newer(struct line *l)
{
	if (l->back > 0) {
		history_show(l, l->back - 1);
	}
}

/* ---- completion ---- */

/* How many letters of the candidates agree; counts those that begin with the word. */
static u32 common_prefix(const char *line, u32 words, const char *word, u32 *matches,
			 char first[CANDIDATE_MAX])
{
	u32 have = (u32)strlen(word), common = 0;
	char candidate[CANDIDATE_MAX];

	*matches = 0;
	for (u32 n = 0; complete_candidate(line, words, n, candidate); n++) {
		u32 same = 0;

		if (strncmp(candidate, word, have) != 0) {
			continue;
		}
		if ((*matches)++ == 0) {
			strlcpy(first, candidate, CANDIDATE_MAX);
			common = (u32)strlen(candidate);
		}
		while (same < common && candidate[same] == first[same]) {
			same++;
		}
		common = same;
	}
	return common;
}

static void list_candidates(const struct line *l, u32 words, const char *word)
{
	u32 have = (u32)strlen(word);
	char candidate[CANDIDATE_MAX];
	u32 column = 0;

	for (u32 n = 0; complete_candidate(l->text, words, n, candidate); n++) {
		u32 len = (u32)strlen(candidate);

		if (strncmp(candidate, word, have) != 0) {
			continue;
		}
		if (column == 0 || column + len + 2 > 79) {
			newline();
			column = 0;
		}
		echo(candidate, len);
		echo("  ", 2);
		column += len + 2;
	}
	redraw(l);
}

/* Tab: what all candidates agree on, or else a list of them. At the line's end. */
static void complete(struct line *l)
{
	u32 start = l->len, words = 0, matches, common;
	char first[CANDIDATE_MAX];

	move_to(l, l->len);
	l->text[l->len] = '\0';
	while (start > 0 && l->text[start - 1] != ' ') {
		start--;
	}
	for (u32 i = 0; i < start; i++) {
		words += l->text[i] == ' ' && (i == 0 || l->text[i - 1] != ' ');
	}
	common = common_prefix(l->text, words, l->text + start, &matches, first);
	if (matches == 0) {
		echo("\a", 1);
	} else if (common > l->len - start) {
		insert(l, first + (l->len - start), common - (l->len - start));
	} else if (matches > 1) {
		list_candidates(l, words, l->text + start);
	}
	if (matches == 1) {
		insert(l, " ", 1);
	}
}

/* ---- keys ---- */

/* The arrows, home and end as the keys that do the same; all else of its kind is swallowed. */
static int escape_byte(struct line *l, int c)
{
	static const char keys[] = { 'A', CTRL('P'), 'B', CTRL('N'), 'C', CTRL('F'),
				     'D', CTRL('B'), 'H', CTRL('A'), 'F', CTRL('E') };

	if (l->escape == 1) {
		l->escape = c == '[' || c == 'O' ? 2 : 0;
		return 0;
	}
	if (c < '@' && l->escape < ESC_MAX) {
		l->escape++;
		return 0;
	}
	l->escape = 0;
	for (u32 i = 0; i < sizeof(keys); i += 2) {
		if (keys[i] == c) {
			return keys[i + 1];
		}
	}
	return 0;
}

static void edit(struct line *l, int c)
{
	char letter = (char)c;

	switch (c) {
	case CTRL('H'):
	case DEL:
		rub_out(l, l->at > 0);
		break;
	case CTRL('U'):
		rub_out(l, l->at);
		break;
	case CTRL('W'):
		rub_out_word(l);
		break;
	case CTRL('P'):
		history_show(l, l->back + 1);
		break;
	case CTRL('N'):
		history_newer(l);
		break;
	case CTRL('A'):
		move_to(l, 0);
		break;
	case CTRL('E'):
		move_to(l, l->len);
		break;
	case CTRL('B'):
		move_to(l, l->at - (l->at > 0));
		break;
	case CTRL('F'):
		move_to(l, l->at + (l->at < l->len));
		break;
	case CTRL('L'):
		redraw(l);
		break;
	case CTRL('I'):
		complete(l);
		break;
	case ESC:
		l->escape = 1;
		break;
	default:
		if (c >= ' ' && c < DEL) {
			insert(l, &letter, 1);
		}
	}
	if (l->len == 0) {
		l->too_long = false;
	}
}

static void take(struct line *l, int c)
{
	if (l->escape > 0 && c >= ' ') {
		c = escape_byte(l, c);
	} else {
		l->escape = 0;
	}
	edit(l, c);
}

bool line_read(const char *prompt, char text[LINE_MAX])
{
	struct line l = { .text = text, .prompt = prompt };

	echo(prompt, (u32)strlen(prompt));
	for (;;) {
		int c = next_byte();
		bool second = c == '\n' && state.after_cr;

		state.after_cr = c == '\r';
		if (second) {
			continue;
		}
		if (c == -EOVERFLOW) {
			newline();
			say("error: typed faster than it could be read: some is lost");
			return false;
		}
		if (c < 0 || c == CTRL('C')) {
			echo("^C\r\n", 4);
			return false;
		}
		if (c == '\r' || c == '\n') {
			break;
		}
		take(&l, c);
	}
	move_to(&l, l.len);
	newline();
	text[l.len] = '\0';
	if (l.too_long) {
		say("error: a line has at most %u characters", LINE_MAX - 1);
		return false;
	}
	history_add(text);
	return true;
}
