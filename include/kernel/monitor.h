/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The monitor: a prompt on the console from which a person looks at the address space, opens
 * windows one by one, and reads and writes any physical address (docs/monitor.md).
 */
#pragma once

#include <types.h>

/* Prompts until `exit`. Process context; the caller's thread owns what the person opens. */
void monitor_run(void);

/* DEBUG: as if that line had been typed, for tests. False: an error was said. */
bool monitor_type(const char *text);

/* panic=monitor: sets a stack aside for monitor_run_after_panic(). After the page allocator. */
void monitor_prepare_for_panic(void);

/*
 * The same prompt behind a panic's report, with the commands that change nothing and take no lock.
 * Input is polled, interrupts stay masked. Returns at once if there is no stack for it.
 */
void monitor_run_after_panic(void);
