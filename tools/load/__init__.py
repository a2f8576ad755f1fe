# SPDX-License-Identifier: BSD-2-Clause
"""`make load`: Fanlight into a board that has U-Boot, over nothing but a serial cable.

line     what comes, kept to look for things in; the port itself is the runner's
ymodem   the sending side           uboot   U-Boot's prompt: commands with answers
memory   U-Boot's idea of the RAM, beside the tree's
load     the way from reset to bootz   after    the terminal, or the log, behind it
"""
