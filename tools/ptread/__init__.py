# SPDX-License-Identifier: BSD-2-Clause
"""Reads a stopped kernel's page tables from outside and judges them.

Knows the architecture (ARM DDI 0406C, B3.6) and the @layout line, and shares neither code nor
constants with the kernel: it would not be a witness otherwise.
"""
