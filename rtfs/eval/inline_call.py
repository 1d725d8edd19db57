"""Builtins of short values that compile to inline Python, and calls whose results are of a known kind.

Metered code calls the functions, which charge what they look at.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from rtfs.eval import emit
from rtfs.eval.inline import INLINE, inline, learn_numbers, number_test
from rtfs.eval.scope import ANY, BOOL, INT, NUMBER, STR, VECTOR, Scope, Value
from rtfs.lang.collections import SMALL, List
from rtfs.lang.printer import text

if TYPE_CHECKING:
    from rtfs.eval.compiler import Compiler

_RESULTS = {"count": INT, "str": STR, "pr-str": STR, "from-char-code": STR, "keys": VECTOR, "empty?": BOOL}
_RESULTS.update(dict.fromkeys(("abs", "max", "min", "quot", "rem"), NUMBER))


def typed(c: Compiler, form: List, scope: Scope) -> Value | None:
    """An ordinary call whose result kind is known."""
    name = form[0].name.lstrip(".")
    return Value(c.library_call(name, [value.node for value in c.values(form, 1, scope)]), _RESULTS.get(name, ANY))


for _name in _RESULTS:
    INLINE[_name] = typed


@inline("vector")
def _vector(c: Compiler, form: List, scope: Scope) -> Value | None:
    if len(form) > 60:
        return None
    items = [value.node for value in c.values(form, 1, scope)]
    return c.count(Value(emit.tuple_of(items, c.at), VECTOR), 0, len(items))


@inline("list")
def _list(c: Compiler, form: List, scope: Scope) -> Value | None:
    items = emit.tuple_of([value.node for value in c.values(form, 1, scope)], c.at)
    return c.count(Value(emit.call("#List", [items], c.at)), 0, len(form) - 1)


# ---- short vectors ----------------------------------------------------------------------------------------------


def _is_tuple(c: Compiler, node: ast.expr) -> ast.expr:
    return emit.is_(emit.type_of(node, c.at), emit.name("#tuple", c.at), c.at)


def _of_one(c: Compiler, form: List, scope: Scope) -> tuple[ast.expr, ast.expr] | None:
    """The only argument, to be read first and to be read again; None when the call is another."""
    return None if len(form) != 2 or c.metered else c.twice(c.sub(form, 1, scope))


@inline("first", "last", "rest", "empty?", "count")
def _end(c: Compiler, form: List, scope: Scope) -> Value | None:
    if len(form) != 2 or c.metered:
        return typed(c, form, scope)
    name, at = form[0].name.lstrip("."), c.at
    value = c.sub(form, 1, scope)
    if not value.kind & VECTOR:
        return Value(c.library_call(name, [value.node]), _RESULTS.get(name, ANY))
    first, again = c.twice(value)
    slow = c.library_call(name, [again])
    if name == "empty?":
        return Value(emit.choose(_is_tuple(c, first), emit.negate(again, at), slow, at), BOOL)
    if name == "count":
        return Value(emit.choose(_is_tuple(c, first), emit.call("#len", [again], at), slow, at), INT)
    if name in ("first", "last"):
        tests = emit.both([_is_tuple(c, first), again], at)
        return Value(emit.choose(tests, emit.index(again, 0 if name == "first" else -1, at), slow, at))
    tail = emit.placed(ast.Slice(emit.constant(1, at), None, None), at)
    fast = emit.placed(ast.Subscript(again, tail, emit.LOAD), at)
    return Value(emit.choose(_is_tuple(c, first), fast, slow, at))


@inline("nth")
def _nth(c: Compiler, form: List, scope: Scope) -> Value | None:
    if len(form) != 3 or c.metered:
        return None
    at = c.at
    items, index = [c.temp(value) for value in c.values(form, 1, scope)]
    if not (items.kind & VECTOR and index.kind & INT):
        return Value(c.library_call("nth", [items.node, index.node]))
    tests = [_is_tuple(c, items.node)]
    if index.kind != INT:
        tests.append(emit.is_(emit.type_of(index.node, at), emit.name("#int", at), at))
    size = emit.call("#len", [items.node], at)
    between = ast.Compare(emit.constant(0, at), [ast.LtE(), ast.Lt()], [index.node, size])
    tests.append(emit.placed(between, at))
    fast = emit.placed(ast.Subscript(items.node, index.node, emit.LOAD), at)
    return Value(emit.choose(emit.both(tests, at), fast, c.library_call("nth", [items.node, index.node]), at))


@inline("conj")
def _conj(c: Compiler, form: List, scope: Scope) -> Value | None:
    if len(form) != 3 or c.metered:
        return None
    at = c.at
    items, item = c.values(form, 1, scope)
    if not items.kind & VECTOR:
        return Value(c.library_call("conj", [items.node, item.node]))
    if not item.stable:
        items, item = c.temp(items), c.temp(item)
    first, again = c.twice(items)
    room = emit.compare(emit.call("#len", [again], at), ast.Lt(), emit.constant(SMALL, at), at)
    tests = emit.both([_is_tuple(c, first), room], at)
    fast = emit.tuple_of([emit.placed(ast.Starred(again, emit.LOAD), at), item.node], at)
    kind = VECTOR if items.kind == VECTOR else ANY
    is_long = emit.is_(emit.type_of(again, at), emit.name("#PVector", at), at)
    grown = emit.call(emit.attribute(again, "conj", at), [item.node], at)
    slow = emit.choose(is_long, grown, c.library_call("conj", [again, item.node]), at)
    return Value(emit.choose(tests, fast, slow, at), kind)


# ---- numbers and characters -------------------------------------------------------------------------------------


@inline("abs")
def _abs(c: Compiler, form: List, scope: Scope) -> Value | None:
    if len(form) != 2 or c.metered:
        return typed(c, form, scope)
    at = c.at
    value = c.temp(c.sub(form, 1, scope))
    test = number_test(c, value)
    fast = emit.call("#abs", [value.node], at)
    kind = value.kind if not value.kind & ~NUMBER else NUMBER
    learn_numbers(c, value)
    return Value(fast if test is None else emit.choose(test, fast, c.library_call("abs", [value.node]), at), kind)


@inline("max", "min")
def _extreme(c: Compiler, form: List, scope: Scope) -> Value | None:
    """Of two integers; a float may be ##NaN."""
    if len(form) != 3 or c.metered:
        return typed(c, form, scope)
    name, at = form[0].name.lstrip("."), c.at
    one, other = [c.temp(value) for value in c.values(form, 1, scope)]
    slow = c.library_call(name, [one.node, other.node])
    if not (one.kind & INT and other.kind & INT):
        return Value(slow, NUMBER)
    wins = emit.compare(other.node, ast.Gt() if name == "max" else ast.Lt(), one.node, at)
    fast = emit.choose(wins, other.node, one.node, at)
    unknown = [value.node for value in (one, other) if value.kind != INT]
    learn_numbers(c, one, other)
    if not unknown:
        return Value(fast, INT)
    kinds = [emit.type_of(node, at) for node in unknown]
    chain = ast.Compare(kinds[0], [ast.Is()] * len(kinds), [*kinds[1:], emit.name("#int", at)])
    return Value(emit.choose(emit.placed(chain, at), fast, slow, at), NUMBER)


@inline("char-code")
def _char_code(c: Compiler, form: List, scope: Scope) -> Value | None:
    found = _of_one(c, form, scope)
    if found is None:
        return None
    at = c.at
    first, again = found
    one = emit.compare(emit.call("#len", [again], at), ast.Eq(), emit.constant(1, at), at)
    tests = [emit.is_(emit.type_of(first, at), emit.name("#str", at), at), one]
    fast = emit.call("#ord", [again], at)
    return Value(emit.choose(emit.both(tests, at), fast, c.library_call("char-code", [again]), at), INT)


@inline("from-char-code")
def _from_char_code(c: Compiler, form: List, scope: Scope) -> Value | None:
    if len(form) != 2 or c.metered:
        return typed(c, form, scope)
    at = c.at
    value = c.temp(c.sub(form, 1, scope))
    tests = [] if value.kind == INT else [emit.is_(emit.type_of(value.node, at), emit.name("#int", at), at)]
    surrogates = emit.constant(0xD800, at)
    between = ast.Compare(emit.constant(0, at), [ast.LtE(), ast.Lt()], [value.node, surrogates])
    tests.append(emit.placed(between, at))
    fast = emit.call("#chr", [value.node], at)
    return Value(emit.choose(emit.both(tests, at), fast, c.library_call("from-char-code", [value.node]), at), STR)


# ---- texts ------------------------------------------------------------------------------------------------------

_FEW_DIGITS = 10**9  # no process refuses to print these
_SHORT = 400  # characters that may be joined without a look at any limit


@inline("str")
def _str(c: Compiler, form: List, scope: Scope) -> Value | None:
    """`(str x …)` of few parts: one formatted string, unless they are long together."""
    values = c.values(form, 1, scope)
    if c.metered or not 1 <= len(values) <= 12:
        return Value(c.library_call("str", [value.node for value in values]), STR)
    at = c.at
    values = [c.temp(value) for value in values]
    parts = [_text(c, value) for value in values]
    long = [emit.call("#len", [part], at) for part in parts if not isinstance(part, ast.Constant)]
    known = sum(len(part.value) for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))
    pieces = [part if isinstance(part, ast.Constant) else _formatted(part, at) for part in parts]
    joined: ast.expr = emit.placed(ast.JoinedStr(pieces), at)
    if len(parts) == 1:
        joined = parts[0]
    if not long and known <= _SHORT:
        return Value(joined, STR)
    size: ast.expr = long[0] if long else emit.constant(0, at)
    for more in long[1:]:
        size = emit.binary(size, ast.Add(), more, at)
    fits = emit.compare(size, ast.LtE(), emit.constant(_SHORT - known, at), at)
    return Value(emit.choose(fits, joined, c.library_call("str", parts), at), STR)


def _text(c: Compiler, value: Value) -> ast.expr:
    """What a value contributes, as a constant or in a local."""
    at = c.at
    if isinstance(value.node, ast.Constant) and not isinstance(value.node.value, float):
        return emit.constant(text(value.node.value), at)
    if value.kind == STR:
        return value.node
    name = c.fresh()
    node: ast.expr = emit.call("#text", [value.node], at)
    if value.kind & INT:
        bounds = [emit.constant(-_FEW_DIGITS, at), emit.constant(_FEW_DIGITS, at)]
        small = emit.placed(ast.Compare(bounds[0], [ast.Lt(), ast.Lt()], [value.node, bounds[1]]), at)
        integer = emit.is_(emit.type_of(value.node, at), emit.name("#int", at), at)
        node = emit.choose(emit.both([integer, small], at), emit.call("#str", [value.node], at), node, at)
    if value.kind & STR:
        own = emit.is_(emit.type_of(value.node, at), emit.name("#str", at), at)
        node = emit.choose(own, value.node, node, at)
    c.block.append(emit.assign(name, node, at))
    return emit.name(name, at)


def _formatted(part: ast.expr, at: emit.Place) -> ast.expr:
    return emit.placed(ast.FormattedValue(part, -1, None), at)  # type: ignore[no-any-return]
