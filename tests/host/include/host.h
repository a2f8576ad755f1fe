/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Included before everything else in every host build. Lets the C library define its own
 * reserved words first, so that include/types.h may define ours.
 */
#pragma once

#include <stdint.h>
#include <stdlib.h>

#undef __always_inline
