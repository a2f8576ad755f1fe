/* SPDX-License-Identifier: BSD-2-Clause */
/* ARM PrimeCell UART (PL011), polled. */
#pragma once

#include <kernel/console.h>

extern const struct uart_driver pl011_driver;
