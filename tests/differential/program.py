"""Whole programs: definitions, macros, modules, redefinitions and a last form that shows what came of them."""

from __future__ import annotations

import random

from tests.differential import rules, rules_value
from tests.differential.generator import INT_TO_INT, TEST, TWO_INTS, Form, Generator, Scope, Type, lst, vec

__all__ = ["program", "rules", "rules_value", "text_of"]  # the rules register themselves

DEPTH = 4


def program(seed: int) -> list[Form]:
    """The top-level forms of the program of a seed."""
    g = Generator(random.Random(seed))
    forms: list[Form] = []
    scope = Scope([])
    for _ in range(g.rng.randrange(0, 5)):
        added, scope = definition(g, scope)
        forms.extend(added)
    results = [
        protected(g, g.expr(g.some_type(), g.rng.randrange(2, DEPTH + 1), scope)) for _ in range(g.rng.randrange(1, 4))
    ]
    if forms and g.chance(0.15):  # what is redefined means its new value everywhere
        again = g.one([name for name, own in scope.names if own == INT_TO_INT] or ["unused"])
        forms.append(lst("defn", again, vec("n"), g.expr("int", 2, scope.adding(("n", "int")))))
    forms.append(vec(*results) if g.chance(0.8) else results[0])
    if g.chance(0.1):
        return [lst("do", *forms)]
    return forms


def protected(g: Generator, form: Form) -> Form:
    """An error of one result does not end the program, mostly."""
    if g.chance(0.3):
        return form
    return lst("try", form, lst("catch", "e", vec(lst(":type", "e"), lst(":message", "e"))))


def definition(g: Generator, scope: Scope) -> tuple[list[Form], Scope]:
    made = g.one([value, function, function, arities, counted, typed, macro, module])
    found: tuple[list[Form], Scope] = made(g, scope)
    return found


def name_of(g: Generator, prefix: str, type_: Type) -> str:
    if g.chance(g.shadows / 2):
        return g.fresh(type_)
    return g.unique(prefix)


def value(g: Generator, scope: Scope) -> tuple[list[Form], Scope]:
    type_ = g.some_type()
    name = name_of(g, "g", type_)
    return [lst("def", name, g.expr(type_, 2, scope))], scope.adding((name, type_))


def function(g: Generator, scope: Scope) -> tuple[list[Form], Scope]:
    type_ = g.one([INT_TO_INT, INT_TO_INT, TWO_INTS, TEST, ("fn", ("str",), "str"), ("fn", ("int",), ("vec", "int"))])
    name = name_of(g, "f", type_)
    literal = g.function_literal(type_, 3, scope)
    while literal[0] != "(" or literal[1] != "fn" or type(literal[2]) is str:
        literal = g.function_literal(type_, 2, scope)
    return [lst("defn", name, *literal[2:])], scope.adding((name, type_))


def arities(g: Generator, scope: Scope) -> tuple[list[Form], Scope]:
    name = g.unique("m")
    one, two = scope.adding(("a", "int")), scope.adding(("a", "int"), ("b", "int"))
    clauses = [
        lst(vec("a"), g.one([lst(name, "a", "1"), g.expr("int", 2, one)])),
        lst(vec("a", "b"), g.expr("int", 2, two)),
        lst(vec("a", "b", "c", "&", "r"), lst("+", g.expr("int", 1, two), lst("count", "r"))),
    ]
    forms = [lst("defn", name, '"several"', *clauses[: g.rng.randrange(2, 4)])]
    return forms, scope.adding((name, INT_TO_INT), (name, TWO_INTS))


def counted(g: Generator, scope: Scope) -> tuple[list[Form], Scope]:
    """A function that calls itself as often as its first argument says, by a call or by `recur`."""
    type_ = g.one(["int", "str", ("vec", "int")])
    name = g.unique("r")
    inner = scope.adding(("n", "int"), ("acc", type_))
    again = lst(g.one([name, "recur"]), lst("-", "n", "1"), g.expr(type_, 2, inner))
    body = g.one([lst("if", lst("<", "n", "1"), "acc", again), lst("cond", lst(">", "n", "0"), again, ":else", "acc")])
    return [lst("defn", name, vec("n", "acc"), body)], scope.adding((name, ("down", type_)))


def typed(g: Generator, scope: Scope) -> tuple[list[Form], Scope]:
    name = g.unique("t")
    type_ = g.one([":int", ":number", ":int?"])
    params = vec("n", ":", g.one([vec(":and", ":int", vec(":<", "50")), vec(":union", ":int", ":string"), "int"]))
    if g.chance(0.5):
        params = vec("n", type_, "&", "more", ":int")
    inner = scope.adding(("n", "int"))
    result = g.one([[], [":int"], [":", vec(":or", ":int", ":float")]])
    return [lst("defn", name, params, *result, g.expr("int", 2, inner))], scope.adding((name, INT_TO_INT))


def macro(g: Generator, scope: Scope) -> tuple[list[Form], Scope]:
    kind = g.one(["twice", "unless", "swap", "capture"])
    name = g.unique(f"{kind}-")
    text = {
        "twice": ["[x]", lst("let", vec("v#", ["~", "x"]), lst("+", "v#", "v#", g.leaf("int", Scope([]))))],
        "unless": ["[c & body]", lst("if", ["~", "c"], "nil", lst("do", ["~@", "body"]))],
        "swap": ["[[a b]]", vec(["~", "b"], ["~", "a"], lst("count", lst("quote", lst(["~", "a"]))))],
        "capture": ["[x]", lst("let", vec("v#", "1", "w#", ["~", "x"]), lst("if", lst("=", "v#", "1"), "w#", "nil"))],
    }[kind]
    g.macros.append(name)
    return [lst("defmacro", name, text[0], ["`", text[1]])], scope


def module(g: Generator, scope: Scope) -> tuple[list[Form], Scope]:
    name, f, v, hidden = g.unique("mod"), g.unique("f"), g.unique("v"), g.unique("hidden")
    inner = Scope([(hidden, INT_TO_INT), (v, "int")])
    forms = [
        lst("def", v, g.expr("int", 2, Scope([]))),
        lst("defn", hidden, vec("n"), g.expr("int", 2, Scope([(v, "int"), ("n", "int")]))),
        lst("defn", f, vec("n"), g.expr("int", 2, inner.adding(("n", "int")))),
    ]
    if g.chance(0.3):  # a name of the library that means something else inside the module only
        forms.insert(0, lst("defn", "inc", vec("n"), lst("+", "n", "100")))
    mac = g.unique("swap-")
    forms.append(lst("defmacro", mac, vec("x"), ["`", vec(lst(hidden, lst("first", ["~", "x"])), v)]))
    g.macros.append(f"{name}/{mac}")
    exports = [lst(":exports", vec(f, v, mac))] if g.chance(0.7) else []
    made = lst("module", name, *exports, *forms)
    if g.chance(0.5):
        return [made, lst("import", name, ":as", "al")], scope.adding((f"al/{f}", INT_TO_INT), (f"{name}/{v}", "int"))
    return [made, lst("import", name, ":only", vec(f))], scope.adding((f, INT_TO_INT), (f"{name}/{v}", "int"))


_CLOSERS = {"(": ")", "[": "]", "{": "}", "#(": ")"}


def text_of(forms: list[Form], rng: random.Random | None = None) -> str:
    """The text of forms; with `rng`, laid out at random over lines and with remarks in between."""
    return "\n".join(_text(form, rng) for form in forms)


def _text(form: Form, rng: random.Random | None) -> str:
    if type(form) is str:
        return form
    mark, *parts = form
    if mark == "^":
        return f"^{_text(parts[0], rng)} {_text(parts[1], rng)}"
    if mark not in _CLOSERS:
        return mark + _text(parts[0], rng)
    made = mark
    for place, part in enumerate(parts):
        made += (_gap(rng) if place else "") + _text(part, rng)
    return made + _CLOSERS[mark]


def _gap(rng: random.Random | None) -> str:
    if rng is None or rng.random() < 0.9:
        return " "
    return rng.choice(["\n  ", ", ", "\n", " ; ä (\n ", "  ", " #_(dropped) ", " #| {b |# "])
