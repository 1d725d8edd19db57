"""The ways in which the generator makes numbers, truth, text, collections and functions."""

from __future__ import annotations

from tests.differential.generator import (
    INT_TO_INT,
    KEYS,
    TEST,
    TWO_INTS,
    Form,
    Generator,
    Scope,
    Type,
    lst,
    rule,
    table,
    vec,
)

ANY_VEC = ("vec", "int")

# ---- numbers ----------------------------------------------------------------------------------------------------


@rule("int", "num", weight=5)
def arithmetic(g: Generator, t: Type, d: int, s: Scope) -> Form:
    operands = [g.expr(t, d, s) for _ in range(g.one([1, 2, 2, 2, 2, 3, 4]))]
    return lst(g.one(["+", "-", "*", "+", "-", "max", "min"]), *operands)


@rule("int", weight=4)
def integer(g: Generator, t: Type, d: int, s: Scope) -> Form:
    items, text = g.expr(ANY_VEC, d, s), g.expr("str", d, s)
    return g.pick(
        [
            lambda: lst(g.one(["inc", "dec", "abs"]), g.expr("int", d, s)),
            lambda: lst(g.one(["quot", "mod", "rem"]), g.expr("int", d, s), g.expr("int", 1, s)),
            lambda: lst("count", g.expr(g.one([ANY_VEC, "str", ("map", "int")]), d, s)),
            lambda: lst("reduce", g.expr(TWO_INTS, d, s), *g.one([[], ["0"]]), items),
            lambda: lst("apply", g.one(["+", "*", "max", "-"]), g.leaf("int", s), items),
            lambda: lst("or", lst("first", items), "0"),
            lambda: lst(
                "->", g.expr("int", d, s), "inc", lst("-", g.leaf("int", s)), g.function_literal(INT_TO_INT, d, s)
            ),
            lambda: lst("->>", items, lst("map", g.expr(INT_TO_INT, d, s)), lst("reduce", "+")),
            lambda: lst("cond->", g.expr("int", d, s), g.condition(d, s), "inc", g.condition(d, s), lst("*", "2")),
            lambda: lst("string-length", text),
            lambda: lst("or", lst("index-of", text, '"a"'), lst("parse-int", text), "4"),
            lambda: lst("compare", g.expr(g.some_type(), d, s), g.expr(g.some_type(), d, s)),
            lambda: lst("sum", items),
            lambda: lst("nth", items, g.expr("int", 1, s)),
            lambda: lst("peek", vec(g.expr("int", d, s))),
        ]
    )


@rule("num", weight=2)
def real(g: Generator, t: Type, d: int, s: Scope) -> Form:
    return lst(g.one(["/", "+", "*"]), g.expr("num", d, s), g.expr(g.one(["num", "int"]), d, s))


# ---- truth ------------------------------------------------------------------------------------------------------


@rule("bool", weight=5)
def test(g: Generator, t: Type, d: int, s: Scope) -> Form:
    kind = g.some_type()
    a, b = g.expr(kind, d, s), g.expr(kind, d, s)
    numbers = [g.expr(g.one(["int", "num"]), d, s) for _ in range(g.one([1, 2, 2, 2, 3]))]
    return g.pick(
        [
            lambda: lst(g.one(["=", "not=", "!="]), a, b),
            lambda: lst(g.one(["<", "<=", ">", ">=", "=="]), *numbers),
            lambda: lst(g.one(["<", ">"]), g.expr("str", d, s), g.expr("str", d, s)),
            lambda: lst("not", g.condition(d, s)),
            lambda: lst("and", g.condition(d, s), g.condition(d, s)),
            lambda: lst("or", g.condition(d, s), g.condition(d, s)),
            lambda: lst(g.one(["even?", "odd?", "zero?", "pos?", "neg?"]), g.expr("int", d, s)),
            lambda: lst(g.one(["nil?", "some?", "string?", "int?", "map?", "vector?", "fn?", "coll?", "keyword?"]), a),
            lambda: lst("empty?", g.expr(ANY_VEC, d, s)),
            lambda: lst(
                "contains?", g.expr(g.one([ANY_VEC, ("map", "int")]), d, s), g.expr(g.one(["int", "kw"]), d, s)
            ),
            lambda: lst(g.one(["every?", "any?", "not-any?"]), g.expr(TEST, d, s), g.expr(ANY_VEC, d, s)),
            lambda: lst(g.one(["starts-with?", "includes?"]), g.expr("str", d, s), g.expr("str", d, s)),
            lambda: lst("boolean", a),
        ]
    )


# ---- text -------------------------------------------------------------------------------------------------------


@rule("str", weight=4)
def text(g: Generator, t: Type, d: int, s: Scope) -> Form:
    a = g.expr("str", d, s)
    return g.pick(
        [
            lambda: lst("str", *[g.expr(g.some_type(), d, s) for _ in range(g.rng.randrange(4))]),
            lambda: lst("pr-str", g.expr(g.some_type(), d, s)),
            lambda: lst(g.one(["upper-case", "lower-case", "trim", "string/reverse"]), a),
            lambda: lst("join", '","', g.expr(("vec", g.one(["int", "str"])), d, s)),
            lambda: lst("subs", a, "0", g.expr("int", 1, s)),
            lambda: lst("replace", a, '"a"', g.expr("str", d, s)),
            lambda: lst("name", g.expr("kw", d, s)),
            lambda: lst("type-name", g.expr(g.some_type(), d, s)),
            lambda: lst("or", lst("first", lst("split", a, '","')), '"none"'),
        ]
    )


@rule("kw", weight=2)
def keyword(g: Generator, t: Type, d: int, s: Scope) -> Form:
    return g.one([lst("keyword", g.one(['"a"', '"zz"', ":b"])), lst("type", g.expr(g.some_type(), d, s))])


# ---- collections ------------------------------------------------------------------------------------------------


@rule("vec", weight=6)
def vector(g: Generator, t: Type, d: int, s: Scope) -> Form:
    item, own = t[1], g.expr(t, d, s)
    name = g.fresh()
    inner = s.adding((name, "int"))
    return g.pick(
        [
            lambda: vec(*[g.expr(item, d, s) for _ in range(g.rng.randrange(5))]),
            lambda: lst("conj", own, g.expr(item, d, s)),
            lambda: lst("cons", g.expr(item, d, s), own),
            lambda: lst("concat", own, g.expr(t, d, s)),
            lambda: lst("into", own, g.expr(t, d, s)),
            lambda: lst("map", g.expr(("fn", ("int",), item), d, s), g.expr(ANY_VEC, d, s)),
            lambda: lst(
                "mapv",
                g.function_literal(("fn", ("int", "int"), item), d, s),
                g.expr(ANY_VEC, d, s),
                g.expr(ANY_VEC, d, s),
            ),
            lambda: lst("for", *loops(g, item, d, s)),
            lambda: lst(
                "map",
                lst("fn", vec("f"), lst("f", "1")),
                vec(*[g.expr(("fn", ("int",), item), d, s) for _ in range(2)]),
            ),
            lambda: lst(g.one(["rest", "reverse", "butlast", "vec", "distinct", "sort"]), own),
            lambda: lst(g.one(["take", "drop"]), g.expr("int", 1, s), own),
            lambda: lst("map-indexed", g.function_literal(("fn", ("int", item), item), d, s), own),
            lambda: lst("assoc", own, "0", g.expr(item, d, s)),
            lambda: lst("update", vec(g.expr(item, d, s)), "0", g.function_literal(("fn", (item,), item), d, s)),
            lambda: lst("repeat", g.one(["0", "2", "3"]), g.expr(item, d, s)),
            lambda: lst("let", vec(name, g.expr("int", d, s)), vec(g.expr(item, d, inner), g.expr(item, d, inner))),
            lambda: lst("vector", g.expr(item, d, s), g.expr(item, d, s)),
            lambda: lst("vals", g.expr(("map", item), d, s)),
            lambda: lst("flatten", vec(own, lst("list", g.expr(item, d, s)))),
            lambda: closures(g, item, d, s),
        ]
    )


def closures(g: Generator, item: Type, d: int, s: Scope) -> Form:
    """Functions made in the turns of a loop, called after it has ended."""
    inner = s.adding(("i", "int"), ("z9", "int"))
    made = lst("fn", vec("z9"), g.expr(item, d, inner))
    grown = lst("recur", lst("+", "i", "1"), lst("conj", "fs", made))
    loop_ = lst("loop", vec("i", "0", "fs", vec()), lst("if", lst("<", "i", "3"), grown, "fs"))
    return lst("mapv", lst("fn", vec("f"), lst("f", g.leaf("int", s))), loop_)


def loops(g: Generator, item: Type, d: int, s: Scope) -> tuple[Form, Form]:
    """The bindings of a `for` and its body."""
    forms: list[Form] = []
    for _ in range(g.rng.randrange(1, 3)):
        name = g.fresh()
        forms.extend([name, g.expr(ANY_VEC, d, s)])
        s = s.adding((name, "int"))
        for modifier in (":when", ":while"):
            if g.chance(0.2):
                forms.extend([modifier, g.condition(d - 1, s)])
        if g.chance(0.2):
            other = g.fresh()
            forms.extend([":let", vec(other, g.expr("int", d - 1, s))])
            s = s.adding((other, "int"))
    return vec(*forms), g.expr(item, d, s)


@rule("vec", weight=2)
def integers(g: Generator, t: Type, d: int, s: Scope) -> Form:
    if t != ANY_VEC:
        return None
    own = g.expr(t, d, s)
    return g.pick(
        [
            lambda: lst(g.one(["filter", "remove", "take-while", "drop-while"]), g.expr(TEST, d, s), own),
            lambda: lst(
                "sort", g.one(["<", ">", "compare"]), vec(*[g.one(["5", "1", "3", "-2", "0"]) for _ in range(4)])
            ),
            lambda: lst("sort-by", g.expr(INT_TO_INT, d, s), own),
            lambda: lst("keep", g.expr(INT_TO_INT, d, s), own),
            lambda: lst("range", g.one(["0", "3", "5"])),
            lambda: lst("reductions", g.expr(TWO_INTS, d, s), own),
            lambda: lst("mapcat", lst("fn", vec("q"), g.expr(t, d, s.adding(("q", "int")))), own),
            lambda: lst("subvec", own, "0", g.expr("int", 1, s)),
            lambda: lst("pop", own),
            lambda: lst("into", own, lst("range", g.one(["61", "64", "66"]))),
            lambda: lst("take", "3", lst("subvec", lst("vec", lst("range", "90")), "10", g.one(["74", "75", "80"]))),
            lambda: lst("conj", lst("vec", lst("range", "64")), g.leaf("int", s), g.leaf("int", s)),
            lambda: lst("first", vec(own)),
            lambda: ["`", vec(["~@", own], ["~", g.expr("int", d, s)])],
            lambda: lst("step-parallel", g.effect(d, s), g.effect(d, s)),
            lambda: lst("apply", "vector", own),
        ]
    )


@rule("map", weight=5)
def mapping(g: Generator, t: Type, d: int, s: Scope) -> Form:
    own, item = g.expr(t, d, s), t[1]
    key = g.one([g.one(KEYS), g.expr("kw", d, s)])
    numbers = lst("range", "65")
    grown = lst("recur", lst("assoc", "m", key, g.expr(item, 1, s), "j", "j"), lst("+", "j", "1"))
    return g.pick(
        [
            lambda: table(
                *[part for _ in range(g.rng.randrange(4)) for part in (g.expr("kw", d, s), g.expr(item, d, s))]
            ),
            lambda: lst("assoc", own, key, g.expr(item, d, s)),
            lambda: lst("dissoc", own, key),
            lambda: lst("merge", own, g.expr(t, d, s)),
            lambda: lst("update", own, key, g.function_literal(("fn", (item,), item), d, s)),
            lambda: lst("update-vals", own, g.function_literal(("fn", (item,), item), d, s)),
            lambda: lst("select-keys", own, vec(":a", ":b")),
            lambda: lst("into", own, vec(vec(key, g.expr(item, d, s)))),
            lambda: lst("conj", own, vec(key, g.expr(item, d, s))),
            lambda: lst("zipmap", vec(":a", key), g.expr(("vec", item), d, s)),
            lambda: lst("assoc-in", own, vec(key), g.expr(item, d, s)),
            lambda: lst("hash-map", key, g.expr(item, d, s)),
            lambda: lst("frequencies", g.expr(("vec", "kw"), d, s)),
            lambda: lst("merge", lst("zipmap", lst("range", g.one(["62", "64", "70"])), lst("range", "70")), own),
            lambda: lst("dissoc", lst("assoc", lst("zipmap", numbers, numbers), key, "1"), "3", key),
            lambda: lst("loop", vec("m", own, "j", "0"), lst("if", lst("<", "j", "3"), grown, "m")),
            lambda: lst(
                "reduce",
                lst("fn", vec("m", "x"), lst("assoc", "m", key, g.expr(item, d, s.adding(("x", "int"))))),
                own,
                g.expr(ANY_VEC, d, s),
            ),
        ]
    )


# ---- functions --------------------------------------------------------------------------------------------------


@rule("fn", weight=6)
def function(g: Generator, t: Type, d: int, s: Scope) -> Form:
    if t == INT_TO_INT and g.chance(0.4):
        return g.pick(
            [
                lambda: g.one(["inc", "dec", "abs", "-", "identity", "count"]),
                lambda: lst("partial", g.one(["+", "-", "*"]), g.expr("int", d, s)),
                lambda: lst("comp", g.expr(t, d, s), g.expr(t, d, s)),
                lambda: lst("constantly", g.expr("int", d, s)),
                lambda: lst("fnil", g.expr(t, d, s), "0"),
                lambda: vec("3", "4", "5", "6"),
                lambda: table("0", "1", "1", "2", "2", "0"),
                lambda: lst("if", g.condition(d, s), g.expr(t, d, s), g.expr(t, d, s)),
            ]
        )
    if t == TWO_INTS and g.chance(0.4):
        return g.one(["+", "-", "*", "max", "min"])
    if t == TEST and g.chance(0.4):
        return g.one(["even?", "odd?", "pos?", "neg?", "zero?", lst("complement", g.expr(t, d, s))])
    return g.function_literal(t, d, s)
