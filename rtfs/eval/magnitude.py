"""Which integers of compiled code are small: additions of the others are checked for their size in metered code.

A level says how large an integer may become in one run. 0: a literal or length, moved by literals; 1: sums of such; 2:
sums of those, and so on. Each level is at most the one below times the ticks of the run, so all of them have far
fewer than 1,024 bits. None: nothing is known.
"""

from __future__ import annotations

import ast

HIGHEST = 3
LITERAL = 1 << 64
_LENGTHS = frozenset({"#len", "=count"})
_SLOW = frozenset({"#add", "#sub", "=inc", "=dec", "=mod", "#lt", "#le", "#gt", "#ge"})  # they take what is no integer

Level = int | None


class Magnitudes:
    """The levels of Python locals at one place of a function."""

    def __init__(self, levels: dict[str, int] | None = None) -> None:
        self.levels = {} if levels is None else levels

    def copy(self) -> Magnitudes:
        return Magnitudes(dict(self.levels))

    def know(self, name: str, level: Level) -> None:
        if level is None:
            self.levels.pop(name, None)
        else:
            self.levels[name] = level

    def join(self, other: Magnitudes) -> None:
        """What holds on both of two paths."""
        mine, theirs = self.levels, other.levels
        self.levels = {name: max(mine[name], theirs[name]) for name in mine if name in theirs}

    def assign(self, target: ast.expr, value: ast.expr) -> None:
        """`target = value`; of a tuple, item by item."""
        pairs = list(_pairs(target, value))
        found = [(name, None if part is None else self.level(part)) for name, part in pairs]
        for name, level in found:
            self.know(name, level)

    def loop(self, body: list[ast.stmt]) -> None:
        """From here on a loop runs: what it assigns has the level it may have in any turn."""
        assigned = _assignments(body)
        begin = dict(self.levels)
        for name, _ in assigned:
            if name not in begin:
                self.levels.pop(name, None)
        names = {name for name, _ in assigned if name in begin}
        changed = True
        while changed:
            changed = False
            for name, value in assigned:
                if name not in names:
                    continue
                level, old = None if value is None else self._within(value, assigned), self.levels[name]
                if level is None:
                    names.discard(name)
                    del self.levels[name]
                    changed = True
                elif level > old:
                    self.levels[name] = level
                    changed = True

    def _within(self, value: ast.expr, assigned: list[tuple[str, ast.expr | None]]) -> Level:
        """The level of a value of a loop: names that only this turn has are looked through once."""
        local: dict[str, ast.expr | None] = {}
        for name, part in assigned:
            if name not in self.levels:
                local[name] = None if name in local else part  # assigned in two places: either may hold
        return _Through(self.levels, local).level(value)

    def level(self, node: ast.expr) -> Level:
        if isinstance(node, ast.Name):
            return self.name(node.id)
        if isinstance(node, ast.Constant):
            return 0 if type(node.value) is not int or abs(node.value) < LITERAL else None
        if isinstance(node, ast.BinOp):
            return self.binary(node)
        if isinstance(node, ast.IfExp):
            body = self.level(node.body)
            return body if is_slow(node.orelse) else _greater(body, self.level(node.orelse))
        if isinstance(node, ast.NamedExpr):
            return self.level(node.value)
        if isinstance(node, ast.Compare) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)):
            return 0
        return 0 if called_name(node) in _LENGTHS else None

    def name(self, name: str) -> Level:
        return self.levels.get(name)

    def binary(self, node: ast.BinOp) -> Level:
        left, right = self.level(node.left), self.level(node.right)
        if isinstance(node.op, ast.Mod):
            return right
        if left is None or right is None or not isinstance(node.op, (ast.Add, ast.Sub)):
            return None
        if isinstance(node.right, ast.Constant):
            return left
        if isinstance(node.left, ast.Constant):
            return right
        level = left + 1 if left == right else max(left, right)
        return level if level <= HIGHEST else None


class _Through(Magnitudes):
    """Levels inside a loop: a name that only one turn has means what it was assigned."""

    def __init__(self, levels: dict[str, int], local: dict[str, ast.expr | None]) -> None:
        super().__init__(levels)
        self.local = local

    def name(self, name: str) -> Level:
        if name in self.levels:
            return self.levels[name]
        value = self.local.pop(name, None)  # popped: a name that means itself is not known
        return None if value is None else self.level(value)


def _greater(a: Level, b: Level) -> Level:
    return None if a is None or b is None else max(a, b)


def called_name(node: ast.expr) -> str | None:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None


def is_slow(node: ast.expr) -> bool:
    """The other branch of inline arithmetic: it fails, or gives a float."""
    return called_name(node) in _SLOW


def _pairs(target: ast.expr, value: ast.expr | None) -> list[tuple[str, ast.expr | None]]:
    if isinstance(target, ast.Name):
        return [(target.id, value)]
    if not isinstance(target, ast.Tuple):
        return []
    parts: list[ast.expr | None]
    whole = isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts)
    parts = [*value.elts] if whole and isinstance(value, ast.Tuple) else [None] * len(target.elts)
    return [pair for part, item in zip(target.elts, parts, strict=True) for pair in _pairs(part, item)]


def _assignments(body: list[ast.stmt]) -> list[tuple[str, ast.expr | None]]:
    """Every assignment of a piece of code, functions inside left out; None where the value is not written."""
    found: list[tuple[str, ast.expr | None]] = []
    stack: list[ast.AST] = [*body]
    while stack:
        node = stack.pop()
        if isinstance(node, (ast.FunctionDef, ast.Lambda)):
            found.append((getattr(node, "name", ""), None))
            continue
        if isinstance(node, ast.Assign):
            found.extend(_pairs(node.targets[0], node.value))
        elif isinstance(node, ast.NamedExpr):
            found.append((node.target.id, node.value))
        elif isinstance(node, (ast.For, ast.comprehension)):
            found.extend(_pairs(node.target, None))
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found.append((node.name, None))
        stack.extend(ast.iter_child_nodes(node))
    return found
