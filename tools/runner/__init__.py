# SPDX-License-Identifier: BSD-2-Clause
"""The harness: boots Fanlight, reads its serial stream, and never calls a doubt a pass.

stream    bytes in, facts out (pure)          elf     what the image says it holds
judge     facts + expectation -> verdict      table   boards and runs, read from TOML
terminal  folding for a person who watches    prepare DTBs, boot stubs, files a run needs
qemu      one QEMU process and its sockets    session one run from start to artifacts
watch     how long silence is borne           layout  what always holds of @layout
port      one serial port of this machine     board   a board behind it, in QEMU's place
cable     make test-board                     lava    jobs for a farm, and its logs
source    a failed check's line of source
bench     instruction counts beside targets   cli     the commands
"""
