# SPDX-License-Identifier: BSD-2-Clause
"""Kernels that are wrong on purpose: each must be found by the test or rule that its entry names."""
