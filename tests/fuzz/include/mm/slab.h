/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's allocator for fuzz targets: the host's, so that ASan knows where an object ends. */
#pragma once

#include <stdlib.h>

#define KMALLOC_MAX   2048
#define kzalloc(size) calloc(1, size)
