# SPDX-License-Identifier: BSD-2-Clause
"""Cards and disks for U-Boot: made as files, and written to devices only when asked twice.

image    a partitioned image from a folder of files      card    what is on a board's card
flash    which devices are refused, and what to type     __main__  the commands
"""
