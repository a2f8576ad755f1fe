/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The UART of Samsung's Exynos 4 and 5 (Exynos 5 Dual user's manual, chapter "Universal
 * Asynchronous Receiver and Transmitter"). Output is polled. Baud rate, format and clock stay as
 * the loader left them: nothing here writes UBRDIV, UFRACVAL or ULCON.
 *
 * UNTESTED on any chip: written from the documentation. No Exynos 5 was at hand, and QEMU plays
 * none; what it plays is the UART of an Exynos 4210 (tests/system/uart_guest.c).
 */
#include <drivers/samsung_uart.h>

#include <arch/io.h>
#include <errno.h>

#define UCON	0x04
#define UFCON	0x08
#define UTRSTAT 0x10
#define UERSTAT 0x14
#define UFSTAT	0x18
#define UTXH	0x20
#define URXH	0x24
#define UINTP	0x30 /* pending; ones clear */
#define UINTM	0x38 /* masked */

#define UCON_MODES    0xfu
#define UCON_BY_CPU   0x5u	/* both ways by interrupt or polling, not DMA */
#define UCON_TIMEOUT  (1u << 7) /* interrupt also below the trigger level, when no more comes */
#define UCON_RX_LEVEL (1u << 8)

#define UFCON_FIFOS 1u

#define UTRSTAT_IDLE (1u << 2) /* nothing is in the FIFO nor on its way */

#define UERSTAT_OVERRUN 1u	  /* of the byte that is next, as are the others: */
#define UERSTAT_DAMAGED (7u << 1) /* parity, frame, break */

#define UFSTAT_RX      0x1ffu /* count, full */
#define UFSTAT_TX_FULL (1u << 24)

#define INT_RX	1u
#define INT_ALL 0xfu /* receive, error, transmit, modem */

static void samsung_uart_init(void *regs, __unused const struct console_port *port)
{
	u32 ucon = io_read32(regs + UCON) & ~UCON_MODES;
	u32 ufcon = io_read32(regs + UFCON);

	io_write32(regs + UINTM, INT_ALL);
	io_write32(regs + UCON, ucon | UCON_BY_CPU | UCON_TIMEOUT | UCON_RX_LEVEL);
	if (!(ufcon & UFCON_FIFOS)) {
		io_write32(regs + UFCON, ufcon | UFCON_FIFOS);
	}
}

static void samsung_uart_putc(void *regs, u8 c)
{
	while (io_read32(regs + UFSTAT) & UFSTAT_TX_FULL) {
	}
	io_write32(regs + UTXH, c);
}

static void samsung_uart_drain(void *regs)
{
	while (!(io_read32(regs + UTRSTAT) & UTRSTAT_IDLE)) {
	}
}

static int samsung_uart_getc(void *regs)
{
	u32 errors, data;

	if (!(io_read32(regs + UFSTAT) & UFSTAT_RX)) {
		/* A byte that comes just now raises it again: by the time-out at the latest. */
		io_write32(regs + UINTP, INT_RX);
		return -EAGAIN;
	}
	errors = io_read32(regs + UERSTAT); /* the read clears it */
	data = io_read32(regs + URXH);
	return errors & UERSTAT_OVERRUN ? -EOVERFLOW :
	       errors & UERSTAT_DAMAGED ? -EIO :
					  (int)(data & 0xff);
}

static void samsung_uart_receive_irq(void *regs, bool on)
{
	io_write32(regs + UINTM, on ? INT_ALL & ~INT_RX : INT_ALL);
}

const struct uart_driver samsung_uart_driver = { samsung_uart_init, samsung_uart_putc,
						 samsung_uart_drain, samsung_uart_getc,
						 samsung_uart_receive_irq };
