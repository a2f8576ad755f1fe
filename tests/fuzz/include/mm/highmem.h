/* SPDX-License-Identifier: BSD-2-Clause */
/* Windows for fuzz targets: only what is copied through them; the target plays the memory. */
#pragma once

#include <mm/page.h>

void memcpy_from_page(void *to, struct page *page, u32 offset, u32 len);
