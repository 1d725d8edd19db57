"""Types as values (language.md §12.5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtfs.eval.machine import RUN
from rtfs.eval.registry import builtin
from rtfs.lang.collections import Map
from rtfs.lang.conform import check, fits, problem
from rtfs.lang.errors import type_error
from rtfs.lang.names import Keyword
from rtfs.lang.schema import parse_type
from rtfs.lang.values import type_name


def type_of(form: Any, module: str) -> tuple[Any, str]:
    """The type that a form says in a module, and the level to check it at, which is standard at least (§12.4).

    A map `{:k T …}` means `[:map {:k T …}]`.
    """
    if type(form) is Map:
        form = (Keyword("map"), form)
    run = RUN.get(None)
    tools = None if run is None else run.tools
    if tools is None:
        return parse_type(form), "standard"
    parsed = parse_type(form, lambda name: tools.find_type(name, module), strict=tools.strict)
    return parsed, "strict" if tools.strict else "standard"


@builtin(
    "validate",
    doc="(validate T x): x, if it has the type; otherwise a TypeValidationError.",
    type="[:any a] a",
    example=("(validate [:vector :int] [1 2])", "[1 2]"),
)
def validate(form: Any, value: Any) -> Any:
    return _validate(form, value, "user")


@builtin(
    "valid?",
    doc="(valid? T x): does x have the type?",
    type="[:any :any] :bool",
    example=('(valid? {:a :int} {:a "x"})', "false"),
)
def is_valid(form: Any, value: Any) -> bool:
    return _is_valid(form, value, "user")


@builtin(
    "explain",
    doc="(explain T x): the message of the error that validate would raise, or nil.",
    type="[:any :any] :string?",
    example=("(explain :int 3)", "nil"),
)
def explain(form: Any, value: Any) -> Any:
    return _explain(form, value, "user")


@builtin(
    "rtfs/validate",
    doc="`validate`, `valid?` and `explain` as written in a module.",
    type="[:any :any :string :string] :any",
    example=('(rtfs/validate :int 3 "valid?" "user")', "true"),
)
def within(form: Any, value: Any, operation: Any, module: Any) -> Any:
    if type(operation) is not str or type(module) is not str:
        raise type_error("rtfs/validate", "string", type_name(module if type(operation) is str else operation))
    return _OPERATIONS.get(operation, _validate)(form, value, module)


def _validate(form: Any, value: Any, module: str) -> Any:
    parsed, level = type_of(form, module)
    check(parsed, value, "value", level)
    return value


def _is_valid(form: Any, value: Any, module: str) -> bool:
    parsed, level = type_of(form, module)
    return bool(fits(parsed, value, level))


def _explain(form: Any, value: Any, module: str) -> Any:
    parsed, level = type_of(form, module)
    found = problem(parsed, value, level)
    return None if found is None else f"Type validation error: value: {found}"


_OPERATIONS: dict[str, Callable[[Any, Any, str], Any]] = {"valid?": _is_valid, "explain": _explain}
