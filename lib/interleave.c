/* SPDX-License-Identifier: BSD-2-Clause */
/* Owns who is asked at the named points. Must never hold anything in a build without DEBUG. */
#include <interleave.h>

#if CONFIG_DEBUG
void (*interleave_hook)(enum interleave_point point);
#endif
