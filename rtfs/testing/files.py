"""Which files hold tests, and where the modules are that these import."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from rtfs.loader import Files

SUFFIX = ".rtfs"
GLOBS = ("*_test.rtfs", "tests/*.rtfs", "*/tests/*.rtfs")


def is_test(path: str, globs: Iterable[str] = GLOBS) -> bool:
    """Does a file hold tests? A glob with a `/` is compared with the whole relative path, another with the name."""
    path = os.path.normpath(path).replace(os.sep, "/")
    name = path.rpartition("/")[2]
    return any(fnmatchcase(path if "/" in glob else name, glob.replace("**/", "*")) for glob in globs)


def below(folder: str, root: str, globs: Iterable[str] = GLOBS) -> Iterator[str]:
    """The test files below a folder in order, hidden folders left out; globs with a `/` count from `root` on."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = os.path.join(place, name)
            if name.endswith(SUFFIX) and is_test(os.path.relpath(path, root), globs):
                yield os.path.normpath(path)


def lookup(path: str, root: str) -> Files:
    """Modules of a test: beside it, in the folders above up to `root`, and where every program finds them."""
    folder = os.path.dirname(os.path.abspath(path))
    files = Files(folder)
    above, top = [], os.path.realpath(root)
    while os.path.realpath(folder) != top and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
        above.append(folder)
    if os.path.realpath(folder) == top:
        files.folders[1:1] = above
    return files
