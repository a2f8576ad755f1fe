/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `memtest=all`: every byte of RAM, in two runs. The first tests what is free, then enters a copy
 * of this image in memory that it found good; the second, `memtest=again`, lives there alone and
 * tests the rest. docs/architecture.md has the picture.
 */
#pragma once

#include <lib/bootargs.h>
#include <lib/fdt.h>

/* What a value of memtest= begins with: "all" or "again", alone or before a comma; its length. */
enum memtest_word { MEMTEST_PLAIN = 0, MEMTEST_ALL = 3, MEMTEST_AGAIN = 5 };
enum memtest_word memtest_word(struct span value);

/*
 * Boot, before anything is allocated, with `memtest=again`: takes the first run's word for what
 * memory is good, and reserves all other. What is wrong with it is said when the test is to begin.
 */
void memtest_take_over(const struct fdt *f, u32 tree_bytes, const struct bootargs *args);

/*
 * `all`: returns only if it could not go on (false). `again`: true if everything was tested and
 * good.
 */
bool __must_check memtest_all(struct span value);
