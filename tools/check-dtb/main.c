/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What would the kernel do with this device tree? Built from the kernel's own sources for one split
 * of the address space; prints one JSON object. tools/check-dtb/check-dtb makes text of it.
 *
 *	check-dtb-3g [--append BOOTARGS] [--image ADDRESS] FILE
 *
 * Exit status: 0 it boots, 1 it does not, 2 this is no device tree (a message on stderr, no JSON).
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "report.h"

#include <errno.h>
#include <lib/string.h>
#include <mm/fdtmap.h>
#include <phys.h>

enum { EXIT_BOOTS, EXIT_DOES_NOT_BOOT, EXIT_BAD_INPUT };

#define FILE_MAX (64l << 20)

static void give_up(const char *path, const char *why)
{
	fprintf(stderr, "check-dtb: %s: %s\n", path, why);
	exit(EXIT_BAD_INPUT);
}

static void *read_file(const char *path, size_t *len)
{
	FILE *file = fopen(path, "rb");
	struct stat st;
	void *data;

	if (!file || fstat(fileno(file), &st) < 0) {
		fprintf(stderr, "check-dtb: ");
		perror(path);
		exit(EXIT_BAD_INPUT);
	}
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
		give_up(path, "not a file of a device tree's size");
	}
	data = malloc((size_t)st.st_size + 1); /* exact but for one: ASan sees what lies behind */
	if (!data) {
		give_up(path, "no memory");
	}
	*len = fread(data, 1, (size_t)st.st_size, file);
	if (*len != (size_t)st.st_size) {
		give_up(path, "cannot be read");
	}
	fclose(file);
	return data;
}

static void open_tree(struct fdt *f, const char *path, const void *data, size_t len)
{
	u32 says = 0;
	int error = fdt_open(f, data, len);

	if (error == -ENOTSUP) {
		give_up(path, "a device tree of a version that the kernel does not read");
	}
	if (error == -E2BIG) {
		give_up(path, "a device tree nested deeper than the kernel reads");
	}
	if (error == -EOVERFLOW) {
		if (len >= FDT_HEADER_SIZE && fdt_total_size(data, &says) == 0) {
			fprintf(stderr, "check-dtb: %s: truncated: %zu of %u bytes\n", path, len,
				says);
			exit(EXIT_BAD_INPUT);
		}
		give_up(path, "not a device tree blob: shorter than a header");
	}
	if (error && fdt_total_size(data, &says) < 0) {
		give_up(path, "not a device tree blob (dtc makes one of a .dts)");
	}
	if (error) {
		give_up(path, "a damaged device tree blob");
	}
	if (fdt_total_size(data, &says) == 0 && says > FDT_MAX_BYTES) {
		remark(REMARK_FATAL, "the device tree has %u bytes: the kernel takes %u", says,
		       FDT_MAX_BYTES);
	}
}

static void read_options(struct request *r, int argc, char **argv, const char **path)
{
	char *end;

	*path = NULL;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--append") == 0 && i + 1 < argc) {
			r->bootargs = argv[++i];
		} else if (strcmp(argv[i], "--image") == 0 && i + 1 < argc) {
			r->image_pa = strtoull(argv[++i], &end, 0);
			r->image_given = true;
			if (*end || end == argv[i] || !pa_is_aligned(r->image_pa, PAGE_SIZE) ||
			    r->image_pa > 0xffffffffull - SZ_2M) {
				give_up(argv[i], "not an address below 4 GiB that is a multiple of "
						 "4 KiB");
			}
		} else {
			*path = argv[i];
		}
	}
	if (!*path) {
		give_up(argv[0], "[--append BOOTARGS] [--image ADDRESS] FILE");
	}
}

int main(int argc, char **argv)
{
	struct request r = { .bootargs = NULL };
	struct fdt f;
	const char *path;
	size_t len;
	void *data;
	u32 fatal;

	read_options(&r, argc, argv, &path);
	data = read_file(path, &len);
	open_tree(&f, path, data, len);
	r.f = &f;
	if (!r.bootargs) {
		r.bootargs = fdt_prop_string(&f, fdt_path_node(&f, "/chosen"), "bootargs");
	}
	bootargs_parse(&r.args, r.bootargs);

	json_open(NULL, '{');
	json_text("file", path);
	json_text("model", fdt_prop_string(&f, fdt_root(&f), "model"));
	json_text("compatible", fdt_prop_string(&f, fdt_root(&f), "compatible"));
	json_text("bootargs", r.bootargs);
	report_console(&r);
	report_memory(&r);
	report_interrupts(&r);
	report_cpus(&r);
	report_rest(&r);
	report_remarks();
	json_close();
	free(data);
	fatal = remark_count(REMARK_FATAL);
	if (fflush(stdout) != 0) {
		give_up(path, "the answer cannot be written");
	}
	return fatal ? EXIT_DOES_NOT_BOOT : EXIT_BOOTS;
}
