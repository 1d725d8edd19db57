"""Special forms, one file per family: a form is registered by being defined in a file of this folder."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtfs.eval.compiler import Special

SPECIAL: dict[str, Special] = {}
_complete = False


def special(*names: str, statement: bool = False) -> Callable[[Special], Special]:
    """Register a special form. A `statement` form is given a temporary to assign when its value is wanted."""

    def register(function: Special) -> Special:
        function.statement = statement  # type: ignore[attr-defined]
        for name in names:
            SPECIAL[name] = function
        return function

    return register


def load() -> dict[str, Special]:
    """The table of all special forms."""
    global _complete
    if not _complete:
        for module in pkgutil.iter_modules(__path__):
            import_module(f"{__name__}.{module.name}")
        _complete = True
    return SPECIAL
