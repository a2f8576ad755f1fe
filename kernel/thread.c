/* SPDX-License-Identifier: BSD-2-Clause */
/* Owns the boot thread: static, for it runs before there is memory. */
#include <kernel/thread.h>

#include <arch/setup.h>
#include <bug.h>
#include <mm/highmem.h>

static struct thread boot_thread = {
	.core = { .atomic = ATOMIC_NO_RESCHED },
	.name = "boot",
};

void thread_init_boot(void)
{
	current_set(&boot_thread.core);
	kmap_local_set_cpu(&boot_thread.core, 0);
}

/* There is nobody to switch to, so nobody can have asked for it. */
void preempt_resched(void)
{
	bug("preempt.no_threads", "a reschedule was wanted with one thread");
}
