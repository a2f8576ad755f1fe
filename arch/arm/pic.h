/* SPDX-License-Identifier: BSD-2-Clause */
/* Included before everything in position-independent files: every symbol is in this image. */
#pragma once

#pragma GCC visibility push(hidden)
