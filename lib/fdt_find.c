/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the ways to find a node: upwards, by path, alias, console, phandle, compatible.
 * Built on fdt.c's checked steps alone: must never touch the blob itself.
 */
#include <errno.h>
#include <lib/fdt.h>
#include <lib/string.h>

int fdt_ancestry(const struct fdt *f, fdt_node node, fdt_node chain[FDT_MAX_DEPTH])
{
	fdt_node at = FDT_START;
	int depth;

	while ((at = fdt_next_node(f, at, &depth)) >= 0 && at <= node) {
		chain[depth] = at;
		if (at == node) {
			return depth + 1;
		}
	}
	return -EINVAL;
}

fdt_node fdt_parent(const struct fdt *f, fdt_node node)
{
	fdt_node chain[FDT_MAX_DEPTH];
	int count = fdt_ancestry(f, node, chain);

	if (count < 0) {
		return count;
	}
	return count == 1 ? -ENOENT : chain[count - 2];
}

/* Whether a path's component means a node: its name, or its name without "@address". */
static bool name_matches(const char *name, const char *part, size_t len)
{
	return strncmp(name, part, len) == 0 &&
	       (name[len] == '\0' || (name[len] == '@' && !memchr(part, '@', len)));
}

/* Descends from node along [path, end), "soc/uart". Empty components do not count. */
static fdt_node path_descend(const struct fdt *f, fdt_node node, const char *path, const char *end)
{
	while (node >= 0) {
		const char *slash;
		size_t len;
		fdt_node child;

		while (path < end && *path == '/') {
			path++;
		}
		if (path == end) {
			break;
		}
		slash = memchr(path, '/', (size_t)(end - path));
		len = (size_t)((slash ? slash : end) - path);
		fdt_for_each_child(f, child, node) {
			if (name_matches(fdt_node_name(f, child), path, len)) {
				break;
			}
		}
		node = child;
		path += len;
	}
	return node;
}

/* The absolute path that /aliases gives for [name, name + len), or NULL. */
static const char *alias_path(const struct fdt *f, const char *name, size_t len)
{
	static const char aliases[] = "aliases";
	fdt_node node = path_descend(f, f->root, aliases, aliases + sizeof(aliases) - 1);
	struct fdt_prop it = { .next = 0 };

	while (fdt_next_prop(f, node, &it)) {
		if (strncmp(it.name, name, len) == 0 && it.name[len] == '\0') {
			const char *path = fdt_prop_string(f, node, it.name);

			return path && path[0] == '/' ? path : NULL;
		}
	}
	return NULL;
}

fdt_node fdt_path_node_len(const struct fdt *f, const char *path, size_t len)
{
	const char *end;
	fdt_node node = f->root;

	len = strnlen(path, len);
	if (len == 0) {
		return -EINVAL;
	}
	end = path + len;
	if (path[0] != '/') {
		const char *slash = memchr(path, '/', len);
		const char *alias;

		len = (size_t)((slash ? slash : end) - path);
		alias = alias_path(f, path, len);
		if (!alias) {
			return -ENOENT;
		}
		node = path_descend(f, node, alias, alias + strlen(alias));
		path += len;
	}
	return path_descend(f, node, path, end);
}

fdt_node fdt_path_node(const struct fdt *f, const char *path)
{
	return fdt_path_node_len(f, path, strlen(path));
}

fdt_node fdt_stdout_node(const struct fdt *f, const char **options)
{
	fdt_node chosen = fdt_path_node(f, "/chosen");
	const char *path = fdt_prop_string(f, chosen, "stdout-path");
	const char *colon;
	size_t len;

	if (!path) {
		path = fdt_prop_string(f, chosen, "linux,stdout-path");
	}
	if (!path) {
		return -ENOENT;
	}
	len = strlen(path);
	colon = strchr(path, ':');
	if (options) {
		*options = colon ? colon + 1 : path + len;
	}
	return fdt_path_node_len(f, path, colon ? (size_t)(colon - path) : len);
}

fdt_node fdt_by_phandle(const struct fdt *f, u32 phandle)
{
	fdt_node node = FDT_START;
	u32 value;

	if (phandle == 0 || phandle == UINT32_MAX) {
		return -ENOENT;
	}
	while ((node = fdt_next_node(f, node, NULL)) >= 0) {
		if (fdt_prop_u32(f, node, "phandle", &value) != 0 &&
		    fdt_prop_u32(f, node, "linux,phandle", &value) != 0) {
			continue;
		}
		if (value == phandle) {
			break;
		}
	}
	return node;
}

bool fdt_is_compatible(const struct fdt *f, fdt_node node, const char *compatible)
{
	return fdt_prop_has_string(f, node, "compatible", compatible);
}

fdt_node fdt_find_compatible(const struct fdt *f, fdt_node after, const char *compatible)
{
	fdt_node node = after;

	do {
		node = fdt_next_node(f, node, NULL);
	} while (node >= 0 && !fdt_is_compatible(f, node, compatible));
	return node;
}

/* A status that is there but is no string is not "okay" either. */
static bool status_okay(const struct fdt *f, fdt_node node)
{
	const char *status = fdt_prop(f, node, "status", NULL);

	if (!status) {
		return true;
	}
	status = fdt_prop_string(f, node, "status");
	return status && (strcmp(status, "okay") == 0 || strcmp(status, "ok") == 0);
}

bool fdt_node_enabled(const struct fdt *f, fdt_node node)
{
	fdt_node chain[FDT_MAX_DEPTH];
	int count;

	if (!status_okay(f, node)) {
		return false;
	}
	count = fdt_ancestry(f, node, chain);
	if (count < 0) {
		return false;
	}
	while (count > 0 && status_okay(f, chain[count - 1])) {
		count--;
	}
	return count == 0;
}
