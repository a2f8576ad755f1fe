/* SPDX-License-Identifier: BSD-2-Clause */
/* DEBUG=1: the recorder's last events as part of a report (arch/record.h). */
#pragma once

#include <types.h>

/*
 * For the panic, once the recorder is stopped: the last events that touched the address which the
 * report is about (record_suspect), of all CPUs, the newest first; without one the last of this
 * CPU.
 */
void events_report(void);
