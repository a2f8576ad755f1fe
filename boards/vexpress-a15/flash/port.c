/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ARM PrimeCell UART PL011 (ARM DDI 0183) from reset: clock, baud rate and format. drivers/pl011.c
 * must not know these: there they are the loader's business, and that is us.
 */
#include "port.h"

#include <arch/io.h>
#include <lib/printf.h>

#include "place.h"

#define DR   ((void *)(UART + 0x00))
#define FR   ((void *)(UART + 0x18))
#define IBRD ((void *)(UART + 0x24))
#define FBRD ((void *)(UART + 0x28))
#define LCRH ((void *)(UART + 0x2c))
#define CR   ((void *)(UART + 0x30))
#define IMSC ((void *)(UART + 0x38))
#define ICR  ((void *)(UART + 0x44))

#define FR_BUSY	 (1u << 3)
#define FR_TXFF	 (1u << 5)
#define LCRH_FEN (1u << 4)
#define LCRH_8N1 (3u << 5)
#define CR_ON	 (1u << 0 | 1u << 8 | 1u << 9) /* UARTEN, TXE, RXE */
#define ICR_ALL	 0x7ff

/* Clock / (16 * baud), in units of 1/64, rounded (3.3.6). */
#define DIVISOR ((UART_CLOCK * 4 + UART_BAUD / 2) / UART_BAUD)

#define LINE_MAX 160

/*
 * In the order that the manual asks for (3.3.8): idle, off, FIFOs flushed; LCR_H after the
 * divisors.
 */
void port_open(void)
{
	while (io_read32(FR) & FR_BUSY) {
	}
	io_write32(CR, 0);
	io_write32(LCRH, 0);
	io_write32(IMSC, 0);
	io_write32(ICR, ICR_ALL);
	io_write32(IBRD, DIVISOR / 64);
	io_write32(FBRD, DIVISOR % 64);
	io_write32(LCRH, LCRH_8N1 | LCRH_FEN);
	io_write32(CR, CR_ON);
}

bool port_is_open(void)
{
	return (io_read32(CR) & CR_ON) == CR_ON;
}

static void put(const char *text)
{
	for (; *text; text++) {
		while (io_read32(FR) & FR_TXFF) {
		}
		io_write32(DR, (u8)*text);
	}
}

void port_print(const char *fmt, ...)
{
	char line[LINE_MAX];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	put("flash: ");
	put(line);
	put("\r\n");
}
