"""Metered code: ticks and cells are charged once per basic block (language.md §15).

When a top-level form is compiled, one pass over its Python code puts a charge at the head of each piece that runs as a
whole: of a function, of a turn of a loop, of a branch. A charge counts down closure cells of the session. Only charges
on a way to another call or turn look whether anything is left: each loop and each recursion passes one.
"""

from __future__ import annotations

import ast
from typing import Any

from rtfs.eval import emit
from rtfs.eval.cost import FREE, TURN, Cost, Expressions
from rtfs.eval.magnitude import Magnitudes, called_name
from rtfs.eval.meter import CELLS, TICKS, UNIT


def metered(top: ast.FunctionDef, *, shared: bool) -> ast.FunctionDef:
    """The function with its charges. `shared`: code of the library, which belongs to no session.

    Otherwise the result is a function around it that owns the closure cells; loading the code replaces them.
    """
    _Pass(shared).function(top)
    if shared:
        return top
    at = emit.place(top)
    zero = [emit.assign(name, emit.constant(0, at), at) for name in (TICKS, CELLS)]
    return emit.function(UNIT, emit.arguments([], None, at), [*zero, top], at)


class _Plan:
    """A block cut into pieces that run as a whole, not charged yet.

    `calls`: may it call another function? `turns`: does it start the next turn of the loop around?
    """

    __slots__ = ("pieces", "calls", "turns")

    def __init__(self, pieces: list[_Piece], calls: bool, turns: bool) -> None:
        self.pieces = pieces
        self.calls = calls
        self.turns = turns

    @property
    def first(self) -> Cost:
        return self.pieces[0].cost if self.pieces else FREE


class _Piece:
    """Statements that run as a whole. The last may be an `if`, whose branches `then` and `other` are no part of it."""

    __slots__ = ("statements", "cost", "calls", "then", "other")

    def __init__(self) -> None:
        self.statements: list[ast.stmt] = []
        self.cost = FREE
        self.calls = False  # before the branches
        self.then: _Plan | None = None
        self.other: _Plan | None = None


class _Pass(Expressions):
    """The walk over one top-level form; `sizes` and `calls` belong to the function it is in."""

    # ---- functions and blocks -----------------------------------------------------------------------------------

    def function(self, node: ast.FunctionDef) -> None:
        sizes, calls = self.sizes, self.calls
        self.sizes = Magnitudes()
        place = [] if ast.get_docstring(node, clean=False) is None else [node.body.pop(0)]  # it must stay the first
        node.body = self.charged_block(self.plan(node.body), FREE, True, emit.place(node))
        if not self.shared:
            node.body.insert(0, emit.placed(ast.Nonlocal([TICKS, CELLS]), emit.place(node)))
        node.body[:0] = place
        self.sizes, self.calls = sizes, calls

    def plan(self, statements: list[ast.stmt]) -> _Plan:
        """Cut a block into pieces: behind what may leave it, and behind each `if`."""
        pieces: list[_Piece] = []
        calls, turns, piece = False, False, _Piece()
        for statement in statements:
            self.calls = False
            piece.cost = piece.cost.plus(self.statement(statement, piece))
            piece.calls = piece.calls or self.calls
            calls = calls or self.calls
            turns = turns or isinstance(statement, ast.Continue)
            piece.statements.append(statement)
            if piece.then is not None and piece.other is not None:
                calls = calls or piece.then.calls or piece.other.calls
                turns = turns or piece.then.turns or piece.other.turns
            if piece.then is not None or getattr(statement, "leaves", False):
                pieces.append(piece)
                piece = _Piece()
        if piece.statements:
            pieces.append(piece)
        self.calls = calls
        return _Plan(pieces, calls, turns)

    def charged_block(self, plan: _Plan, owed: Cost, check: bool, at: emit.Place) -> list[ast.stmt]:
        """The statements of a block that charges its pieces and what is `owed` for what ran before it.

        With `check` the first charge on a way to a call looks whether anything is left. A charge sinks into the
        branches of an `if` that cost differently: then each way through them counts once.
        """
        done: list[ast.stmt] = []
        check = check and (plan.calls or plan.turns)
        pieces = plan.pieces
        if not pieces:
            return self.charge(owed, at, check=check)
        for index, piece in enumerate(pieces):
            at = emit.place(piece.statements[0])
            cost = owed.plus(piece.cost)
            owed = FREE
            node: Any = piece.statements[-1]
            if piece.then is None or piece.other is None:
                done += [*self.charge(cost, at, check=check), *piece.statements]
                check = False
                continue
            rest = _Plan(pieces[index + 1 :], True, True) if _ends(node.body) and not piece.other.pieces else None
            if not self.sinks(piece, rest, cost):
                done += [*self.charge(cost.plus(common := piece.then.first.least(piece.other.first)), at, check=check)]
                node.body = self.charged_block(piece.then, _negative(common), False, at) or [_nothing(at)]
                node.orelse = self.charged_block(piece.other, _negative(common), False, at)
                done += piece.statements
                check = False
                continue
            node.body = self.charged_block(piece.then, cost, check, at) or [_nothing(at)]
            if rest is None:
                node.orelse = self.charged_block(piece.other, cost, check, at)
                check = False
            else:
                owed = cost
            done += piece.statements
        return done + (self.charge(owed, at, check=check) if owed != FREE else [])

    def sinks(self, piece: _Piece, rest: _Plan | None, cost: Cost) -> bool:
        """May what a piece costs be charged in the branches at its end? Never behind a call; and it must save one."""
        assert piece.then is not None and piece.other is not None
        if piece.calls or (rest is None and getattr(piece.statements[-1], "leaves", False)):
            return False
        other = piece.other if rest is None else rest
        return cost != FREE and piece.then.first != other.first

    # ---- statements ---------------------------------------------------------------------------------------------

    def statement(self, node: Any, piece: _Piece) -> Cost:
        """What runs of the statement whenever it is reached; its other parts are charged where they stand."""
        own: Cost = getattr(node, "cost", FREE)
        if isinstance(node, ast.If):
            return own.plus(self.branch(node, piece))
        visit = _STATEMENTS.get(type(node))
        return own if visit is None else own.plus(visit(self, node))

    def does(self, node: ast.Expr) -> Cost:
        node.value, cost = self.expression(node.value)
        return cost

    def assign(self, node: ast.Assign) -> Cost:
        node.value, cost = self.expression(node.value)
        self.sizes.assign(node.targets[0], node.value)
        return cost

    def returns(self, node: Any) -> Cost:
        node.leaves = True
        if node.value is None:
            return FREE
        node.value, cost = self.expression(node.value)
        return cost

    def leave(self, node: Any) -> Cost:
        node.leaves = True
        return FREE

    def branch(self, node: Any, piece: _Piece) -> Cost:
        node.test, cost = self.expression(node.test)
        calls = self.calls
        before = self.sizes.copy()
        piece.then = self.plan(node.body)
        after, self.sizes = self.sizes, before
        piece.other = self.plan(node.orelse)
        if _ends(node.orelse):
            self.sizes = after
        elif not _ends(node.body):
            self.sizes.join(after)
        node.leaves = _leave(node.body) or _leave(node.orelse)
        self.calls = calls
        return cost

    def loop(self, node: Any) -> Cost:
        cost = FREE
        if isinstance(node, ast.For):
            node.iter, cost = self.expression(node.iter)
            self.sizes.assign(node.target, node.iter)
        before = self.calls
        self.sizes.loop(node.body)
        head = self.sizes.copy()
        plan = self.plan(node.body)
        plan.turns = True
        node.body = self.prepaid(node, plan) or self.charged_block(plan, TURN, True, emit.place(node))
        self.sizes, self.calls = head, before or plan.calls
        node.leaves = _leave(node.body)
        return cost

    def prepaid(self, node: Any, plan: _Plan) -> list[ast.stmt] | None:
        """The body of a loop over a sequence whose turns cost the same: the sequence pays for all of them at once."""
        ticks = None if plan.calls or self.shared else _steady(plan)
        if ticks is None or not isinstance(node, ast.For) or called_name(node.iter) != "#sequence":
            return None
        at = emit.place(node)
        items: Any = node.iter
        items.args.append(emit.constant(ticks + TURN.ticks, at))
        look = emit.branch(emit.name("#flag", at), [emit.does(emit.call("#poll", [], at), at)], [], at)
        return [look, *[statement for piece in plan.pieces for statement in piece.statements]]

    def guarded(self, node: Any) -> Cost:
        """The body of a `try` charges its own pieces, so that a limit it meets is met inside."""
        before, calls = self.sizes.copy(), self.calls
        for part in (node, *node.handlers):
            self.sizes = before.copy()
            plan = self.plan(part.body)
            part.body = self.charged_block(plan, FREE, False, emit.place(node))
            calls = calls or plan.calls
        self.sizes, self.calls = Magnitudes(), calls
        node.leaves = any(_leave(part.body) for part in (node, *node.handlers))
        return FREE

    def definition(self, node: ast.FunctionDef) -> Cost:
        self.function(node)
        return FREE


def _negative(cost: Cost) -> Cost:
    return FREE.less(cost)


def _nothing(at: emit.Place) -> ast.stmt:
    return emit.placed(ast.Pass(), at)  # type: ignore[no-any-return]


def _steady(plan: _Plan) -> int | None:
    """The ticks of a block that costs the same on each way through it; None for others."""
    ticks = 0
    for piece in plan.pieces:
        branches = [branch for branch in (piece.then, piece.other) if branch is not None]
        if piece.cost.cells or any(_steady(branch) != 0 for branch in branches):
            return None
        ticks += piece.cost.ticks
        if piece.cost.ticks and piece is not plan.pieces[0]:
            return None
    return ticks


def _leave(block: list[ast.stmt]) -> bool:
    return any(getattr(statement, "leaves", False) for statement in block)


def _ends(block: list[ast.stmt]) -> bool:
    """Does nothing follow the block?"""
    return bool(block) and isinstance(block[-1], (ast.Return, ast.Break, ast.Continue, ast.Raise))


_STATEMENTS: dict[type, Any] = {
    ast.Expr: _Pass.does,
    ast.Assign: _Pass.assign,
    ast.Return: _Pass.returns,
    ast.Break: _Pass.leave,
    ast.Continue: _Pass.leave,
    ast.Raise: _Pass.leave,
    ast.While: _Pass.loop,
    ast.For: _Pass.loop,
    ast.Try: _Pass.guarded,
    ast.FunctionDef: _Pass.definition,
}
