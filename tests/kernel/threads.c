/* SPDX-License-Identifier: BSD-2-Clause */
/* Owns what suites that make threads would write again. */
#include "threads.h"

bool threads_join(struct thread *const *threads, u32 count)
{
	bool all = true;

	for (u32 i = 0; i < count; i++) {
		if (threads[i]) {
			thread_join(threads[i]);
		} else {
			all = false;
		}
	}
	return all;
}
