/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of the road: what panic(), bug() (bug.h) and the oops share. The first CPU here
 * speaks; another one that comes later is silent. A second call on the same CPU, from inside the
 * report, prints one line and ends. docs/serial-protocol.md has the lines' form.
 */
#pragma once

#include <arch/cpreg.h>
#include <arch/early_boot.h>
#include <arch/unwind.h>
#include <lib/bootargs.h>
#include <types.h>

/* `panic=` as in the boot arguments. Until it is called, and for PANIC_DEFAULT: halt. */
void panic_set_action(enum panic_action action);

/*
 * Masks interrupts, takes the console, prints "# interrupted" and the @panic line. Returns
 * only for the first report; free text may follow by printk.
 */
void panic_begin(const char *rule, const char *fmt, ...) __printf(2, 3);

/*
 * How long a panic waits for another CPU: longer than a line of text takes at 9600 baud on the
 * fastest CPU. By the cycle counter, for clock and locks may be what is broken; should it stand
 * still, by looks.
 */
struct patience {
	u32 start, looks;
};
#define PATIENCE_CYCLES 750000000u
#define PATIENCE_LOOKS	1000000000u

static inline bool patience_lasts(struct patience *p)
{
	if (p->looks == 0) {
		p->start = read_pmccntr();
	}
	return ++p->looks < PATIENCE_LOOKS && read_pmccntr() - p->start < PATIENCE_CYCLES;
}

/* For when there is no console: leaves the code in r0 and at image + 0x40, and stops. */
void panic_silently(enum early_error error) __noreturn;

/* Ends as panic= says, and says so. */
void panic_end(void) __noreturn;

/* Free text: registers r[first] to r[15], first a multiple of 4; the callers above *u. */
void panic_registers(const u32 *r, u32 first);
void panic_backtrace(struct unwind *u);
/* Places in the code, by name. */
void panic_callers(const u32 *pc, u32 count);
