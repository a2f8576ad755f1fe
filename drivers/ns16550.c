/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UARTs compatible to the 16550 (National PC16550D data sheet), among them Synopsys's DW_apb_uart
 * and those of TI's OMAP and DRA7 (SPRUHZ6, 24.3) and Nvidia's Tegra. Output is polled. Baud rate,
 * format and clock stay as the loader left them: nothing here writes DLL, DLM or LCR.
 *
 * Owns the errors that were seen in the line status: reading it clears them, and output reads it
 * too. No locks: a read of the console's input may run beside its output on another CPU.
 */
#include <drivers/ns16550.h>

#include <arch/io.h>
#include <errno.h>
#include <lib/console_find.h>

/* By number; console_port.shift says how far apart they are. */
#define REG_RBR 0 /* read: what came in */
#define REG_THR 0 /* written: what goes out */
#define REG_IER 1
#define REG_IIR 2 /* read */
#define REG_FCR 2 /* written */
#define REG_LSR 5
#define REG_USR 31 /* DW_apb_uart alone */

#define IER_RX 1u

#define IIR_ID	    0x0fu
#define IIR_BUSY    0x07u /* DW_apb_uart: LCR was written while a byte was on its way */
#define IIR_TIMEOUT 0x0cu /* the receive FIFO is not empty, and nothing more came */
#define IIR_FIFOS   0xc0u

#define FCR_FIFOS 1u /* and an interrupt for each byte */

#define LSR_DR	    (1u << 0)
#define LSR_OVERRUN (1u << 1)
#define LSR_DAMAGED (7u << 2) /* parity, framing, break: of the byte that is next */
#define LSR_THRE    (1u << 5) /* takes a byte */
#define LSR_TEMT    (1u << 6) /* and none is on its way */

static struct {
	u8 shift, width; /* constant after init, as is: */
	bool dw;
	u32 errors; /* LSR bits that were read and not yet reported; atomic */
} port;

static u32 reg_read(void *regs, u32 reg)
{
	return io_read(regs + (reg << port.shift), port.width);
}

static void reg_write(void *regs, u32 reg, u32 value)
{
	io_write(regs + (reg << port.shift), port.width, value);
}

static u32 line_status(void *regs)
{
	u32 lsr = reg_read(regs, REG_LSR);

	if (lsr & (LSR_OVERRUN | LSR_DAMAGED)) {
		__atomic_fetch_or(&port.errors, lsr, __ATOMIC_RELAXED);
	}
	return lsr;
}

static void ns16550_init(void *regs, const struct console_port *found)
{
	port.shift = found->shift;
	port.width = found->width;
	port.dw = found->dw;
	reg_write(regs, REG_IER, 0);
	if (!(reg_read(regs, REG_IIR) & IIR_FIFOS)) {
		reg_write(regs, REG_FCR, FCR_FIFOS);
	}
}

static void wait_for(void *regs, u32 lsr_bit)
{
	while (!(line_status(regs) & lsr_bit)) {
	}
}

static void ns16550_putc(void *regs, u8 c)
{
	wait_for(regs, LSR_THRE);
	reg_write(regs, REG_THR, c);
}

static void ns16550_drain(void *regs)
{
	wait_for(regs, LSR_TEMT);
}

/*
 * With nothing to take, two kinds of DW_apb_uart's interrupts would come for ever: a busy one ends
 * by a read of the status register that only it has, and a time-out that came too late by a read of
 * nothing. Only there: TI's UARTs from OMAP 3630 on answer a read of nothing by an abort.
 */
static void end_stale_interrupt(void *regs)
{
	u32 why = reg_read(regs, REG_IIR) & IIR_ID;

	if (why == IIR_BUSY) {
		(void)reg_read(regs, REG_USR);
	} else if (why == IIR_TIMEOUT && !(line_status(regs) & LSR_DR)) {
		(void)reg_read(regs, REG_RBR);
	}
}

static int ns16550_getc(void *regs)
{
	u32 errors;
	u8 data;

	if (!(line_status(regs) & LSR_DR)) {
		if (port.dw) {
			end_stale_interrupt(regs);
		}
		return -EAGAIN;
	}
	/* Before it is taken: what output on another CPU reads behind that is the next byte's. */
	errors = __atomic_exchange_n(&port.errors, 0, __ATOMIC_RELAXED);
	data = (u8)reg_read(regs, REG_RBR);
	return errors & LSR_OVERRUN ? -EOVERFLOW : errors & LSR_DAMAGED ? -EIO : data;
}

static void ns16550_receive_irq(void *regs, bool on)
{
	reg_write(regs, REG_IER, on ? IER_RX : 0);
}

const struct uart_driver ns16550_driver = { ns16550_init, ns16550_putc, ns16550_drain, ns16550_getc,
					    ns16550_receive_irq };
