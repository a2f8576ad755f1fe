/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What make check-dtb has to say, as one JSON object on stdout: members as they come, then the
 * lists of what is wrong. A C file here includes the host's headers, then this, then the kernel's.
 */
#pragma once

#include "rename.h"

#include <lib/bootargs.h>
#include <lib/fdt.h>

void json_open(const char *name, char bracket); /* '{' or '['; name NULL inside a list */
void json_close(void);
void json_text(const char *name, const char *text); /* NULL: null */
void json_number(const char *name, u64 value);
void json_bool(const char *name, bool value);

/*
 * Remembered, in order: what keeps the kernel from booting, what it will do without, what to know.
 */
enum remark { REMARK_FATAL, REMARK_UNSUPPORTED, REMARK_NOTE, REMARKS };
void remark(enum remark kind, const char *fmt, ...) __printf(2, 3);
u32 remark_count(enum remark kind);
void report_remarks(void);

/* The node's whole path; the next call overwrites it. */
const char *node_path(const struct fdt *f, fdt_node node);

struct request {
	const struct fdt *f;
	const char *bootargs; /* NULL: none */
	struct bootargs args;
	phys_addr_t image_pa;
	bool image_given;
};
void report_memory(const struct request *r);
void report_console(const struct request *r);
void report_interrupts(const struct request *r);
void report_cpus(const struct request *r);
void report_rest(const struct request *r);
