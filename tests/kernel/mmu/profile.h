/* SPDX-License-Identifier: BSD-2-Clause */
/* What the architecture leaves open, as this machine does it. */
#pragma once

#include "world.h"

/* One `# profile: …` line each; judges nothing but that TLBIALL ends it all. */
void profile_print(struct world *w);
