/* SPDX-License-Identifier: BSD-2-Clause */
/* Thumb instructions as data. */
#pragma once

/*
 * Text in which each BL holds the low bits of its callee's address, as tools/pack.py made it,
 * becomes text that runs at that place. Both ends are half-word aligned. The caller sees to caches.
 */
void calls_are_relative(void *text, const void *end);
