# SPDX-License-Identifier: BSD-2-Clause
"""The kernel's own account of what is mapped, held against the live entries.

A rule (windows.py, areas.py, image.py) is a generator like those of rules.py, over a Scene. The guest was
stopped at any moment, so each says which steps in between it allows, and by what it sees that the
kernel is in one: a lock that is held, a thread that is being switched. Unjudged: it cannot tell now.
"""

from . import areas, image, windows
from .kernel import BadKernel
from .rules import Problem
from .scene import Unjudged

RULES = windows.RULES + areas.RULES + image.RULES


def judge(scene):
    """([Problem], [(rule, why it was not judged)])"""
    problems, unjudged = [], []
    for rule in RULES:
        try:
            problems += rule(scene)
        except Unjudged as why:
            unjudged.append((name(rule), str(why)))
        except BadKernel as what:
            problems.append(Problem(name(rule), 0, str(what)))
    return problems, unjudged


def name(rule):
    """The word by which its problems are known."""
    return rule.__doc__.split(":")[0]
