/* SPDX-License-Identifier: BSD-2-Clause */
/* The UART of Samsung's Exynos 4 and 5. Untested: see the driver. */
#pragma once

#include <kernel/console.h>

extern const struct uart_driver samsung_uart_driver;
