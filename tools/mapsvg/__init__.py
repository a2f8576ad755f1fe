# SPDX-License-Identifier: BSD-2-Clause
"""Draws the address space of a booted kernel from what it said on its serial port.

The log's @layout line gives the regions; `banks`, `kmaps`, `vmallocs` and `ptdump`, typed at the
monitor's prompt, give the memory and what the tables hold. Only @layout must be there.
"""
