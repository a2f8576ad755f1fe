/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device tree reader and all that decides by a tree: console, interrupts, machine, the copy
 * with changes. The first byte is the blob's alignment. libfdt is the oracle: what it finds whole
 * is opened here too, but for what is too deep or too old, with the same nodes and properties; and
 * so is the copy. Where libfdt is more lenient than the specification (v0.4), that decides.
 */
#include "fuzz.h"

#include <libfdt.h>

/* libfdt's function that our own shares a name with, before rename.h takes the name. */
static int oracle_next_node(const void *blob, int offset, int *depth)
{
	return fdt_next_node(blob, offset, depth);
}

#include "../host/fdt_walk.h"

#include <errno.h>
#include <lib/console_find.h>
#include <lib/fdt_edit.h>
#include <lib/machine.h>
#include <lib/ram_alias.h>
#include <lib/string.h>

#define NODES_WALKED 16 /* each costs a walk over the tree, or several */

static bool always(void)
{
	return true;
}

static void use_tree(const struct fdt *f)
{
	phys_addr_t pa, size;

	fdt_walk_tree(f, NODES_WALKED, always);
	for (u32 i = 0; fdt_rsv(f, i, &pa, &size) == 0; i++) {
		fdt_walk_value(fdt_is_memory(f, pa));
	}
	for (fdt_node node = 0; node < (fdt_node)f->structs_size + 8 && node < 64; node++) {
		fdt_walk_node(f, node); /* handles that nobody gave out */
	}
}

static void decide(const struct fdt *f)
{
	const char *bootargs = fdt_prop_string(f, fdt_path_node(f, "/chosen"), "bootargs");
	struct machine_cpu cpu = { .node = FDT_START };
	struct console_port port;
	struct machine_psci psci;
	struct machine_gic gic;
	fdt_node timer;
	phys_addr_t pa;
	bool edge;
	u32 irq;

	if (console_find(f, bootargs, &port) == 0) {
		FUZZ_CHECK(port.kind > UART_NONE && port.kind <= UART_SAMSUNG);
		FUZZ_CHECK(port.width == 1 || port.width == 2 || port.width == 4);
		FUZZ_CHECK(port.shift < 8 && port.width <= 1u << port.shift);
		fdt_walk_string(fdt_node_name(f, port.node));
	}
	machine_gic(f, &gic);
	if (!machine_timer(f, 1000000, &timer) && gic.node >= 0 &&
	    machine_irq(f, gic.node, timer, TIMER_WIRE_VIRTUAL, &irq, &edge) == 0) {
		FUZZ_CHECK(irq >= GIC_PRIVATE && irq < GIC_SHARED + GIC_SHARED_COUNT);
	}
	fdt_walk_value((u32)machine_psci(f, &psci) + (u32)machine_vexpress(f, &pa) +
		       ram_has_alias(f));
	while (machine_next_cpu(f, &cpu)) {
		FUZZ_CHECK((cpu.mpidr & ~MACHINE_AFFINITY) == 0);
		fdt_walk_string(cpu.method);
	}
}

/* Both readers at the same offset: names and properties; the second blob may have more. */
static void compare(const void *blob, const struct fdt *f)
{
	int theirs = -1, depth = 0, our_depth = 0;
	fdt_node ours = FDT_START;

	while ((theirs = oracle_next_node(blob, theirs, &depth)) >= 0 && depth >= 0) {
		struct fdt_prop it = { .next = 0 };
		int offset, len;

		ours = fdt_next_node(f, ours, &our_depth);
		FUZZ_CHECK(ours == theirs);
		FUZZ_CHECK(strcmp(fdt_node_name(f, ours), fdt_get_name(blob, theirs, NULL)) == 0);
		fdt_for_each_property_offset(offset, blob, theirs)
		{
			const char *name;
			const void *data = fdt_getprop_by_offset(blob, offset, &name, &len);

			FUZZ_CHECK(fdt_next_prop(f, ours, &it) && strcmp(it.name, name) == 0);
			FUZZ_CHECK(it.len == (u32)len && memcmp(it.data, data, it.len) == 0);
		}
		FUZZ_CHECK(!fdt_next_prop(f, ours, &it));
	}
	FUZZ_CHECK(fdt_next_node(f, ours, &our_depth) < 0);
}

/* The copy: a tree by both readers, with what was asked for in it, and one reservation more. */
static void edit(const u8 *blob, size_t size, const struct fdt *f, bool whole)
{
	struct fdt_changes changes = { "bootargs", "selftest=*", 11, 0x12345000, 0x1000 };
	u32 room = (u32)size + FDT_EDIT_ROOM(changes.len);
	void *out = malloc(ALIGN_UP(room, 8u));
	phys_addr_t pa, bytes;
	struct fdt copy;
	int made = fdt_edit(blob, size, &changes, out, room);
	fdt_node chosen;
	bool found = false;

	if (made == -ENOSPC) { /* blocks that overlap are two in the copy */
		FUZZ_CHECK((u64)f->structs_size + f->strings_size + f->rsv_count * 16ull > size);
		free(out);
		return;
	}
	FUZZ_CHECK(made > 0 && (u32)made <= room);
	FUZZ_CHECK(fdt_open(&copy, out, (size_t)made) == 0);
	chosen = fdt_path_node(&copy, "/chosen");
	FUZZ_CHECK(strcmp(fdt_prop_string(&copy, chosen, "bootargs"), "selftest=*") == 0);
	for (u32 i = 0; fdt_rsv(&copy, i, &pa, &bytes) == 0; i++) {
		found |= pa == changes.taken && bytes == changes.bytes;
	}
	FUZZ_CHECK(found && copy.rsv_count == f->rsv_count + 1);
	if (whole) {
		FUZZ_CHECK(fdt_check_full(out, (size_t)made) == 0);
		compare(out, &copy);
	}
	free(out);
}

/* The entry that ends the reservations is all zeros (5.3); to libfdt any of no size will do. */
static bool reservations_end(const u8 *blob)
{
	static const u8 zeros[16];

	for (size_t at = fdt_be32(blob + 16); at + 16 <= fdt_totalsize(blob); at += 16) {
		if (memcmp(blob + at, zeros, 16) == 0) {
			return true;
		}
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	u8 *aligned, *base, *blob;
	struct fdt f;
	int error;
	bool whole;

	if (size < 1 + FDT_HEADER_SIZE) {
		return 0;
	}
	size--;
	base = malloc(size + (data[0] & 7));
	blob = base + (data[0] & 7);
	memcpy(blob, data + 1, size);
	aligned = fuzz_copy(data + 1, size);
	error = fdt_open(&f, blob, size);
	whole = fdt_check_full(aligned, size) == 0 && reservations_end(aligned);
	if (error == 0) {
		use_tree(&f);
		decide(&f);
		edit(blob, size, &f, whole);
	}
	if (whole) {
		/* Of version 16 libfdt does not ask where the strings end. */
		FUZZ_CHECK(error == 0 || error == -E2BIG || error == -ENOTSUP ||
			   fdt_be32(aligned + 20) < 17);
		if (error == 0) {
			compare(aligned, &f);
		}
	}
	free(aligned);
	free(base);
	return 0;
}
