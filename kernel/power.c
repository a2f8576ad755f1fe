/* SPDX-License-Identifier: BSD-2-Clause */
/* Owns the list of ways to end; the drivers that know one register it at boot. */
#include <kernel/power.h>

#include <kernel/console.h>
#include <types.h>

#define MAX_WAYS 4

static const struct power_ops *ways[MAX_WAYS];
static u32 way_count;

void power_register(const struct power_ops *ops)
{
	if (way_count < MAX_WAYS) {
		ways[way_count++] = ops;
	}
}

void power_off(void)
{
	console_drain();
	for (u32 i = way_count; i-- > 0;) {
		ways[i]->off();
	}
}

void power_reboot(void)
{
	console_drain();
	for (u32 i = way_count; i-- > 0;) {
		ways[i]->reboot();
	}
}
