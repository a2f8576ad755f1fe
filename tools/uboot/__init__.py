# SPDX-License-Identifier: BSD-2-Clause
"""What U-Boot takes, and what is known of the boards that it runs on.

table   boards (hardware.toml), and their trees     fanlight.its, boot.cmd  sources of FIT and script
tree    device trees: whose, and which memory       uboot.mk  how make builds from them
"""
