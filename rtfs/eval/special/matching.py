"""`match`: patterns that fit, bind and are guarded (language.md §7)."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rtfs.eval import emit
from rtfs.eval.destructure import is_tuple_of
from rtfs.eval.inline_test import equal, truth
from rtfs.eval.literal import literal
from rtfs.eval.scope import ANY, Scope, Value
from rtfs.eval.special import special
from rtfs.eval.target import Dest
from rtfs.eval.typing import type_constant
from rtfs.lang.collections import List, Map
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.pattern import map_pairs
from rtfs.lang.values import is_vector

if TYPE_CHECKING:
    from rtfs.eval.compiler import Compiler

Then = Callable[[], None]
_SHORT_TYPES = frozenset(
    [
        "int",
        "integer",
        "float",
        "number",
        "string",
        "bool",
        "boolean",
        "nil",
        "keyword",
        "symbol",
        "timestamp",
        "uuid",
        "error",
        "any",
        "vector",
        "list",
        "map",
        "seq",
        "function",
        "fn",
        "resource",
    ]
)
_LITERALS = (bool, int, float, str, Keyword, type(None))


@special("match", statement=True)
def match(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    """`(match e clause…)`, each clause `pattern body` or `pattern when guard body`."""
    assert dest is not None
    if len(form) < 2:
        raise c.fail("match", "expected a value to match", form)
    clauses = _clauses(c, form)
    value = c.temp(c.sub(form, 1, scope))
    leaves = dest.kind == "return" or dest.breaks
    done = None if leaves else c.fresh("done")
    if done is not None:
        c.block.append(emit.assign(done, emit.constant(False, c.at), c.at))
    joined: list[dict[str, int]] = []
    before = dict(c.frame.facts)
    fitted, c.fitted = c.fitted, {}
    for pattern, guard, body in clauses:
        c.frame.facts = dict(before)
        _, block = c.nested(lambda: _clause(c, form, (pattern, guard, body), value, scope, dest, done))  # noqa: B023
        joined.append(c.frame.facts)
        if done is None:
            c.block.extend(block)
        else:
            c.block.append(emit.branch(emit.negate(emit.name(done, c.at), c.at), block, [], c.at))
    c.fitted = fitted
    c.facts_after(before, *joined)
    if dest.kind == "assign":
        c.know(dest.name, ANY)
    at = c.place_of(form[1], form, 1)
    failure = emit.does(emit.call("#no_match", [value.node], at), at)
    c.block.append(
        failure if done is None else emit.branch(emit.negate(emit.name(done, c.at), c.at), [failure], [], c.at)
    )
    return None


def _clauses(c: Compiler, form: List) -> list[tuple[int, int | None, int]]:
    """Positions of pattern, guard (or None) and body of each clause."""
    clauses = []
    index = 2
    while index < len(form):
        guarded = index + 1 < len(form) and form[index + 1] == Symbol("when") and type(form[index + 1]) is Symbol
        body = index + 3 if guarded else index + 1
        if body >= len(form):
            raise c.fail("match", "expected a pattern and a body", form)
        clauses.append((index, index + 2 if guarded else None, body))
        index = body + 1
    if not clauses:
        raise c.fail("match", "expected at least one clause", form)
    return clauses


def _clause(
    c: Compiler,
    form: List,
    parts: tuple[int, int | None, int],
    value: Value,
    scope: Scope,
    dest: Dest,
    done: str | None,
) -> None:
    pattern, guard, body = parts
    inner = Scope(scope, frame=c.frame)

    def succeed() -> None:
        if done is not None:
            c.block.append(emit.assign(done, emit.constant(True, c.at), c.at))
        c.sub_emit(form, body, inner, dest)

    def guarded() -> None:
        if guard is None:
            succeed()
            return
        test = truth(c, c.sub(form, guard, inner))
        _, block = c.nested(succeed)
        c.block.append(emit.branch(test, block, [], c.at))

    outer, c.at = c.at, c.place_of(form[pattern], form, pattern)
    fit(c, inner, form[pattern], value, guarded)
    c.at = outer


def fit(c: Compiler, scope: Scope, pattern: Any, value: Value, then: Then) -> None:
    """Emit code that runs `then` with the pattern's names bound if the pattern fits the value."""
    kind = type(pattern)
    if kind is Symbol:
        if pattern.name != "_":
            _bind(c, scope, pattern.name, value)
        then()
    elif kind in _LITERALS:
        _when(c, equal(c, value, literal(c, pattern, scope)), then)
    elif is_vector(pattern):
        _fit_vector(c, scope, pattern, value, then)
    elif kind is Map:
        _fit_map(c, scope, pattern, value, then)
    elif kind is List and pattern and type(pattern[0]) in (Symbol, Keyword):
        _fit_list(c, scope, pattern, value, then)
    else:
        raise c.fail("match", "expected a pattern", pattern)


def _bind(c: Compiler, scope: Scope, name: str, value: Value) -> None:
    found = scope.names.get(name)
    binding = found if found is not None and found.frame is c.frame else c.bind(scope, name, value.kind)
    c.block.append(emit.assign(binding.python, value.node, c.at))
    c.know(binding.python, value.kind)


def _when(c: Compiler, test: ast.expr, then: Then) -> None:
    fitted, c.fitted = c.fitted, dict(c.fitted)
    _, block = c.nested(then)
    c.fitted = fitted
    c.block.append(emit.branch(test, block, [], c.at))


def _fit_all(c: Compiler, scope: Scope, parts: list[tuple[Any, Value]], then: Then) -> None:
    """All patterns in order, then `then`."""
    if not parts:
        return then()
    (pattern, value), *rest = parts
    return fit(c, scope, pattern, value, lambda: _fit_all(c, scope, rest, then))


def _fit_vector(c: Compiler, scope: Scope, pattern: Any, value: Value, then: Then) -> None:
    items, rest = list(pattern), None
    for position, item in enumerate(items):
        if type(item) is Symbol and item.name == "&":
            if position != len(items) - 2 or type(items[-1]) is not Symbol:
                raise c.fail("match", "expected one name after & at the end of a pattern", pattern)
            items, rest = items[:position], items[-1]
            break
    at = c.at
    parts = _parts(c, value, len(items), rest is not None)
    test = emit.compare(emit.name(parts, at), ast.IsNot(), emit.constant(None, at), at)

    def inside() -> None:
        patterns = [*items, *([rest] if rest is not None else [])]
        names = [c.fresh("part") for _ in patterns]
        if names:
            c.block.append(emit.assign_many(names, emit.name(parts, at), at))
        pieces = [(part, Value(emit.name(name, at), ANY, True)) for part, name in zip(patterns, names, strict=True)]
        _fit_all(c, scope, pieces, then)

    _when(c, test, inside)


def _parts(c: Compiler, value: Value, count: int, more: bool) -> str:
    """The local that holds the elements of a sequence of that length, or None. Clauses of one shape share it."""
    at = c.at
    key = (value.node.id if isinstance(value.node, ast.Name) else "", count, more)
    found = c.fitted.get(key)
    if found is not None and key[0]:
        return found
    name = c.fitted[key] = c.fresh("parts")
    helper = "#at_least" if more else "#exactly"
    parts: ast.expr = emit.call(helper, [value.node, emit.constant(count, at)], at)
    if not more and count and key[0]:
        parts = emit.choose(is_tuple_of(value.node, count, at), value.node, parts, at)
    c.block.append(emit.assign(name, parts, at))
    return name


def _fit_map(c: Compiler, scope: Scope, pattern: Map, value: Value, then: Then) -> None:
    at = c.at
    if not len(pattern):
        return _when(c, emit.call("#empty_map", [value.node], at), then)
    entries, rest = _map_entries(c, pattern)
    keys = [c.expr(List((Symbol("quote"), key)), scope).node for key, _ in entries]
    parts = c.fresh("parts")
    c.block.append(emit.assign(parts, emit.call("#having", [value.node, *keys], at), at))
    test = emit.compare(emit.name(parts, at), ast.IsNot(), emit.constant(None, at), at)

    def inside() -> None:
        pieces: list[tuple[Any, Value]] = []
        for position, (_, item) in enumerate(entries):
            name = c.fresh("part")
            c.block.append(emit.assign(name, emit.index(emit.name(parts, at), position, at), at))
            pieces.append((item, Value(emit.name(name, at), ANY, True)))
        if rest is not None:
            name = c.fresh("rest")
            c.block.append(emit.assign(name, emit.call("#without", [value.node, *keys], at), at))
            pieces.append((rest, Value(emit.name(name, at), ANY, True)))
        _fit_all(c, scope, pieces, then)

    return _when(c, test, inside)


def _map_entries(c: Compiler, pattern: Map) -> tuple[list[tuple[Any, Any]], Symbol | None]:
    entries: list[tuple[Any, Any]] = []
    rest: Symbol | None = None
    for key, part in map_pairs(pattern):
        if key is Keyword("keys") and is_vector(part):
            if any(type(name) not in (Symbol, Keyword) for name in part):
                raise c.fail("match", "expected names after :keys in a map pattern", pattern)
            entries.extend((Keyword(name.name), Symbol(name.name.rpartition("/")[2])) for name in part)
        elif type(key) is Symbol and key.name == "&":
            if type(part) is not Symbol:
                raise c.fail("match", "expected a name after & in a map pattern", pattern)
            rest = part
        elif type(key) in (List, Symbol):
            raise c.fail("match", "the keys of a map pattern are literals", pattern)
        else:
            entries.append((key, part))
    return entries, rest


def _fit_list(c: Compiler, scope: Scope, pattern: List, value: Value, then: Then) -> None:
    head = pattern[0].name
    at = c.at
    if head == "quote" and len(pattern) == 2:
        quoted = Value(c.constant(pattern[1]), ANY, True)
        return _when(c, emit.call("#equal", [value.node, quoted.node], at), then)
    if type(pattern[0]) is not Keyword:
        raise c.fail("match", "expected a pattern", pattern)
    if head == "as" and len(pattern) == 3 and type(pattern[1]) is Symbol:

        def whole() -> None:
            _bind(c, scope, pattern[1].name, value)
            then()

        return fit(c, scope, pattern[2], value, whole)
    if head == "or" and len(pattern) > 1:
        return _fit_any(c, scope, pattern, value, then)
    if head == "type" and 2 <= len(pattern) <= 3:
        return _fit_type(c, scope, pattern[1], pattern[2:], value, then)
    if head in _SHORT_TYPES and len(pattern) <= 2:
        return _fit_type(c, scope, pattern[0], pattern[1:], value, then)
    raise c.fail("match", "expected a pattern", pattern)


def _fit_type(c: Compiler, scope: Scope, type_form: Any, inner: Any, value: Value, then: Then) -> None:
    test = emit.call("#fits", [type_constant(c, type_form, always=True), value.node], c.at)
    _when(c, test, (lambda: fit(c, scope, inner[0], value, then)) if inner else then)


def _fit_any(c: Compiler, scope: Scope, pattern: List, value: Value, then: Then) -> None:
    """Alternatives bind the same names; the first that fits decides."""
    at = c.at
    names = [_names(c, part) for part in pattern[1:]]
    if any(other != names[0] for other in names):
        raise c.fail("match", "all alternatives must bind the same names", pattern)
    for name in sorted(names[0]):
        c.bind(scope, name)
    fits = c.fresh("fits")
    c.block.append(emit.assign(fits, emit.constant(False, at), at))
    for part in pattern[1:]:
        facts, fitted = dict(c.frame.facts), dict(c.fitted)
        _, block = c.nested(
            lambda: fit(c, scope, part, value, lambda: c.block.append(emit.assign(fits, emit.constant(True, at), at)))  # noqa: B023
        )
        c.frame.facts, c.fitted = facts, fitted
        c.block.append(emit.branch(emit.negate(emit.name(fits, at), at), block, [], at))
    for name in names[0]:
        c.know(scope.names[name].python, ANY)
    _when(c, emit.name(fits, at), then)


def _names(c: Compiler, pattern: Any) -> set[str]:
    """The names a match pattern binds."""
    kind = type(pattern)
    if kind is Symbol:
        return set() if pattern.name in ("_", "&") else {pattern.name}
    if is_vector(pattern):
        return set().union(*(_names(c, part) for part in pattern)) if pattern else set()
    if kind is Map:
        entries, rest = _map_entries(c, pattern)
        found = set().union(*(_names(c, part) for _, part in entries)) if entries else set()
        return found | ({rest.name} if rest is not None and rest.name != "_" else set())
    if kind is List and pattern and type(pattern[0]) is Keyword:
        head = pattern[0].name
        if head == "as" and len(pattern) == 3:
            return {pattern[1].name} | _names(c, pattern[2])
        if head == "or":
            return _names(c, pattern[1]) if len(pattern) > 1 else set()
        return (
            _names(c, pattern[2])
            if head == "type" and len(pattern) == 3
            else _names(c, pattern[1])
            if len(pattern) == 2 and head != "type"
            else set()
        )
    return set()
