/* SPDX-License-Identifier: BSD-2-Clause */
/* Unpacks DEFLATE (RFC 1951), as zlib and gzip write it, without their headers. */
#pragma once

#include <types.h>

/*
 * Unpacks in_bytes at in to out, which has room for out_bytes. 0: the stream ended, and filled out
 * exactly; what follows its last block is not looked at. -EINVAL: it is none, is cut off, or holds
 * more or less. Whatever the input, nothing outside out is written, and nothing outside in and out
 * is read. Any context; about 2 KiB of stack.
 */
int __must_check inflate_raw(const void *in, size_t in_bytes, void *out, size_t out_bytes);
