/* SPDX-License-Identifier: BSD-2-Clause */
/* Owns the output: JSON, and the remarks that stand at its end. */
#include <stdarg.h>
#include <stdio.h>

#include "report.h"

#include <lib/printf.h>

#define DEPTH_MAX   8
#define REMARK_MAX  64
#define REMARK_SIZE 256

static char brackets[DEPTH_MAX];
static u32 depth;
static bool comma;

static struct {
	u32 count;
	char text[REMARK_MAX][REMARK_SIZE];
} remarks[REMARKS];

/* A device tree's names may be any bytes: what is not printable ASCII is escaped, byte by byte. */
static void put_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\') {
			printf("\\%c", c);
		} else if (c < ' ' || c > '~') {
			printf("\\u%04x", c);
		} else {
			putchar(c);
		}
	}
	putchar('"');
}

static void put_name(const char *name)
{
	if (comma) {
		putchar(',');
	}
	comma = true;
	if (name) {
		put_string(name);
		putchar(':');
	}
}

void json_open(const char *name, char bracket)
{
	put_name(name);
	putchar(bracket);
	brackets[depth++] = bracket;
	comma = false;
}

void json_close(void)
{
	putchar(brackets[--depth] == '{' ? '}' : ']');
	comma = true;
	if (depth == 0) {
		putchar('\n');
	}
}

void json_text(const char *name, const char *text)
{
	put_name(name);
	if (text) {
		put_string(text);
	} else {
		fputs("null", stdout);
	}
}

void json_number(const char *name, u64 value)
{
	put_name(name);
	printf("%llu", (unsigned long long)value);
}

void json_bool(const char *name, bool value)
{
	put_name(name);
	fputs(value ? "true" : "false", stdout);
}

void remark(enum remark kind, const char *fmt, ...)
{
	va_list args;

	if (remarks[kind].count == REMARK_MAX) {
		return;
	}
	va_start(args, fmt);
	vsnprintf(remarks[kind].text[remarks[kind].count++], REMARK_SIZE, fmt, args);
	va_end(args);
}

u32 remark_count(enum remark kind)
{
	return remarks[kind].count;
}

void report_remarks(void)
{
	static const char *const names[] = { "fatal", "unsupported", "notes" };

	for (u32 kind = 0; kind < REMARKS; kind++) {
		json_open(names[kind], '[');
		for (u32 i = 0; i < remarks[kind].count; i++) {
			json_text(NULL, remarks[kind].text[i]);
		}
		json_close();
	}
	json_text("verdict", remarks[REMARK_FATAL].count       ? "does not boot" :
			     remarks[REMARK_UNSUPPORTED].count ? "boots, with limits" :
								 "boots");
}

const char *node_path(const struct fdt *f, fdt_node node)
{
	static char path[512];
	fdt_node chain[FDT_MAX_DEPTH];
	int levels = fdt_ancestry(f, node, chain);
	size_t used = 0;

	path[0] = '\0';
	for (int i = 1; i < levels && used < sizeof(path) - 1; i++) {
		used += (size_t)snprintf(path + used, sizeof(path) - used, "/%s",
					 fdt_node_name(f, chain[i]));
	}
	return levels == 1 ? "/" : path;
}
