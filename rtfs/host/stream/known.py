"""What is known of a step before it runs: the values it captured, and so which of its branches are never taken.

A parameter that an operator was not given, a choice between two ways to count: most tests of a step ask for such
things, and always find the same answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from rtfs.lang.collections import List, Map, vector
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.values import is_vector

_PLAIN = frozenset({int, bool, type(None), Keyword})
_CORE = frozenset({"let", "do", "fn", "loop", "recur", "throw"})
_ELSE = Keyword("else")
LONGEST = 100  # characters of a text that is written out


class Known(NamedTuple):
    """values: of names that stand for them wherever they occur. hidden: what the form binds, so that it means nothing
    of the library there. is_function: has the library a function of that name?
    """

    values: Mapping[str, Any]
    hidden: frozenset[str]
    is_function: Callable[[str], bool]

    def settled(self, form: Any) -> Any:
        """The form with known values in it, and without what they rule out. It means the same."""
        if type(form) is Symbol:
            return self._written(form)
        if type(form) is Map:
            return Map.of([(self.settled(key), self.settled(value)) for key, value in form.entries()])
        if is_vector(form):
            return vector([self.settled(part) for part in form])
        if type(form) is not List or not form:
            return form
        name = form[0].name if type(form[0]) is Symbol else ""
        if name in _RULES and name not in self.hidden:
            return _RULES[name](self, form)
        # what stands in another macro may be no form: `(-> x (and y))`
        if not name or name in self.values or name in self.hidden or name in _CORE or self.is_function(name):
            return List([self.settled(part) for part in form])
        return form

    def _written(self, symbol: Symbol) -> Any:
        """A known value in place of its name where it can be written."""
        value = self.values.get(symbol.name, symbol)
        return value if type(value) in _PLAIN or (type(value) is str and len(value) <= LONGEST) else symbol

    def truth(self, form: Any) -> bool | None:
        """Does a settled form give something true? None when that is not known."""
        if type(form) is Symbol:
            if form.name in self.values:
                value = self.values[form.name]
                return value is not None and value is not False
            return True if form.name not in self.hidden and self.is_function(form.name) else None
        if type(form) in _PLAIN or type(form) is str:
            return form is not None and form is not False
        return None


def _if(known: Known, form: List) -> Any:
    parts = List([form[0], *(known.settled(part) for part in form[1:])])
    truth = known.truth(parts[1]) if len(form) == 4 else None
    return parts if truth is None else parts[2 if truth else 3]


def _and(known: Known, form: List) -> Any:
    return _row(known, form, ends=False)


def _or(known: Known, form: List) -> Any:
    return _row(known, form, ends=True)


def _row(known: Known, form: List, *, ends: bool) -> Any:
    """Without the parts that cannot be what it gives, up to the first one that must be."""
    parts: list[Any] = []
    for place, part in enumerate(form[1:], 2):
        settled = known.settled(part)
        truth = known.truth(settled)
        if truth is ends or place == len(form):
            parts.append(settled)
            break
        if truth is None:
            parts.append(settled)
    return parts[0] if len(parts) == 1 else List([form[0], *parts])


def _cond(known: Known, form: List) -> Any:
    if len(form) % 2 == 0:
        return form
    pairs: list[Any] = []
    for test, value in zip(form[1::2], form[2::2], strict=True):
        settled = known.settled(test)
        truth = known.truth(settled)
        if truth and not pairs:
            return known.settled(value)
        if truth is not False:
            pairs += [_ELSE if truth else settled, known.settled(value)]
        if truth:
            break
    return List([form[0], *pairs]) if pairs else None


def _is_nil(known: Known, form: List) -> Any:
    asked = known.settled(form[1]) if len(form) == 2 else form
    if type(asked) is Symbol and known.truth(asked):
        return False
    return asked is None if _is_plain(asked) else List([form[0], *map(known.settled, form[1:])])


def _not(known: Known, form: List) -> Any:
    asked = known.settled(form[1]) if len(form) == 2 else form
    truth = known.truth(asked)
    return List([form[0], *map(known.settled, form[1:])]) if truth is None else not truth


def _equal(known: Known, form: List) -> Any:
    parts = [known.settled(part) for part in form[1:]]
    if len(parts) == 2 and all(map(_is_plain, parts)) and (type(parts[0]) is type(parts[1]) or None in parts):
        return parts[0] is parts[1] if None in parts else bool(parts[0] == parts[1])
    return List([form[0], *parts])


def _is_plain(form: Any) -> bool:
    return type(form) in _PLAIN


_RULES: dict[str, Callable[[Known, List], Any]] = {
    "if": _if, "and": _and, "or": _or, "cond": _cond, "nil?": _is_nil, "not": _not, "=": _equal,
}  # fmt: skip
