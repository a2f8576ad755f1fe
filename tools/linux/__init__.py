# SPDX-License-Identifier: BSD-2-Clause
"""Debian's LPAE Linux, on the QEMU that Fanlight runs on: to measure and to look at beside ours.

    packages.py  what is fetched, and what is built for it: module, first program, initrd
    guest.py     one boot of it
    measure.py   the boots of a measurement, and what they say
    record.py    a measurement as data: measured.json, which the benchmarks of ours read
    beside.py    `make bench-linux`: Linux's figures, ours, ratio
"""
