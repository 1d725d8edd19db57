"""The order in which definitions are inferred: what others use comes first, and which ones use themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rtfs.check.program import Definition, Program
from rtfs.lang.collections import MISSING, List, Map, PVector
from rtfs.lang.names import Symbol
from rtfs.lang.pattern import map_pairs


def in_order(program: Program) -> list[Definition]:
    """The definitions that are whole top-level forms, each after those it mentions; recursive ones are marked."""
    walk = _Walk(program)
    for space in program.spaces.values():
        for each in space.definitions.values():
            walk.visit(each)
    return [each for each in walk.order if each.form is not MISSING]


class _Walk:
    """Tarjan's algorithm without recursion: programs may be chains of thousands of functions."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.order: list[Definition] = []
        self.numbers: dict[Definition, int] = {}
        self.lows: dict[Definition, int] = {}
        self.open: dict[Definition, None] = {}

    def visit(self, root: Definition) -> None:
        if root in self.numbers:
            return
        path = [(root, self._enter(root))]
        while path:
            node, others = path[-1]
            new = next((other for other in others if self._seen(node, other)), None)
            if new is not None:
                path.append((new, self._enter(new)))
                continue
            path.pop()
            if path:
                above = path[-1][0]
                self.lows[above] = min(self.lows[above], self.lows[node])
            if self.lows[node] == self.numbers[node]:
                self._close(node)

    def _enter(self, node: Definition) -> Iterator[Definition]:
        self.numbers[node] = self.lows[node] = len(self.numbers)
        self.open[node] = None
        return iter(mentioned(node, self.program))

    def _seen(self, node: Definition, other: Definition) -> bool:
        """Is `other`, which `node` mentions, met for the first time?"""
        if other not in self.numbers:
            return True
        if other in self.open:
            self.lows[node] = min(self.lows[node], self.numbers[other])
            node.recursive = node.recursive or other is node
        return False

    def _close(self, node: Definition) -> None:
        """Everything still open since `node` uses it and is used by it."""
        group: list[Definition] = []
        while not group or group[-1] is not node:
            group.append(self.open.popitem()[0])
        for each in group:
            each.recursive = each.recursive or len(group) > 1
        self.order.extend(reversed(group))


def mentioned(node: Definition, program: Program) -> list[Definition]:
    """The definitions whose names stand anywhere in a definition, locals of the same name included."""
    found: dict[int, Definition] = {}
    for symbol in symbols(node.form[2:] if type(node.form) is List else None):
        kind, what = program.meaning(symbol, node.module)
        if kind == "definition":
            found[id(what)] = what
    return list(found.values())


def symbols(form: Any) -> Iterator[Symbol]:
    """All symbols of a form."""
    pending = [form]
    while pending:
        part = pending.pop()
        kind = type(part)
        if kind is Symbol:
            yield part
        elif kind is List or kind is tuple or kind is PVector:
            pending.extend(part)
        elif kind is Map:
            pending.extend(each for pair in map_pairs(part) for each in pair)
