"""The ways in which the generator makes an expression of any type out of smaller ones."""

from __future__ import annotations

from tests.differential.generator import (
    INT_TO_INT,
    KINDS,
    NAMES,
    TEST,
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
    kind = name.rpartition("/")[2].split("-")[0]
    if kind == "twice" and t == "int":
        return lst(name, g.expr("int", d, s))
    if kind == "unless":
        return lst("or", lst(name, g.condition(d, s), g.effect(d, s), g.expr(t, d, s)), g.leaf(t, s))
    if kind == "swap" and t == ANY_VEC:
        return lst(name, vec(g.expr("int", d, s), g.expr("int", d, s)))
    if kind == "capture":
        return lst(name, g.expr(t, d, s))
    return None


@rule()
def tower(g: Generator, t: Type, d: int, s: Scope) -> Form:
    """Statements nested in each other, also deeper than one Python function may hold."""
    if g.chance(0.7):
        return None
    form = g.expr(t, 1, s)
    for level in range(g.rng.choice([2, 4, 7, 9, 22])):
        i = f"i{level}"
        form = g.pick(
            [
                lambda form=form: lst("try", form, lst("catch", "TypeError", "e", g.leaf(t, s))),
                lambda form=form: lst("try", form, lst("finally", g.leaf("int", s))),
                lambda form=form, i=i: lst("loop", vec(i, "0"), lst("if", lst("<", i, "1"), lst("recur", "1"), form)),
                lambda form=form, i=i: lst("first", lst("map", lst("fn", vec(i), form), vec("1"))),
                lambda form=form, i=i: lst("reduce", lst("fn", vec(i, "_"), form), g.leaf(t, s), vec("1")),
                lambda form=form, i=i: lst("last", lst("for", vec(i, vec("1"), ":while", lst("<", i, "2")), form)),
                lambda form=form, i=i: lst("let", vec(i, form), i),
                lambda form=form: lst("if", g.leaf("bool", s), form, g.leaf(t, s)),
                lambda form=form: ["^", table(":runtime.note", "1"), form],
                lambda form=form: lst("step", '"deep"', form),
                lambda form=form, i=i: lst("match", "1", i, "when", lst("=", i, "1"), form, "_", g.leaf(t, s)),
                lambda form=form: lst("or", lst("and", "true", form), g.leaf(t, s)),
            ]
        )
    return form


@rule()
def rest_items(g: Generator, t: Type, d: int, s: Scope) -> Form:
    """`recur` into a function with rest items, and from a `catch`."""
    if g.chance(0.5):
        return None
    inner = s.adding(("n", "int"))
    last = g.expr(t, d - 1, inner)
    turn = g.pick(
        [
            lambda: lst("recur", lst("-", "n", "1"), lst("conj", "r", "n")),
            lambda: lst(
                "try", lst("throw", lst("count", "r")), lst("catch", "e", lst("recur", lst("-", "n", "1"), "r"))
            ),
            lambda: lst("let", vec("m", lst("-", "n", "1")), lst("recur", "m", lst("rest", "r"))),
        ]
    )
    literal = lst(
        "fn", vec("n", "&", "r"), lst("if", lst("<", "n", "1"), lst("do", lst("call", ":log.it", "r"), last), turn)
    )
    return lst(literal, str(g.rng.randrange(3)), "7", g.expr("str", 1, s))


@rule()
def taken_apart(g: Generator, t: Type, d: int, s: Scope) -> Form:
    """Patterns as parameters, in a loop and in a `for`."""
    a, b, c = g.rng.sample(NAMES, 3)
    inner = s.adding((a, "int"), (b, "any"), (c, "int"))
    pattern = g.one(
        [
            vec(a, "&", b),
            table(":keys", vec(a), ":or", table(a, "5"), ":as", b),
            vec(vec(a, b)),
            table(a, ":a", b, ":b"),
        ]
    )
    value = g.expr(g.one([ANY_VEC, ("map", "int"), "str", ("vec", ANY_VEC)]), d, s)
    body = g.expr(t, d, inner)
    turn = lst("recur", b, lst("+", c, "1"))
    return g.pick(
        [
            lambda: lst(lst("fn", vec(pattern, c), body), value, g.expr("int", d, s)),
            lambda: lst(
                "loop",
                vec(pattern, value, c, "0"),
                lst("if", lst(">", c, "1"), body, turn),
            ),
            lambda: lst("last", lst("for", vec(c, vec("1", "2"), pattern, vec(value)), body)),
            lambda: lst("when-let", vec(pattern, value), *g.body(t, d, s.adding((a, "int"), (b, "any")))),
            lambda: lst("let", vec(c, "3", pattern, value), body),
        ]
    )


@rule()
def told(g: Generator, t: Type, d: int, s: Scope) -> Form:
    """Effects in a row, then the value."""
    name = g.fresh()
    inner = s.adding((name, "int"))
    effect = g.pick(
        [
            lambda: lst("doseq", vec(name, g.expr(ANY_VEC, d, s)), g.effect(1, inner)),
            lambda: lst("dotimes", vec(name, g.one(["0", "2", g.expr("int", 0, s)])), g.effect(1, inner)),
            lambda: lst("when", g.condition(d, s), g.effect(1, s)),
            lambda: lst("when-not", g.condition(d, s), g.effect(1, s)),
            lambda: lst("run!", lst("fn", vec(name), g.effect(1, inner)), g.expr(ANY_VEC, d, s)),
            lambda: lst("step-loop", lst("call", ":give.bool"), g.effect(1, s)),
            lambda: lst("call", ":log.it", g.expr(g.one([INT_TO_INT, TEST]), d, s)),
            lambda: lst("call", ":log.it", lst("context/get", g.one([":user", '"user"', ":none"]), g.leaf("int", s))),
            lambda: lst("call", ":log.it", lst("parallel", vec("x", g.leaf("int", s), "y", g.leaf("int", s)))),
            lambda: lst("call", ":log.it", ["@", "user"], lst("str", lst("gensym", '"g"'))),
        ]
    )
    return lst("do", effect, g.expr(t, d, s))
