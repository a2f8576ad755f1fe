/* SPDX-License-Identifier: BSD-2-Clause */
/* lib/fdt_irq.c: whose interrupt it is in the end, and that no tree leads it astray. */
#include "check.h"

#include "blob.h"

#include <errno.h>
#include <lib/fdt_irq.h>

static struct blob blob;
static struct fdt tree;

static void open_tree(void)
{
	blob = blob_load("host/dts/irq.dtb");
	CHECK_EQ(fdt_open(&tree, blob.data, blob.len), 0);
}

static int lookup(const char *path, u32 index, struct fdt_irq *irq)
{
	fdt_node node = fdt_path_node(&tree, path);

	check_context("%s, %u", path, index);
	CHECK(node >= 0);
	return fdt_irq(&tree, node, index, irq);
}

static void goes_to(const char *path, u32 index, const char *controller, u32 a, u32 b, u32 c)
{
	struct fdt_irq irq;
	u32 count = strcmp(controller, "/controller@1000") == 0 ? 3 : 1;

	CHECK_EQ(lookup(path, index, &irq), 0);
	CHECK_EQ(irq.controller, fdt_path_node(&tree, controller));
	CHECK_EQ(irq.count, count);
	CHECK_EQ(irq.cell[0], a);
	if (count == 3) {
		CHECK_EQ(irq.cell[1], b);
		CHECK_EQ(irq.cell[2], c);
	}
}

static void fails(const char *path, u32 index, int error)
{
	struct fdt_irq irq;

	CHECK_EQ(lookup(path, index, &irq), error);
}

TEST(parents_are_inherited_and_named)
{
	open_tree();
	goes_to("/inherits", 0, "/controller@1000", 0, 1, 4);
	goes_to("/inherits", 1, "/controller@1000", 1, 2, 0xf01);
	fails("/inherits", 2, -ENOENT);
	fails("/inherits", UINT32_MAX, -ENOENT);
	goes_to("/elsewhere/child", 1, "/controller@2000", 8, 0, 0);
	goes_to("/controller@2000", 0, "/controller@1000", 0, 40, 4);
	fails("/none", 0, -ENOENT);
	free(blob.data);
}

TEST(extended_comes_before_plain)
{
	open_tree();
	goes_to("/extended", 0, "/controller@2000", 3, 0, 0);
	goes_to("/extended", 1, "/controller@1000", 0, 5, 1);
	goes_to("/extended", 2, "/controller@2000", 4, 0, 0);
	fails("/extended", 3, -ENOENT);
	free(blob.data);
}

TEST(maps_are_followed)
{
	open_tree();
	goes_to("/outer-bus/inner-bus/uart@5", 0, "/controller@1000", 0, 37, 1);
	goes_to("/outer-bus/inner-bus/masked@6", 0, "/controller@1000", 0, 32, 4);
	fails("/outer-bus/inner-bus/unmapped@7", 0, -ENODEV);
	goes_to("/slots/slot@1ff", 0, "/controller@1000", 0, 71, 4);
	goes_to("/slots/slot@200", 0, "/controller@1000", 0, 72, 4);
	free(blob.data);
}

TEST(broken_trees_are_refused)
{
	struct fdt_irq irq;

	open_tree();
	fails("/short-cells", 0, -ENOENT);
	fails("/odd", 0, -ENOENT);
	fails("/missing-parent", 0, -EINVAL);
	fails("/missing-target", 0, -EINVAL);
	fails("/in-the-loop", 0, -EINVAL);
	fails("/no-cells", 0, -EINVAL);
	fails("/bad-map/device", 0, -EINVAL);
	CHECK_EQ(fdt_irq(&tree, -ENOENT, 0, &irq), -ENOENT);
	goes_to("/wide/device", 0, "/controller@1000", 0, 11, 4); /* no controller has nine cells */
	free(blob.data);
}
