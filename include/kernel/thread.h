/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads. So far one: the boot thread, which has all that floors below need of a thread. */
#pragma once

#include <arch/current.h>

struct thread {
	struct thread_core core; /* first: TPIDRPRW points here */
	const char *name;
};

/* Makes the boot thread the running one. Before anything takes a lock or a window. */
void thread_init_boot(void);
