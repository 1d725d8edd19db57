"""How the tests of the reader read: `shown` the forms as text, `problems` the errors as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rtfs.lang.errors import ReadError
from rtfs.lang.printer import show_form
from rtfs.lang.source import Source
from rtfs.parser.reader import read


@pytest.fixture
def shown() -> Callable[[str], str]:
    """All forms of a text, printed, separated by one space."""
    return lambda text: " ".join(show_form(form) for form in read(Source("test", text)).forms)


@pytest.fixture
def only() -> Callable[[str], Any]:
    """The one form of a text."""

    def one(text: str) -> Any:
        (form,) = read(Source("test", text)).forms
        return form

    return one


@pytest.fixture
def problems() -> Callable[[str], list[str]]:
    """Every error of a text as `CODE LINE:COLUMN-LINE:COLUMN MESSAGE | NOTE | NOTE`."""

    def told(text: str) -> list[str]:
        with pytest.raises(ReadError) as caught:
            read(Source("test", text))
        assert caught.value is caught.value.errors[0]
        assert {error.kind for error in caught.value.errors} == {"ParseError"}
        return [
            f"{error.code[5:]} {repr(error.span).removeprefix('test:')} " + " | ".join([error.message, *error.notes])
            for error in caught.value.errors
        ]

    return told
