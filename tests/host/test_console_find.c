/* SPDX-License-Identifier: BSD-2-Clause */
/* lib/console_find.c: each step of the console rule, and what is passed over at each. */
#include "check.h"

#include "blob.h"

#include <errno.h>
#include <lib/console_find.h>

static int find(const char *tree, const char *bootargs, struct console_port *port)
{
	struct blob blob = blob_load(tree);
	struct fdt f;
	int err;

	check_context("%s, \"%s\"", tree, bootargs ? bootargs : "(null)");
	CHECK_EQ(fdt_open(&f, blob.data, blob.len), 0);
	err = console_find(&f, bootargs, port);
	free(blob.data);
	return err;
}

static void expect(const char *tree, const char *bootargs, enum console_source source, u64 pa)
{
	struct console_port port = { .source = CONSOLE_LAST_RESORT };

	CHECK_EQ(find(tree, bootargs, &port), 0);
	CHECK_EQ(port.kind, UART_PL011);
	CHECK_EQ(port.pa, pa);
	CHECK_EQ(port.node >= 0, source != CONSOLE_ARGUMENT || !strstr(bootargs, "pl011,"));
	CHECK_EQ(port.source, source);
}

TEST(stdout_path_comes_first)
{
	expect("host/dts/names.dtb", NULL, CONSOLE_STDOUT_PATH, 0x1000);
	expect("host/dts/names.dtb", "earlycon=pl011,0x9000", CONSOLE_STDOUT_PATH, 0x1000);
}

TEST(arguments_come_before_the_alias)
{
	static const char tree[] = "host/dts/console.dtb";

	expect(tree, "console=ttyAMA0,115200", CONSOLE_ARGUMENT, 0x3000);
	/* serial1 is disabled: the second of those that are not. */
	expect(tree, "console=ttyAMA1", CONSOLE_ARGUMENT, 0x3000);
	expect(tree, "monitor earlycon=pl011,0x1c090000", CONSOLE_ARGUMENT, 0x1c090000);
	expect(tree, "earlycon=pl011,mmio32,0x9000000,115200", CONSOLE_ARGUMENT, 0x9000000);
	expect(tree, "earlycon=pl011,0xffffffff000", CONSOLE_ALIAS, 0x3000);
	expect(tree, "earlycon=pl011,", CONSOLE_ALIAS, 0x3000);
	expect(tree, "earlycon console=ttyS0", CONSOLE_ALIAS, 0x3000);
	expect(tree, "console=ttyAMA console=ttyAMA99", CONSOLE_ALIAS, 0x3000);
	expect(tree, "console=ttyAMA7", CONSOLE_ALIAS, 0x3000);
	expect(tree, NULL, CONSOLE_ALIAS, 0x3000);
}

TEST(what_cannot_be_used_is_passed_over)
{
	expect("host/dts/console-off.dtb", NULL, CONSOLE_FIRST, 0x4000);
	expect("host/dts/console-off.dtb", "console=ttyAMA0", CONSOLE_ARGUMENT, 0x4000);
}

TEST(no_uart_is_an_error)
{
	struct console_port port;

	CHECK_EQ(find("host/dts/ranges.dtb", NULL, &port), -ENODEV);
	CHECK_EQ(find("host/dts/ranges.dtb", "console=ttyAMA0", &port), -ENODEV);
}

TEST(last_resort_knows_its_machines_only)
{
	struct console_port port = { .source = CONSOLE_FIRST };

	CHECK_EQ(console_last_resort(0x414fc0f0, 0x2c000000, &port), 0);
	CHECK_EQ(port.pa, 0x1c090000);
	CHECK_EQ(port.source, CONSOLE_LAST_RESORT);
	CHECK_EQ(console_last_resort(0x414fc0f0, 0x08000000, &port), 0);
	CHECK_EQ(port.pa, 0x09000000);
	CHECK_EQ(console_last_resort(0x414fc0f0, 0xfff10000, &port), 0);
	CHECK_EQ(port.pa, 0xfff36000);
	CHECK_EQ(port.kind, UART_PL011);
	CHECK(port.shift == 2 && port.width == 4);
	CHECK_EQ(console_last_resort(0x414fc0f0, 0x12345000, &port), -ENODEV);
	CHECK_EQ(console_last_resort(0x510f06f0, 0x2c000000, &port), -ENODEV);
}

static void expect_port(const char *bootargs, enum uart_kind kind, u64 pa, u32 shift, u32 width)
{
	struct console_port port = { .source = CONSOLE_FIRST };

	CHECK_EQ(find("host/dts/uarts.dtb", bootargs, &port), 0);
	CHECK_EQ(port.source, CONSOLE_ARGUMENT);
	CHECK_EQ(port.kind, kind);
	CHECK_EQ(port.pa, pa);
	CHECK_EQ(port.shift, shift);
	CHECK_EQ(port.width, width);
	CHECK_EQ(port.dw, pa == 0x1000); /* though it says that it is a plain one, too */
}

TEST(every_kind_is_known_with_its_registers)
{
	expect_port("console=ttyS0", UART_NS16550, 0x1000, 2, 4);
	expect_port("console=ttyS1", UART_NS16550, 0x2003, 0, 1);
	expect_port("console=ttyS2,115200n8", UART_NS16550, 0x48120000, 2, 1);
	expect_port("console=ttyS3", UART_NS16550, 0x3000, 2, 1);
	expect_port("console=ttySAC4", UART_SAMSUNG, 0x4000, 2, 4);
	expect_port("console=ttyS5", UART_NS16550, 0x5000, 1, 2);
	expect_port("console=ttyAMA6", UART_PL011, 0x6000, 2, 4);
	expect_port("console=ttyS7", UART_NS16550, 0x9ff36000, 4, 1);
	expect_port("console=ttyS8", UART_NS16550, 0x8000, 0, 1);
	expect_port("console=ttyS9", UART_NS16550, 0x9000, 2, 1);
}

/* serial0, serial1 and serial2 are of another kind: then the order among its own kind decides. */
TEST(a_tty_is_of_its_kind)
{
	struct console_port port;

	expect_port("console=ttyAMA0", UART_PL011, 0x6000, 2, 4);
	expect_port("console=ttySAC0", UART_SAMSUNG, 0x4000, 2, 4);
	/* Nine are passed over before it: nobody could access them as they are described. */
	expect_port("console=ttyS4", UART_NS16550, 0x9ff36000, 4, 1);
	CHECK_EQ(find("host/dts/uarts.dtb", "console=ttySAC1 console=ttyAMA2", &port), 0);
	CHECK_EQ(port.source, CONSOLE_ALIAS);
	CHECK_EQ(port.pa, 0x1000);
}

TEST(addresses_say_how_registers_are_accessed)
{
	struct console_port port;

	expect_port("earlycon=uart8250,mmio,0x3f8", UART_NS16550, 0x3f8, 0, 1);
	expect_port("earlycon=uart8250,mmio32,0x48020000,115200n8", UART_NS16550, 0x48020000, 2, 4);
	expect_port("console=uart8250,mmio32,0x1c28000", UART_NS16550, 0x1c28000, 2, 4);
	expect_port("earlycon=omap8250,0x48020000", UART_NS16550, 0x48020000, 2, 1);
	expect_port("earlycon=exynos4210,0x12c20000", UART_SAMSUNG, 0x12c20000, 2, 4);
	expect_port("earlycon=pl011,mmio32,0x9000000", UART_PL011, 0x9000000, 2, 4);
	CHECK_EQ(find("host/dts/uarts.dtb",
		      "earlycon=uart8250,mmio32,0x3fa earlycon=uart8250,io,0x3f8", &port),
		 0);
	CHECK_EQ(port.source, CONSOLE_ALIAS);
}

/* What Debian's trees say of boards whose UART is known from their manuals. */
static const struct {
	const char *tree;
	u64 pa;
	enum uart_kind kind;
	enum console_source source;
	u32 shift, width;
} boards[] = {
	{ "/vexpress-v2p-ca15-tc1.dtb", 0x1c090000, UART_PL011, CONSOLE_ALIAS, 2, 4 },
	{ "/ecx-2000.dtb", 0xfff36000, UART_PL011, CONSOLE_FIRST, 2, 4 },
	{ "/sun8i-h3-orangepi-pc.dtb", 0x1c28000, UART_NS16550, CONSOLE_STDOUT_PATH, 2, 4 },
	{ "/tegra124-jetson-tk1.dtb", 0x70006300, UART_NS16550, CONSOLE_STDOUT_PATH, 2, 1 },
	{ "/am57xx-beagle-x15.dtb", 0x48020000, UART_NS16550, CONSOLE_STDOUT_PATH, 2, 1 },
	{ "/omap5-uevm.dtb", 0x48020000, UART_NS16550, CONSOLE_STDOUT_PATH, 2, 1 },
	{ "/exynos5250-arndale.dtb", 0x12c20000, UART_SAMSUNG, CONSOLE_STDOUT_PATH, 2, 4 },
	{ "/exynos5422-odroidxu4.dtb", 0x12c20000, UART_SAMSUNG, CONSOLE_STDOUT_PATH, 2, 4 },
	{ "/rk3288-vyasa.dtb", 0xff690000, UART_NS16550, CONSOLE_STDOUT_PATH, 2, 4 },
};

/* Whether path is a tree of boards[], and if so is as it says. */
static bool check_board(const char *path, int err, const struct console_port *port)
{
	for (size_t i = 0; i < ARRAY_SIZE(boards); i++) {
		if (strstr(path, boards[i].tree)) {
			CHECK_EQ(err, 0);
			CHECK_EQ(port->pa, boards[i].pa);
			CHECK_EQ(port->kind, boards[i].kind);
			CHECK_EQ(port->source, boards[i].source);
			CHECK_EQ(port->shift, boards[i].shift);
			CHECK_EQ(port->width, boards[i].width);
			return true;
		}
	}
	return false;
}

TEST(every_tree_of_the_corpus_has_an_answer)
{
	struct corpus corpus = corpus_open();
	struct console_port port;
	size_t i, found = 0, known = 0;

	for (i = 0; i < corpus.count; i++) {
		struct blob blob = blob_read(corpus.paths[i]);
		struct fdt f;
		int err;

		check_context("%s", corpus.paths[i]);
		CHECK_EQ(fdt_open(&f, blob.data, blob.len), 0);
		err = console_find(&f, NULL, &port);
		CHECK(err == 0 || err == -ENODEV);
		found += !err;
		known += check_board(corpus.paths[i], err, &port);
		free(blob.data);
	}
	printf("# a console in %zu of %zu trees\n", found, corpus.count);
	CHECK_EQ(known, ARRAY_SIZE(boards));
	corpus_close(&corpus);
}
