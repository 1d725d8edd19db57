"""The ways in which the generator makes an expression of a type out of smaller ones."""

from __future__ import annotations

from tests.differential.generator import (
    INT_TO_INT,
    KEYS,
    KINDS,
    NAMES,
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

# ---- of every type ----------------------------------------------------------------------------------------------


@rule(weight=3)
def let(g: Generator, t: Type, d: int, s: Scope) -> Form:
    forms: list[Form] = []
    for _ in range(g.rng.randrange(1, 4)):
        added, names = g.binding(d, s)
        forms.extend(added)
        s = s.adding(*names)
    return lst("let", vec(*forms), *g.body(t, d, s))


@rule(weight=2)
def if_(g: Generator, t: Type, d: int, s: Scope) -> Form:
    head = "if" if g.chance(0.8) else g.one(["if-not", "step-if"])
    return lst(head, g.condition(d, s), g.expr(t, d, s), g.expr(t, d, s))


@rule()
def do(g: Generator, t: Type, d: int, s: Scope) -> Form:
    return lst("do", g.effect(d, s), g.expr(t, d, s))


@rule()
def cond(g: Generator, t: Type, d: int, s: Scope) -> Form:
    clauses = [part for _ in range(g.rng.randrange(1, 3)) for part in (g.condition(d, s), g.expr(t, d, s))]
    return lst("cond", *clauses, g.one([":else", "true", "1"]), g.expr(t, d, s))


@rule()
def case(g: Generator, t: Type, d: int, s: Scope) -> Form:
    kind, constants = g.one(
        [("int", ["0", "1", lst("2", "3")]), ("kw", [":a", lst(":b", ":c")]), ("str", ['"a"', '""'])]
    )
    clauses = [part for constant in constants for part in (constant, g.expr(t, d - 1, s))]
    return lst("case", g.expr(kind, d, s), *clauses, *([g.expr(t, d, s)] if g.chance(0.8) else []))


@rule()
def condp(g: Generator, t: Type, d: int, s: Scope) -> Form:
    clauses = [part for _ in range(2) for part in (g.expr("int", d - 1, s), g.expr(t, d - 1, s))]
    return lst(
        "condp", g.one(["=", "<", ">="]), g.expr("int", d, s), *clauses, *([g.leaf(t, s)] if g.chance(0.9) else [])
    )


@rule()
def if_let(g: Generator, t: Type, d: int, s: Scope) -> Form:
    kind = g.one(["int", "str", ANY_VEC])
    name = g.fresh()
    value = g.one([g.expr(kind, d, s), "nil", lst("some", g.expr(TEST, d, s), g.expr(ANY_VEC, d, s))])
    then = g.expr(t, d, s.adding((name, kind)))
    return lst(g.one(["if-let", "if-some"]), vec(name, value), then, g.expr(t, d, s))


@rule(weight=2)
def try_(g: Generator, t: Type, d: int, s: Scope) -> Form:
    body = [g.expr(t, d, s)]
    if g.chance(0.4):
        body.insert(0, g.one([raised(g, d, s), g.effect(d, s)]))
    clauses = []
    for _ in range(g.rng.randrange(0, 3)):
        clauses.append(lst("catch", g.one(KINDS), "e", *handler(g, t, d, s)))
    if g.chance(0.4) and not clauses:
        clauses.append(lst("catch", "e", *handler(g, t, d, s)))
    if not clauses or g.chance(0.3):
        clauses.append(lst("finally", g.effect(d, s) if g.chance(0.9) else raised(g, d, s)))
    return lst("try", *body, *clauses)


def handler(g: Generator, t: Type, d: int, s: Scope) -> list[Form]:
    seen = g.one([lst(":message", "e"), lst("ex-data", "e"), lst(":type", "e"), "e", lst("get", "e", ":kind")])
    forms = [lst("call", ":log.it", seen)] if g.chance(0.4) else []
    if g.chance(0.1):
        return [*forms, lst("throw", "e")]
    return [*forms, g.expr(t, d, s.adding(("e", "error")))]


def raised(g: Generator, d: int, s: Scope) -> Form:
    """Something that raises."""
    data = table(":type", g.one([":bad", ":my-err"]), ":message", g.expr("str", d, s), ":n", g.expr("int", d, s))
    return g.pick(
        [
            lambda: lst("throw", data),
            lambda: lst("throw", g.expr(g.some_type(), d, s)),
            lambda: lst("throw", lst("ex-info", g.expr("str", d, s), data)),
            lambda: lst("error", g.expr("str", d, s)),
            lambda: lst("assert", g.condition(d, s), '"checked"'),
            lambda: lst("/", g.expr("int", d, s), "0"),
            lambda: lst("nth", g.expr(ANY_VEC, d, s), "9"),
            lambda: lst("call", ":give.error", g.expr("int", d, s)),
            lambda: lst("missing-name", g.expr("int", d, s)),
            lambda: lst(g.one([lst("fn", vec("x"), "x"), "inc", ":k", vec("1"), "5"])),
        ]
    )


@rule()
def raising(g: Generator, t: Type, d: int, s: Scope) -> Form:
    return raised(g, d, s) if g.chance(0.15) else None


@rule(weight=2)
def loop(g: Generator, t: Type, d: int, s: Scope) -> Form:
    """A counter and an accumulator; closures made in a turn keep the values of that turn."""
    i, acc = g.rng.sample(NAMES, 2)
    inner = s.adding((i, "int"), (acc, t))
    turns = str(g.rng.randrange(0, 4))
    last = g.expr(t, d - 1, inner)
    typed = [":int"] if g.chance(0.1) else []
    step = lst("recur", lst("+", i, "1"), g.expr(t, d, inner))
    end = g.rng.randrange(5)
    body = [
        lst("if", lst(">=", i, turns), last, step),
        lst("cond", lst("<", i, turns), step, ":else", last),
        lst("let", vec("held", lst("+", i, "1")), lst("if", lst(">", "held", turns), last, step)),
        lst("do", g.effect(1, inner), lst("if", lst("<", i, turns), step, last)),
        lst("when", lst("<=", i, turns), lst("if", lst("=", i, turns), last, step)),
    ][end]
    return lst("loop", vec(i, *typed, "0", acc, g.expr(t, d, s)), body)


@rule()
def called(g: Generator, t: Type, d: int, s: Scope) -> Form:
    names = [(name, own) for name, own in s.names if type(own) is tuple and own[0] == "fn" and own[2] == t]
    if not names or g.chance(0.2):
        kind = g.some_type()
        return lst(g.function_literal(("fn", (kind,), t), d, s), g.expr(kind, d, s))
    name, (_, params, _) = g.one(names)
    return lst(name, *[g.expr(param, d, s) for param in params])


@rule()
def counted_down(g: Generator, t: Type, d: int, s: Scope) -> Form:
    """A call of a function that recurs as often as its first argument says."""
    names = [(name, own) for name, own in s.names if type(own) is tuple and own[0] == "down" and own[1] == t]
    if not names:
        return None
    return lst(g.one(names)[0], str(g.rng.randrange(0, 6)), g.expr(t, d, s))


@rule()
def match(g: Generator, t: Type, d: int, s: Scope) -> Form:
    a, b = g.rng.sample(NAMES, 2)
    subject = g.one([g.expr("int", d, s), g.expr(ANY_VEC, d, s), g.expr(("map", "int"), d, s), g.expr("str", d, s)])
    patterns = [
        ("0", []),
        ('"a"', []),
        (vec(a), [(a, "int")]),
        (vec(a, "_"), [(a, "int")]),
        (vec("1", a, "&", b), [(a, "int")]),
        (table(":a", a), [(a, "int")]),
        (table(":a", a, "&", b), [(a, "int"), (b, ("map", "int"))]),
        (table(), []),
        (lst(":int", a), [(a, "int")]),
        (lst(":or", "1", "2", ":k"), []),
        (lst(":as", a, vec("_", "_", "_")), [(a, ANY_VEC)]),
        (lst(":type", vec(":vector", ":int"), a), [(a, ANY_VEC)]),
        (table(":keys", vec(a, b)), [(a, "int"), (b, "int")]),
    ]
    clauses: list[Form] = []
    for pattern, names in g.rng.sample(patterns, g.rng.randrange(1, 5)):
        inner = s.adding(*names)
        clauses.append(pattern)
        if g.chance(0.3):
            clauses.extend(["when", g.condition(d - 1, inner)])
        clauses.append(g.expr(t, d - 1, inner))
    return lst("match", subject, *clauses, *(["_", g.expr(t, d, s)] if g.chance(0.9) else []))


@rule(weight=2)
def host(g: Generator, t: Type, d: int, s: Scope) -> Form:
    if t not in ("int", "str", "bool", ANY_VEC, ("map", "int")):
        return None
    short = t if type(t) is str else t[0]
    made = lst(
        "call",
        g.one([f":give.{short}", f'"give.{short}"']),
        *[g.expr(g.some_type(), d, s) for _ in range(g.rng.randrange(3))],
    )
    if g.chance(0.1):
        return ["^", table(":runtime.note", g.expr("int", d, s)), made]
    return made


@rule()
def hinted(g: Generator, t: Type, d: int, s: Scope) -> Form:
    return ["^", table(":runtime.note", g.expr("int", d, s), ":other", "1"), g.expr(t, d, s)] if g.chance(0.3) else None


@rule()
def step(g: Generator, t: Type, d: int, s: Scope) -> Form:
    if g.chance(0.5):
        return None
    params = [":params", table('"n"', g.expr("int", d, s))] if g.chance(0.3) else []
    extra = [lst("call", ":log.it", lst("get", "%params", '"n"'))] if params else []
    return lst("step", g.one(['"s1"', ":s2"]), *params, *extra, *g.body(t, d, s))


@rule()
def resource(g: Generator, t: Type, d: int, s: Scope) -> Form:
    name = g.fresh()
    return (
        lst("with-resource", vec(name, g.expr("int", d, s)), *g.body(t, d, s.adding((name, "int"))))
        if g.chance(0.3)
        else None
    )


@rule()
def picked(g: Generator, t: Type, d: int, s: Scope) -> Form:
    if type(t) is tuple and t[0] == "vec":
        return None
    parts = vec(*[g.expr(t, d, s) for _ in range(g.rng.randrange(1, 4))])
    default = g.leaf(t, s)
    return g.pick(
        [
            lambda: lst("nth", parts, g.expr("int", d, s), default),
            lambda: lst("get", parts, g.expr("int", d, s), default),
            lambda: lst("first", parts),
            lambda: lst("last", parts),
            lambda: lst(parts, "0"),
            lambda: lst(":a", table(":a", g.expr(t, d, s), ":b", g.expr("int", d, s))),
            lambda: lst("get-in", table(":a", parts), vec(":a", "0"), default),
            lambda: lst("or", lst("get", table(":a", g.expr(t, d, s)), g.expr("kw", d, s)), default),
            lambda: lst("and", g.condition(d, s), g.expr(t, d, s)),
            lambda: lst("->", g.expr(t, d, s), "identity", vec_call(g)),
            lambda: lst("as->", g.expr(t, d, s), "it", "it", lst("identity", "it")),
            lambda: lst("apply", "identity", vec(g.expr(t, d, s))),
            lambda: lst("some->", g.expr(t, d, s), "identity"),
            lambda: lst("cond->", g.expr(t, d, s), g.condition(d, s), lst("or", default)),
        ]
    )


def vec_call(g: Generator) -> Form:
    return g.one([lst("vector", "1"), lst("or", "2"), lst("do"), "list"]) if g.chance(0.1) else lst("identity")


@rule()
def folded(g: Generator, t: Type, d: int, s: Scope) -> Form:
    acc, item = g.rng.sample(NAMES, 2)
    step_ = lst("fn", vec(acc, item), g.expr(t, d, s.adding((acc, t), (item, "int"))))
    return lst("reduce", step_, g.expr(t, d, s), g.expr(ANY_VEC, d, s))


@rule()
def mutual(g: Generator, t: Type, d: int, s: Scope) -> Form:
    """Two functions of one `let` that call each other."""
    if g.chance(0.6):
        return None
    a, b = g.unique("ping"), g.unique("pong")
    inner = s.adding(("m", "int"))
    one = lst("fn", vec("m"), lst("if", lst("<", "m", "1"), g.expr(t, d - 1, inner), lst(b, lst("-", "m", "1"))))
    two = lst("fn", vec("m"), lst("if", lst("<", "m", "1"), g.expr(t, d - 1, inner), lst(a, lst("-", "m", "1"))))
    return lst(g.one(["let", "letrec"]), vec(a, one, b, two), lst(a, str(g.rng.randrange(4))))


@rule()
def user_macro(g: Generator, t: Type, d: int, s: Scope) -> Form:
    if not g.macros:
        return None
    name = g.one(g.macros)
    kind = name.split("-")[0]
    if kind == "twice" and t == "int":
        return lst(name, g.expr("int", d, s))
    if kind == "unless":
        return lst("or", lst(name, g.condition(d, s), g.effect(d, s), g.expr(t, d, s)), g.leaf(t, s))
    if kind == "swap" and t == ANY_VEC:
        return lst(name, vec(g.expr("int", d, s), g.expr("int", d, s)))
    if kind == "capture":
        return lst(name, g.expr(t, d, s))
    return None


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
