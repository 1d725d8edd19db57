"""The table of builtins: a file of the folder `builtins` is a topic, a decorated function an entry."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import FunctionType
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

BUILTINS: dict[str, Any] = {}  # name or alias → function or constant
TOPICS: dict[str, str] = {}  # name or alias → topic
DOCS: dict[str, tuple[str, tuple[str, str]]] = {}  # primary name → (documentation, (example, what it prints))
PRIMARY: dict[str, str] = {}  # name or alias → primary name
TYPES: dict[str, str] = {}  # primary name → what it takes and gives, as text


def builtin(*names: str, doc: str, type: str, example: tuple[str, str]) -> Callable[[F], F]:
    """Register a function under its names; the Python signature is the arity, the first name the one errors show.

    `type` is for the static checker (rtfs/check/signature.py): `[:string :int] :string`, once for each arity or kind.
    """

    def register(function: F) -> F:
        primary = names[0]
        function.__name__ = function.__qualname__ = primary
        function.rtfs_name = primary  # type: ignore[attr-defined]
        topic = function.__module__.rpartition(".")[2]
        for name in names:
            BUILTINS[name] = function
            TOPICS[name] = topic
            PRIMARY[name] = primary
        DOCS[primary] = (doc, example)
        TYPES[primary] = type
        return function

    return register


def constant(name: str, value: Any, topic: str, *, doc: str, type: str, example: tuple[str, str]) -> None:
    """Register a value of a type that is no function, such as `math/pi`."""
    BUILTINS[name] = value
    TOPICS[name] = topic
    PRIMARY[name] = name
    DOCS[name] = (doc, example)
    TYPES[name] = type


def load_topic(topic: str) -> None:
    import_module(f"rtfs.eval.builtins.{topic}")


def load_all() -> dict[str, Any]:
    """All builtins by name."""
    from pkgutil import iter_modules

    from rtfs.eval import builtins

    for module in iter_modules(builtins.__path__):
        load_topic(module.name)
    return BUILTINS


def arity_of(name: str) -> tuple[int, int | None]:
    """Least and greatest argument count of a builtin, None when unbounded. KeyError when there is no such function."""
    function = BUILTINS[name]
    if type(function) is not FunctionType:
        raise KeyError(name)
    code = function.__code__
    low = code.co_argcount - len(function.__defaults__ or ())
    return low, None if code.co_flags & 4 else code.co_argcount
