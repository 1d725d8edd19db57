"""The programs of programs.rtfs in idiomatic Python, and what both are given."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

from rtfs import HostCall, RuntimeContext, Session

Data = dict[str, Any]
HOST = Session(context=RuntimeContext.full())


# ---- sorting


def youngest(people: list[Data]) -> list[str]:
    return [p["name"] for p in sorted(people, key=lambda p: p["age"])[:10]]


def quicksort(xs: list[int]) -> list[int]:
    if not xs:
        return []
    pivot, *others = xs
    return [*quicksort([x for x in others if x < pivot]), pivot, *quicksort([x for x in others if not x < pivot])]


# ---- strings


def word_counts(text: str) -> Data:
    return dict(Counter(text.lower().split(" ")))


def caesar(text: str) -> str:
    letters = []
    for c in text:
        n = ord(c)
        letters.append(chr(97 + (n - 97 + 13) % 26) if 97 <= n <= 122 else c)
    return "".join(letters)


def report(people: list[Data]) -> str:
    return "\n".join([f"{p['name']} is {p['age']} years old" for p in people])


def words_of(text: str) -> int:
    return len(re.findall("[a-z]+ing", text))


# ---- maps


def totals(orders: list[Data]) -> Data:
    found: Data = {}
    for order in orders:
        found[order["kind"]] = found.get(order["kind"], 0) + order["price"]
    return found


def group_sizes(orders: list[Data]) -> Data:
    groups = defaultdict(list)
    for order in orders:
        groups[order["kind"]].append(order)
    return {kind: len(group) for kind, group in groups.items()}


def raise_scores(state: Data, names: list[str]) -> Data:
    for name in names:
        scores = state["scores"]
        state = {**state, "scores": {**scores, name: scores.get(name, 0) + 5}}
    return state


def cities(people: list[Data]) -> list[str]:
    return list(dict.fromkeys([p["address"]["city"]["name"] for p in people]))


# ---- functions


def stacked(n: int) -> int:
    def adder(i: int) -> Callable[[int], int]:
        return lambda x: x + i

    x = 0
    for f in [adder(i) for i in range(n)]:
        x = f(x)
    return x


def area(a: int, b: int | None = None, c: int | None = None) -> int:
    if b is None:
        return 3 * a * a
    if c is None:
        return a * b
    return a * b + b * c + a * c


def areas(n: int) -> int:
    return sum([area(i) + area(i, 2) + area(i, 2, 3) for i in range(n)])


def largest(first: int, *others: int) -> int:
    for other in others:
        if not first > other:
            first = other
    return first


def spans(n: int) -> int:
    return sum([largest(i, 7, 20 - i, 3) for i in range(n)])


# ---- recursion and loops


def hanoi(n: int, start: str, to: str, via: str, moves: int) -> int:
    return moves if n == 0 else hanoi(n - 1, via, to, start, hanoi(n - 1, start, via, to, moves) + 1)


def moves(n: int) -> int:
    return hanoi(n, "a", "b", "c", 0)


def female(n: int) -> int:
    return 1 if n == 0 else n - male(female(n - 1))


def male(n: int) -> int:
    return 0 if n == 0 else n - female(male(n - 1))


def primes(n: int) -> list[int]:
    found: list[int] = []
    for i in range(2, n):
        if not any(i % p == 0 for p in found):
            found.append(i)
    return found


def pairs(n: int) -> list[list[int]]:
    return [[x, y] for x in range(n) for y in range(x, n) if (x + y) % 7 == 0]


# ---- patterns and errors


def simplify(e: Any) -> Any:
    match e:
        case ["add", 0, x]:
            return simplify(x)
        case ["add", x, y]:
            return ["add", simplify(x), simplify(y)]
        case ["mul", 1, x]:
            return simplify(x)
        case ["mul", x, y]:
            return ["mul", simplify(x), simplify(y)]
        case x:
            return x


def distance(points: list[Any]) -> int:
    total = 0
    for (x1, y1), p in points:
        x, y = p["x"], p["y"]
        total += abs(x - x1) + abs(y - y1)
    return total


class Fizz(Exception):
    def __init__(self, n: int) -> None:
        self.n = n


def checked(n: int) -> int:
    if n % 3 == 0:
        raise Fizz(n)
    return n


def survivors(ns: list[int]) -> int:
    total = 0
    for n in ns:
        try:
            total += checked(n)
        except Fizz as fizz:
            total -= fizz.n
    return total


# ---- data from outside


def echoes(n: int) -> int:
    """Each echo is dispatched by the marketplace, as those of the RTFS program are."""
    dispatch, total = HOST.host.dispatch, 0
    for i in range(n):
        total += dispatch(HostCall("ccos.echo", (i,), HOST.context))
    return total


def reprice(text: str) -> str:
    order = json.loads(text)
    order["items"] = [{**item, "price": item["price"] * 2} for item in order["items"]]
    return json.dumps(order, separators=(",", ":"), ensure_ascii=False)


# ---- what they are given

PEOPLE: list[Data] = [
    {"name": f"p{n}", "age": (n * 37) % 101, "address": {"city": {"name": f"c{n % 17}", "zip": n}}} for n in range(500)
]
ORDERS: list[Data] = [{"kind": f"kind-{n * 31 % 12}", "price": n % 90, "id": n} for n in range(1_000)]
NUMBERS = [(n * 7919) % 1009 for n in range(400)]
TEXT = "the morning was nothing but singing and Running in the evening rain while everything kept moving on " * 20


def expression(depth: int) -> Any:
    if depth == 0:
        return "x"
    return [("add", "mul")[depth % 2], depth % 3 if depth % 3 < 2 else expression(depth - 2), expression(depth - 1)]


class Program(NamedTuple):
    """`name`: of the RTFS function; `work`: the Python function; `given`: the arguments of both, as Python data."""

    name: str
    what: str
    work: Callable[..., Any]
    given: tuple[Any, ...]


PROGRAMS = [
    Program("youngest", "sort by a key", youngest, (PEOPLE,)),
    Program("quicksort", "quicksort with filters", quicksort, (NUMBERS,)),
    Program("word-counts", "frequencies of words", word_counts, (TEXT,)),
    Program("caesar", "characters", caesar, (TEXT,)),
    Program("report", "building a string", report, (PEOPLE,)),
    Program("words-of", "a regex", words_of, (TEXT,)),
    Program("totals", "sums in a map", totals, (ORDERS,)),
    Program("group-sizes", "group-by", group_sizes, (ORDERS,)),
    Program(
        "raise-scores", "update-in", raise_scores, ({"scores": {}, "round": 1}, [f"n{n % 20}" for n in range(300)])
    ),
    Program("cities", "nested keyword access", cities, (PEOPLE,)),
    Program("stacked", "nested closures", stacked, (500,)),
    Program("areas", "several arities", areas, (500,)),
    Program("spans", "variable arity", spans, (500,)),
    Program("moves", "recursion with an accumulator", moves, (10,)),
    Program("female", "mutual recursion", female, (30,)),
    Program("primes", "a loop with a vector", primes, (300,)),
    Program("pairs", "for with two bindings", pairs, (60,)),
    Program("simplify", "match", simplify, (expression(14),)),
    Program("distance", "destructuring", distance, ([[[n, n + 1], {"x": n * 3, "y": 7}] for n in range(500)],)),
    Program("survivors", "try, throw and catch", survivors, (list(range(300)),)),
    Program("echoes", "host calls", echoes, (100,)),
    Program("reprice", "JSON", reprice, (json.dumps({"id": 7, "items": ORDERS[:200]}),)),
]
