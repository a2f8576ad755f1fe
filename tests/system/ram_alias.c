/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RAM at two addresses, as on TI's Keystone 2, for a QEMU that has no such machine. Preloaded into
 * it (LD_PRELOAD), where guest RAM is one shared mapping of a file, from physical 0: 2 GiB of the
 * same file, from 0x8_0000_0000 on, are mapped once more, over what would be at 0x80000000.
 *
 * Must never touch another mapping than the guest's RAM; a RAM without the alias is no RAM at all.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define ALIAS_LOW   0x80000000ul
#define ALIAS_REAL  0x800000000ul
#define ALIAS_BYTES 0x80000000ul

typedef void *mmap_function(void *addr, size_t len, int prot, int flags, int fd, off_t offset);

mmap_function mmap64;
void *mmap64(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	static mmap_function *next;
	char *ram;

	if (!next) {
		next = (mmap_function *)dlsym(RTLD_NEXT, "mmap64");
	}
	ram = next(addr, len, prot, flags, fd, offset);
	if (ram != MAP_FAILED && fd >= 0 && (flags & MAP_SHARED) &&
	    len >= ALIAS_REAL + ALIAS_BYTES &&
	    next(ram + ALIAS_LOW, ALIAS_BYTES, prot, MAP_FIXED | MAP_SHARED | MAP_NORESERVE, fd,
		 ALIAS_REAL) == MAP_FAILED) {
		perror("ram_alias");
		exit(EXIT_FAILURE);
	}
	return ram;
}

mmap_function mmap;
void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	return mmap64(addr, len, prot, flags, fd, offset);
}
