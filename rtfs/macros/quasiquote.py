"""Templates become code that builds data: `` `(a ~b ~@c) `` is a call of `rtfs/concat` (language.md §9.2)."""

from __future__ import annotations

from typing import Any

from rtfs.lang.collections import List, Map
from rtfs.lang.errors import syntax_error
from rtfs.lang.names import Symbol
from rtfs.lang.pattern import map_pairs
from rtfs.lang.values import is_vector

_QUOTE = Symbol("quote")
_LIST, _VECTOR, _MAP = Symbol("rtfs/list"), Symbol("rtfs/vector"), Symbol("rtfs/map")
_CONCAT, _VEC_OF, _MAP_OF = Symbol("rtfs/concat"), Symbol("rtfs/vector-of"), Symbol("rtfs/map-of")
_LEVELS = {"quasiquote": 1, "unquote": -1, "unquote-splicing": -1}


def lower(form: Any, module: str) -> Any:
    """Code whose value is the template `form` of a macro in `module`."""
    template = _Template(module)
    code = template.part(form, 1)
    if not template.fresh:
        return code
    bindings: list[Any] = []
    for name, local in template.fresh.items():
        bindings += [local, List((Symbol("gensym"), name[:-1]))]
    return List((Symbol("let"), tuple(bindings), code))


def head(form: Any) -> str | None:
    return form[0].name if type(form) is List and form and type(form[0]) is Symbol else None


class _Template:
    def __init__(self, module: str) -> None:
        self.module = module
        self.fresh: dict[str, Symbol] = {}  # `x#` → the local that holds its fresh symbol

    def part(self, form: Any, level: int) -> Any:
        kind = type(form)
        if kind is Symbol:
            return self._symbol(form, level)
        if kind is List:
            return self._list(form, level)
        if is_vector(form):
            return self._sequence(list(form), level, _VECTOR, _VEC_OF)
        if kind is Map:
            flat = [part for pair in map_pairs(form) for part in pair]
            return self._sequence(flat, level, _MAP, _MAP_OF)
        return form

    def _symbol(self, symbol: Symbol, level: int) -> Any:
        name = symbol.name
        if len(name) > 1 and name.endswith("#") and level == 1:
            local = self.fresh.get(name)
            if local is None:
                local = self.fresh[name] = Symbol(f"{name}template")
            return local
        return List((_QUOTE, Symbol(name, symbol.module or self.module, symbol.span)))

    def _list(self, form: List, level: int) -> Any:
        name = head(form)
        if name == "rtfs/map":  # a map literal with `~@`: parity is known only after splicing
            return self._sequence(list(form[1:]), level, _MAP, _MAP_OF)
        if name in _LEVELS and len(form) == 2:
            inner = level + _LEVELS[name]
            if inner == 0:
                if name == "unquote-splicing":
                    raise syntax_error("unquote-splicing", "nothing to splice into", form[0].span)
                return form[1]
            return List((_LIST, List((_QUOTE, form[0])), *self._parts([form[1]], inner)))
        return self._sequence(list(form), level, _LIST, None)

    def _parts(self, forms: list[Any], level: int) -> list[Any]:
        """Inner forms of a lowered level; a splice that now has level zero cannot be kept apart, so it is listed."""
        code = self._sequence(forms, level, _LIST, None)
        return list(code[1:]) if code[0] == _LIST else [List((Symbol("first"), code))]

    def _sequence(self, forms: list[Any], level: int, build: Symbol, collect: Symbol | None) -> Any:
        pieces: list[Any] = []
        run: list[Any] = []
        spliced = False
        for form in forms:
            if level == 1 and head(form) == "unquote-splicing" and len(form) == 2:
                spliced = True
                if run:
                    pieces.append(List((_LIST, *run)))
                    run = []
                pieces.append(form[1])
            else:
                run.append(self.part(form, level))
        if not spliced:
            return List((build, *run))
        if run:
            pieces.append(List((_LIST, *run)))
        joined = List((_CONCAT, *pieces))
        return joined if collect is None else List((collect, joined))
