/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Included before everything in position-independent files: every symbol is in this image, and
 * nothing is recorded (arch/record.h), for they run before the MMU too.
 */
#pragma once

#define CONFIG_RECORD 0

#pragma GCC visibility push(hidden)
