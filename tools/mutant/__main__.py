# SPDX-License-Identifier: BSD-2-Clause
"""Entry for `python3 tools/mutant`: puts the packages on the path and hands over to cli.

Must never hold logic of its own.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from mutant import cli  # noqa: E402  (needs the path above)

if __name__ == "__main__":
    sys.exit(cli.main(sys.argv[1:]))
