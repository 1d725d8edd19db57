"""Values that a type marks `^{:secret true}`: found by walking the type beside the value (host.md §6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rtfs.lang.collections import List, Map, PVector, vector
from rtfs.lang.names import Keyword
from rtfs.lang.pattern import unmeta
from rtfs.lang.values import is_vector

if TYPE_CHECKING:
    from rtfs.host.provider import Provider

Hide = Callable[[Any], Any]
_SECRET = Keyword("secret")


class Redaction:
    """What is secret in the arguments and the answer of one capability."""

    def __init__(self, provider: Provider, read: Callable[[str], Any] | None) -> None:
        from rtfs.host.adapt import parameters
        from rtfs.host.capability import input_form, output_form

        form, self._output = input_form(provider, read), output_form(provider, read)
        self._input = form if marked(form) else None
        self._fields = None if self._input is None else parameters(provider, read)

    def arguments(self, args: tuple[Any, ...], hide: Hide) -> tuple[Any, ...]:
        """The arguments of a call; one map goes by its keys, others by the order of the record's fields."""
        from rtfs.host.adapt import chosen

        form, fields = self._input, self._fields
        if form is None:
            return args
        if fields is None or (len(args) == 1 and type(args[0]) is Map):
            return tuple(hidden(form, arg, hide) for arg in args)
        extra = len(args) - sum(field.required for field in fields)
        if not 0 <= extra <= len(fields):
            return tuple(hide(arg) for arg in args)  # wrong input of a capability with secrets: nothing is shown
        entries = dict(_entries(unmeta(form)))
        pairs = zip(chosen(fields, extra), args, strict=False)
        return tuple(hidden(entries.get(field.key), arg, hide) for field, arg in pairs)

    def answer(self, value: Any, hide: Hide) -> Any:
        """The answer, of a generator each item."""
        return hidden(self._output, value, hide)


def marked(form: Any) -> bool:
    """Is there a secret anywhere in a type form? Iterative: types come from strangers."""
    waiting = [form]
    while waiting:
        part = waiting.pop()
        if part is not unmeta(part):
            if _is_secret(part):
                return True
            waiting.append(part[2])
        elif type(part) is Map:
            waiting.extend(item for entry in part.entries() for item in entry)
        elif type(part) in (tuple, PVector, List):
            waiting.extend(part)
    return False


def hidden(form: Any, value: Any, hide: Hide) -> Any:
    """The value with what the type form marks as secret replaced by `hide` of it.

    Where a union leaves open what a value is, every reading that marks something counts.
    """
    if not marked(form):
        return value
    if _is_secret(form):
        return hide(value)
    form = unmeta(form)
    if type(form) is Map:
        return _record(_entries(form), value, hide)
    if not is_vector(form) or not form or type(form[0]) is not Keyword:
        return value
    handler = _KINDS.get(form[0].name)
    return value if handler is None else handler(form, value, hide)


def _is_secret(form: Any) -> bool:
    """Is the form itself marked?"""
    while form is not unmeta(form):
        if type(form[1]) is Map and form[1].get(_SECRET) is True:
            return True
        form = form[2]
    return False


def _record(fields: list[tuple[Any, Any]], value: Any, hide: Hide) -> Any:
    if type(value) is not Map:
        return value
    forms = dict(fields)
    return Map.of([(key, hidden(forms[key], item, hide) if key in forms else item) for key, item in value.entries()])


def _map(form: Any, value: Any, hide: Hide) -> Any:
    return _record(_entries(form), value, hide)


def _entries(form: Any) -> list[tuple[Any, Any]]:
    """Key and type form of each entry of a record type."""
    if type(form) is Map:
        return list(form.entries())
    fields: list[tuple[Any, Any]] = []
    for part in form[1:]:
        secret, entry = _is_secret(part), unmeta(part)
        if type(entry) is Map:
            fields.extend(entry.entries())
        elif is_vector(entry) and len(entry) >= 2:
            typed = entry[2] if len(entry) == 3 and type(entry[1]) is Map else entry[1]
            fields.append((entry[0], List([part[0], part[1], typed]) if secret else typed))
    return fields


def _each(form: Any, value: Any, hide: Hide) -> Any:
    if type(value) is List:
        return List([hidden(form[1], item, hide) for item in value])
    return vector([hidden(form[1], item, hide) for item in value]) if is_vector(value) else value


def _tuple(form: Any, value: Any, hide: Hide) -> Any:
    if not is_vector(value):
        return value
    forms = [*form[1:], *[None] * len(value)]
    return vector([hidden(each, item, hide) for each, item in zip(forms, value, strict=False)])


def _map_of(form: Any, value: Any, hide: Hide) -> Any:
    if type(value) is not Map:
        return value
    return Map.of([(hidden(form[1], key, hide), hidden(form[2], item, hide)) for key, item in value.entries()])


def _any_of(form: Any, value: Any, hide: Hide) -> Any:
    for each in form[1:]:
        value = hidden(each, value, hide)
    return value


_KINDS: dict[str, Callable[[Any, Any, Hide], Any]] = {
    "map": _map,
    "record": _map,
    "vector": _each,
    "list": _each,
    "seq": _each,
    "array": _each,
    "tuple": _tuple,
    "map-of": _map_of,
    "dict": _map_of,
    "maybe": _any_of,
    "optional": _any_of,
    "union": _any_of,
    "or": _any_of,
    "and": _any_of,
}
