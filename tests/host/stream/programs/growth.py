"""Runs a short program, then a long one; prints the value of the second and by how many bytes the memory grew for it.

Arguments: the two texts.
"""

from __future__ import annotations

import resource
import sys

import rtfs


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    session = rtfs.Session(limits=rtfs.Limits.unlimited(), context=rtfs.RuntimeContext.full())
    session.run(sys.argv[1])
    before = peak()
    value = session.run(sys.argv[2])
    print(rtfs.show(value), peak() - before)
    session.close()


main()
