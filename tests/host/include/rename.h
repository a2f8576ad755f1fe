/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gives our functions other names where the host's C library, or libfdt, has one of the
 * same name. Included before everything else in the sources under test; a test that wants to
 * call *our* memcpy includes it itself, after check.h and before <lib/...>.
 */
#pragma once

#define memcpy		  fl_memcpy
#define memmove		  fl_memmove
#define memset		  fl_memset
#define memcmp		  fl_memcmp
#define memchr		  fl_memchr
#define strlen		  fl_strlen
#define strnlen		  fl_strnlen
#define strcmp		  fl_strcmp
#define strncmp		  fl_strncmp
#define strchr		  fl_strchr
#define strlcpy		  fl_strlcpy
#define vsnprintf	  fl_vsnprintf
#define snprintf	  fl_snprintf
#define fdt_next_node	  fl_fdt_next_node
#define fdt_address_cells fl_fdt_address_cells
#define fdt_size_cells	  fl_fdt_size_cells
