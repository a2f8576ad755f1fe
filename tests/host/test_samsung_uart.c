/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drivers/samsung_uart.c against an Exynos 5 UART that is played here, as its manual has it. What
 * this cannot show is that the chip is as its manual says.
 */
#include "check.h"

#include <arch/io.h>
#include <drivers/samsung_uart.h>
#include <errno.h>

enum {
	UCON = 0x04,
	UFCON = 0x08,
	UTRSTAT = 0x10,
	UERSTAT = 0x14,
	UFSTAT = 0x18,
	UTXH = 0x20,
	URXH = 0x24,
	UINTP = 0x30,
	UINTM = 0x38
};
enum { FIFO = 256, OVERRUN = 1, FRAME = 4, BREAK = 8 };
enum { INT_RX = 1, INT_ERROR = 2, INT_TX = 4, INT_MODEM = 8 };

static char regs[0x100];

static struct {
	u32 ucon, ufcon, pending, masked;
	u32 slow, wait; /* looks until what was sent has left */
	u32 waiting;	/* of FIFO bytes, in the transmit FIFO */
	u8 in[FIFO + 1], in_errors[FIFO + 1];
	u32 in_first, in_count;
	char out[2 * FIFO];
	u32 out_count;
} uart;

static u32 fill(void)
{
	return uart.in_count - uart.in_first;
}

/* Level: as long as something is there, and this kind is on. */
static void raise(void)
{
	if (fill() && (uart.ucon & 0x183) == 0x181) {
		uart.pending |= INT_RX;
	}
}

static bool interrupts(void)
{
	raise();
	return uart.pending & ~uart.masked;
}

static void receive(u8 byte, u8 errors)
{
	uart.in[uart.in_count] = byte;
	uart.in_errors[uart.in_count++] = errors;
	if (errors) {
		uart.pending |= INT_ERROR;
	}
	raise();
}

/* One byte leaves every few looks. */
static void time_passes(void)
{
	if (uart.waiting && (uart.wait == 0 || --uart.wait == 0)) {
		uart.waiting--;
		uart.wait = uart.slow;
	}
}

static u32 offset_of(const volatile void *reg, u32 width)
{
	CHECK_EQ(width, 4);
	return (u32)((const volatile char *)reg - regs);
}

u32 io_read(const volatile void *reg, u32 width)
{
	u32 value;

	time_passes();
	switch (offset_of(reg, width)) {
	case UCON:
		return uart.ucon;
	case UFCON:
		return uart.ufcon;
	case UTRSTAT:
		return (fill() ? 1 : 0) | (uart.waiting ? 0 : 6);
	case UERSTAT:
		value = fill() ? uart.in_errors[uart.in_first] : 0;
		uart.in_errors[uart.in_first] = 0;
		return value;
	case UFSTAT:
		return (fill() & 0xff) | (fill() == FIFO ? 0x100 : 0) |
		       (uart.waiting & 0xff) << 16 | (uart.waiting == FIFO ? 1u << 24 : 0);
	case URXH:
		CHECK(fill() > 0);
		return 0xffffff00 | uart.in[uart.in_first++]; /* reserved bits: anything */
	default:
		check_fail(__FILE__, __LINE__, "register %#x was read", offset_of(reg, width));
	}
}

void io_write(volatile void *reg, u32 width, u32 value)
{
	switch (offset_of(reg, width)) {
	case UCON:
		uart.ucon = value;
		return;
	case UFCON:
		CHECK_EQ(value & 6, 0); /* nobody's bytes are thrown away */
		uart.ufcon = value;
		return;
	case UTXH:
		CHECK(uart.waiting < FIFO);
		uart.waiting++;
		uart.out[uart.out_count++] = (char)value;
		return;
	case UINTP:
		uart.pending &= ~value;
		raise();
		return;
	case UINTM:
		uart.masked = value;
		return;
	default: /* baud rate and format are the loader's */
		check_fail(__FILE__, __LINE__, "register %#x was written", offset_of(reg, width));
	}
}

/* As U-Boot leaves it: clock and trigger levels of its own, interrupts of all kinds open. */
static void start(void)
{
	memset(&uart, 0, sizeof(uart));
	uart.ucon = 0x3c05;
	uart.ufcon = 0x110;
	samsung_uart_driver.init(regs, NULL);
}

static int get(void)
{
	return samsung_uart_driver.getc(regs);
}

TEST(the_loaders_settings_stay)
{
	start();
	CHECK_EQ(uart.ucon, 0x3c05 | 0x180);
	CHECK_EQ(uart.ufcon, 0x111);
	CHECK_EQ(uart.masked, 0xf);
	uart.ucon = 0x300a; /* by DMA both ways */
	samsung_uart_driver.init(regs, NULL);
	CHECK_EQ(uart.ucon, 0x3185);
	CHECK_EQ(uart.ufcon, 0x111);
}

TEST(a_full_fifo_is_waited_for)
{
	start();
	uart.slow = 3;
	for (u32 i = 0; i < FIFO + 200; i++) {
		samsung_uart_driver.putc(regs, (u8)i);
	}
	samsung_uart_driver.drain(regs);
	CHECK_EQ(uart.waiting, 0);
	CHECK_EQ(uart.out_count, FIFO + 200);
	for (u32 i = 0; i < uart.out_count; i++) {
		CHECK_EQ((u8)uart.out[i], (u8)i);
	}
}

TEST(bytes_come_in_order_from_a_full_fifo)
{
	start();
	for (u32 i = 0; i < FIFO; i++) { /* its count then reads as zero, beside the bit for full */
		receive((u8)(255 - i), 0);
	}
	for (u32 i = 0; i < FIFO; i++) {
		CHECK_EQ(get(), (int)(255 - i));
	}
	CHECK_EQ(get(), -EAGAIN);
}

TEST(errors_are_said_once)
{
	start();
	receive(0, BREAK | FRAME);
	receive('a', 0);
	receive('b', OVERRUN);
	receive('c', 0);
	CHECK_EQ(get(), -EIO);
	CHECK_EQ(get(), 'a');
	CHECK_EQ(get(), -EOVERFLOW);
	CHECK_EQ(get(), 'c');
	CHECK_EQ(get(), -EAGAIN);
}

TEST(interrupts_are_for_received_bytes_alone)
{
	start();
	receive('x', 0);
	CHECK(!interrupts());
	samsung_uart_driver.receive_irq(regs, true);
	CHECK_EQ(uart.masked, INT_ERROR | INT_TX | INT_MODEM);
	CHECK(interrupts());
	CHECK_EQ(get(), 'x');
	CHECK_EQ(get(), -EAGAIN);
	CHECK(!interrupts()); /* it was acknowledged, or it would come for ever */
	receive('y', FRAME);
	CHECK(interrupts());
	CHECK_EQ(get(), -EIO);
	receive('z', 0); /* just before the last look */
	CHECK_EQ(get(), 'z');
	CHECK_EQ(get(), -EAGAIN);
	CHECK(!interrupts());
	samsung_uart_driver.receive_irq(regs, false);
	receive('x', 0);
	CHECK(!interrupts());
}
