/* SPDX-License-Identifier: BSD-2-Clause */
/* The serial port from reset: nobody has set it up before. Output only. */
#pragma once

#include <types.h>

/* 115200 baud, 8 bits, no parity, one stop bit. The kernel leaves it so. */
void port_open(void);
bool port_is_open(void);

/*
 * Formatted, as printf.h says; begins with "flash: " and ends with a new line. May wait for the
 * port.
 */
void port_print(const char *fmt, ...) __printf(1, 2);
