# SPDX-License-Identifier: BSD-2-Clause
"""`make load`: Fanlight into a board that has U-Boot, over nothing but a serial cable.

port     the line: opened for us alone, and every way it can fail has a name
ymodem   the sending side           uboot   U-Boot's prompt: commands with answers
memory   U-Boot's idea of the RAM, beside the tree's
load     the way from reset to bootz   after    the terminal, or the log, behind it
"""
