/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns addresses in device trees: cells, reg, and their translation through ranges
 * (Devicetree Specification v0.4, 2.3.5, 2.3.6, 2.3.8). Must never guess: an address that
 * a bus does not map is an error, not an identity.
 */
#include <errno.h>
#include <lib/fdt.h>

/* Up to FDT_MAX_CELLS cells as one number: what is above its low 64 bits names a space. */
struct wide {
	u64 top;
	u64 low;
};

/* Reads `cells` cells at *p and steps over them. */
static struct wide wide_load(const u8 **p, int cells)
{
	struct wide w = { 0, 0 };

	for (; cells > 0; cells--, *p += 4) {
		w.top = w.top << 32 | w.low >> 32;
		w.low = w.low << 32 | fdt_be32(*p);
	}
	return w;
}

static int cells_prop(const struct fdt *f, fdt_node node, const char *name, u32 cells)
{
	int err = fdt_prop_u32(f, node, name, &cells);

	if ((err && err != -ENOENT) || cells > FDT_MAX_CELLS) {
		return -EINVAL;
	}
	return (int)cells;
}

int fdt_address_cells(const struct fdt *f, fdt_node node)
{
	return cells_prop(f, node, "#address-cells", 2);
}

int fdt_size_cells(const struct fdt *f, fdt_node node)
{
	return cells_prop(f, node, "#size-cells", 1);
}

/*
 * Whether len is a multiple of entry. By subtraction: this code also runs on CPUs that
 * have no divide instruction, to say that they are refused.
 */
static bool whole_entries(u32 len, u32 entry)
{
	while (len >= entry) {
		len -= entry;
	}
	return len == 0;
}

/* Entry `index` of node's reg, in the address space that `parent` gives its children. */
static int reg_entry(const struct fdt *f, fdt_node parent, fdt_node node, u32 index,
		     struct wide *addr, u64 *size)
{
	int address_cells = fdt_address_cells(f, parent);
	int size_cells = fdt_size_cells(f, parent);
	u32 len, entry;
	const u8 *p = fdt_prop(f, node, "reg", &len);
	struct wide wide_size;

	if (!p) {
		return -ENOENT;
	}
	if (address_cells <= 0 || size_cells < 0) {
		return -EINVAL;
	}
	entry = 4 * (u32)(address_cells + size_cells);
	if (!whole_entries(len, entry)) {
		return -EINVAL;
	}
	if (index >= len || (u64)(index + 1) * entry > len) {
		return -ENOENT;
	}
	p += index * entry;
	*addr = wide_load(&p, address_cells);
	wide_size = wide_load(&p, size_cells);
	*size = wide_size.low;
	return wide_size.top ? -EOVERFLOW : 0;
}

/*
 * Translates addr from the space of bus's children to that of bus itself, a child of
 * `parent`. An address of three or four cells lies in a range only if all cells above the
 * low 64 bits agree: so a PCI space is never taken for another. Only the first byte must lie
 * in a range: in real trees sizes do run over their bus's window (gpmc and dwc3 of TI's).
 */
static int translate(const struct fdt *f, fdt_node parent, fdt_node bus, struct wide *addr)
{
	int child_cells = fdt_address_cells(f, bus);
	int size_cells = fdt_size_cells(f, bus);
	int parent_cells = fdt_address_cells(f, parent);
	u32 len, entry;
	const u8 *p = fdt_prop(f, bus, "ranges", &len);
	const u8 *end;

	if (!p) {
		return -ENODEV;
	}
	if (len == 0) {
		return 0;
	}
	end = p + len;
	if (child_cells <= 0 || parent_cells <= 0 || size_cells <= 0) {
		return -EINVAL;
	}
	entry = 4 * (u32)(child_cells + parent_cells + size_cells);
	if (!whole_entries(len, entry)) {
		return -EINVAL;
	}
	while (p < end) {
		struct wide child = wide_load(&p, child_cells);
		struct wide to = wide_load(&p, parent_cells);
		struct wide length = wide_load(&p, size_cells);
		u64 offset = addr->low - child.low;

		if (addr->top == child.top && addr->low >= child.low && length.top == 0 &&
		    offset < length.low) {
			addr->top = to.top;
			addr->low = to.low + offset;
			return addr->low < offset ? -EOVERFLOW : 0;
		}
	}
	return -ENODEV;
}

int fdt_reg(const struct fdt *f, fdt_node node, u32 index, u64 *addr, u64 *size)
{
	struct wide wide;
	fdt_node parent = fdt_parent(f, node);
	int err;

	if (parent < 0) {
		return parent;
	}
	err = reg_entry(f, parent, node, index, &wide, size);
	if (err) {
		return err;
	}
	*addr = wide.low;
	return wide.top ? -EOVERFLOW : 0;
}

int fdt_reg_phys(const struct fdt *f, fdt_node node, u32 index, phys_addr_t *pa, phys_addr_t *size)
{
	fdt_node chain[FDT_MAX_DEPTH];
	struct wide addr;
	int up = fdt_ancestry(f, node, chain) - 2; /* chain[up]: the parent */
	int err;

	if (up < 0) {
		return up == -1 ? -ENOENT : -EINVAL;
	}
	err = reg_entry(f, chain[up], node, index, &addr, size);
	for (; !err && up > 0; up--) {
		err = translate(f, chain[up - 1], chain[up], &addr);
	}
	if (err) {
		return err;
	}
	if (addr.top || (*size && addr.low + (*size - 1) < addr.low)) {
		return -EOVERFLOW;
	}
	*pa = addr.low;
	return 0;
}

/*
 * Whether pa is in the reg of one of parent's children: of memory nodes, or of those that are
 * no-map.
 */
static bool child_holds(const struct fdt *f, fdt_node parent, bool nomap, phys_addr_t pa)
{
	phys_addr_t start, size;
	fdt_node node;

	fdt_for_each_child(f, node, parent) {
		if (nomap ? !fdt_prop(f, node, "no-map", NULL) :
			    !fdt_prop_has_string(f, node, "device_type", "memory")) {
			continue;
		}
		for (u32 i = 0; fdt_reg_phys(f, node, i, &start, &size) == 0; i++) {
			if (pa >= start && pa - start < size) {
				return true;
			}
		}
	}
	return false;
}

bool fdt_is_memory(const struct fdt *f, phys_addr_t pa)
{
	return child_holds(f, fdt_root(f), false, pa) &&
	       !child_holds(f, fdt_path_node(f, "/reserved-memory"), true, pa);
}
