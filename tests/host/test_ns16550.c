/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drivers/ns16550.c against a 16550 that is played here, as the data sheet has it (PC16550D), with
 * what TI's and Synopsys's do otherwise: where the registers are, what is never written, what an
 * access costs.
 */
#include "check.h"

#include <arch/io.h>
#include <drivers/ns16550.h>
#include <errno.h>

enum { RBR = 0, IER = 1, IIR = 2, LCR = 3, MCR = 4, LSR = 5, USR = 31 };
enum { DR = 1, OVERRUN = 2, FRAMING = 8, BREAK = 16, THRE = 32, TEMT = 64 };
enum { ID_NONE = 1, ID_DATA = 4, ID_BUSY = 7, ID_TIMEOUT = 0xc };

static struct console_port found;
static char regs[32 << 4];

/* The device. What it takes to send a byte is that many looks at the line status. */
static struct {
	bool dw, fifos, busy, stale_timeout;
	bool output_beside; /* another CPU sends a byte whenever one was taken */
	u8 ier, overrun, fcr_writes;
	u32 slow, wait;
	u8 in[16], in_errors[16];
	u32 in_first, in_count;
	char out[16];
	u32 out_count;
} uart;

static void start(u32 shift, u32 width, bool dw)
{
	memset(&uart, 0, sizeof(uart));
	uart.dw = dw;
	uart.ier = 0xf;
	found = (struct console_port){
		.kind = UART_NS16550, .shift = (u8)shift, .dw = dw, .width = (u8)width
	};
	ns16550_driver.init(regs, &found);
}

static void receive(u8 byte, u8 errors)
{
	uart.in[uart.in_count] = byte;
	uart.in_errors[uart.in_count++] = errors;
}

/* What asks for an interrupt, by priority; ID_NONE. */
static u32 pending(void)
{
	if ((uart.ier & 1) && uart.in_first < uart.in_count) {
		return ID_DATA;
	}
	if ((uart.ier & 1) && uart.stale_timeout) {
		return ID_TIMEOUT;
	}
	return uart.busy ? ID_BUSY : ID_NONE;
}

/* The errors belong to the byte that is next, and are gone when they were read. */
static u32 line_status(void)
{
	bool next = uart.in_first < uart.in_count;
	u32 lsr = next ? DR | uart.in_errors[uart.in_first] : 0;

	lsr |= uart.overrun;
	uart.overrun = 0;
	if (next) {
		uart.in_errors[uart.in_first] = 0;
	}
	return uart.wait && uart.wait-- ? lsr : lsr | THRE | TEMT;
}

static u32 number_of(const volatile void *reg, u32 width)
{
	u32 offset = (u32)((const volatile char *)reg - regs);

	CHECK_EQ(width, found.width);
	CHECK_EQ(offset & ((1u << found.shift) - 1), 0);
	return offset >> found.shift;
}

u32 io_read(const volatile void *reg, u32 width)
{
	switch (number_of(reg, width)) {
	case RBR:
		uart.stale_timeout = false;
		if (uart.in_first == uart.in_count) {
			CHECK(uart.dw); /* TI's would abort */
			return 0;
		}
		uart.in_first++;
		if (uart.output_beside) {
			ns16550_driver.putc(regs, 'o');
		}
		return uart.in[uart.in_first - 1];
	case IIR:
		return pending() | (uart.fifos ? 0xc0 : 0);
	case LSR:
		return line_status();
	case USR:
		CHECK(uart.dw); /* nobody else has it */
		uart.busy = false;
		return 0;
	default:
		check_fail(__FILE__, __LINE__, "register %u was read", number_of(reg, width));
	}
}

void io_write(volatile void *reg, u32 width, u32 value)
{
	switch (number_of(reg, width)) {
	case RBR:
		CHECK_EQ(uart.wait, 0); /* what was sent before has left */
		uart.out[uart.out_count++] = (char)value;
		uart.wait = uart.slow;
		return;
	case IER:
		uart.ier = (u8)value;
		return;
	case IIR:
		CHECK_EQ(value, 1); /* on, and nothing that is in them is lost */
		uart.fifos = true;
		uart.fcr_writes++;
		return;
	default: /* baud rate, format, and TI's mode are the loader's */
		check_fail(__FILE__, __LINE__, "register %u was written", number_of(reg, width));
	}
}

static void send(const char *text)
{
	for (; *text; text++) {
		ns16550_driver.putc(regs, (u8)*text);
	}
	ns16550_driver.drain(regs);
	CHECK_EQ(uart.wait, 0);
}

static int get(void)
{
	return ns16550_driver.getc(regs);
}

TEST(registers_are_where_the_tree_says)
{
	static const u8 layouts[][2] = {
		{ 0, 1 }, { 1, 2 }, { 2, 1 }, { 2, 2 }, { 2, 4 }, { 4, 4 }
	};

	for (u32 i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		check_context("shift %u, width %u", layouts[i][0], layouts[i][1]);
		start(layouts[i][0], layouts[i][1], false);
		CHECK_EQ(uart.ier, 0);
		send("words");
		CHECK(check_same(uart.out, "words"));
		receive('x', 0);
		CHECK_EQ(get(), 'x');
		CHECK_EQ(get(), -EAGAIN);
	}
}

TEST(a_byte_waits_for_the_one_before)
{
	start(2, 4, false);
	uart.slow = 7;
	send("slowly");
	CHECK(check_same(uart.out, "slowly"));
}

TEST(fifos_that_are_on_stay_as_they_are)
{
	memset(&uart, 0, sizeof(uart));
	uart.fifos = true;
	found = (struct console_port){ .kind = UART_NS16550, .shift = 2, .width = 1 };
	ns16550_driver.init(regs, &found);
	CHECK_EQ(uart.fcr_writes, 0);
	start(2, 1, false);
	CHECK_EQ(uart.fcr_writes, 1);
}

TEST(bytes_come_in_order)
{
	start(2, 1, false);
	for (u32 i = 0; i < 16; i++) {
		receive((u8)(i * 17), 0);
	}
	for (u32 i = 0; i < 16; i++) {
		CHECK_EQ(get(), (int)(i * 17));
	}
	CHECK_EQ(get(), -EAGAIN);
}

TEST(errors_are_said_once)
{
	start(2, 1, false);
	receive(0, BREAK | FRAMING);
	receive('a', 0);
	CHECK_EQ(get(), -EIO);
	CHECK_EQ(get(), 'a');
	uart.overrun = OVERRUN;
	receive('b', 0);
	receive('c', 0);
	CHECK_EQ(get(), -EOVERFLOW);
	CHECK_EQ(get(), 'c');
	CHECK_EQ(get(), -EAGAIN);
}

TEST(an_error_that_output_saw_is_not_lost)
{
	start(2, 1, false);
	receive(0, BREAK);
	send("between");
	CHECK_EQ(get(), -EIO);
	CHECK_EQ(get(), -EAGAIN);
}

TEST(an_error_that_output_saw_is_the_next_bytes)
{
	start(2, 1, false);
	uart.output_beside = true;
	receive('a', 0);
	receive('b', FRAMING);
	receive('c', 0);
	CHECK_EQ(get(), 'a');
	CHECK_EQ(get(), -EIO);
	CHECK_EQ(get(), 'c');
	CHECK_EQ(get(), -EAGAIN);
}

TEST(interrupts_are_for_received_bytes_alone)
{
	start(2, 4, false);
	ns16550_driver.receive_irq(regs, true);
	CHECK_EQ(uart.ier, 1);
	CHECK_EQ(pending(), ID_NONE);
	receive('x', 0);
	CHECK_EQ(pending(), ID_DATA);
	CHECK_EQ(get(), 'x');
	CHECK_EQ(pending(), ID_NONE);
	ns16550_driver.receive_irq(regs, false);
	receive('y', 0);
	CHECK_EQ(pending(), ID_NONE);
}

TEST(synopsys_stale_interrupts_end)
{
	start(2, 4, true);
	ns16550_driver.receive_irq(regs, true);
	uart.busy = true;
	CHECK_EQ(pending(), ID_BUSY);
	CHECK_EQ(get(), -EAGAIN);
	CHECK_EQ(pending(), ID_NONE);
	uart.stale_timeout = true;
	CHECK_EQ(pending(), ID_TIMEOUT);
	CHECK_EQ(get(), -EAGAIN);
	CHECK_EQ(pending(), ID_NONE);
	receive('x', 0);
	uart.stale_timeout = uart.busy = true;
	CHECK_EQ(get(), 'x');
	uart.stale_timeout = false;
	CHECK_EQ(get(), -EAGAIN);
	CHECK_EQ(pending(), ID_NONE);
}

TEST(on_others_nothing_is_read_from_an_empty_fifo)
{
	start(2, 1, false);
	ns16550_driver.receive_irq(regs, true);
	uart.stale_timeout = uart.busy = true;
	CHECK_EQ(get(), -EAGAIN);
	CHECK_EQ(get(), -EAGAIN);
}
