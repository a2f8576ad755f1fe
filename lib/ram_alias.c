/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns which boards have their RAM at two addresses. Runs at any address, with the MMU off too.
 */
#include <lib/ram_alias.h>

bool ram_has_alias(const struct fdt *f)
{
	return fdt_prop_has_string(f, fdt_root(f), "compatible", "ti,keystone");
}
