"""What expressions of metered code cost, and the charges for it (language.md §15).

The compiler marks Python nodes with what they cost (`mark`). Parts of an expression that may not be evaluated are
charged where they stand, the others by the piece of code around (metering.py).
"""

from __future__ import annotations

import ast
from typing import Any, NamedTuple

from rtfs.eval import emit
from rtfs.eval.magnitude import LITERAL, Magnitudes, is_slow
from rtfs.eval.meter import CELLS, TICKS

SMALL = 1 << 1023  # an integer beyond costs ticks and cells of its own
DIGIT = 1 << 29  # two integers below are compared faster than others (CPython keeps them in one digit)


class Cost(NamedTuple):
    ticks: int
    cells: int

    def plus(self, other: Cost) -> Cost:
        return Cost(self.ticks + other.ticks, self.cells + other.cells)

    def less(self, other: Cost) -> Cost:
        return Cost(self.ticks - other.ticks, self.cells - other.cells)

    def least(self, other: Cost) -> Cost:
        return Cost(min(self.ticks, other.ticks), min(self.cells, other.cells))


FREE = Cost(0, 0)
TURN = Cost(1, 0)


def mark(node: Any, ticks: int, cells: int = 0) -> None:
    """Note that evaluating the node costs so much, besides what its parts cost."""
    node.cost = getattr(node, "cost", FREE).plus(Cost(ticks, cells))


class Expressions:
    """The walk over the expressions of one function: `sizes` of its locals, `calls`: may it call another function?

    shared: code of the library, which belongs to no session and calls `#spend` instead of counting by itself.
    """

    def __init__(self, shared: bool) -> None:
        self.shared = shared
        self.sizes = Magnitudes()
        self.calls = False
        self.names = 0
        self.factors: dict[str, list[ast.expr]] = {}  # of the products that are being compared with what is small

    # ---- charges ------------------------------------------------------------------------------------------------

    def charge(self, cost: Cost, at: emit.Place, *, check: bool = False) -> list[ast.stmt]:
        """The statements that count; with `check` they also look whether anything is left."""
        ticks, cells = cost
        if self.shared:
            return [emit.does(_spend(cost, at), at)] if cost != FREE else []
        done: list[ast.stmt] = []
        if check:
            left = _fewer(TICKS, ticks, at) if ticks else emit.name(TICKS, at)
            done.append(_unless_negative(left, "#over", at))
        elif ticks:
            done.append(emit.assign(TICKS, _difference(TICKS, ticks, at), at))
        if cells:
            done.append(_unless_negative(_fewer(CELLS, cells, at), "#full", at))
        return done

    def charged(self, node: ast.expr, cost: Cost, *, check: bool = False) -> ast.expr:
        """The expression, preceded by a charge."""
        if cost == FREE:
            return node
        at = emit.place(node)
        nothing = emit.constant(None, at)
        if self.shared or cost.cells:
            return emit.choose(emit.is_(_spend(cost, at), nothing, at), node, nothing, at)
        left = _fewer(TICKS, cost.ticks, at)
        if not check:
            return emit.choose(emit.compare(left, ast.IsNot(), nothing, at), node, nothing, at)
        fine = emit.compare(left, ast.GtE(), emit.constant(0, at), at)
        over = emit.is_(emit.call("#over", [], at), nothing, at)
        return emit.choose(emit.either([fine, over], at), node, nothing, at)

    def expression(self, node: Any) -> tuple[Any, Cost]:
        """The expression with its conditional parts charged, and what the rest of it costs."""
        own: Cost = getattr(node, "cost", FREE)
        visit = _EXPRESSIONS.get(type(node))
        node, cost = self.parts(node) if visit is None else visit(self, node)
        return node, cost.plus(own)

    def parts(self, node: Any) -> tuple[Any, Cost]:
        """All parts of the node are evaluated."""
        cost = FREE
        for field in _FIELDS.get(type(node), ()):
            value = getattr(node, field)
            if isinstance(value, list):
                for index, part in enumerate(value):
                    if part is not None:
                        value[index], more = self.expression(part)
                        cost = cost.plus(more)
            elif value is not None:
                new, more = self.expression(value)
                setattr(node, field, new)
                cost = cost.plus(more)
        return node, cost

    def call(self, node: ast.Call) -> tuple[Any, Cost]:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if not name.startswith("#") and not isinstance(node.func, ast.Attribute):  # methods are those of storage
            self.calls = True
        elif name == "#product":  # of a product that is not small, charged by the sizes of its factors
            factor = node.args[0]
            node.args += self.factors.pop(factor.id, []) if isinstance(factor, ast.Name) else []
            return node, FREE
        return self.parts(node)

    def named(self, node: ast.NamedExpr) -> tuple[Any, Cost]:
        node.value, cost = self.expression(node.value)
        if isinstance(node.value, ast.BinOp) and isinstance(node.value.op, ast.Mult):
            product, at = node.value, emit.place(node)
            product.left, left = self.twice(product.left, at)
            product.right, right = self.twice(product.right, at)
            self.factors[node.target.id] = [left, right]
        self.sizes.know(node.target.id, self.sizes.level(node.value))
        return node, cost

    def conditional(self, node: ast.IfExp) -> tuple[Any, Cost]:
        node.test, cost = self.expression(node.test)
        before = self.sizes.copy()
        body, then = self.expression(node.body)
        after, self.sizes = self.sizes, before
        orelse, other = self.expression(node.orelse)
        if is_slow(orelse):
            self.sizes = after
        else:
            self.sizes.join(after)
        common = then.least(other)
        node.body = self.charged(body, then.less(common))
        node.orelse = self.charged(orelse, other.less(common))
        return node, cost.plus(common)

    def sequence(self, node: Any) -> tuple[Any, Cost]:
        """`and`, `or` and chains of comparisons: what follows the first part may not be evaluated."""
        chain = isinstance(node, ast.Compare)
        parts = node.comparators if chain else node.values
        cost = FREE
        if chain:
            node.left, cost = self.expression(node.left)
        for index, part in enumerate(parts):
            before = self.sizes.copy()
            new, more = self.expression(part)
            if index:
                self.sizes.join(before)
                parts[index] = self.charged(new, more)
            else:
                parts[index] = new
                cost = cost.plus(more)
        return node, cost

    def comprehension(self, node: ast.ListComp) -> tuple[Any, Cost]:
        """Each item is a turn of a loop."""
        cost, turn, at = FREE, TURN, emit.place(node)
        for generator in node.generators:
            generator.iter, more = self.expression(generator.iter)
            cost = cost.plus(more)
            self.sizes.loop([emit.does(part, at) for part in (node.elt, *generator.ifs)])
            self.sizes.assign(generator.target, generator.iter)
            for place, test in enumerate(generator.ifs):
                new, more = self.expression(test)
                generator.ifs[place] = self.charged(new, more.plus(turn), check=True)
                turn = FREE
        node.elt, more = self.expression(node.elt)
        node.elt = self.charged(node.elt, more.plus(turn), check=True)
        return node, cost

    def arithmetic(self, node: ast.BinOp) -> tuple[Any, Cost]:
        """Inline arithmetic on numbers: what may be large is charged by its size."""
        level = self.sizes.level(node)
        node, cost = self.parts(node)
        at = emit.place(node)
        if isinstance(node.op, ast.Mod):
            if self.sizes.level(node.left) is None:
                return self.remainder(node, at), cost
        elif level is None and isinstance(node.op, (ast.Add, ast.Sub)):
            if _is_literal(node.left) or _is_literal(node.right):  # only what is large already can be large afterwards
                grown = emit.call("#grown", [node], at)
                return emit.choose(emit.name("#large", at), grown, node, at), cost
            first, again = self.twice(node, at)
            return emit.choose(_is_small(first, again, at), again, emit.call("#grown", [again], at), at), cost
        return node, cost

    def remainder(self, node: ast.BinOp, at: emit.Place) -> ast.expr:
        large = emit.call("#remainder", [node.left, node.right], at)
        return emit.choose(emit.name("#large", at), large, node, at)

    def twice(self, node: ast.expr, at: emit.Place) -> tuple[ast.expr, ast.expr]:
        """Nodes for the first and the later reads of an expression."""
        if isinstance(node, (ast.Name, ast.Constant)):
            return node, node
        self.names += 1
        name = f"#size{self.names}"
        return emit.walrus(name, node, at), emit.name(name, at)


def _is_small(first: ast.expr, again: ast.expr, at: emit.Place) -> ast.expr:
    """Two comparisons that most integers pass, and two for the others; a chain would take twice as long."""
    return emit.either([_within(first, again, DIGIT, at), _within(again, again, SMALL, at)], at)


def _within(first: ast.expr, again: ast.expr, bound: int, at: emit.Place) -> ast.expr:
    below = emit.compare(first, ast.Lt(), emit.constant(bound, at), at)
    return emit.both([below, emit.compare(again, ast.Gt(), emit.constant(-bound, at), at)], at)


def _is_literal(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int and abs(node.value) < LITERAL


def _difference(name: str, count: int, at: emit.Place) -> ast.expr:
    return emit.binary(emit.name(name, at), ast.Sub(), emit.constant(count, at), at)


def _fewer(name: str, count: int, at: emit.Place) -> ast.expr:
    """`(name := name - count)`"""
    return emit.walrus(name, _difference(name, count, at), at)


def _unless_negative(left: ast.expr, then: str, at: emit.Place) -> ast.stmt:
    """`if left < 0: then()`"""
    test = emit.compare(left, ast.Lt(), emit.constant(0, at), at)
    return emit.branch(test, [emit.does(emit.call(then, [], at), at)], [], at)


def _spend(cost: Cost, at: emit.Place) -> ast.expr:
    return emit.call("#spend", [emit.constant(cost.ticks, at), emit.constant(cost.cells, at)], at)


_EXPRESSIONS: dict[type, Any] = {
    ast.Call: Expressions.call,
    ast.NamedExpr: Expressions.named,
    ast.IfExp: Expressions.conditional,
    ast.BoolOp: Expressions.sequence,
    ast.Compare: Expressions.sequence,
    ast.ListComp: Expressions.comprehension,
    ast.BinOp: Expressions.arithmetic,
}
_FIELDS: dict[type, tuple[str, ...]] = {  # parts in the order of their evaluation
    ast.Call: ("func", "args"),
    ast.BinOp: ("left", "right"),
    ast.UnaryOp: ("operand",),
    ast.Tuple: ("elts",),
    ast.List: ("elts",),
    ast.Dict: ("keys", "values"),
    ast.Attribute: ("value",),
    ast.Subscript: ("value",),
    ast.Starred: ("value",),
}
