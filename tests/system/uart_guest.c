/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drivers/samsung_uart.c alone, on QEMU's smdkc210 (Exynos 4210, Cortex-A9), which cannot run the
 * kernel but has the UART. It says "ready"; whenever the port asks for its interrupt, and never
 * else, it takes what is there, in brackets, with ! behind if the port still asks. 'q' ends it with
 * a last word. MMU and caches off; the interrupt goes nowhere, the port's own registers are looked
 * at.
 */
#include <arch/io.h>
#include <drivers/samsung_uart.h>
#include <errno.h>

#define UART  ((char *)0x13800000)
#define UINTP 0x30
#define UINTM 0x38

static const struct uart_driver *const driver = &samsung_uart_driver;

static void send(const char *text)
{
	for (; *text; text++) {
		driver->putc(UART, (u8)*text);
	}
}

static bool asks(void)
{
	return io_read32(UART + UINTP) & ~io_read32(UART + UINTM);
}

/* One CPU is enough, of those that QEMU starts here. */
__asm__(".arm\n.globl _start\n_start:\n	mrc p15, 0, r0, c0, c0, 5\n	tst r0, #3\n"
	"1:	wfine\n	bne 1b\n	ldr sp, =0x48000000\n	b guest_main\n	.ltorg\n");

static int take_all(void)
{
	int c, last = 0;

	driver->putc(UART, '[');
	while ((c = driver->getc(UART)) != -EAGAIN) {
		driver->putc(UART, c < 0 ? '?' : (u8)c);
		last = c;
	}
	send(asks() ? "]!" : "]");
	return last;
}

void guest_main(void);
void guest_main(void)
{
	driver->init(UART, NULL);
	send("ready\n");
	driver->receive_irq(UART, true);
	do {
		while (!asks()) {
		}
	} while (take_all() != 'q');
	driver->receive_irq(UART, false);
	send("done\n");
	driver->drain(UART);
	for (;;) {
		__asm__ volatile("wfi");
	}
}
