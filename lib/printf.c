/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns vsnprintf. Must never need a 64-bit divide from libgcc, a lock or memory of its
 * own: panics print through it.
 */
#include <lib/printf.h>

#include <lib/div.h>
#include <lib/string.h>

/* The text so far; len keeps counting beyond what fits. */
struct out {
	char *buf;
	size_t size;
	size_t len;
};

/* The first five in the order of parse_flags. POINTER: the prefix stands before 0 too. */
enum {
	LEFT = 1,
	ZERO = 2,
	PLUS = 4,
	SPACE = 8,
	ALT = 16,
	UPPER = 32,
	SIGNED = 64,
	PREC = 128,
	POINTER = 256,
};

/* One conversion: what stands between `%` and the letter. */
struct spec {
	u32 flags;
	u32 width;
	u32 prec; /* counts only with PREC */
	u32 base;
	u32 bytes; /* size of the argument */
};

/* va_list may be an array: inside a struct it can be passed by address. */
struct args {
	va_list list;
};

/* May use the last byte too: vsnprintf puts the NUL over it. */
static void put(struct out *out, char c)
{
	if (out->len < out->size) {
		out->buf[out->len] = c;
	}
	out->len++;
}

static void put_text(struct out *out, const char *s, size_t len)
{
	while (len--) {
		put(out, *s++);
	}
}

static void put_pad(struct out *out, char c, u32 len, u32 width)
{
	for (; len < width; len++) {
		put(out, c);
	}
}

static void put_field(struct out *out, const struct spec *sp, const char *s, u32 len)
{
	if (!(sp->flags & LEFT)) {
		put_pad(out, ' ', len, sp->width);
	}
	put_text(out, s, len);
	if (sp->flags & LEFT) {
		put_pad(out, ' ', len, sp->width);
	}
}

/* Writes v's digits so that they end at `end`; returns where they begin. 0 has none. */
static char *digits_before(char *end, u64 v, const struct spec *sp)
{
	const char *set = (sp->flags & UPPER) ? "0123456789ABCDEF" : "0123456789abcdef";
	u32 digit;

	while (v) {
		if (sp->base == 16) {
			digit = (u32)v & 15;
			v >>= 4;
		} else if (sp->base == 8) {
			digit = (u32)v & 7;
			v >>= 3;
		} else {
			v = div_u64(v, 10, &digit);
		}
		*--end = set[digit];
	}
	return end;
}

/* Sign, 0x, zeros from precision or width, digits: C11 7.21.6.1. */
static void put_number(struct out *out, const struct spec *sp, u64 v)
{
	char digits[24];
	char prefix[2];
	char *p;
	u32 prefix_len = 0;
	u32 len, zeros;

	if (sp->flags & SIGNED) {
		if ((s64)v < 0) {
			prefix[prefix_len++] = '-';
			v = -v;
		} else if (sp->flags & (PLUS | SPACE)) {
			prefix[prefix_len++] = (sp->flags & PLUS) ? '+' : ' ';
		}
	} else if (sp->base == 16 && ((sp->flags & POINTER) || ((sp->flags & ALT) && v))) {
		prefix[prefix_len++] = '0';
		prefix[prefix_len++] = (sp->flags & UPPER) ? 'X' : 'x';
	}
	p = digits_before(digits + sizeof(digits), v, sp);
	len = (u32)(digits + sizeof(digits) - p);
	zeros = (sp->flags & PREC) ? sp->prec : 1;
	if ((sp->flags & ALT) && sp->base == 8 && zeros <= len) {
		zeros = len + 1;
	}
	if ((sp->flags & (ZERO | LEFT | PREC)) == ZERO && sp->width > prefix_len) {
		zeros = max(zeros, sp->width - prefix_len);
	}
	zeros = max(zeros, len);
	if (!(sp->flags & LEFT)) {
		put_pad(out, ' ', prefix_len + zeros, sp->width);
	}
	put_text(out, prefix, prefix_len);
	put_pad(out, '0', len, zeros);
	put_text(out, p, len);
	if (sp->flags & LEFT) {
		put_pad(out, ' ', prefix_len + zeros, sp->width);
	}
}

static void put_string(struct out *out, const struct spec *sp, const char *s)
{
	if (!s) {
		s = "(null)";
	}
	put_field(out, sp, s, (u32)strnlen(s, (sp->flags & PREC) ? sp->prec : INT32_MAX));
}

/* The next integer argument, narrowed to its length and widened again with its sign. */
static u64 take_integer(const struct spec *sp, struct args *args)
{
	u32 unused_bits = 64 - 8 * sp->bytes;
	u64 v;

	if (sp->bytes == 8) {
		v = va_arg(args->list, u64);
	} else {
		v = va_arg(args->list, u32);
	}
	v <<= unused_bits;
	return (sp->flags & SIGNED) ? (u64)((s64)v >> unused_bits) : v >> unused_bits;
}

/* A number or `*`, saturated far beyond any use. Negative only from `*`. */
static s32 parse_count(const char **fmt, struct args *args)
{
	const char *p = *fmt;
	s32 n = 0;

	if (*p == '*') {
		p++;
		n = va_arg(args->list, int);
	} else {
		for (; *p >= '0' && *p <= '9'; p++) {
			n = n < 100000000 ? n * 10 + (*p - '0') : n;
		}
	}
	*fmt = p;
	return n;
}

static u32 parse_flags(const char **fmt)
{
	static const char letters[] = "-0+ #";
	const char *found;
	u32 flags = 0;

	while (**fmt && (found = strchr(letters, **fmt)) != NULL) {
		flags |= 1u << (found - letters);
		(*fmt)++;
	}
	return flags;
}

static u32 parse_length(const char **fmt)
{
	u32 bytes = sizeof(int);

	switch (**fmt) {
	case 'h':
		bytes = sizeof(short);
		if (*++*fmt == 'h') {
			bytes = sizeof(char);
			(*fmt)++;
		}
		break;
	case 'l':
		bytes = sizeof(long);
		if (*++*fmt == 'l') {
			bytes = sizeof(long long);
			(*fmt)++;
		}
		break;
	case 'z':
	case 't':
		bytes = sizeof(size_t);
		(*fmt)++;
		break;
	case 'j':
		bytes = sizeof(intmax_t);
		(*fmt)++;
		break;
	}
	return bytes;
}

/* Parses all between `%` and the letter. */
static void parse_spec(struct spec *sp, const char **fmt, struct args *args)
{
	s32 n;

	sp->flags = parse_flags(fmt);
	n = parse_count(fmt, args);
	if (n < 0) {
		sp->flags |= LEFT;
	}
	sp->width = n < 0 ? -(u32)n : (u32)n;
	sp->prec = 0;
	if (**fmt == '.') {
		(*fmt)++;
		n = parse_count(fmt, args);
		if (n >= 0) {
			sp->flags |= PREC;
			sp->prec = (u32)n;
		}
	}
	sp->bytes = parse_length(fmt);
	sp->base = 10;
}

/* Carries out one conversion; false if we do not know its letter. */
static bool put_conversion(struct out *out, struct spec *sp, char letter, struct args *args)
{
	char c = letter;

	switch (letter) {
	case 'd':
	case 'i':
		sp->flags |= SIGNED;
		break;
	case 'u':
		break;
	case 'o':
		sp->base = 8;
		break;
	case 'X':
		sp->flags |= UPPER;
		sp->base = 16;
		break;
	case 'x':
		sp->base = 16;
		break;
	case 'p':
		sp->flags = (sp->flags & LEFT) | POINTER | PREC;
		sp->prec = 2 * sizeof(void *);
		sp->base = 16;
		sp->bytes = sizeof(void *);
		break;
	case 's':
		put_string(out, sp, va_arg(args->list, const char *));
		return true;
	case 'c':
		c = (char)va_arg(args->list, int);
		put_field(out, sp, &c, 1);
		return true;
	case '%':
		put(out, c);
		return true;
	default:
		return false;
	}
	put_number(out, sp, take_integer(sp, args));
	return true;
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list list)
{
	struct out out = { buf, size, 0 };
	struct args args;
	struct spec sp;
	const char *start;

	va_copy(args.list, list);
	while (*fmt) {
		if (*fmt != '%') {
			put(&out, *fmt++);
			continue;
		}
		start = fmt++;
		parse_spec(&sp, &fmt, &args);
		if (*fmt && put_conversion(&out, &sp, *fmt, &args)) {
			fmt++;
		} else {
			put_text(&out, start, (size_t)(fmt - start));
		}
	}
	va_end(args.list);
	if (size) {
		buf[min(out.len, size - 1)] = '\0';
	}
	return (int)min(out.len, (size_t)INT32_MAX);
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(buf, size, fmt, args);
	va_end(args);
	return len;
}
