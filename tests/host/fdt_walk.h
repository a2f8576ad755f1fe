/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asks the device tree reader all that it can be asked about a node, and reads every byte of the
 * answers, so that ASan sees one that lies outside the blob. What does not hold of an answer ends
 * in bug(), of rule fdt.walk: the fuzzer's and the host tests' alike.
 */
#pragma once

#include "rename.h"

#include <lib/fdt.h>

/* Every byte; so that no read is optimised away. s may be NULL. */
void fdt_walk_bytes(const void *data, size_t len);
void fdt_walk_string(const char *s);
/* For what is no pointer. */
void fdt_walk_value(u64 value);

/* What is near the node. Any handle will do, also one that nobody gave out. */
void fdt_walk_node(const struct fdt *f, fdt_node node);
/* What takes walks over the tree. A node that is there. */
void fdt_walk_from(const struct fdt *f, fdt_node node);
/* The whole tree: each node's, and from the first `most` of those that `chosen` takes. */
void fdt_walk_tree(const struct fdt *f, int most, bool (*chosen)(void));
