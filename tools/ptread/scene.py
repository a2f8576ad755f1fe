# SPDX-License-Identifier: BSD-2-Clause
"""What the rules about the kernel's own data share: what they look at, and when they cannot tell."""

import contextlib
from dataclasses import dataclass

from .kernel import BadKernel

THREAD = "kernel/thread.c"


class Unjudged(Exception):
    """Not at this moment, and why."""


@dataclass
class Scene:
    """kernel: kernel.Kernel; running: {CPU: its running thread's View, by the kernel's number};
    ram_reused: another kernel ran in this RAM before, and what it left may lie in it."""
    kernel: object
    tables: object
    layout: object
    running: dict
    ram_reused: bool = False


def running_threads(kernel, threads):
    """{CPU number: View of its running thread}, from each CPU's TPIDRPRW; 0: it runs none yet."""
    found = {}
    for va in threads:
        if va and kernel.leaf(va):
            thread = kernel.struct(THREAD, "thread", va)
            found[thread.core.cpu] = thread
    return found


def held(lock):
    """A ticket lock (owner: who may enter, next: who comes)."""
    return lock.owner != lock.next


@contextlib.contextmanager
def settled(lock, what):
    """A list that cannot be followed while its lock is held is just being changed."""
    try:
        yield
    except BadKernel as error:
        if held(lock):
            raise Unjudged(f"{what} is being changed") from error
        raise


def live(scene, region):
    """{va: leaf} of a region."""
    return {leaf.va: leaf for leaf in scene.tables.leaves
            if leaf.half == 1 and region.start <= leaf.va < region.end}


def region_of(scene, name):
    region = scene.layout.find(name)
    if region is None:
        raise Unjudged(f"@layout has no {name}")
    return region


def threads(kernel):
    with settled(kernel.variable(THREAD, "all_lock"), "the list of threads"):
        yield from kernel.linked(kernel.variable(THREAD, "all_threads"), THREAD, "thread",
                                 "all_link")
