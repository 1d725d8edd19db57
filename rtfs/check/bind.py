"""Names that patterns bind, with their types (language.md §6); and what is noted about any name that is bound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.check.kind import ANY, ERROR, LIST, MAP, NIL, SEQ, STRING, constant, either, is_any, sequence, target, unsure
from rtfs.check.scope import Scope, Use
from rtfs.check.signature import element
from rtfs.lang.collections import MISSING
from rtfs.lang.names import Symbol
from rtfs.lang.pattern import Pattern, PMap, PName, PVec, parse_pattern, pattern_names
from rtfs.lang.types import Tuple, Type

if TYPE_CHECKING:
    from rtfs.check.infer import Inference

_SEQUENCES = either((NIL, STRING, SEQ))
_MAPS = either((NIL, MAP, ERROR))


def bind(x: Inference, form: Any, type: Type, scope: Scope, what: str = "binding") -> None:
    """Bind a pattern form to a value of a type. `what`: `binding`, or `parameter`, which need not be used."""
    pattern = parse_pattern(form)
    repeated(x, pattern_names(pattern))
    _bind(x, pattern, type, scope, what)


def repeated(x: Inference, names: list[Symbol]) -> None:
    """Note names that a pattern binds more than once."""
    seen: set[str] = set()
    for symbol in names:
        span = x.written(symbol)
        if symbol.name in seen and span is not None:
            x.report("RTFS-W307", f"{symbol.name} is bound twice: the later value counts", span)
        seen.add(symbol.name)


def name(x: Inference, symbol: Symbol, type: Type, scope: Scope, what: str = "binding") -> None:
    """Bind one name."""
    span = x.written(symbol)
    if span is None or symbol.name.startswith("_"):
        scope.bind(symbol.name, type)
        return
    if symbol.name in x.program.library.special:
        hides(x, symbol)
    use = Use(symbol.name, span, must=what == "binding")
    scope.bind(symbol.name, type, x.uses.setdefault((symbol.name, span), use))


def hides(x: Inference, symbol: Symbol) -> None:
    """Note a name that is taken. Locals hide many library functions without harm, unless they are called instead."""
    span = x.written(symbol)
    if span is None:
        return
    if symbol.name in x.program.library.special:
        x.report("RTFS-W305", f"{symbol.name} is a special form, which wins at the head of a list", span)
    elif symbol.name in x.program.library.names:
        x.report("RTFS-W304", f"{symbol.name} hides the library's own", span)


def _bind(x: Inference, pattern: Pattern, type: Type, scope: Scope, what: str) -> None:
    if isinstance(pattern, PName):
        name(x, pattern.symbol, type, scope, what)
    elif isinstance(pattern, PVec):
        _bind_vector(x, pattern, type, scope)
    elif isinstance(pattern, PMap):
        _bind_map(x, pattern, type, scope)


def _bind_vector(x: Inference, pattern: PVec, type: Type, scope: Scope) -> None:
    x.need(type, _SEQUENCES, "vector destructuring")
    for place, item in enumerate(pattern.items):
        _bind(x, item, _item(x, type, place), scope, "binding")
    if pattern.rest is not None:
        rest = _item(x, type, None)
        name(x, pattern.rest, LIST if is_any(rest) else sequence("list", rest), scope)
    if pattern.whole is not None:
        name(x, pattern.whole, type, scope)


def _item(x: Inference, type: Type, place: int | None) -> Type:
    """An element of what is taken apart; of any place for None. A missing one is nil, which is seldom worth a word."""
    node = target(type)
    if isinstance(node, Tuple) and place is not None:
        return node.items[place] if place < len(node.items) else NIL
    if is_any(node):
        return ANY
    found = element(node, x.joining)
    if place is None:
        return found
    return unsure(x.joining.join(found, NIL))


def _bind_map(x: Inference, pattern: PMap, type: Type, scope: Scope) -> None:
    x.need(type, _MAPS, "map destructuring")
    if pattern.whole is not None:
        name(x, pattern.whole, type, scope)
    for entry in pattern.entries:
        default = NIL if entry.default is MISSING else x.infer(entry.default, scope)
        found = x.calls.looked_up(type, constant(entry.key), default)
        _bind(x, entry.pattern, found, scope, "binding")
    if pattern.rest is not None:
        name(x, pattern.rest, MAP, scope)
