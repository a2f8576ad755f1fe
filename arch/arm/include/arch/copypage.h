/* SPDX-License-Identifier: BSD-2-Clause */
/* Copying and clearing one mapped page: page-aligned, not overlapping. irq-safe. */
#pragma once

void copy_page(void *to, const void *from);
void clear_page(void *to);
