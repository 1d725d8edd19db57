"""Error values: making them, raising them, looking into them (language.md §8)."""

from __future__ import annotations

from typing import Any

from rtfs.eval.registry import builtin
from rtfs.lang.collections import Map
from rtfs.lang.errors import EvaluationError, RtfsError
from rtfs.lang.names import Keyword
from rtfs.lang.printer import show
from rtfs.lang.values import ErrorValue, wrong_kind

_TYPE = Keyword("type")


def _made(message: Any, data: Any, base: str | None = None) -> RtfsError:
    """An ApplicationError that was not raised yet; its type may come from `data`."""
    text = message if type(message) is str else show(message)
    named = data.get(_TYPE) if type(data) is Map else None
    kind = named.name if type(named) is Keyword else None
    return EvaluationError("ApplicationError", text, data=data, type=kind, base=base)


def _constructor(name: str, base: str | None) -> None:
    def make(message: Any, data: Any = None) -> ErrorValue:
        return ErrorValue.of(_made(message, data, base))

    doc = "An error value with a message and data; it is not raised."
    builtin(
        name,
        doc=doc,
        type="[:any] :error [:any :any] :error",
        example=(f'({name} "bad" {{:n 1}})', '#<error :application-error "bad">'),
    )(make)


_constructor("ex-info", None)
_constructor("Exception.", None)
_constructor("RuntimeError.", "RuntimeError")
_constructor("HostError.", "HostError")
_constructor("ValidationError.", "ValidationError")


@builtin(
    "error",
    doc="Raises an error with a message and data.",
    type="[:any] :never [:any :any] :never",
    example=('(try (error "bad") (catch e (ex-message e)))', '"bad"'),
)
def error(message: Any, data: Any = None) -> None:
    raise _made(message, data)


@builtin(
    "ex-message",
    doc="The message of an error, nil of anything else.",
    type="[:any] :string?",
    example=('(ex-message (ex-info "m"))', '"m"'),
)
def ex_message(value: Any) -> Any:
    return value.error.message if type(value) is ErrorValue else None


@builtin(
    "ex-data",
    doc="The data of an error, nil of anything else.",
    type="[:any] :any",
    example=('(ex-data (ex-info "m" {:n 1}))', "{:n 1}"),
)
def ex_data(value: Any) -> Any:
    return value.error.data if type(value) is ErrorValue else None


@builtin(
    "ex-type",
    doc="The type of an error, nil of anything else.",
    type="[:any] :keyword?",
    example=('(ex-type (ex-info "m"))', ":application-error"),
)
def ex_type(value: Any) -> Any:
    return Keyword(value.error.type) if type(value) is ErrorValue else None


@builtin(
    "getMessage",
    doc="The message of an error.",
    type="[:error] :string",
    example=('(.getMessage (ex-info "m"))', '"m"'),
)
def get_message(value: Any) -> Any:
    if type(value) is not ErrorValue:
        raise wrong_kind("getMessage", "error", value)
    return value.error.message
