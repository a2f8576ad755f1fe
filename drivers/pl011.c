/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ARM PrimeCell UART PL011 (ARM DDI 0183): polled output. Baud rate, format and clock
 * stay as the loader left them: nothing here writes IBRD, FBRD or LCR_H.
 */
#include <drivers/pl011.h>

#include <arch/io.h>

#define PL011_DR   0x00
#define PL011_FR   0x18
#define PL011_CR   0x30
#define PL011_IMSC 0x38

#define FR_BUSY (1u << 3)
#define FR_TXFF (1u << 5)

#define CR_UARTEN (1u << 0)
#define CR_TXE	  (1u << 8)
#define CR_RXE	  (1u << 9)

static void pl011_init(void *regs)
{
	u32 cr = io_read32(regs + PL011_CR);

	io_write32(regs + PL011_IMSC, 0);
	if ((cr & (CR_UARTEN | CR_TXE)) != (CR_UARTEN | CR_TXE)) {
		io_write32(regs + PL011_CR, cr | CR_UARTEN | CR_TXE | CR_RXE);
	}
}

static void pl011_putc(void *regs, u8 c)
{
	while (io_read32(regs + PL011_FR) & FR_TXFF) {
	}
	io_write32(regs + PL011_DR, c);
}

static void pl011_drain(void *regs)
{
	while (io_read32(regs + PL011_FR) & FR_BUSY) {
	}
}

const struct uart_driver pl011_driver = { pl011_init, pl011_putc, pl011_drain };
