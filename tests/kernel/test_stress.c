/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stress (stress.h), where nobody refuses memory: all that was asked for is done.
 * `stress=OPERATIONS[,SEED]` says how much, and repeats each thread's choices.
 */
#include <kernel/test.h>

#include <lib/bootargs.h>
#include <mm/highmem.h>

#include "stress.h"

u32 stress_wanted = 6000, stress_seed = 20240229; /* unless the boot argument says otherwise */

bool tests_set_stress(struct span text)
{
	return bootargs_pair(text, &stress_wanted, &stress_seed) == 0;
}

TEST(stress, random_operations)
{
	struct stress_result result;
	struct pkmap_info info;

	if (CHECK(stress_begin(stress_wanted, stress_seed))) {
		stress_work();
	}
	stress_end(&result);
	CHECK(result.operations >= stress_wanted);
	CHECK_EQ(result.wrong, 0);
	CHECK_EQ(result.less, 0);
	CHECK_EQ(result.kept, 0);
	if (result.irqs) {
		CHECK(result.visits > 0);
		CHECK(result.freed > 0);
	}
	pkmap_query(&info);
	CHECK_EQ(info.used, 0);
}
