"""Keep the bytecode of rtfs itself where Python is told not to (PYTHONDONTWRITEBYTECODE=1).

Without it every start would compile the whole package again, ten times as long as running a cached script takes. The
bytecode goes into our own cache, so nothing is written beside the sources.
"""

from __future__ import annotations

import marshal
import os
import sys
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import TYPE_CHECKING

from rtfs.loader import Cache, cache_key

if TYPE_CHECKING:
    from collections.abc import Sequence

_CACHE = Cache()


class Loader(SourceFileLoader):
    """Takes a module's code from the cache while its source file is as it was."""

    def get_code(self, fullname: str) -> CodeType | None:
        status = os.stat(self.path)
        key = cache_key("bytecode", fullname, self.path, f"{status.st_size}:{status.st_mtime_ns}:{sys.flags.optimize}")
        payload = _CACHE.load(key)
        if payload is not None:
            stored: CodeType = marshal.loads(payload)
            return stored
        code = super().get_code(fullname)
        if code is not None:
            _CACHE.store(key, marshal.dumps(code))
        return code


class Finder:
    """Finds modules of rtfs as Python does, and has `Loader` load them."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if not name.startswith("rtfs."):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = Loader(spec.loader.name, spec.loader.path)
        return spec


def keep() -> None:
    """From now on."""
    sys.meta_path.insert(0, Finder)
