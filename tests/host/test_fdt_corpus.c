/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device tree reader beside libfdt, on every tree of the corpus (make host-corpus) and on
 * those made by hand: each node, property, alias, phandle, reg and reservation must agree.
 * libfdt does not translate addresses: for that there is a second, plain version here.
 */
#include "check.h"

#include "blob.h"

#include <libfdt.h>

/* libfdt's functions that our own share a name with, before rename.h takes the names. */
static int oracle_next_node(const void *blob, int offset, int *depth)
{
	return fdt_next_node(blob, offset, depth);
}

static int oracle_address_cells(const void *blob, int offset)
{
	return fdt_address_cells(blob, offset);
}

static int oracle_size_cells(const void *blob, int offset)
{
	return fdt_size_cells(blob, offset);
}

#include "rename.h"

#include <errno.h>
#include <lib/fdt_irq.h>
#include <lib/string.h>

/* Costly comparisons (each walks the tree) are made for every n-th node of large trees. */
#define WALKS_PER_TREE 12

/* What is compared: one tree in both readers, and where the walk is. */
struct pair {
	const void *blob;
	struct fdt f;
	int path[FDT_MAX_DEPTH]; /* the current node and those above it */
	int depth;
	bool sampled;
};

static bool status_okay(const void *blob, int node)
{
	int len;
	const char *status = fdt_getprop(blob, node, "status", &len);

	return !status || (len == 5 && strcmp(status, "okay") == 0) ||
	       (len == 3 && strcmp(status, "ok") == 0);
}

static void compare_strings(struct pair *p, int node, const char *name)
{
	int count = fdt_stringlist_count(p->blob, node, name);
	int i;

	for (i = 0; i < count; i++) {
		const char *s = fdt_stringlist_get(p->blob, node, name, i, NULL);

		CHECK(fdt_prop_has_string(&p->f, node, name, s));
	}
	CHECK(!fdt_prop_has_string(&p->f, node, name, "no such string"));
	if (count > 0) {
		CHECK(fdt_prop_string(&p->f, node, name) == fdt_getprop(p->blob, node, name, NULL));
	}
}

static void compare_props(struct pair *p, int node)
{
	struct fdt_prop it = { .next = 0 };
	int offset, len;

	fdt_for_each_property_offset(offset, p->blob, node)
	{
		const char *name;
		const void *data = fdt_getprop_by_offset(p->blob, offset, &name, &len);
		u32 value, our_len;

		CHECK(fdt_next_prop(&p->f, node, &it));
		CHECK_STR_EQ(it.name, name);
		CHECK(it.data == data);
		CHECK_EQ(it.len, len);
		CHECK(fdt_prop(&p->f, node, name, &our_len) ==
		      fdt_getprop(p->blob, node, name, &len));
		CHECK_EQ(our_len, len);
		CHECK_EQ(fdt_prop_u32(&p->f, node, name, &value), len == 4 ? 0 : -EINVAL);
		if (len == 4) {
			CHECK_EQ(value, fdt32_ld(data));
		}
		if (strcmp(name, "compatible") == 0 || p->sampled) {
			compare_strings(p, node, name);
		}
	}
	CHECK(!fdt_next_prop(&p->f, node, &it));
}

/* n cells as one number of 128 bits. */
static unsigned __int128 cells(const fdt32_t *p, int n)
{
	unsigned __int128 v = 0;

	while (n--) {
		v = v << 32 | fdt32_ld(p++);
	}
	return v;
}

/* Address addr of the bus path[level], as the CPU sees it; -1 if it does not. */
static unsigned __int128 oracle_translate(struct pair *p, int level, unsigned __int128 addr)
{
	const unsigned __int128 low = UINT64_MAX;
	int len, na, ns, pa;
	const fdt32_t *r;

	if (level == 0) {
		return addr;
	}
	r = fdt_getprop(p->blob, p->path[level], "ranges", &len);
	if (!r) {
		return -1;
	}
	if (len == 0) {
		return oracle_translate(p, level - 1, addr);
	}
	na = oracle_address_cells(p->blob, p->path[level]);
	ns = oracle_size_cells(p->blob, p->path[level]);
	pa = oracle_address_cells(p->blob, p->path[level - 1]);
	if (len % (4 * (na + ns + pa)) != 0) {
		return -1;
	}
	for (; len > 0; len -= 4 * (na + pa + ns), r += na + pa + ns) {
		unsigned __int128 child = cells(r, na);

		if (addr >= child && addr < child + cells(r + na + pa, ns) &&
		    (addr & ~low) == (child & ~low)) {
			return oracle_translate(p, level - 1, cells(r + na, pa) + (addr - child));
		}
	}
	return -1;
}

static void compare_reg(struct pair *p, int node)
{
	int na = oracle_address_cells(p->blob, p->path[p->depth - 1]);
	int ns = oracle_size_cells(p->blob, p->path[p->depth - 1]);
	u64 addr = 0, size = 0;
	int len, i, err, count;
	const fdt32_t *reg = fdt_getprop(p->blob, node, "reg", &len);

	if (!reg || na <= 0 || ns < 0 || len % (4 * (na + ns)) != 0) {
		CHECK_EQ(fdt_reg(&p->f, node, 0, &addr, &size), reg ? -EINVAL : -ENOENT);
		return;
	}
	count = len / (4 * (na + ns));
	CHECK_EQ(fdt_reg(&p->f, node, (u32)count, &addr, &size), -ENOENT);
	/* The first ones and the last: pin controllers have hundreds. */
	for (i = 0; i < count; i += i < 4 ? 1 : max(1, count - 1 - i)) {
		unsigned __int128 want = cells(reg + i * (na + ns), na);
		unsigned __int128 want_size = cells(reg + i * (na + ns) + na, ns);

		err = fdt_reg(&p->f, node, (u32)i, &addr, &size);
		CHECK_EQ(err, (want | want_size) >> 64 ? -EOVERFLOW : 0);
		CHECK(err || (addr == want && size == want_size));
		want = oracle_translate(p, p->depth - 1, want);
		err = fdt_reg_phys(&p->f, node, (u32)i, &addr, &size);
		CHECK_EQ(!err, want >> 64 == 0 && want + want_size <= (unsigned __int128)1 << 64);
		CHECK(err || (addr == want && size == want_size));
	}
}

/* What costs a walk over the tree: for a sample of the nodes. */
static void compare_walks(struct pair *p, int node)
{
	char path[1024];
	u32 phandle = fdt_get_phandle(p->blob, node);
	/* libfdt takes padding for the NUL of a string that has none; we do not. */
	const char *compatible = fdt_stringlist_get(p->blob, node, "compatible", 0, NULL);
	bool enabled = true;
	int i, want;

	for (i = 0; i <= p->depth; i++) {
		enabled &= status_okay(p->blob, p->path[i]);
	}
	CHECK_EQ(fdt_node_enabled(&p->f, node), enabled);
	CHECK_EQ(fdt_parent(&p->f, node), p->depth ? p->path[p->depth - 1] : -ENOENT);
	CHECK_EQ(fdt_get_path(p->blob, node, path, sizeof(path)), 0);
	want = fdt_path_offset(p->blob, path);
	CHECK_EQ(fdt_path_node(&p->f, path), want < 0 ? -ENOENT : want);
	if (phandle) {
		CHECK_EQ(fdt_by_phandle(&p->f, phandle),
			 fdt_node_offset_by_phandle(p->blob, phandle));
	}
	if (compatible) {
		want = fdt_node_offset_by_compatible(p->blob, node, compatible);
		CHECK_EQ(fdt_find_compatible(&p->f, node, compatible), want < 0 ? -ENOENT : want);
		CHECK_EQ(fdt_find_compatible(&p->f, FDT_START, compatible),
			 fdt_node_offset_by_compatible(p->blob, -1, compatible));
	}
	if (p->depth) {
		compare_reg(p, node);
	}
}

/* libfdt takes 0 address cells for an error; to us they are one only when used. */
static void compare_cells(int got, int want)
{
	if (want < 0) {
		CHECK(got == -EINVAL || got == 0);
	} else {
		CHECK_EQ(got, want);
	}
}

static void compare_node(struct pair *p, int node)
{
	int child = fdt_first_subnode(p->blob, node);
	int sibling = p->depth ? fdt_next_subnode(p->blob, node) : -1;

	CHECK_STR_EQ(fdt_node_name(&p->f, node), fdt_get_name(p->blob, node, NULL));
	CHECK_EQ(fdt_first_child(&p->f, node), child < 0 ? -ENOENT : child);
	CHECK_EQ(fdt_next_sibling(&p->f, node), sibling < 0 ? -ENOENT : sibling);
	compare_cells(fdt_address_cells(&p->f, node), oracle_address_cells(p->blob, node));
	compare_cells(fdt_size_cells(&p->f, node), oracle_size_cells(p->blob, node));
	compare_props(p, node);
	if (p->sampled) {
		compare_walks(p, node);
	}
}

static void compare_aliases(struct pair *p)
{
	int node = fdt_path_offset(p->blob, "/aliases");
	int offset;

	if (node < 0) {
		return;
	}
	fdt_for_each_property_offset(offset, p->blob, node)
	{
		const char *name;
		int want, len;

		const char *path = fdt_getprop_by_offset(p->blob, offset, &name, &len);

		/* libfdt takes aliases of aliases too, and those without a NUL; we do not. */
		want = len > 0 && path[0] == '/' && path[len - 1] == '\0' ?
			       fdt_path_offset(p->blob, name) :
			       -1;
		CHECK_EQ(fdt_path_node(&p->f, name), want < 0 ? -ENOENT : want);
	}
}

static void compare_reservations(struct pair *p)
{
	int count = fdt_num_mem_rsv(p->blob);
	u64 pa, size, want_pa, want_size;
	int i;

	for (i = 0; i < count; i++) {
		CHECK_EQ(fdt_get_mem_rsv(p->blob, i, &want_pa, &want_size), 0);
		CHECK_EQ(fdt_rsv(&p->f, (u32)i, &pa, &size), 0);
		CHECK(pa == want_pa && size == want_size);
	}
	CHECK_EQ(fdt_rsv(&p->f, (u32)count, &pa, &size), -ENOENT);
}

static int count_nodes(const void *blob)
{
	int node, count = 0;

	for (node = 0; node >= 0; node = oracle_next_node(blob, node, NULL)) {
		count++;
	}
	return count;
}

static void compare_tree(const struct blob *blob)
{
	struct pair p = { .blob = blob->data };
	int every = count_nodes(blob->data) / WALKS_PER_TREE + 1;
	int phase = (int)check_below((uint64_t)every);
	int node, depth = 0, our_depth = -1;
	fdt_node ours = FDT_START;
	int i = 0;

	CHECK_EQ(fdt_open(&p.f, blob->data, blob->len), 0);
	for (node = 0; node >= 0 && depth >= 0; node = oracle_next_node(p.blob, node, &depth)) {
		ours = fdt_next_node(&p.f, ours, &our_depth);
		CHECK_EQ(ours, node);
		CHECK_EQ(our_depth, depth);
		p.depth = depth;
		p.path[depth] = node;
		p.sampled = i++ % every == phase;
		compare_node(&p, node);
	}
	CHECK_EQ(fdt_next_node(&p.f, ours, NULL), -ENOENT);
	compare_aliases(&p);
	compare_reservations(&p);
}

TEST(handmade_trees_agree_with_libfdt)
{
	/* Not old.dtb: libfdt finds the end of a version 16 tree in other ways. */
	static const char *const names[] = { "host/dts/names.dtb", "host/dts/ranges.dtb" };
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		struct blob blob = blob_load(names[i]);

		check_context("%s", names[i]);
		compare_tree(&blob);
		free(blob.data);
	}
}

TEST(corpus_agrees_with_libfdt)
{
	struct corpus corpus = corpus_open();
	size_t i;

	CHECK(corpus.count >= 500);
	for (i = 0; i < corpus.count; i++) {
		struct blob blob = blob_read(corpus.paths[i]);

		check_context("%s", corpus.paths[i]);
		CHECK(blob.data != NULL);
		compare_tree(&blob);
		free(blob.data);
	}
	printf("# %zu trees\n", corpus.count);
	corpus_close(&corpus);
}

/* The one that decides whether a real board speaks: an empty /chosen, and three buses. */
TEST(vexpress_uart_is_behind_three_buses)
{
	struct corpus corpus = corpus_open();
	u64 pa, size;
	struct fdt f;
	struct blob blob = { NULL, 0 };
	struct fdt_irq irq;
	fdt_node uart;
	size_t i;

	for (i = 0; i < corpus.count; i++) {
		if (strstr(corpus.paths[i], "/vexpress-v2p-ca15-tc1.dtb")) {
			blob = blob_read(corpus.paths[i]);
		}
	}
	corpus_close(&corpus);
	CHECK(blob.data != NULL);
	CHECK_EQ(fdt_open(&f, blob.data, blob.len), 0);
	CHECK_EQ(fdt_stdout_node(&f, NULL), -ENOENT);
	uart = fdt_path_node(&f, "serial0");
	CHECK(uart >= 0);
	CHECK(fdt_is_compatible(&f, uart, "arm,pl011"));
	CHECK(fdt_node_enabled(&f, uart));
	CHECK_EQ(fdt_reg_phys(&f, uart, 0, &pa, &size), 0);
	CHECK_EQ(pa, 0x1c090000);
	CHECK_EQ(size, 0x1000);
	/* Its interrupt goes through a map. */
	CHECK_EQ(fdt_irq(&f, uart, 0, &irq), 0);
	CHECK(fdt_is_compatible(&f, irq.controller, "arm,cortex-a15-gic"));
	CHECK_EQ(irq.cell[0] << 16 | irq.cell[1] << 8 | irq.cell[2], 0x000504);
	free(blob.data);
}
