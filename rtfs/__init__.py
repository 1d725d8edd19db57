"""rtfs: RTFS 2.0 for Python, a pure Lisp whose only effect is a host call.

The door: everything public is named here and imported when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from rtfs.host.budget import Budget
    from rtfs.host.marketplace import Marketplace
    from rtfs.lang.convert import from_python, to_python
    from rtfs.lang.errors import RtfsError
    from rtfs.lang.limits import Limits
    from rtfs.lang.names import Keyword, Symbol
    from rtfs.lang.outcome import Complete, HostCall, RequiresHost, RuntimeContext
    from rtfs.lang.printer import show
    from rtfs.session import Session, evaluate
    from rtfs.session import read_forms as read

__all__ = [
    "Budget",
    "Complete",
    "HostCall",
    "Keyword",
    "Limits",
    "Marketplace",
    "RequiresHost",
    "RtfsError",
    "RuntimeContext",
    "Session",
    "Symbol",
    "evaluate",
    "from_python",
    "read",
    "show",
    "to_python",
]

_HOMES = {
    "Budget": "rtfs.host.budget",
    "Complete": "rtfs.lang.outcome",
    "HostCall": "rtfs.lang.outcome",
    "Keyword": "rtfs.lang.names",
    "Limits": "rtfs.lang.limits",
    "Marketplace": "rtfs.host.marketplace",
    "RequiresHost": "rtfs.lang.outcome",
    "RtfsError": "rtfs.lang.errors",
    "RuntimeContext": "rtfs.lang.outcome",
    "Session": "rtfs.session",
    "Symbol": "rtfs.lang.names",
    "evaluate": "rtfs.session",
    "from_python": "rtfs.lang.convert",
    "read": "rtfs.session",
    "show": "rtfs.lang.printer",
    "to_python": "rtfs.lang.convert",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'rtfs' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(home), "read_forms" if name == "read" else name)
    globals()[name] = value
    return value
