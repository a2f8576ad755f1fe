/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stands in for what kernel/memory.c calls and what needs the machine. The
 * decisions are the kernel's own: lowmem_choose(), page_array_place(), memblock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "kernel.h"

#include <arch/early_tables.h>
#include <bug.h>
#include <lib/printf.h>
#include <mm/directmap.h>
#include <mm/lowmem.h>
#include <mm/page.h>
#include <printk.h>

/* The image is not here; what counts is how long it is: never more than this. */
__asm__(".globl __image_start, __content_end\n"
	".set __image_start, host_image\n"
	".set __content_end, host_image + " IMAGE_BYTES_TEXT);
char host_image[IMAGE_BYTES] __aligned(4096);

struct boot_info boot_info;
struct mm_state mm;
struct host_kernel host_kernel;

static jmp_buf panicked;

bool kernel_survives(void (*call)(void *arg), void *arg)
{
	if (setjmp(panicked)) {
		return false;
	}
	call(arg);
	return true;
}

void panic(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(host_kernel.panic, sizeof(host_kernel.panic), fmt, args);
	va_end(args);
	longjmp(panicked, 1);
}

static void say(const char *fmt, va_list args)
{
	char line[256];

	vsnprintf(line, sizeof(line), fmt, args);
	remark(REMARK_NOTE, "%s", line);
}

void warn(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
}

void printk(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
}

int directmap_init(u32 vmalloc_bytes)
{
	return lowmem_choose(vmalloc_bytes);
}

int page_array_init(void)
{
	return page_array_place(&host_kernel.page_array);
}
