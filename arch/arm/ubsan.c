/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the compiler calls where C says nothing of what happens (UBSAN=1 alone links it): names the
 * place, what was done there and with which values, and ends as bug() does, or before the MMU is on
 * as early_die() does. The data that it is handed are the compiler's; their layout is that of
 * gcc's libsanitizer and LLVM's compiler-rt (ubsan_handlers.h, ubsan_value.h).
 *
 * Position-independent, since what runs before the MMU calls it too. Must never return, nor write
 * to the compiler's data, which are read-only. No locks.
 */
#include <arch/cpreg.h>
#include <arch/early_boot.h>
#include <arch/early_tables.h>
#include <bug.h>
#include <layout.h>
#include <phys.h>

#include "early_print.h"

struct place {
	const char *file;
	u32 line, column;
};

struct type {
	u16 kind; /* 0: an integer */
	u16 info; /* bit 0: signed; above: the width in bits, as a power of 2 */
	char name[];
};

/* Every handler's data begin with the place; what comes next differs. */
struct plain {
	struct place at;
};
struct typed {
	struct place at;
	const struct type *type, *other; /* other: a shift's right side, an array's index */
};
struct access {
	struct place at;
	const struct type *type;
	u8 log_align;
	u8 kind;
};

/* Pointers in the data are link addresses. */
#define HERE(p) ((__typeof__(p))((vaddr_t)(p) + ((vaddr_t)__image_start - IMAGE_START)))

/* The end of the text at `to`, with more behind it; cut at `end`. */
static char *append(char *to, const char *end, const char *text)
{
	while (*text && to < end - 1) {
		*to++ = *text++;
	}
	*to = '\0';
	return to;
}

/* Without printf, which is not position-independent, and without values. */
static void __noreturn die_early(const struct place *at, const char *rule)
{
	static const u16 units[] = { 10000, 1000, 100, 10, 1 }; /* not every CPU divides */
	static bool again;
	char text[160], *to = text, digit[2] = "";
	const char *end = text + sizeof(text);
	u32 left = at->line;

	if (again) {
		early_stop(EARLY_UNDEFINED);
	}
	again = true;
	to = append(to, end, rule);
	to = append(to, end, ": ");
	to = append(to, end, HERE(at->file));
	to = append(to, end, ":");
	for (u32 i = 0; i < ARRAY_SIZE(units); i++) {
		for (digit[0] = '0'; left >= units[i]; left -= units[i]) {
			digit[0]++;
		}
		to = append(to, end, left == at->line && digit[0] == '0' ? "" : digit);
	}
	early_die(pa_low32(boot_info.dtb_pa), EARLY_UNDEFINED, text);
}

static void before_the_mmu(const struct place *at, const char *rule)
{
	if (!(read_sctlr() & SCTLR_M)) {
		die_early(at, rule);
	}
}

#define AT     "%s:%u:%u: "
#define ARG(d) (d)->at.file, (d)->at.line, (d)->at.column

/* A value as it is handed over: itself, or its address if it is wider than a register. */
static s64 value_of(const struct type *type, vaddr_t handle)
{
	u32 bits = 1u << (type->info >> 1), unused = 64 - bits;
	u64 value = handle;

	if (type->kind != 0 || bits > 64) {
		return 0;
	}
	if (bits == 64) {
		return *(const s64 *)handle;
	}
	value <<= unused;
	return type->info & 1 ? (s64)value >> unused : (s64)(value >> unused);
}

#define TWO_SIDED(handler, rule, sign)                                                      \
	void __ubsan_handle_##handler##_abort(const struct typed *d, vaddr_t l, vaddr_t r); \
	void __ubsan_handle_##handler##_abort(const struct typed *d, vaddr_t l, vaddr_t r)  \
	{                                                                                   \
		before_the_mmu(&d->at, rule);                                               \
		bug(rule, AT "%lld " sign " %lld does not fit %s", ARG(d),                  \
		    (long long)value_of(d->type, l), (long long)value_of(d->type, r),       \
		    d->type->name);                                                         \
	}
TWO_SIDED(add_overflow, "ubsan.overflow", "+")
TWO_SIDED(sub_overflow, "ubsan.overflow", "-")
TWO_SIDED(mul_overflow, "ubsan.overflow", "*")
TWO_SIDED(divrem_overflow, "ubsan.division", "/")

#define ONE_VALUE(handler, rule, what)                                                            \
	void __ubsan_handle_##handler(const struct typed *d, vaddr_t v);                          \
	void __ubsan_handle_##handler(const struct typed *d, vaddr_t v)                           \
	{                                                                                         \
		before_the_mmu(&d->at, rule);                                                     \
		bug(rule, AT what " %s", ARG(d), (long long)value_of(d->type, v), d->type->name); \
	}
ONE_VALUE(negate_overflow_abort, "ubsan.overflow", "-(%lld) does not fit")
ONE_VALUE(load_invalid_value_abort, "ubsan.value", "%lld is no value of")
ONE_VALUE(vla_bound_not_positive_abort, "ubsan.bounds", "an array of %lld elements, by")

#define NO_VALUE(handler, rule, what)                         \
	void __ubsan_handle_##handler(const struct plain *d); \
	void __ubsan_handle_##handler(const struct plain *d)  \
	{                                                     \
		before_the_mmu(&d->at, rule);                 \
		bug(rule, AT what, ARG(d));                   \
	}
NO_VALUE(builtin_unreachable, "ubsan.unreachable", "what cannot be reached was")
NO_VALUE(missing_return, "ubsan.return", "a function ends without its value")
NO_VALUE(nonnull_arg_abort, "ubsan.null", "NULL for an argument that must not be")
NO_VALUE(invalid_builtin_abort, "ubsan.value", "0 for a builtin that has no answer to it")

void __ubsan_handle_nonnull_return_v1_abort(const void *d, const struct plain *at);
void __ubsan_handle_nonnull_return_v1_abort(__unused const void *d, const struct plain *at)
{
	before_the_mmu(&at->at, "ubsan.null");
	bug("ubsan.null", AT "NULL from a function that never gives it", ARG(at));
}

void __ubsan_handle_shift_out_of_bounds_abort(const struct typed *d, vaddr_t l, vaddr_t r);
void __ubsan_handle_shift_out_of_bounds_abort(const struct typed *d, vaddr_t l, vaddr_t r)
{
	before_the_mmu(&d->at, "ubsan.shift");
	bug("ubsan.shift", AT "%s %lld shifted by %lld", ARG(d), d->type->name,
	    (long long)value_of(d->type, l), (long long)value_of(d->other, r));
}

void __ubsan_handle_out_of_bounds_abort(const struct typed *d, vaddr_t index);
void __ubsan_handle_out_of_bounds_abort(const struct typed *d, vaddr_t index)
{
	before_the_mmu(&d->at, "ubsan.bounds");
	bug("ubsan.bounds", AT "index %lld of %s", ARG(d), (long long)value_of(d->other, index),
	    d->type->name);
}

void __ubsan_handle_type_mismatch_v1_abort(const struct access *d, vaddr_t p);
void __ubsan_handle_type_mismatch_v1_abort(const struct access *d, vaddr_t p)
{
	u32 align = 1u << d->log_align;
	const char *rule = !p		   ? "ubsan.null" :
			   p & (align - 1) ? "ubsan.alignment" :
					     "ubsan.object_size";

	before_the_mmu(&d->at, rule);
	bug(rule, AT "%s at %p, whose alignment is %u", ARG(d), d->type->name, (void *)p, align);
}

void __ubsan_handle_pointer_overflow_abort(const struct plain *d, vaddr_t base, vaddr_t result);
void __ubsan_handle_pointer_overflow_abort(const struct plain *d, vaddr_t base, vaddr_t result)
{
	before_the_mmu(&d->at, "ubsan.pointer");
	bug("ubsan.pointer", AT "%p became %p", ARG(d), (void *)base, (void *)result);
}
