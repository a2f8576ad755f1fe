# SPDX-License-Identifier: BSD-2-Clause
"""The checks of `make check`; the driver is the file `check` beside this one."""
