"""Names in the forms of steps that are written into each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rtfs.lang.collections import List, Map, vector
from rtfs.lang.names import Symbol
from rtfs.lang.values import is_vector

_FN = Symbol("fn")


def symbols(form: Any) -> Iterator[Symbol]:
    """Every symbol in a form."""
    if type(form) is Symbol:
        yield form
    elif type(form) is Map:
        for key, value in form.entries():
            yield from symbols(key)
            yield from symbols(value)
    elif type(form) is List or is_vector(form):
        for part in form:
            yield from symbols(part)


def bound_in(form: Any) -> Iterator[str]:
    """Every name that may be bound in a form: whatever stands in the vector behind the head of a list."""
    if type(form) is List:
        if len(form) > 2 and is_vector(form[1]):
            binders = form[1] if form[0] == _FN else form[1][::2]
            yield from (symbol.name for symbol in symbols(vector(binders)))
        for part in form:
            yield from bound_in(part)
    elif type(form) is Map:
        for key, value in form.entries():
            yield from bound_in(key)
            yield from bound_in(value)
    elif is_vector(form):
        for part in form:
            yield from bound_in(part)


def renamed(form: Any, names: Mapping[str, Any]) -> Any:
    """The form with other forms in place of names, wherever these stand."""
    if type(form) is Symbol:
        return names.get(form.name, form)
    if type(form) is List:
        return List([renamed(part, names) for part in form])
    if type(form) is Map:
        return Map.of([(renamed(key, names), renamed(value, names)) for key, value in form.entries()])
    if is_vector(form):
        return vector([renamed(part, names) for part in form])
    return form
