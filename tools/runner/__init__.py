# SPDX-License-Identifier: BSD-2-Clause
"""The harness: boots Fanlight, reads its serial stream, and never calls a doubt a pass.

stream    bytes in, facts out (pure)          elf     what the image says it holds
judge     facts + expectation -> verdict      table   boards and runs, read from TOML
terminal  folding for a person who watches    prepare DTBs, boot stubs, files a run needs
qemu      one QEMU process and its sockets    session one run from start to artifacts
layout    what always holds of @layout
bench     instruction counts beside targets   cli     the commands
"""
