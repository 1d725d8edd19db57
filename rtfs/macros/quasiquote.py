"""Templates become code that builds data: `` `(a ~b ~@c) `` is a call of `rtfs/concat` (language.md §9.2)."""

from __future__ import annotations

from typing import Any

from rtfs.lang.collections import List, Map, map_form, vector
from rtfs.lang.errors import ExpansionError, syntax_error
from rtfs.lang.names import Symbol
from rtfs.lang.pattern import map_pairs
from rtfs.lang.values import is_vector

_QUOTE, _LET, _CONCAT, _FRESH = Symbol("quote"), Symbol("let"), Symbol("rtfs/concat"), Symbol("rtfs/gensym")
_LIST, _VECTOR, _MAP = Symbol("rtfs/list"), Symbol("rtfs/vector"), Symbol("rtfs/map")
# builder of known parts → builder of one list of parts
_COLLECT: dict[Symbol, Symbol | None] = {_LIST: None, _VECTOR: Symbol("rtfs/vector-of"), _MAP: Symbol("rtfs/map-of")}
META = "rtfs/with-meta"  # the head of what the reader makes of `^{…} form`
_LEVELS = {"quasiquote": 1, "unquote": -1, "unquote-splicing": -1}


def lower(form: Any, module: str) -> Any:
    """Code whose value is the template `form`, written in `module`.

    SyntaxError for `~@` where there is nothing to splice into and for a map that stays odd.
    """
    template = _Template(module)
    code = _code(template.part(form, 1))
    if not template.fresh:
        return code
    bindings: list[Any] = []
    for name, local in template.fresh.items():
        bindings += [local, List((_FRESH, name[:-1]))]
    return List((_LET, vector(bindings), code))


def head(form: Any) -> str | None:
    """The name that a list begins with, None for other forms."""
    return form[0].name if type(form) is List and form and type(form[0]) is Symbol else None


class _Constant:
    """A part of a template in which nothing is computed."""

    __slots__ = ("form",)

    def __init__(self, form: Any) -> None:
        self.form = form


def _code(part: Any) -> Any:
    """Code for what `_Template.part` gives."""
    if type(part) is not _Constant:
        return part
    form = part.form
    return List((_QUOTE, form)) if type(form) in (Symbol, List) or is_vector(form) or type(form) is Map else form


class _Template:
    """One template: its home, and the locals that hold its fresh symbols (`x#` → local)."""

    def __init__(self, module: str) -> None:
        self.module = module
        self.fresh: dict[str, Symbol] = {}

    def part(self, form: Any, level: int) -> Any:
        """Code that builds the form, or a `_Constant`. Constants are new objects: their place is the macro's call."""
        kind = type(form)
        if kind is Symbol:
            return self._symbol(form, level)
        if kind is List:
            return self._list(form, level)
        if kind is Map:
            return self._sequence([part for pair in map_pairs(form) for part in pair], level, _MAP)
        if is_vector(form):
            return self._sequence(form, level, _VECTOR)
        return _Constant(form)

    def _symbol(self, symbol: Symbol, level: int) -> Any:
        name = symbol.name
        if level == 1 and len(name) > 1 and name[-1] == "#":
            if name not in self.fresh:
                self.fresh[name] = Symbol(f"{name}template")  # no text can name it: `#` ends a symbol
            return self.fresh[name]
        return _Constant(Symbol(name, symbol.module or self.module))

    def _list(self, form: List, level: int) -> Any:
        name = head(form)
        if name == _MAP.name:  # a map literal with `~@`: its parity is known only after splicing
            return self._sequence(form[1:], level, _MAP)
        if name not in _LEVELS:
            return self._sequence(form, level, _LIST)
        if level == 1 and name != "quasiquote":
            if len(form) != 2:
                raise syntax_error(name, f"expected one form, got {len(form) - 1}", form[0].span)
            if name == "unquote-splicing":
                raise syntax_error(name, "there is nothing to splice into", form[0].span)
            return form[1]
        return self._sequence(form, level + _LEVELS[name], _LIST)

    def _sequence(self, forms: Any, level: int, build: Symbol) -> Any:
        """Parts one after the other; those of `~@` are joined in."""
        pieces: list[Any] = []
        run: list[Any] = []
        for form in forms:
            if level == 1 and head(form) == "unquote-splicing" and len(form) == 2:
                if run:
                    pieces.append(_built(_LIST, run))
                    run = []
                pieces.append(form[1])
            else:
                run.append(self.part(form, level))
        if not pieces:
            return _constant(build, run) or _built(build, run)
        if run:
            pieces.append(_built(_LIST, run))
        joined = List((_CONCAT, *pieces))
        collect = _COLLECT[build]
        return joined if collect is None else List((collect, joined))


def _built(build: Symbol, parts: list[Any]) -> List:
    return List((build, *[_code(part) for part in parts]))


def _constant(build: Symbol, parts: list[Any]) -> _Constant | None:
    """The collection of constant parts; None when a part is computed, or a map's keys repeat (it keeps every pair)."""
    if build is _MAP and len(parts) % 2:
        raise odd_map(len(parts))
    if any(type(part) is not _Constant for part in parts):
        return None
    forms = [part.form for part in parts]
    if build is _LIST:
        made = List(forms)
        return None if head(made) == META else _Constant(made)  # quoting would take the metadata away
    if build is _VECTOR:
        return _Constant(vector(forms))
    result = map_form(list(zip(forms[::2], forms[1::2], strict=True)))
    return _Constant(result) if result.pairs is None else None


def odd_map(count: int) -> ExpansionError:
    return syntax_error("map", f"expected keys and values in turn, got {count} forms")


def as_data(form: Any) -> Any:
    """A quoted form as a value: without metadata (language.md §5.9), and every map has each key once (§1.6).

    Map literals with `~@`, which are read as lists, become maps; SyntaxError for one with an odd count (§9.2).
    The same form when there is nothing to do.
    """
    kind = type(form)
    if kind is List or kind is tuple or is_vector(form):
        name = head(form)
        if name == META and len(form) == 3:
            return as_data(form[2])
        parts = [as_data(part) for part in form]
        if name == _MAP.name:
            if len(parts) % 2 == 0:
                raise odd_map(len(parts) - 1)
            return Map.of(zip(parts[1::2], parts[2::2], strict=True))
        if all(new is old for new, old in zip(parts, form, strict=True)):
            return form
        return List(parts) if kind is List else vector(parts)
    if kind is Map:
        pairs = [(as_data(key), as_data(value)) for key, value in map_pairs(form)]
        changed = any(a is not c or b is not d for (a, b), (c, d) in zip(pairs, map_pairs(form), strict=True))
        return Map.of(pairs) if changed or form.pairs is not None else form
    return form
