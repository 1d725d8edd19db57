"""Types as values (language.md §12.5)."""

from __future__ import annotations

from typing import Any

from rtfs.eval.machine import RUN
from rtfs.eval.registry import builtin
from rtfs.lang.collections import Map
from rtfs.lang.conform import check, fits, problem
from rtfs.lang.names import Keyword
from rtfs.lang.schema import parse_type


def _type(form: Any) -> Any:
    """The type that a form of the calling program says; a map `{:k T …}` means `[:map {:k T …}]`."""
    if type(form) is Map:
        form = (Keyword("map"), form)
    run = RUN.get(None)
    tools = None if run is None else run.tools
    return parse_type(form, _nothing if tools is None else tools.find_type)


def _nothing(name: str) -> None:
    return None


@builtin(
    "validate",
    doc="(validate T x): x, if it has the type; otherwise a TypeValidationError.",
    example=("(validate [:vector :int] [1 2])", "[1 2]"),
)
def validate(form: Any, value: Any) -> Any:
    check(_type(form), value, "value", "standard")
    return value


@builtin("valid?", doc="(valid? T x): does x have the type?", example=('(valid? {:a :int} {:a "x"})', "false"))
def is_valid(form: Any, value: Any) -> bool:
    return bool(fits(_type(form), value))


@builtin(
    "explain",
    doc="(explain T x): the message of the error that validate would raise, or nil.",
    example=("(explain :int 3)", "nil"),
)
def explain(form: Any, value: Any) -> Any:
    found = problem(_type(form), value)
    return None if found is None else f"Type validation error: value: {found}"
