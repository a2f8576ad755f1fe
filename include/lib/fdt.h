/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reader for flattened device trees (Devicetree Specification v0.4, chapter 5; standard
 * properties: chapter 2). The blob is untrusted and may lie at any alignment: fdt_open
 * checks all of it once, and after that no function here reads outside it, whatever the
 * arguments. The blob must not change while it is open.
 *
 * Everything is irq-safe: no allocation, no static state, no recursion. The code needs
 * neither MMU nor relocation, given -fpie and -mno-unaligned-access.
 *
 * Strings and property values returned are pointers into the blob; values are big-endian
 * and unaligned: read them by fdt_be32 and fdt_be64.
 */
#pragma once

#include <types.h>

#define FDT_MAX_DEPTH	32 /* levels of nodes, the root's included; deeper ones are refused */
#define FDT_MAX_CELLS	4  /* #address-cells and #size-cells beyond are refused */
#define FDT_HEADER_SIZE 40

/* A node's offset in the structure block; negative values are -Exxx. Root is 0 or more. */
typedef s32 fdt_node;

/* Where fdt_next_node and fdt_find_compatible begin, to get the root first. */
#define FDT_START ((fdt_node)-1)

/* An opened tree. All fields are fdt.c's own. */
struct fdt {
	const void *blob; /* all of it, fdt_total_size() bytes */
	const u8 *structs;
	const char *strings;
	const u8 *rsv;
	u32 structs_size;
	u32 strings_size; /* up to and with the last NUL */
	u32 rsv_count;
	fdt_node root;
};

/* A property, and the cursor of fdt_next_prop. */
struct fdt_prop {
	const char *name;
	const u8 *data;
	u32 len;
	u32 next; /* fdt.c's own; 0 starts */
};

/* Big-endian loads, any alignment. */
u32 fdt_be32(const void *p);
u64 fdt_be64(const void *p);

/*
 * From the first FDT_HEADER_SIZE readable bytes alone: how many bytes the blob says it
 * has. 0, or -EINVAL if this is no device tree.
 */
int fdt_total_size(const void *blob, u32 *bytes) __must_check;

/*
 * Checks a blob of which `avail` bytes are readable and fills *f. 0; -EINVAL: no magic, or
 * a malformed block; -ENOTSUP: versions 1-15 or not compatible to 17; -EOVERFLOW: it says
 * it is larger than avail; -E2BIG: nested deeper than FDT_MAX_DEPTH.
 */
int fdt_open(struct fdt *f, const void *blob, size_t avail) __must_check;

/* Nodes. -ENOENT where there is none, -EINVAL for what is not a node's offset. */
fdt_node fdt_root(const struct fdt *f);
fdt_node fdt_first_child(const struct fdt *f, fdt_node node);
fdt_node fdt_next_sibling(const struct fdt *f, fdt_node node);
/* Searches from the root: costs a walk over all before the node. */
fdt_node fdt_parent(const struct fdt *f, fdt_node node);
/*
 * All nodes from the root (chain[0]) down to `node`, in one walk over what lies before it.
 * Returns how many: 1 for the root itself.
 */
int fdt_ancestry(const struct fdt *f, fdt_node node, fdt_node chain[FDT_MAX_DEPTH]);
/*
 * The next in depth-first order, after FDT_START the root. *depth (unless NULL) follows: it is
 * set to 0 with the root, and is changed by as many levels as lie between later ones.
 */
fdt_node fdt_next_node(const struct fdt *f, fdt_node node, int *depth);
/* With its unit address; "" for the root. NULL if `node` is none. */
const char *fdt_node_name(const struct fdt *f, fdt_node node);

#define fdt_for_each_child(f, child, parent)                     \
	for ((child) = fdt_first_child(f, parent); (child) >= 0; \
	     (child) = fdt_next_sibling(f, child))

/*
 * By path, "/soc/uart@1c090000", or alias, "serial0" or "soc0/uart". A component without
 * unit address finds the first node of that name. The second form takes [path, path + len).
 */
fdt_node fdt_path_node(const struct fdt *f, const char *path);
fdt_node fdt_path_node_len(const struct fdt *f, const char *path, size_t len);

/*
 * The console that /chosen names in stdout-path (or the older linux,stdout-path), path or
 * alias. *options (unless NULL): what follows a ':' there, such as "115200n8"; "" if nothing.
 */
fdt_node fdt_stdout_node(const struct fdt *f, const char **options);

/* The node with that phandle (0 and ~0 are none: -ENOENT). Costs a walk. */
fdt_node fdt_by_phandle(const struct fdt *f, u32 phandle);
/* The first node behind `after` in depth-first order that is compatible; enabled or not. */
fdt_node fdt_find_compatible(const struct fdt *f, fdt_node after, const char *compatible);
bool fdt_is_compatible(const struct fdt *f, fdt_node node, const char *compatible);
/*
 * Whether it may be used: its status, and that of every node above it, is absent, "okay"
 * or "ok". (A CPU that is "disabled" is not off limits but asleep: read its status.)
 */
bool fdt_node_enabled(const struct fdt *f, fdt_node node);

/* Properties. The value and its length in bytes (len may be NULL), or NULL if absent. */
const void *fdt_prop(const struct fdt *f, fdt_node node, const char *name, u32 *len);
/* Steps through all of a node's: start with it->next = 0; false after the last. */
bool fdt_next_prop(const struct fdt *f, fdt_node node, struct fdt_prop *it);
/* 0, -ENOENT, or -EINVAL if it is not 4 bytes long. */
int fdt_prop_u32(const struct fdt *f, fdt_node node, const char *name, u32 *value) __must_check;
/* The first string in it; NULL if absent or without its NUL. */
const char *fdt_prop_string(const struct fdt *f, fdt_node node, const char *name);
/* Whether one string of a list equals `text`. An unterminated last one does not count. */
bool fdt_strings_have(const char *list, u32 len, const char *text);
bool fdt_prop_has_string(const struct fdt *f, fdt_node node, const char *name, const char *text);

/*
 * #address-cells and #size-cells that `node` sets for its children (2 and 1 if absent):
 * 0 to FDT_MAX_CELLS, or -EINVAL.
 */
int fdt_address_cells(const struct fdt *f, fdt_node node);
int fdt_size_cells(const struct fdt *f, fdt_node node);

/*
 * Entry `index` of reg, as written: in the address space of the node's parent. 0; -ENOENT:
 * no such entry; -EINVAL: cells or length make no sense; -EOVERFLOW: beyond 64 bits.
 */
int fdt_reg(const struct fdt *f, fdt_node node, u32 index, u64 *addr, u64 *size) __must_check;

/*
 * The same as a physical address: translated by each `ranges` up to the root (empty ones
 * leave it alone). Also -ENODEV: a bus above has no ranges, or none that holds the address;
 * -EOVERFLOW: it wraps. The size is as written, and may run over a bus's window, as it does in
 * real trees. Not checked against PHYS_END.
 */
int fdt_reg_phys(const struct fdt *f, fdt_node node, u32 index, phys_addr_t *pa,
		 phys_addr_t *size) __must_check;

/*
 * True if pa lies in a bank of a memory node (device_type "memory"): RAM, so not a device. What
 * /reserved-memory takes out of a bank by no-map may be one.
 */
bool fdt_is_memory(const struct fdt *f, phys_addr_t pa);

/* Entry `index` of the memory reservation block, physical. 0, or -ENOENT after the last. */
int fdt_rsv(const struct fdt *f, u32 index, phys_addr_t *pa, phys_addr_t *size) __must_check;
