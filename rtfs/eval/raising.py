"""What compiled code calls to throw, to catch, and to clean up."""

from __future__ import annotations

from functools import partial
from typing import Any

from rtfs.eval.fault import translate
from rtfs.eval.machine import RUN
from rtfs.lang.collections import Map
from rtfs.lang.errors import LimitError, Thrown, kebab
from rtfs.lang.names import Keyword
from rtfs.lang.printer import show, show_brief
from rtfs.lang.values import ErrorValue

_MESSAGE, _TYPE = Keyword("message"), Keyword("type")


def _printed(value: Any) -> str:
    try:
        return show(value)
    except LimitError:
        return show_brief(value)


def throw(value: Any) -> None:
    """Raise an error value again as it was, anything else as an ApplicationError (language.md §8.2)."""
    if type(value) is ErrorValue:
        raise value.error
    text, kind = value, None
    if type(value) is Map:
        text, named = value.raw.get(_MESSAGE), value.raw.get(_TYPE)
        kind = named.name if type(named) is Keyword else None
    message = text if type(text) is str else partial(_printed, value)
    raise Thrown(message, value, kind or "application-error")


def caught(raised: BaseException) -> ErrorValue:
    """The error value of what a `try` body raised; what no script may catch goes on."""
    error = translate(raised)
    raised.__context__ = None  # or Python would walk the chain of all that is handled whenever anything is raised
    if error is None:
        raise raised
    if not error.catchable:
        raise error
    return ErrorValue.of(error)


def matches(value: ErrorValue, text: str, is_keyword: bool) -> bool:
    """Does a catch clause of that kind, in kebab case, take the error (language.md §8.3)?"""
    error = value.error
    if (
        text == error.type
        or text == kebab(error.kind)
        or (error.base and error.base != "!" and text == kebab(error.base))
    ):
        return True
    return is_keyword and text in ("exception", "throwable")


def finish(raised: BaseException, cleanup: Any) -> None:
    """Run a `finally` after an error: an error inside replaces it, but never a limit error."""
    error = translate(raised)
    raised.__context__ = None
    if error is not None and error.catchable:
        cleanup()
        return
    run = RUN.get(None)
    if run is None or not run.may_clean_up(error or LimitError("Cancelled", "Cancelled")):
        return
    try:
        cleanup()
    except Exception as other:
        second = translate(other)
        if second is None:
            raise
        if not second.catchable:
            run.grace_over = True  # the first limit error goes on, and no further cleanup runs


HELPERS: dict[str, Any] = {
    "#throw": throw,
    "#caught": caught,
    "#matches": matches,
    "#finish": finish,
}
