/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every build option, always 0 or 1 (or a number), so that code says `if (CONFIG_X)`
 * and both branches are compiled in every build. The Makefile sets them with -D.
 */
#pragma once

#ifndef CONFIG_DEBUG
#define CONFIG_DEBUG 0 /* DEBUG=1: lock checks, poison, discipline checks */
#endif
#ifndef CONFIG_COUNT
#define CONFIG_COUNT 0 /* COUNT=1: count TLBI, DSB and ISB where they are executed */
#endif
#ifndef CONFIG_VMSPLIT
#define CONFIG_VMSPLIT 3 /* VMSPLIT=3g|2g|1g: GiB of user space below the kernel's part */
#endif

#define NR_CPUS 8
