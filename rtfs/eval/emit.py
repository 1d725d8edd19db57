"""Python syntax nodes that carry the place of the RTFS form they come from."""

from __future__ import annotations

import ast
from typing import Any

Place = tuple[int, int, int, int]  # line from 1, column from 0, end line, end column

LOAD = ast.Load()
STORE = ast.Store()


def placed(node: Any, at: Place) -> Any:
    """The node with its place set."""
    node.lineno, node.col_offset, node.end_lineno, node.end_col_offset = at
    return node


def place(node: Any) -> Place:
    """The place that `placed` gave a node."""
    return (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)


def place_of(node: ast.expr) -> Place:
    """Where a node stands."""
    end = (node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)
    return (node.lineno, node.col_offset, *end)


def name(text: str, at: Place) -> ast.Name:
    return placed(ast.Name(text, LOAD), at)  # type: ignore[no-any-return]


def constant(value: Any, at: Place) -> ast.Constant:
    return placed(ast.Constant(value), at)  # type: ignore[no-any-return]


def call(function: str | ast.expr, arguments: list[ast.expr], at: Place) -> ast.Call:
    callee = name(function, at) if isinstance(function, str) else function
    return placed(ast.Call(callee, arguments, []), at)  # type: ignore[no-any-return]


def assign(target: str, value: ast.expr, at: Place) -> ast.Assign:
    return placed(ast.Assign([placed(ast.Name(target, STORE), at)], value), at)  # type: ignore[no-any-return]


def assign_many(targets: list[str], value: ast.expr, at: Place) -> ast.Assign:
    """`a, b = value`"""
    pattern = placed(ast.Tuple([placed(ast.Name(target, STORE), at) for target in targets], STORE), at)
    return placed(ast.Assign([pattern], value), at)  # type: ignore[no-any-return]


def set_attribute(target: str, field: str, value: ast.expr, at: Place) -> ast.Assign:
    """`target.field = value`"""
    place = placed(ast.Attribute(name(target, at), field, STORE), at)
    return placed(ast.Assign([place], value), at)  # type: ignore[no-any-return]


def set_item(target: str, key: ast.expr, value: ast.expr, at: Place) -> ast.Assign:
    """`target[key] = value`"""
    place = placed(ast.Subscript(name(target, at), key, STORE), at)
    return placed(ast.Assign([place], value), at)  # type: ignore[no-any-return]


def walrus(target: str, value: ast.expr, at: Place) -> ast.expr:
    return placed(ast.NamedExpr(placed(ast.Name(target, STORE), at), value), at)  # type: ignore[no-any-return]


def tuple_of(items: list[ast.expr], at: Place) -> ast.expr:
    return placed(ast.Tuple(items, LOAD), at)  # type: ignore[no-any-return]


def binary(left: ast.expr, operator: ast.operator, right: ast.expr, at: Place) -> ast.expr:
    return placed(ast.BinOp(left, operator, right), at)  # type: ignore[no-any-return]


def compare(left: ast.expr, operator: ast.cmpop, right: ast.expr, at: Place) -> ast.expr:
    if isinstance(operator, (ast.Is, ast.IsNot)):
        left, right = _named_literal(left, at), _named_literal(right, at)
    return placed(ast.Compare(left, [operator], [right]), at)  # type: ignore[no-any-return]


# What Python may turn into a literal before it looks for literals beside `is`.
_FOLDED = (ast.Constant, ast.Tuple, ast.BinOp, ast.UnaryOp)


def _named_literal(node: ast.expr, at: Place) -> ast.expr:
    """A literal beside `is` would be a SyntaxWarning of Python's; a name it was just given is not."""
    singleton = isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, bool))
    return walrus("~literal", node, at) if isinstance(node, _FOLDED) and not singleton else node


def is_(left: ast.expr, right: ast.expr, at: Place) -> ast.expr:
    return compare(left, ast.Is(), right, at)


def both(tests: list[ast.expr], at: Place) -> ast.expr:
    return tests[0] if len(tests) == 1 else placed(ast.BoolOp(ast.And(), tests), at)


def either(tests: list[ast.expr], at: Place) -> ast.expr:
    return tests[0] if len(tests) == 1 else placed(ast.BoolOp(ast.Or(), tests), at)


def negate(test: ast.expr, at: Place) -> ast.expr:
    return placed(ast.UnaryOp(ast.Not(), test), at)  # type: ignore[no-any-return]


def choose(test: ast.expr, then: ast.expr, otherwise: ast.expr, at: Place) -> ast.expr:
    return placed(ast.IfExp(test, then, otherwise), at)  # type: ignore[no-any-return]


def attribute(value: ast.expr, field: str, at: Place) -> ast.expr:
    return placed(ast.Attribute(value, field, LOAD), at)  # type: ignore[no-any-return]


def index(value: ast.expr, key: Any, at: Place) -> ast.expr:
    return placed(ast.Subscript(value, constant(key, at), LOAD), at)  # type: ignore[no-any-return]


def type_of(value: ast.expr, at: Place) -> ast.expr:
    """The type of a value, of which none pretends to another.

    Python remembers where it found the last one, which is mostly right the next time: half the time of `type(value)`.
    """
    return attribute(value, "__class__", at)


def any_type_of(value: ast.expr, at: Place) -> ast.expr:
    """The type of a value that is of another kind each time; then asking costs less than remembering."""
    return call("#type", [value], at)


def arguments(names: list[str], rest: str | None, at: Place, *, optional: int = 0) -> ast.arguments:
    """Plain positional parameters and an optional `*rest`. The last `optional` of them default to `#missing`."""
    plain = [placed(ast.arg(text), at) for text in names]
    star = placed(ast.arg(rest), at) if rest is not None else None
    defaults: list[ast.expr] = [name("#missing", at) for _ in range(optional)]
    return ast.arguments(posonlyargs=[], args=plain, vararg=star, kwonlyargs=[], kw_defaults=[], defaults=defaults)


def function(title: str, parameters: ast.arguments, body: list[ast.stmt], at: Place) -> ast.FunctionDef:
    node = ast.FunctionDef(name=title, args=parameters, body=body, decorator_list=[], returns=None)
    node.type_params = []  # type: ignore[attr-defined]  # required from Python 3.12 on, ignored before
    return placed(node, at)  # type: ignore[no-any-return]


def returns(value: ast.expr, at: Place) -> ast.stmt:
    return placed(ast.Return(value), at)  # type: ignore[no-any-return]


def branch(test: ast.expr, then: list[ast.stmt], otherwise: list[ast.stmt], at: Place) -> ast.stmt:
    return placed(ast.If(test, then or [placed(ast.Pass(), at)], otherwise), at)  # type: ignore[no-any-return]


def forever(body: list[ast.stmt], at: Place) -> ast.stmt:
    return placed(ast.While(constant(True, at), body, []), at)  # type: ignore[no-any-return]


def does(value: ast.expr, at: Place) -> ast.stmt:
    return placed(ast.Expr(value), at)  # type: ignore[no-any-return]
