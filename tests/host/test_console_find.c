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
	struct console_port port = { UART_NONE, CONSOLE_LAST_RESORT, 0, 0 };

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
	struct console_port port = { UART_NONE, CONSOLE_FIRST, 0, 0 };

	CHECK_EQ(console_last_resort(0x414fc0f0, 0x2c000000, &port), 0);
	CHECK_EQ(port.pa, 0x1c090000);
	CHECK_EQ(port.source, CONSOLE_LAST_RESORT);
	CHECK_EQ(console_last_resort(0x414fc0f0, 0x08000000, &port), 0);
	CHECK_EQ(port.pa, 0x09000000);
	CHECK_EQ(console_last_resort(0x414fc0f0, 0x12345000, &port), -ENODEV);
	CHECK_EQ(console_last_resort(0x510f06f0, 0x2c000000, &port), -ENODEV);
}

TEST(every_tree_of_the_corpus_has_an_answer)
{
	struct corpus corpus = corpus_open();
	struct console_port port;
	bool vexpress = false;
	size_t i, found = 0;

	for (i = 0; i < corpus.count; i++) {
		struct blob blob = blob_read(corpus.paths[i]);
		struct fdt f;
		int err;

		check_context("%s", corpus.paths[i]);
		CHECK_EQ(fdt_open(&f, blob.data, blob.len), 0);
		err = console_find(&f, NULL, &port);
		CHECK(err == 0 || err == -ENODEV);
		found += !err;
		if (strstr(corpus.paths[i], "/vexpress-v2p-ca15-tc1.dtb")) {
			vexpress = !err && port.source == CONSOLE_ALIAS && port.pa == 0x1c090000;
		}
		free(blob.data);
	}
	printf("# a console in %zu of %zu trees\n", found, corpus.count);
	CHECK(vexpress);
	corpus_close(&corpus);
}
