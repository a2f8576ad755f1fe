/* SPDX-License-Identifier: BSD-2-Clause */
/* Ending: drivers that can switch the machine off or restart it register here. */
#pragma once

struct power_ops {
	const char *name;
	void (*off)(void);
	void (*reboot)(void);
};

/* The last one registered is asked first. */
void power_register(const struct power_ops *ops);

/* Each returns if nothing here can do it. irq-safe. */
void power_off(void);
void power_reboot(void);
