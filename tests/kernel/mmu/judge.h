/* SPDX-License-Identifier: BSD-2-Clause */
/* Accesses of a visit, held against the model. */
#pragma once

#include "world.h"

/* The accesses to one address: by the kernel, as by user mode, by the MMU's own answers. */
void ask_everything(struct world *w, u32 slot, u32 va);

/* An access; a write writes another word than is there, is looked for in memory, and undone. */
void ask(struct world *w, u32 slot, u32 va, enum op_kind kind);

/* Visits, judges each access and counts it, says what differs; the list is empty again. */
void visit_and_judge(struct world *w);
