/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ARM PrimeCell UART PL011 (ARM DDI 0183): output is polled. Baud rate, format and clock
 * stay as the loader left them: nothing here writes IBRD, FBRD or LCR_H.
 */
#include <drivers/pl011.h>

#include <arch/io.h>
#include <errno.h>

#define PL011_DR   0x00
#define PL011_FR   0x18
#define PL011_CR   0x30
#define PL011_IMSC 0x38

#define DR_DAMAGED (7u << 8)  /* framing, parity, break */
#define DR_OVERRUN (1u << 11) /* this byte is good, others before it are not there */

#define FR_BUSY (1u << 3)
#define FR_RXFE (1u << 4)
#define FR_TXFF (1u << 5)

#define INT_RX (1u << 4) /* the FIFO is half full */
#define INT_RT (1u << 6) /* or it is not empty, and nothing more has come for a while */

#define CR_UARTEN (1u << 0)
#define CR_TXE	  (1u << 8)
#define CR_RXE	  (1u << 9)

static void pl011_init(void *regs, __unused const struct console_port *port)
{
	u32 cr = io_read32(regs + PL011_CR);

	io_write32(regs + PL011_IMSC, 0);
	if ((cr & (CR_UARTEN | CR_TXE | CR_RXE)) != (CR_UARTEN | CR_TXE | CR_RXE)) {
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

static int pl011_getc(void *regs)
{
	u32 data;

	if (io_read32(regs + PL011_FR) & FR_RXFE) {
		return -EAGAIN;
	}
	data = io_read32(regs + PL011_DR);
	return data & DR_OVERRUN ? -EOVERFLOW : data & DR_DAMAGED ? -EIO : (int)(data & 0xff);
}

static void pl011_receive_irq(void *regs, bool on)
{
	io_write32(regs + PL011_IMSC, on ? INT_RX | INT_RT : 0);
}

const struct uart_driver pl011_driver = { pl011_init, pl011_putc, pl011_drain, pl011_getc,
					  pl011_receive_irq };
