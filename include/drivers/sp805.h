/* SPDX-License-Identifier: BSD-2-Clause */
/* ARM Watchdog Module (SP805): one that a loader left running is named and stopped. */
#pragma once

#include <lib/fdt.h>

/* After vmalloc_init(). Says nothing when there is none, or none that runs. */
void sp805_stop(const struct fdt *f);
