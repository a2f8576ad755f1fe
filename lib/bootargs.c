/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the boot arguments' grammar. Must never act on one, or judge a value by the
 * machine it runs on: that is for whoever uses it.
 */
#include <lib/bootargs.h>

#include <config.h>
#include <errno.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Takes off a leading quote, and a trailing one with it. */
static struct span unquote(struct span s)
{
	if (s.len && s.s[0] == '"') {
		s.s++;
		s.len--;
		if (s.len && s.s[s.len - 1] == '"') {
			s.len--;
		}
	}
	return s;
}

bool bootargs_next(const char **text, struct bootarg *arg)
{
	const char *p = *text;
	const char *equals;
	const char *end;
	bool quoted = false;

	while (is_blank(*p)) {
		p++;
	}
	arg->whole.s = p;
	for (; *p && (quoted || !is_blank(*p)); p++) {
		quoted ^= *p == '"';
	}
	*text = p;
	arg->whole.len = (size_t)(p - arg->whole.s);
	arg->key = unquote(arg->whole);
	arg->value = (struct span){ NULL, 0 };
	end = arg->key.s + arg->key.len;
	equals = memchr(arg->key.s, '=', arg->key.len);
	if (equals) {
		arg->key.len = (size_t)(equals - arg->key.s);
		arg->value.s = equals + 1;
		arg->value.len = (size_t)(end - arg->value.s);
		arg->value = unquote(arg->value);
	}
	return arg->whole.len != 0;
}

static void reject(struct bootargs_rejects *rejects, const struct bootarg *arg)
{
	if (rejects->count < BOOTARGS_MAX_NAMED) {
		rejects->first[rejects->count] = arg->whole;
	}
	rejects->count++;
}

/* A whole value as a number of at most `most`. */
static int value_number(struct span value, u64 most, u64 *n)
{
	const char *stop;
	u64 v;

	if (!value.s || parse_u64(value.s, value.s + value.len, &v, &stop) != 0 ||
	    stop != value.s + value.len || v > most) {
		return -EINVAL;
	}
	*n = v;
	return 0;
}

int bootargs_size(struct span value, u64 *bytes)
{
	const char *stop;
	u64 v;
	int err;

	if (!value.s) {
		return -EINVAL;
	}
	err = parse_size(value.s, value.s + value.len, &v, &stop);
	if (err) {
		return err;
	}
	if (stop != value.s + value.len) {
		return -EINVAL;
	}
	*bytes = v;
	return 0;
}

int bootargs_pair(struct span value, u32 *first, u32 *second)
{
	const char *end = value.s + value.len, *stop;
	u64 n, m = *second;

	if (parse_u64(value.s, end, &n, &stop) != 0 ||
	    (stop != end && (*stop != ',' || parse_u64(stop + 1, end, &m, &stop) != 0)) ||
	    stop != end || n - 1 >= UINT32_MAX || m - 1 >= UINT32_MAX) {
		return -EINVAL;
	}
	*first = (u32)n;
	*second = (u32)m;
	return 0;
}

/* mem=SIZE or mem=SIZE@ADDR. */
static int parse_mem(struct bootargs *args, const struct bootarg *arg)
{
	struct span value = arg->value;
	const char *at = value.s ? memchr(value.s, '@', value.len) : NULL;
	u64 start, size;

	if (!at) {
		if (bootargs_size(value, &size) != 0 || size == 0) {
			return -EINVAL;
		}
		args->mem_limit = size;
		return 0;
	}
	value.len = (size_t)(value.s + value.len - (at + 1));
	value.s = at + 1;
	if (bootargs_size(value, &start) != 0) {
		return -EINVAL;
	}
	value = (struct span){ arg->value.s, (size_t)(at - arg->value.s) };
	if (bootargs_size(value, &size) != 0 || size == 0 || start + size < start) {
		return -EINVAL;
	}
	if (args->mem_count == BOOTARGS_MAX_MEM) {
		reject(&args->mem_dropped, arg);
		return 0;
	}
	args->mem[args->mem_count].start = start;
	args->mem[args->mem_count++].size = size;
	return 0;
}

static int parse_panic(struct bootargs *args, struct span value)
{
	if (span_eq(value, "halt")) {
		args->panic = PANIC_HALT;
	} else if (span_eq(value, "reboot")) {
		args->panic = PANIC_REBOOT;
	} else if (span_eq(value, "poweroff")) {
		args->panic = PANIC_POWEROFF;
	} else if (span_eq(value, "monitor")) {
		args->panic = PANIC_MONITOR;
	} else {
		return -EINVAL;
	}
	return 0;
}

static int parse_errata(struct bootargs *args, struct span value)
{
	static const char force[] = "force:";
	const size_t len = sizeof(force) - 1;

	if (!value.s || value.len <= len || memcmp(value.s, force, len) != 0) {
		return -EINVAL;
	}
	args->errata_force = (struct span){ value.s + len, value.len - len };
	return 0;
}

/* Arguments that are kept as text. `optional`: they mean something without a value too. */
static struct span *text_slot(struct bootargs *args, struct span key, bool *optional)
{
	*optional = true;
	if (span_eq(key, "selftest")) {
		return &args->selftest;
	}
	if (span_eq(key, "bench")) {
		return &args->bench;
	}
	if (span_eq(key, "memtest")) {
		return &args->memtest;
	}
	if (span_eq(key, "earlycon")) {
		return &args->earlycon;
	}
	*optional = false;
	if (span_eq(key, "stress")) {
		return &args->stress;
	}
	if (CONFIG_DEBUG && span_eq(key, "interleave")) {
		return &args->interleave;
	}
	if (span_eq(key, "console")) {
		return &args->console;
	}
	if (span_eq(key, "init")) {
		return &args->init;
	}
	return NULL;
}

static int parse_text(struct span *slot, const struct bootarg *arg, bool optional)
{
	if (!optional && arg->value.len == 0) {
		return -EINVAL;
	}
	/* Given but empty: any place in the text will do, it only must not be NULL. */
	*slot = arg->value.s ? arg->value : (struct span){ arg->key.s, 0 };
	return 0;
}

/* Arguments with a typed value. 0, -EINVAL and the like for a bad one, -ENOENT: no such key. */
static int parse_typed(struct bootargs *args, const struct bootarg *arg)
{
	u64 n;
	int err;

	if (span_eq(arg->key, "mem")) {
		return parse_mem(args, arg);
	}
	if (span_eq(arg->key, "panic")) {
		return parse_panic(args, arg->value);
	}
	if (span_eq(arg->key, "errata")) {
		return parse_errata(args, arg->value);
	}
	if (span_eq(arg->key, "monitor")) {
		args->monitor |= !arg->value.s;
		return arg->value.s ? -EINVAL : 0;
	}
	if (span_eq(arg->key, "vmalloc")) {
		if (bootargs_size(arg->value, &n) != 0 || n == 0) {
			return -EINVAL;
		}
		args->vmalloc_bytes = n;
		return 0;
	}
	if (span_eq(arg->key, "maxcpus")) {
		err = value_number(arg->value, INT32_MAX, &n);
		if (!err) {
			/* 0 is Linux's word for "the boot CPU alone". */
			args->maxcpus = n ? (u32)n : 1;
		}
		return err;
	}
	if (span_eq(arg->key, "loglevel")) {
		err = value_number(arg->value, 8, &n);
		if (!err) {
			args->loglevel = (s32)n;
		}
		return err;
	}
	return -ENOENT;
}

void bootargs_parse(struct bootargs *args, const char *text)
{
	struct bootarg arg;
	struct span *slot;
	bool optional;
	int err;

	memset(args, 0, sizeof(*args));
	args->maxcpus = UINT32_MAX;
	args->loglevel = -1;
	while (text && bootargs_next(&text, &arg) && !span_eq(arg.whole, "--")) {
		slot = text_slot(args, arg.key, &optional);
		err = slot ? parse_text(slot, &arg, optional) : parse_typed(args, &arg);
		if (err == -ENOENT) {
			reject(&args->unknown, &arg);
		} else if (err) {
			reject(&args->bad, &arg);
		}
	}
}
