"""How special forms are inferred, one file per family; being in the folder is the registration."""

from __future__ import annotations

import pkgutil
from importlib import import_module

_complete: list[bool] = []


def load() -> None:
    if not _complete:
        for module in pkgutil.iter_modules(__path__):
            import_module(f"{__name__}.{module.name}")
        _complete.append(True)
