"""Makes a failing program small: forms are dropped and replaced by what they contain while it goes on failing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Form = Any


def shrunk(forms: list[Form], fails: Callable[[list[Form]], bool], tries: int = 3_000) -> list[Form]:
    """A program that still fails and from which no single part can be taken away, or the best after so many tries."""
    while True:
        for smaller in _smaller(forms):
            tries -= 1
            if tries < 0:
                return forms
            if fails(smaller):
                forms = smaller
                break
        else:
            return forms


def _smaller(forms: list[Form]) -> Iterator[list[Form]]:
    """Programs with one part less: without a top-level form, or with a smaller one; large steps first."""
    for place in range(len(forms)):
        if len(forms) > 1:
            yield forms[:place] + forms[place + 1 :]
    for place, form in enumerate(forms):
        for other in _smaller_form(form):
            yield [*forms[:place], other, *forms[place + 1 :]]


def _smaller_form(form: Form) -> Iterator[Form]:
    if type(form) is str:
        if form not in ("nil", "0", "1") and not form.startswith(("&", ":", "~")):
            yield from ("nil", "1")
        return
    for part in form[1:]:
        if type(part) is not str or part[:1] not in "&~":
            yield part
    for size in (2, 1):
        for place in range(1, len(form) - size + 1):
            yield form[:place] + form[place + size :]
    for place in range(1, len(form)):
        for other in _smaller_form(form[place]):
            yield [*form[:place], other, *form[place + 1 :]]
