/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device tree reader on trees made by hand: what is expected is written beside each
 * (in tests/host/dts), or built here, wrong ones too. See test_fdt_corpus.c for real
 * trees and test_fdt_mutate.c for damaged ones.
 */
#include "check.h"

#include "blob.h"
#include "rename.h"

#include <errno.h>
#include <lib/fdt.h>

/* Opens a tree of tests/host/dts at an odd address, with nothing readable behind it. */
static struct fdt open_tree(const char *name, void **base)
{
	struct blob blob = blob_load(name);
	struct fdt f;

	CHECK_EQ(fdt_open(&f, blob_place(blob.data, blob.len, 3, base), blob.len), 0);
	free(blob.data);
	return f;
}

static fdt_node at(const struct fdt *f, const char *path)
{
	fdt_node node = fdt_path_node(f, path);

	check_context("%s", path);
	CHECK(node >= 0);
	return node;
}

static void expect_phys(const struct fdt *f, const char *path, u32 index, u64 want_pa,
			u64 want_size)
{
	u64 pa, size;

	CHECK_EQ(fdt_reg_phys(f, at(f, path), index, &pa, &size), 0);
	CHECK_EQ(pa, want_pa);
	CHECK_EQ(size, want_size);
}

static void expect_phys_error(const struct fdt *f, const char *path, u32 index, int want)
{
	u64 pa, size;

	CHECK_EQ(fdt_reg_phys(f, at(f, path), index, &pa, &size), want);
}

TEST(reg_is_translated_through_every_ranges)
{
	void *base;
	struct fdt f = open_tree("host/dts/ranges.dtb", &base);

	expect_phys(&f, "/memory", 0, 0x80000000, 0x80000000);
	expect_phys(&f, "/memory", 1, 0x880000000, 0x600000000);
	expect_phys_error(&f, "/memory", 2, -ENOENT);
	expect_phys(&f, "/smb/motherboard/flash", 0, 0x08001000, 0x100);
	expect_phys_error(&f, "/smb/motherboard/flash", 1, -ENODEV);
	expect_phys(&f, "/smb/motherboard/iofpga/uart", 0, 0x1c090000, 0x1000);
	expect_phys(&f, "/smb/motherboard/iofpga/edge", 0, 0x1c1ff000, 0x1000);
	expect_phys(&f, "/smb/motherboard/iofpga/over", 0, 0x1c1ff000, 0x1001);
	expect_phys_error(&f, "/smb/motherboard/iofpga/outside", 0, -ENODEV);
	expect_phys(&f, "/soc/first", 0, 0xf0004000, 0x1000);
	expect_phys(&f, "/soc/second", 0, 0x921000000, 0x2000);
	expect_phys(&f, "/soc/second", 1, 0x921002000, 0x10);
	expect_phys_error(&f, "/soc/between", 0, -ENODEV);
	expect_phys(&f, "/i2c", 0, 0x1000000, 0x1000);
	expect_phys_error(&f, "/i2c/rtc", 0, -ENODEV);
	expect_phys(&f, "/pcie/window", 0, 0x30001000, 0x100);
	expect_phys_error(&f, "/pcie/config", 0, -ENODEV);
	expect_phys(&f, "/wide/low", 0, 0x100001000, 0x100000000);
	expect_phys_error(&f, "/wide/high", 0, -EOVERFLOW);
	expect_phys_error(&f, "/wide/long", 0, -EOVERFLOW);
	expect_phys(&f, "/wraps/last", 0, 0xfffffffffffff000, 0x1000);
	expect_phys_error(&f, "/wraps/over", 0, -EOVERFLOW);
	expect_phys_error(&f, "/wraps/beyond", 0, -EOVERFLOW);
	expect_phys_error(&f, "/", 0, -ENOENT);
	expect_phys_error(&f, "/smb", 0, -ENOENT);
	free(base);
}

TEST(reg_raw_is_in_the_parents_space)
{
	void *base;
	struct fdt f = open_tree("host/dts/ranges.dtb", &base);
	u64 addr, size;

	CHECK_EQ(fdt_reg(&f, at(&f, "/smb/motherboard/iofpga/uart"), 0, &addr, &size), 0);
	CHECK_EQ(addr, 0x90000);
	CHECK_EQ(size, 0x1000);
	CHECK_EQ(fdt_reg(&f, at(&f, "/i2c/rtc"), 0, &addr, &size), 0);
	CHECK_EQ(addr, 0x68);
	CHECK_EQ(size, 0);
	CHECK_EQ(fdt_reg(&f, at(&f, "/smb/motherboard/flash"), 1, &addr, &size), 0);
	CHECK_EQ(addr, 0x100000000);
	CHECK_EQ(fdt_reg(&f, at(&f, "/pcie/window"), 0, &addr, &size), -EOVERFLOW);
	CHECK_EQ(fdt_reg(&f, at(&f, "/broken/defaults/child"), 0, &addr, &size), 0);
	CHECK_EQ(addr, 0x100000002);
	CHECK_EQ(size, 3);
	free(base);
}

TEST(senseless_cells_are_refused)
{
	void *base;
	struct fdt f = open_tree("host/dts/ranges.dtb", &base);

	expect_phys_error(&f, "/broken/no-address-cells/child", 0, -EINVAL);
	expect_phys_error(&f, "/broken/five-cells/child", 0, -EINVAL);
	expect_phys_error(&f, "/broken/short-cells/child", 0, -EINVAL);
	expect_phys_error(&f, "/broken/odd-reg/child", 0, -EINVAL);
	expect_phys_error(&f, "/broken/odd-ranges/child", 0, -EINVAL);
	CHECK_EQ(fdt_address_cells(&f, at(&f, "/broken/five-cells")), -EINVAL);
	CHECK_EQ(fdt_address_cells(&f, at(&f, "/broken/no-address-cells")), 0);
	CHECK_EQ(fdt_address_cells(&f, at(&f, "/broken/defaults")), 2);
	CHECK_EQ(fdt_size_cells(&f, at(&f, "/broken/defaults")), 1);
	CHECK_EQ(fdt_size_cells(&f, at(&f, "/i2c")), 0);
	free(base);
}

TEST(paths_and_aliases_find_nodes)
{
	void *base;
	struct fdt f = open_tree("host/dts/names.dtb", &base);
	fdt_node uart0 = at(&f, "/bus/serial@1000");
	fdt_node uart1 = at(&f, "/bus/serial@2000");

	CHECK_STR_EQ(fdt_node_name(&f, uart0), "serial@1000");
	CHECK_STR_EQ(fdt_node_name(&f, fdt_root(&f)), "");
	CHECK_EQ(fdt_path_node(&f, "/"), fdt_root(&f));
	CHECK_EQ(fdt_path_node(&f, "/bus/serial"), uart0);
	CHECK_EQ(fdt_path_node(&f, "//bus//serial@2000/"), uart1);
	CHECK_EQ(fdt_path_node(&f, "serial0"), uart0);
	CHECK_EQ(fdt_path_node(&f, "serial1"), uart1);
	CHECK_EQ(fdt_path_node(&f, "bus/serial@2000"), uart1);
	CHECK_EQ(fdt_path_node_len(&f, "serial0:115200", 7), uart0);
	CHECK_EQ(fdt_path_node_len(&f, "/bus\0/x", 7), at(&f, "/bus"));
	CHECK_EQ(fdt_path_node(&f, "serial"), -ENOENT);
	CHECK_EQ(fdt_path_node(&f, "serial01"), -ENOENT);
	CHECK_EQ(fdt_path_node(&f, "relative"), -ENOENT);
	CHECK_EQ(fdt_path_node(&f, "unterminated"), -ENOENT);
	CHECK_EQ(fdt_path_node(&f, "nowhere"), -ENOENT);
	CHECK_EQ(fdt_path_node(&f, "/bus/seria"), -ENOENT);
	CHECK_EQ(fdt_path_node(&f, "/bus/serial@100"), -ENOENT);
	CHECK_EQ(fdt_path_node(&f, "/bus/serial@10000"), -ENOENT);
	CHECK_EQ(fdt_path_node(&f, ""), -EINVAL);
	free(base);
}

TEST(stdout_is_found_with_its_options)
{
	void *base;
	struct fdt f = open_tree("host/dts/names.dtb", &base);
	const char *options = NULL;

	CHECK_EQ(fdt_stdout_node(&f, &options), at(&f, "/bus/serial@1000"));
	CHECK_STR_EQ(options, "115200n8");
	CHECK_EQ(fdt_stdout_node(&f, NULL), at(&f, "/bus/serial@1000"));
	free(base);
	f = open_tree("host/dts/old.dtb", &base);
	CHECK_EQ(fdt_stdout_node(&f, &options), at(&f, "/serial@1000"));
	CHECK_STR_EQ(options, "");
	free(base);
	f = open_tree("host/dts/ranges.dtb", &base);
	CHECK_EQ(fdt_stdout_node(&f, &options), -ENOENT);
	free(base);
}

TEST(version_16_is_read)
{
	void *base;
	struct fdt f = open_tree("host/dts/old.dtb", &base);

	CHECK(fdt_is_compatible(&f, fdt_root(&f), "fanlight,old"));
	expect_phys(&f, "/serial", 0, 0x1000, 0x100);
	free(base);
}

TEST(compatible_compares_whole_strings)
{
	void *base;
	struct fdt f = open_tree("host/dts/names.dtb", &base);
	fdt_node uart0 = at(&f, "/bus/serial@1000");
	fdt_node uart1 = at(&f, "/bus/serial@2000");

	CHECK(fdt_is_compatible(&f, uart0, "vendor,uart-v2"));
	CHECK(fdt_is_compatible(&f, uart0, "arm,pl011"));
	CHECK(fdt_is_compatible(&f, uart0, "arm,primecell"));
	CHECK(!fdt_is_compatible(&f, uart0, "arm,prime"));
	CHECK(!fdt_is_compatible(&f, uart0, "pl011"));
	CHECK(!fdt_is_compatible(&f, uart0, ""));
	CHECK(!fdt_is_compatible(&f, at(&f, "/bus/serialx"), "arm,pl011"));
	CHECK(!fdt_is_compatible(&f, at(&f, "/chosen"), "arm,pl011"));
	CHECK(fdt_is_compatible(&f, at(&f, "/off-bus/on/deeper"), ""));
	CHECK_EQ(fdt_find_compatible(&f, FDT_START, "fanlight,test"), fdt_root(&f));
	CHECK_EQ(fdt_find_compatible(&f, FDT_START, "arm,pl011"), uart0);
	CHECK_EQ(fdt_find_compatible(&f, uart0, "arm,pl011"), uart1);
	CHECK_EQ(fdt_find_compatible(&f, uart1, "arm,pl011"), -ENOENT);
	free(base);
	f = open_tree("host/dts/ranges.dtb", &base);
	CHECK(!fdt_is_compatible(&f, at(&f, "/broken/no-nul"), "f,x"));
	CHECK(!fdt_is_compatible(&f, at(&f, "/broken/no-nul"), "f,"));
	free(base);
}

TEST(enabled_needs_every_node_above)
{
	void *base;
	struct fdt f = open_tree("host/dts/names.dtb", &base);

	CHECK(fdt_node_enabled(&f, fdt_root(&f)));
	CHECK(fdt_node_enabled(&f, at(&f, "/bus/serial@1000")));
	CHECK(!fdt_node_enabled(&f, at(&f, "/bus/serial@2000")));
	CHECK(fdt_node_enabled(&f, at(&f, "/bus/serialx")));
	CHECK(fdt_node_enabled(&f, at(&f, "/bus/serial@3000")));
	CHECK(!fdt_node_enabled(&f, at(&f, "/off-bus")));
	CHECK(!fdt_node_enabled(&f, at(&f, "/off-bus/on")));
	CHECK(!fdt_node_enabled(&f, at(&f, "/off-bus/on/deeper")));
	CHECK(!fdt_node_enabled(&f, at(&f, "/states/failed")));
	CHECK(!fdt_node_enabled(&f, at(&f, "/states/empty")));
	CHECK(!fdt_node_enabled(&f, at(&f, "/states/unterminated")));
	CHECK(!fdt_node_enabled(&f, -ENOENT));
	free(base);
}

TEST(phandles_of_both_spellings)
{
	void *base;
	struct fdt f = open_tree("host/dts/names.dtb", &base);

	CHECK_EQ(fdt_by_phandle(&f, 0x11), at(&f, "/bus/serial@1000"));
	CHECK_EQ(fdt_by_phandle(&f, 0x22), at(&f, "/bus/serial@2000"));
	CHECK_EQ(fdt_by_phandle(&f, 0x33), -ENOENT);
	CHECK_EQ(fdt_by_phandle(&f, 0), -ENOENT);
	CHECK_EQ(fdt_by_phandle(&f, 0xffffffff), -ENOENT);
	free(base);
}

TEST(properties_are_checked_before_use)
{
	void *base;
	struct fdt f = open_tree("host/dts/names.dtb", &base);
	fdt_node node = at(&f, "/states/bad-u32");
	u32 value = 7;
	u32 len = 7;

	CHECK_EQ(fdt_prop_u32(&f, node, "value", &value), -EINVAL);
	CHECK_EQ(fdt_prop_u32(&f, node, "eight", &value), -EINVAL);
	CHECK_EQ(fdt_prop_u32(&f, node, "missing", &value), -ENOENT);
	CHECK_EQ(value, 7);
	CHECK_EQ(fdt_prop_u32(&f, node, "good", &value), 0);
	CHECK_EQ(value, 0xdeadbeef);
	CHECK_EQ(fdt_be64(fdt_prop(&f, node, "eight", &len)), 0x100000002);
	CHECK_EQ(len, 8);
	CHECK(fdt_prop(&f, node, "none", &len) != NULL);
	CHECK_EQ(len, 0);
	CHECK(fdt_prop(&f, node, "non", &len) == NULL);
	CHECK_STR_EQ(fdt_prop_string(&f, node, "text"), "one");
	CHECK(fdt_prop_string(&f, node, "none") == NULL);
	CHECK(fdt_prop_string(&f, at(&f, "/aliases"), "unterminated") == NULL);
	CHECK(fdt_prop_has_string(&f, node, "text", "two"));
	CHECK(fdt_prop_has_string(&f, node, "text", ""));
	CHECK(!fdt_prop_has_string(&f, node, "text", "on"));
	CHECK(fdt_prop(&f, -ENOENT, "text", NULL) == NULL);
	CHECK(fdt_node_name(&f, node + 4) == NULL);
	free(base);
}

TEST(children_siblings_parents_depths)
{
	void *base;
	struct fdt f = open_tree("host/dts/names.dtb", &base);
	static const char *const order[] = { "aliases", "chosen", "bus", "off-bus", "states" };
	fdt_node child, chain[FDT_MAX_DEPTH];
	fdt_node deep = at(&f, "/off-bus/on/deeper");
	unsigned i = 0;
	int depth = 99;

	fdt_for_each_child(&f, child, fdt_root(&f)) {
		CHECK(i < ARRAY_SIZE(order));
		CHECK_STR_EQ(fdt_node_name(&f, child), order[i++]);
		CHECK_EQ(fdt_parent(&f, child), fdt_root(&f));
	}
	CHECK_EQ(i, ARRAY_SIZE(order));
	CHECK_EQ(fdt_first_child(&f, at(&f, "/chosen")), -ENOENT);
	CHECK_EQ(fdt_next_sibling(&f, at(&f, "/states")), -ENOENT);
	CHECK_EQ(fdt_next_sibling(&f, fdt_root(&f)), -ENOENT);
	CHECK_EQ(fdt_parent(&f, fdt_root(&f)), -ENOENT);
	CHECK_EQ(fdt_first_child(&f, FDT_START), -EINVAL);
	CHECK_EQ(fdt_parent(&f, 2), -EINVAL);
	CHECK_EQ(fdt_ancestry(&f, deep, chain), 4);
	CHECK_EQ(chain[0], fdt_root(&f));
	CHECK_EQ(chain[1], at(&f, "/off-bus"));
	CHECK_EQ(chain[3], deep);
	CHECK_EQ(fdt_next_node(&f, FDT_START, &depth), fdt_root(&f));
	CHECK_EQ(depth, 0);
	depth = 3;
	CHECK_EQ(fdt_next_node(&f, deep, &depth), at(&f, "/states"));
	CHECK_EQ(depth, 1);
	free(base);
}

TEST(reservations_are_listed)
{
	void *base;
	struct fdt f = open_tree("host/dts/names.dtb", &base);
	u64 pa, size;

	CHECK_EQ(fdt_rsv(&f, 0, &pa, &size), 0);
	CHECK_EQ(pa, 0x88000000);
	CHECK_EQ(size, 0x10000);
	CHECK_EQ(fdt_rsv(&f, 1, &pa, &size), 0);
	CHECK_EQ(pa, 0x880000000);
	CHECK_EQ(size, 0x200000);
	CHECK_EQ(fdt_rsv(&f, 2, &pa, &size), -ENOENT);
	CHECK_EQ(fdt_rsv(&f, 0xffffffff, &pa, &size), -ENOENT);
	free(base);
}

/* Opens a finished blob at the end of its memory and frees it: for those that must fail. */
static int open_built(struct builder *b)
{
	struct blob blob = build_finish(b);
	struct fdt f;
	void *base;
	int err = fdt_open(&f, blob_place(blob.data, blob.len, 0, &base), blob.len);

	free(base);
	free(blob.data);
	return err;
}

static int open_nested(unsigned levels)
{
	struct builder b;
	unsigned i;

	build_start(&b);
	for (i = 0; i < levels; i++) {
		build_node(&b, i ? "n" : "");
	}
	for (i = 0; i < levels; i++) {
		build_end_node(&b);
	}
	return open_built(&b);
}

TEST(depth_is_limited)
{
	CHECK_EQ(open_nested(1), 0);
	CHECK_EQ(open_nested(FDT_MAX_DEPTH), 0);
	CHECK_EQ(open_nested(FDT_MAX_DEPTH + 1), -E2BIG);
	CHECK_EQ(open_nested(200), -E2BIG);
}

TEST(nops_are_skipped_everywhere)
{
	struct builder b;
	struct blob blob;
	struct fdt f;
	fdt_node child;
	u32 value;

	build_start(&b);
	build_u32(&b, 4);
	build_node(&b, "");
	build_u32(&b, 4);
	build_prop(&b, "x", "\0\0\0\1", 4);
	build_u32(&b, 4);
	build_prop(&b, "y", "\0\0\0\2", 4);
	build_u32(&b, 4);
	build_node(&b, "child@1@2");
	build_u32(&b, 4);
	build_end_node(&b);
	build_u32(&b, 4);
	build_end_node(&b);
	build_u32(&b, 4);
	blob = build_finish(&b);
	CHECK_EQ(fdt_open(&f, blob.data, blob.len), 0);
	CHECK_EQ(fdt_root(&f), 4);
	CHECK_EQ(fdt_prop_u32(&f, fdt_root(&f), "y", &value), 0);
	CHECK_EQ(value, 2);
	child = fdt_path_node(&f, "/child");
	CHECK_STR_EQ(fdt_node_name(&f, child), "child@1@2");
	CHECK_EQ(fdt_path_node(&f, "/child@1@2"), child);
	CHECK_EQ(fdt_path_node(&f, "/child@1"), -ENOENT);
	CHECK_EQ(fdt_parent(&f, child), fdt_root(&f));
	CHECK_EQ(fdt_first_child(&f, fdt_root(&f)), child);
	/* The NOP before a node is not the node. */
	CHECK(fdt_node_name(&f, child - 4) == NULL);
	free(blob.data);
}

TEST(nodes_that_do_not_nest_are_refused)
{
	struct builder b;

	build_start(&b); /* nothing at all */
	CHECK_EQ(open_built(&b), -EINVAL);
	build_start(&b); /* not closed */
	build_node(&b, "");
	CHECK_EQ(open_built(&b), -EINVAL);
	build_start(&b); /* closed twice */
	build_node(&b, "");
	build_end_node(&b);
	build_end_node(&b);
	CHECK_EQ(open_built(&b), -EINVAL);
	build_start(&b); /* closed twice, then made good */
	build_node(&b, "");
	build_end_node(&b);
	build_end_node(&b);
	build_node(&b, "");
	CHECK_EQ(open_built(&b), -EINVAL);
	build_start(&b); /* two roots */
	build_node(&b, "");
	build_end_node(&b);
	build_node(&b, "");
	build_end_node(&b);
	CHECK_EQ(open_built(&b), -EINVAL);
}

TEST(malformed_properties_are_refused)
{
	struct builder b;

	build_start(&b); /* a property outside */
	build_prop(&b, "x", "", 0);
	build_node(&b, "");
	build_end_node(&b);
	CHECK_EQ(open_built(&b), -EINVAL);
	build_start(&b); /* a property behind a child */
	build_node(&b, "");
	build_node(&b, "child");
	build_end_node(&b);
	build_prop(&b, "x", "", 0);
	build_end_node(&b);
	CHECK_EQ(open_built(&b), -EINVAL);
	build_start(&b); /* an unknown token */
	build_node(&b, "");
	build_u32(&b, 5);
	build_end_node(&b);
	CHECK_EQ(open_built(&b), -EINVAL);
	build_start(&b); /* a property longer than the block */
	build_node(&b, "");
	build_u32(&b, 3);
	build_u32(&b, 0xfffffffc);
	build_u32(&b, 0);
	build_end_node(&b);
	CHECK_EQ(open_built(&b), -EINVAL);
	build_start(&b); /* a name outside the strings */
	build_node(&b, "");
	build_prop(&b, "x", "", 0);
	be32_store(b.structs + 16, 2);
	build_end_node(&b);
	CHECK_EQ(open_built(&b), -EINVAL);
	build_start(&b); /* a name without its NUL */
	build_node(&b, "");
	build_prop(&b, "x", "", 0);
	b.strings[1] = 'y';
	build_end_node(&b);
	CHECK_EQ(open_built(&b), -EINVAL);
}

/* A good blob with one header field changed. */
static int open_with_field(unsigned offset, u32 value)
{
	struct blob blob = blob_load("host/dts/names.dtb");
	struct fdt f;
	int err;

	be32_store(blob.data + offset, value);
	err = fdt_open(&f, blob.data, blob.len);
	free(blob.data);
	return err;
}

TEST(malformed_headers_are_refused)
{
	struct blob blob = blob_load("host/dts/names.dtb");
	const u32 len = (u32)blob.len;
	struct fdt f;
	void *base;
	u32 total, cut;

	CHECK_EQ(fdt_total_size(blob.data, &total), 0);
	CHECK_EQ(total, len);
	for (cut = 0; cut < len; cut++) {
		check_context("cut to %u bytes", cut);
		CHECK_EQ(fdt_open(&f, blob_place(blob.data, cut, 1, &base), cut), -EOVERFLOW);
		free(base);
	}
	free(blob.data);
	check_context("%s", "");
	CHECK_EQ(open_with_field(0, 0xd00dfeed), 0);
	CHECK_EQ(open_with_field(0, 0xedfe0dd0), -EINVAL);
	CHECK_EQ(open_with_field(4, 39), -EINVAL);
	CHECK_EQ(open_with_field(4, len + 1), -EOVERFLOW);
	CHECK_EQ(open_with_field(4, 0x80000000), -EINVAL);
	CHECK_EQ(open_with_field(8, len), -EINVAL);
	CHECK_EQ(open_with_field(8, 0xfffffff0), -EINVAL);
	CHECK_EQ(open_with_field(8, 0), -EINVAL);
	CHECK_EQ(open_with_field(12, len), -EINVAL);
	CHECK_EQ(open_with_field(16, len - 8), -EINVAL);
	CHECK_EQ(open_with_field(16, 0xffffffff), -EINVAL);
	CHECK_EQ(open_with_field(20, 15), -ENOTSUP);
	CHECK_EQ(open_with_field(20, 18), 0);
	CHECK_EQ(open_with_field(24, 18), -ENOTSUP);
	CHECK_EQ(open_with_field(32, len), -EINVAL);
	CHECK_EQ(open_with_field(32, 0), -EINVAL);
	CHECK_EQ(open_with_field(36, len), -EINVAL);
	CHECK_EQ(open_with_field(36, 8), -EINVAL);
}
