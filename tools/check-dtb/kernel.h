/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's own memory code on the host: what it was told, and what it decided. */
#pragma once

#include "report.h"

#include <mm/lowmem.h>

#define IMAGE_BYTES	 0x40000
#define IMAGE_BYTES_TEXT "0x40000"

struct host_kernel {
	char panic[256];
	struct page_array_place page_array;
};
extern struct host_kernel host_kernel;

/* False if it panicked: host_kernel.panic is the message. */
bool kernel_survives(void (*call)(void *arg), void *arg);
