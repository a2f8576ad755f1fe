# SPDX-License-Identifier: BSD-2-Clause
"""Debian's LPAE Linux, on the QEMU that Fanlight runs on: to measure and to look at beside ours.

    packages.py  what is fetched, and what is built for it: module, first program, initrd
    guest.py     one boot of it
"""
