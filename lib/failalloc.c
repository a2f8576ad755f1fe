/* SPDX-License-Identifier: BSD-2-Clause */
/* Owns who is asked whether an allocation fails. Holds nothing in a build without DEBUG. */
#include <failalloc.h>

#include <config.h>

#if CONFIG_DEBUG
bool (*failalloc_hook)(vaddr_t site);
#endif
