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

void ask(struct world *w, u32 slot, u32 va, enum op_kind kind)
{
	struct op *op = world_op(w, slot, va, kind);
	u32 half = model_half(&w->regs, va);

	if (op_is_write(kind) && !op_is_ats(kind)) {
		u32 word = w->chain[half & 1][slot].word, by = 8 * (va & 3);

		op->lo = op->hi = by ? word >> by | word << (32 - by) : word;
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
	       (op_is_fetch(kind) || op_is_write(kind) || op->lo == want->value);
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

static void tell(const struct world *w, const struct op *op, const struct answer *want)
{
	const struct mmu_regs *r = &w->regs;
	u32 half = model_half(r, op->va);
	const struct chain *c = &w->chain[half & 1][op->slot];
	char found[48];

	tell_found(found, sizeof(found), op);
	test_note("%s at %08x: want status 0x%x (PA %010llx, value %08x), got %s", names[op->kind],
		  op->va, want->status, want->pa, want->value, found);
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
		struct op *op = &v->op[i];
		struct answer want;
		u32 half = model_half(&w->regs, op->va);

		model_answer(&want, &w->regs, &w->chain[half & 1][op->slot], op->va,
			     (enum op_kind)op->kind);
		w->cases++;
		w->allowed += want.status == 0;
		if (!is_right(op, &want) && w->wrong++ < TOLD_MAX) {
			tell(w, op, &want);
		}
	}
	v->count = 0;
}
