/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the comparison of what a visit found with what the model says, and how a difference is
 * told: the entries at each level, the access, both answers. Must never skip an access.
 */
#include "judge.h"

#include <kernel/test.h>
#include <kernel/watchdog.h>
#include <lib/printf.h>

#define TOLD_MAX 4 /* differences that are told in full, of a test */

/* DFSR and IFSR in the long format, B4.1.52 and B4.1.96 */
#define FSR_LPAE (1u << 9)
#define FSR_WNR	 (1u << 11)
#define FSR_SEEN 0x3a3fu /* CM, ExT, WnR, LPAE, status: the rest is reserved */

/* PAR, B4.1.112 */
#define PAR_F	      1u
#define PAR_IS_LPAE   (1u << 11)
#define PAR_FAIL_SEEN 0xb7fu /* LPAE, FSTAGE, S2WLK, status, F */
#define PAR_SH_INNER  (3u << 7)
#define PAR_SH_SEEN   (3u << 7)

#define ATTR_NORMAL_WB 0xff

static const char names[][11] = {
#define OP_NAME(name, label) #name,
	MMU_OPS(OP_NAME)
#undef OP_NAME
};

#define PAIR 8 /* bytes that are looked at; they hold whatever a write may change */

/* Behind a write: what it left there, by an address that is always writable; and back to that. */
static void ask_what_is_there(struct world *w, u32 slot, u32 va, u32 half)
{
	const struct chain *chain = &w->chain[half][slot];
	u32 at = WORLD_BEHIND(world_home(w), half) + (va & (PAGE_SIZE - 1));
	struct op *op = world_op(w, slot, at & ~(PAIR - 1u), OP_PEEK);

	world_show(w, half, chain->behind);
	op->lo = op->hi = chain->word;
}

void ask(struct world *w, u32 slot, u32 va, enum op_kind kind)
{
	struct op *op = world_op(w, slot, va, kind);
	u32 half = model_half(&w->regs, va) & 1;

	if (op_is_write(kind) && !op_is_ats(kind)) {
		op->lo = op->hi = land_twin(w->chain[half][slot].word);
		ask_what_is_there(w, slot, va, half);
	}
}

void ask_everything(struct world *w, u32 slot, u32 va)
{
	static const u8 kinds[] = { OP_READ,   OP_WRITE,     OP_EXEC,	    OP_LDRT,
				    OP_STRT,   OP_ATS_PR,    OP_ATS_PW,	    OP_ATS_UR,
				    OP_ATS_UW, OP_USER_READ, OP_USER_WRITE, OP_USER_EXEC };

	for (u32 i = 0; i < sizeof(kinds); i++) {
		ask(w, slot, va, (enum op_kind)kinds[i]);
	}
}

static bool par_is_right(const struct op *op, const struct answer *want)
{
	u64 par = (u64)op->hi << 32 | op->lo;

	if (op->trap != TRAP_NONE) {
		return false;
	}
	if (want->status) {
		return (op->lo & PAR_FAIL_SEEN) == (PAR_IS_LPAE | want->status << 1 | PAR_F);
	}
	return !(op->lo & PAR_F) && (op->lo & PAR_IS_LPAE) && par_pa(par) == want->pa &&
	       op->hi >> 24 == want->attr &&
	       (want->attr != ATTR_NORMAL_WB || (op->lo & PAR_SH_SEEN) == PAR_SH_INNER);
}

static bool abort_is_right(const struct op *op, const struct answer *want)
{
	bool fetch = op_is_fetch(op->kind);
	u32 fsr = fetch ? op->ifsr : op->dfsr, far = fetch ? op->ifar : op->dfar;
	u32 other_fsr = fetch ? op->dfsr : op->ifsr, other_far = fetch ? op->dfar : op->ifar;
	u32 wnr = op_is_write(op->kind) ? FSR_WNR : 0;

	return op->trap == (fetch ? TRAP_PREFETCH_ABORT : TRAP_DATA_ABORT) &&
	       (fsr & FSR_SEEN) == (FSR_LPAE | wnr | want->status) && far == op->va &&
	       other_fsr == 0 && other_far == FAR_POISON;
}

static bool is_right(const struct op *op, const struct answer *want)
{
	enum op_kind kind = (enum op_kind)op->kind;

	if (op_is_ats(kind)) {
		return par_is_right(op, want);
	}
	if (!(op_flags(kind) & OP_KNOWN)) {
		return op->trap == TRAP_NONE;
	}
	if (want->status) {
		return abort_is_right(op, want);
	}
	return op->trap == TRAP_NONE && op->dfsr == 0 && op->dfar == FAR_POISON && op->ifsr == 0 &&
	       op->ifar == FAR_POISON &&
	       (op_is_write(kind) ||
		op->lo == (op_is_fetch(kind) ? land_mark(want->value) : want->value));
}

/*
 * A write that was allowed has left its word, or its two; one that was not has left nothing. look:
 * NULL if nobody looked.
 */
static bool look_is_right(const struct op *look, const struct op *write, const struct answer *want,
			  u32 word)
{
	u32 there[2] = { word, word }, written[2] = { land_twin(word), land_twin(word) };

	if (want->status == 0) {
		memcpy((char *)there + write->va % PAIR, written,
		       write->kind == OP_STM ? sizeof(written) : sizeof(u32));
	}
	return !look || (look->trap == TRAP_NONE && look->lo == there[0] && look->hi == there[1]);
}

/* What was found, in a few words. */
static void tell_found(char *text, size_t size, const struct op *op)
{
	if (op->trap == TRAP_PREFETCH_ABORT) {
		(void)snprintf(text, size, "IFSR 0x%x IFAR %08x", op->ifsr, op->ifar);
	} else if (op->trap == TRAP_DATA_ABORT) {
		(void)snprintf(text, size, "DFSR 0x%x DFAR %08x", op->dfsr, op->dfar);
	} else if (op_is_ats(op->kind)) {
		(void)snprintf(text, size, "PAR 0x%08x%08x", op->hi, op->lo);
	} else if (op->trap == TRAP_NONE) {
		(void)snprintf(text, size, "no fault, value %08x", op->lo);
	} else {
		(void)snprintf(text, size, "another exception");
	}
}

/* look: of a write that was looked for, or NULL. */
static void tell(const struct world *w, const struct op *op, const struct op *look,
		 const struct answer *want)
{
	const struct mmu_regs *r = &w->regs;
	u32 half = model_half(r, op->va);
	const struct chain *c = &w->chain[half & 1][op->slot];
	char found[48];

	tell_found(found, sizeof(found), op);
	test_note("%s at %08x: want status 0x%x (PA %010llx, value %08x), got %s", names[op->kind],
		  op->va, want->status, want->pa, want->value, found);
	if (look) {
		test_note("  it wrote %08x; in memory are then %08x %08x", land_twin(c->word),
			  look->lo, look->hi);
	}
	test_note("  TTBR%u T0SZ %u T1SZ %u EPD0 %u EPD1 %u WXN %u UWXN %u A %u; from level %u:",
		  half, r->size[0], r->size[1], r->epd[0], r->epd[1], r->wxn, r->uwxn, r->align,
		  c->start);
	test_note("  entries %016llx %016llx %016llx, the last at level %u", c->desc[1], c->desc[2],
		  c->desc[3], c->leaf);
}

void visit_and_judge(struct world *w)
{
	struct visit *v = w->visit;

	world_visit(w);
	watchdog_beat();
	for (u32 i = 0; i < v->count; i++) {
		const struct op *op = &v->op[i], *look = NULL;
		const struct chain *chain = &w->chain[model_half(&w->regs, op->va) & 1][op->slot];
		struct answer want;

		if (i + 1 < v->count && op[1].kind == OP_PEEK) {
			look = &v->op[++i];
		}
		model_answer(&want, &w->regs, chain, op->va, (enum op_kind)op->kind);
		w->cases++;
		w->allowed += want.status == 0;
		if ((!is_right(op, &want) || !look_is_right(look, op, &want, chain->word)) &&
		    w->wrong++ < TOLD_MAX) {
			tell(w, op, look, &want);
		}
	}
	v->count = 0;
	w->behind[0] = w->behind[1] = 0;
}
