"""Steps of streams in a second form, which hands over the parts of a result without building its map.

A function of two or three parameters some of whose tail forms are literal result maps (streaming.md §1.4, §6.10) is
compiled twice: as it is written, and as a function that gives parts (rtfs.lang.evaluator), its attribute `rtfs_parts`.
Both evaluate the same in the same order, with the same errors, places and ticks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.eval import emit
from rtfs.eval.function import FN_NAMES, Clause
from rtfs.eval.literal import entries, is_constant, literal, map_of
from rtfs.eval.scope import KEYWORD, NIL, Scope, Value
from rtfs.lang.collections import MISSING, List, Map, PVector
from rtfs.lang.evaluator import RESULT_KEYS
from rtfs.lang.names import Keyword, Symbol

if TYPE_CHECKING:
    from rtfs.eval.compiler import Compiler
    from rtfs.eval.target import Dest

STATE, OUTPUT, OUTPUTS, ACTION, CONFIG = KEYS = RESULT_KEYS


class Parts:
    """Of the second form of a function: was one of its tail forms a literal result map?"""

    __slots__ = ("met",)

    def __init__(self) -> None:
        self.met = False


def may_be_step(clause: Clause) -> bool:
    """Does a function take what a step takes, and does a result map stand anywhere in it?"""
    if len(clause.params.fixed) not in (2, 3) or clause.params.rest is not None or clause.returns is not MISSING:
        return False
    stack = list(clause.form[clause.start :])
    while stack:
        part = stack.pop()
        kind = type(part)
        if kind is Map and is_result(part):
            return True
        if kind is List and part and type(part[0]) is Symbol and part[0].name in FN_NAMES:
            continue
        if kind is List or kind is tuple or kind is PVector:
            stack.extend(part)
    return False


def is_result(form: Map) -> bool:
    """Has a map form no keys but those of a result, and each once?"""
    return bool(form.raw) and form.pairs is None and all(key in KEYS for key in form.raw)


def hand_over(c: Compiler, form: Map, scope: Scope, dest: Dest) -> None:
    """Emit what the second form gives for a tail form that is a map."""
    if not is_result(form):
        c.deliver(literal(c, form, scope), dest)
        return
    flat = entries(c, form, scope)
    values = dict(zip(form.raw, flat[1::2], strict=True))
    if not _is_certain(values):
        c.deliver(literal(c, form, scope) if is_constant(c, form) else map_of(c, form, flat), dest)
        return
    assert dest.parts is not None
    dest.parts.met = True
    if [key for key in KEYS if key in values] != list(values):  # else the tuples keep the order of evaluation
        values = {key: c.temp(value) for key, value in values.items()}
    made = _read(c, form, values) or _unread(c, values)
    at = c.at
    if not is_constant(c, form):  # it costs what the map would
        c.count(Value(emit.constant(None, at), NIL, True), 0, len(values))
    c.block.append(emit.returns(emit.tuple_of(made, at), at))


def whole(c: Compiler, value: Value) -> Value:
    """What it gives for any other tail form."""
    at = c.at
    return Value(emit.tuple_of([value.node, emit.constant(None, at), emit.constant(True, at)], at))


def _is_certain(values: dict[Keyword, Value]) -> bool:
    """Is the map a result whatever its values are? A lone action that is no keyword makes it a state (§1.5)."""
    if any(key in values for key in (STATE, OUTPUT, OUTPUTS)):
        return True
    return ACTION not in values or not values[ACTION].kind & ~(KEYWORD | NIL)


def _read(c: Compiler, form: Map, values: dict[Keyword, Value]) -> list[Any] | None:
    """State and at most one output, if that is all and nothing can be wrong with them."""
    at = c.at
    if STATE not in values or ACTION in values or CONFIG in values:
        return None
    several = form.raw.get(OUTPUTS, ())
    if type(several) is not tuple or len(several) + (OUTPUT in values) > 1:
        return None
    output = values[OUTPUT].node if OUTPUT in values else emit.name("#missing", at)
    if several:
        output = emit.index(values[OUTPUTS].node, 0, at)
    return [values[STATE].node, output, emit.constant(None, at)]


def _unread(c: Compiler, values: dict[Keyword, Value]) -> list[Any]:
    at = c.at
    said = [values[key].node if key in values else emit.name("#missing", at) for key in KEYS]
    return [emit.constant(None, at), emit.constant(None, at), emit.tuple_of(said, at)]
