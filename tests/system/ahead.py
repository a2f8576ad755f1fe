# SPDX-License-Identifier: BSD-2-Clause
"""What takes long and is alone with its guest is under way while the other tests of its file run.

Owns: the threads of such beginnings. Bytes that are typed at QEMU go one at a time, so a whole kernel
over a line waits more than it works.
"""

import concurrent.futures
import contextlib


@contextlib.contextmanager
def ahead(request, test, begin):
    """Enters begin(**parameters) for each selected item of that test: {its name: what comes, a future}."""
    items = [item for item in request.session.items
             if item.path == request.path and item.originalname == test]
    begun = {item.name: begin(**(item.callspec.params if hasattr(item, "callspec") else {}))
             for item in items}
    with concurrent.futures.ThreadPoolExecutor(max(len(items), 1)) as pool:
        futures = {name: pool.submit(context.__enter__) for name, context in begun.items()}
        try:
            yield futures
        finally:
            for name, future in futures.items():
                if not future.exception():
                    begun[name].__exit__(None, None, None)

