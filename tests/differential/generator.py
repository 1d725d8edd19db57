"""Programs by seed: typed enough that most run deep, wild enough that errors occur.

A form is a text (an atom) or a list whose first item is its bracket or prefix: `["(", "+", "1", "x"]`, `["'", "a"]`.
Types are "int", "num", "str", "bool", "kw", "any", ("vec", T), ("map", T) of keywords, ("fn", (T, …), T).
Everything ends: loops and recursion count down. Comparisons given to `sort` have no effects.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

Form = Any
Type = Any

NAMES = [
    "a",
    "b",
    "c",
    "d",
    "e",
    "k",
    "n",
    "p",
    "q",
    "s",
    "t",
    "u",
    "v",
    "w",
    "y",
    "z",
    "x1",
    "long-name",
    "other?",
    "Ω",
]
SHADOWED = [
    "inc",
    "dec",
    "first",
    "rest",
    "map",
    "str",
    "conj",
    "list",
    "vector",
    "nth",
    "get",
    "reduce",
    "max",
    "min",
    "count",
    "not",
    "concat",
    "assoc",
    "=",
    "filter",
]
SPECIAL = ["step", "plan", "doc", "action"]  # special forms whose name may be bound like any other
INT_TO_INT = ("fn", ("int",), "int")
TWO_INTS = ("fn", ("int", "int"), "int")
TEST = ("fn", ("int",), "bool")
KEYS = [":a", ":b", ":c", ":k/n"]
KINDS = [
    "TypeError",
    "RuntimeError",
    "Exception",
    "ApplicationError",
    "HostError",
    "ArityMismatch",
    ":bad",
    ":type-error",
    "MyErr",
    "_",
]


def lst(*parts: Form) -> Form:
    return ["(", *parts]


def vec(*parts: Form) -> Form:
    return ["[", *parts]


def table(*parts: Form) -> Form:
    return ["{", *parts]


class Scope:
    """The names that a place of the program sees, with their types; the innermost last."""

    def __init__(self, names: list[tuple[str, Type]]) -> None:
        self.names = names

    def of(self, type_: Type) -> list[str]:
        seen: set[str] = set()
        found = []
        for name, own in reversed(self.names):
            if name not in seen and own == type_:
                found.append(name)
            seen.add(name)
        return found

    def adding(self, *names: tuple[str, Type]) -> Scope:
        return Scope([*self.names, *names])


class Generator:
    """Expressions of a type, each made of smaller ones."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.wild = rng.choice((0.0, 0.01, 0.01, 0.04))
        self.shadows = rng.choice((0.0, 0.03, 0.15))
        self.macros: list[str] = []
        self.counter = 0

    # ---- choices

    def chance(self, p: float) -> bool:
        return self.rng.random() < p

    def one(self, options: Any) -> Any:
        return self.rng.choice(options)

    def pick(self, makers: list[Callable[[], Form]]) -> Form:
        """A form made in one of several ways."""
        return self.rng.choice(makers)()

    def some_type(self) -> Type:
        return self.one(
            ["int", "int", "int", "num", "str", "bool", "kw", ("vec", "int"), ("vec", "str"), ("map", "int")]
        )

    def fresh(self, type_: Type = None) -> str:
        """A name to bind."""
        if self.chance(self.shadows) and (type(type_) is tuple or self.chance(0.2)):
            return str(self.one(SHADOWED if self.chance(0.9) else SPECIAL))
        return str(self.one(NAMES))

    def unique(self, prefix: str) -> str:
        self.counter += 1
        return f"{prefix}{self.counter}"

    # ---- atoms

    def leaf(self, type_: Type, scope: Scope) -> Form:
        known = scope.of(type_)
        if known and self.chance(0.7):
            return self.one(known)
        return self.literal(type_, scope)

    def literal(self, type_: Type, scope: Scope) -> Form:
        if type_ == "int":
            return self.one(["0", "1", "2", "3", "7", "-1", "-5", "10", "99999999999999999999"])
        if type_ == "num":
            return self.one(["0.5", "-2.0", "1e3", "0", "3", "-0.0", "2.5"])
        if type_ == "str":
            return self.one(['""', '"a"', '"b c"', '"Ünï\\n"', '"12"', '"x,y"', '"😀"'])
        if type_ == "bool":
            return self.one(["true", "false"])
        if type_ == "kw":
            return self.one(KEYS)
        if type_ == "any":
            return self.one(["nil", "nil", "1.5", ":z", '"s"', vec(), lst(), ["'", lst("q", "1")], table()])
        if type_[0] == "vec":
            return vec(*[self.leaf(type_[1], scope) for _ in range(self.rng.randrange(4))])
        if type_[0] == "map":
            keys = self.rng.sample(KEYS, self.rng.randrange(4))
            return table(*[part for key in keys for part in (key, self.leaf(type_[1], scope))])
        return self.function_literal(type_, 0, scope)

    # ---- expressions

    def expr(self, type_: Type, depth: int, scope: Scope) -> Form:
        if self.chance(self.wild):
            type_ = self.one([self.some_type(), "any"])
        if depth <= 0:
            return self.leaf(type_, scope)
        for _ in range(8):
            rule = self.one(
                ANYWHERE if self.chance(0.5) else RULES.get(type_ if type(type_) is str else type_[0], ANYWHERE)
            )
            made = rule(self, type_, depth - 1, scope)
            if made is not None:
                return made
        return self.leaf(type_, scope)

    def effect(self, depth: int, scope: Scope) -> Form:
        return lst("call", ":log.it", self.expr(self.some_type(), depth, scope))

    def condition(self, depth: int, scope: Scope) -> Form:
        return self.expr("bool" if self.chance(0.85) else self.some_type(), depth, scope)

    def body(self, type_: Type, depth: int, scope: Scope) -> list[Form]:
        """Forms of a body scope: sometimes with local definitions and effects before the last."""
        forms: list[Form] = []
        if self.chance(0.12):
            name = self.unique("h")
            if self.chance(0.5):
                forms.append(lst("def", name, self.expr("int", depth, scope)))
                scope = scope.adding((name, "int"))
            else:
                param = self.fresh()
                inner = scope.adding((param, "int"))
                forms.append(lst("defn", name, vec(param), self.expr("int", depth, inner)))
                scope = scope.adding((name, INT_TO_INT))
        if self.chance(0.15):
            forms.append(self.effect(depth, scope))
        return [*forms, self.expr(type_, depth, scope)]

    def function_literal(self, type_: Type, depth: int, scope: Scope) -> Form:
        _, params, result = type_
        names = [self.fresh() for _ in params]
        inner = scope.adding(*zip(names, params, strict=True))
        parts: list[Form] = []
        for name, param in zip(names, params, strict=True):
            parts.append(name)
            if param == "int" and self.chance(0.1):
                parts.extend(self.one([[":int"], [":number"], [":", vec(":and", ":int", vec(":>", "-3"))]]))
        if len(params) == 1 and self.chance(0.1):
            parts.extend(["&", "more"])
        head = ["fn"] if self.chance(0.8) else ["fn", self.unique("f")]
        annotation = [":int"] if result == "int" and self.chance(0.06) else []
        if len(params) == 1 and self.chance(0.08):
            other = lst(vec("p1", "p2", "&", "ps"), self.leaf(result, scope))
            return lst(*head, lst(vec(*parts[:1]), *self.body(result, depth, inner)), other)
        if self.chance(0.1) and depth < 2 and type(result) is str:
            numbered = scope.adding(*[(f"%{n + 1}", param) for n, param in enumerate(params)])
            made = self.expr(result, 1, numbered)
            text = repr(made)
            if made[0] == "(" and "#" not in text and f"%{len(params)}" in text and "'fn'" not in text:
                return ["#(", *made[1:]]
        return lst(*head, vec(*parts), *annotation, *self.body(result, depth, inner))

    def binding(self, depth: int, scope: Scope) -> tuple[list[Form], list[tuple[str, Type]]]:
        """One binding of a `let`: its forms and the names it brings."""
        kind = self.rng.randrange(14)
        if kind < 7:
            type_ = self.some_type()
            name = self.fresh(type_)
            typed = [":int"] if type_ == "int" and self.chance(0.1) else []
            return [name, *typed, self.expr(type_, depth, scope)], [(name, type_)]
        if kind < 9:
            type_ = self.one([INT_TO_INT, TWO_INTS, TEST])
            name = self.fresh(type_)
            return [name, self.expr(type_, depth, scope)], [(name, type_)]
        a, b, r = self.rng.sample(NAMES, 3)
        if kind < 11:
            rest = self.one([[], ["&", r], [":as", r], ["&", r, ":as", "whole"]])
            names: list[tuple[str, Type]] = [(a, "int"), (b, "any"), (r, "any")]
            return [vec(a, b, *rest), self.expr(("vec", "int"), depth, scope)], names[: 2 + (r in rest)]
        source = self.expr(("map", "int"), depth, scope)
        if kind < 12:
            default = table(a, self.expr("int", 1, scope), b, self.one([a, "1", lst("call", ":give.int")]))
            return [table(":keys", vec(a, b), ":or", default), source], [(a, "int"), (b, "int")]
        if kind < 13:
            return [table(a, ":a", "&", r), source], [(a, "any"), (r, ("map", "int"))]
        return [table(":b", b, vec(a, "_"), ":c", ":as", r), source], [(b, "any"), (r, ("map", "int"))]


Rule = Callable[[Generator, Type, int, Scope], Form]
RULES: dict[str, list[Rule]] = {}
ANYWHERE: list[Rule] = []


def rule(*types: str, weight: int = 1) -> Callable[[Rule], Rule]:
    """A way to make an expression of these types; of every type when none is named. None: not this time."""

    def register(function: Rule) -> Rule:
        for type_ in types:
            RULES.setdefault(type_, []).extend([function] * weight)
        if not types:
            ANYWHERE.extend([function] * weight)
        return function

    return register
