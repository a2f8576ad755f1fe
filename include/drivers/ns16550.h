/* SPDX-License-Identifier: BSD-2-Clause */
/* UARTs with the registers of National's 16550, whatever else they have. */
#pragma once

#include <kernel/console.h>

extern const struct uart_driver ns16550_driver;
