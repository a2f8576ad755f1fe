/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where an allocation may be made to fail: what gives memory, address space or threads asks here
 * first. DEBUG only: elsewhere nothing is asked. A site is the call's return address.
 */
#pragma once

#include <config.h>
#include <types.h>

/* Says whether this call finds nothing. NULL: all is as it is. Any context. */
extern bool (*failalloc_hook)(vaddr_t site);

static __always_inline bool alloc_fails(void)
{
	if (CONFIG_DEBUG) {
		/* Once: it may be taken away between two reads. */
		bool (*hook)(vaddr_t site) = READ_ONCE(failalloc_hook);

		return unlikely(hook) && hook((vaddr_t)__builtin_return_address(0));
	}
	return false;
}
