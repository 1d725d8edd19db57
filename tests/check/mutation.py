"""Seeds faults into the sources of this repository, one at a time, and tells where a checker must find each.

    python -m tests.check.mutation [COUNT [SEED]]

The places come from the compiler, which notes every call, special form and map literal that it compiles; what is wrong
afterwards is known by construction, from the table of library functions or from the text that was put there. Nothing
here asks the checker. Prints what was missed.
"""

from __future__ import annotations

import random
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from rtfs.lang.collections import List, PVector
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.source import Source, Span
from rtfs.testing.cases import cases
from tests.check.site import LIBRARY, Site, findings, offsets, place, sites

ROOT = Path(__file__).resolve().parents[2]
FILES = [*sorted(ROOT.glob("stdlib/*.rtfs")), *sorted(ROOT.glob("examples/*.rtfs")), *sorted(ROOT.glob("bench/*.rtfs"))]
CASES = sorted(ROOT.glob("tests/spec/**/*.rtfs"))

WRONG = {"n": '"seeded"', "i": '"seeded"', "s": ":seeded", "q": ":seeded", "m": '"seeded"', "f": '"seeded"'}


# ---- faults


class Seed(NamedTuple):
    """A text with one fault in it, and the code and place at which it must be found."""

    kind: str
    name: str
    text: str
    code: str
    line: int
    column: int
    end: tuple[int, int]


def seeded(kind: str, name: str, text: str, code: str, edit: tuple[int, int, str], at: tuple[int, int]) -> Seed:
    """Replace `text[start:end]`; `at` is where, in the new text, the fault stands."""
    start, end, new = edit
    changed = text[:start] + new + text[end:]
    line, column = place(changed, at[0])
    return Seed(kind, name, changed, code, line, column, place(changed, at[1]))


Sow = Callable[[str, str, Site], "Seed | None"]
SOWERS: dict[str, Sow] = {}


def sower(kind: str) -> Callable[[Sow], Sow]:
    def register(function: Sow) -> Sow:
        SOWERS[kind] = function
        return function

    return register


def _replaced(kind: str, name: str, text: str, code: str, span: Span, new: str) -> Seed:
    start, end = offsets(text, span)
    return seeded(kind, name, text, code, (start, end, new), (start, start + len(new)))


@sower("argument of a wrong kind")
def wrong_kind(name: str, text: str, site: Site) -> Seed | None:
    if site.kind != "library":
        return None
    row = LIBRARY[site.head]
    count = len(site.form) - 1
    if not row.low <= count <= (row.high or count):
        return None
    for index in range(count):
        if row.kind(index) in WRONG:
            new = WRONG[row.kind(index)]
            return _replaced("argument of a wrong kind", name, text, "W101", site.parts[index + 1], new)
    return None


@sower("too many arguments")
def too_many(name: str, text: str, site: Site) -> Seed | None:
    high = LIBRARY[site.head].high if site.kind == "library" else None
    if high is None:
        return None
    start, end = offsets(text, site.span)
    new = " nil" * (high + 2 - len(site.form))
    return seeded("too many arguments", name, text, "W103", (end - 1, end - 1, new), (start, end + len(new)))


@sower("too few arguments")
def too_few(name: str, text: str, site: Site) -> Seed | None:
    if site.kind != "library" or LIBRARY[site.head].low == 0 or text[offsets(text, site.span)[0]] != "(":
        return None
    start, end = offsets(text, site.span)
    return seeded(
        "too few arguments", name, text, "W103", (start, end, f"({site.head})"), (start, start + len(site.head) + 2)
    )


@sower("wrong count for a function of the program")
def own_arity(name: str, text: str, site: Site) -> Seed | None:
    fixed = _own_counts(text).get(site.head) if site.kind == "own" else None
    if fixed is None or len(site.form) - 1 != fixed:
        return None
    start, end = offsets(text, site.span)
    kind = "wrong count for a function of the program"
    return seeded(kind, name, text, "W103", (end - 1, end - 1, " nil"), (start, end + 4))


def _own_counts(text: str) -> dict[str, int]:
    """Functions that a text defines once, at its top level, with parameters that are plain names."""
    from rtfs.parser.reader import read

    found: dict[str, list[int]] = defaultdict(list)
    for form in read(Source("", text)).forms:
        parts = list(form) if type(form) is List else []
        heads = [part.name for part in parts[:2] if type(part) is Symbol]
        if len(heads) == 2 and heads[0].startswith("def"):
            vector = next((part for part in parts[2:] if type(part) in (tuple, PVector)), None)
            plain = heads[0] in ("defn", "defn-") and vector is not None
            plain = plain and all(type(part) is Symbol and part.name not in ("&", ":") for part in vector or ())
            found[heads[1]].append(len(vector or ()) if plain else -1)
    return {name: counts[0] for name, counts in found.items() if len(counts) == 1 and counts[0] >= 0}


@sower("misspelt name")
def misspelt(name: str, text: str, site: Site) -> Seed | None:
    if site.kind not in ("library", "own") or site.head == "/":
        return None
    return _replaced("misspelt name", name, text, "W104", site.parts[0], f"{site.head}-seeded")


@sower("call of a number")
def not_callable(name: str, text: str, site: Site) -> Seed | None:
    if site.kind not in ("library", "own") or text[offsets(text, site.parts[0])[0]] == ".":
        return None
    return _replaced("call of a number", name, text, "W102", site.parts[0], "42")


@sower("wrong return value")
def wrong_return(name: str, text: str, site: Site) -> Seed | None:
    """A return type before the body of a function, and a body that ends with something else."""
    at = _params_at(site)
    if (
        at is None
        or at + 1 >= len(site.parts)
        or type(site.form[at + 1]) is Keyword
        or site.form[at + 1] == Symbol(":")
    ):
        return None
    if text[offsets(text, site.span)[0]] != "(":
        return None  # `#(…)`
    _, params_end = offsets(text, site.parts[at])
    last_start, last_end = offsets(text, site.parts[-1])
    new = f"{text[params_end:last_start]}"
    body = f' : [:vector :int]{new}"seeded"'
    fault = params_end + len(body) - len('"seeded"')
    return seeded(
        "wrong return value", name, text, "W101", (params_end, last_end, body), (fault, fault + len('"seeded"'))
    )


def _params_at(site: Site) -> int | None:
    """Where the one parameter vector of a function form stands."""
    if site.kind != "special" or site.head not in ("fn", "defn", "defn-"):
        return None
    return next((index for index, part in enumerate(site.form[:5]) if type(part) in (tuple, PVector)), None)


@sower("wrong annotation")
def wrong_annotation(name: str, text: str, site: Site) -> Seed | None:
    """The type of a `let` binding whose value is a literal."""
    found = _first_binding(site, text)
    if found is None:
        return None
    pattern, value = found
    _, end = offsets(text, pattern)
    start, stop = offsets(text, value)
    new = " : :uuid"
    return seeded("wrong annotation", name, text, "W101", (end, end, new), (start + len(new), stop + len(new)))


def _first_binding(site: Site, text: str) -> tuple[Span, Span] | None:
    """The places of a name and of the literal it is bound to in a `let` or `loop`."""
    if site.kind != "special" or site.head not in ("let", "loop") or len(site.form) < 3:
        return None
    vector = site.form[1]
    if len(vector) < 2 or type(vector[0]) is not Symbol or type(vector[1]) not in (int, float, str, bool):
        return None
    inner = _inside(text, site.parts[1])
    return inner if inner is not None and len(vector) % 2 == 0 else None


def _inside(text: str, span: Span) -> tuple[Span, Span] | None:
    """The places of the first two forms inside a vector."""
    from rtfs.parser.reader import read

    start, end = offsets(text, span)
    if text[start] != "[":
        return None  # metadata stands before it
    reading = read(Source("", text[start:end]))
    vector = reading.forms[0] if reading.forms else None
    places = [reading.spans.child(vector, index) for index in range(2)]
    if None in places:
        return None
    moved = []
    for each in places:
        assert each is not None
        first, last = (start + offset for offset in offsets(text[start:end], each))
        moved.append(Span(span.source, *place(text, first), *place(text, last)))
    return moved[0], moved[1]


@sower("unknown type name")
def unknown_type(name: str, text: str, site: Site) -> Seed | None:
    found = _first_binding(site, text)
    if found is None:
        return None
    _, end = offsets(text, found[0])
    return seeded("unknown type name", name, text, "W203", (end, end, " : Seeded"), (end + 3, end + 9))


@sower("missing field")
def missing_field(name: str, text: str, site: Site) -> Seed | None:
    """A map literal where a record with another entry is wanted."""
    if site.kind != "map":
        return None
    start, end = offsets(text, site.span)
    if text[:start].rstrip().endswith(":params"):
        return None  # of a step: only a literal may stand there
    before = "((fn [r : [:map [:seeded-entry :any]]] r) "
    edit = (start, end, before + text[start:end] + ")")
    return seeded("missing field", name, text, "W101", edit, (start + len(before), end + len(before)))


@sower("repeated key")
def repeated_key(name: str, text: str, site: Site) -> Seed | None:
    if site.kind != "map":
        return None
    _, end = offsets(text, site.span)
    first, last = offsets(text, site.parts[0])
    new = f" {text[first:last]} nil"
    return seeded("repeated key", name, text, "W306", (end - 1, end - 1, new), (end, end + last - first))


@sower("unreachable clause of match")
def unreachable_match(name: str, text: str, site: Site) -> Seed | None:
    if site.kind != "special" or site.head != "match" or len(site.parts) < 4:
        return None
    start, end = offsets(text, site.parts[2])
    return seeded("unreachable clause of match", name, text, "W201", (start, start, "_ nil "), (start + 6, end + 6))


@sower("unreachable catch clause")
def unreachable_catch(name: str, text: str, site: Site) -> Seed | None:
    if site.kind != "special" or site.head != "try":
        return None
    index = next(
        (i for i, part in enumerate(site.form) if type(part) is List and part and part[0] == Symbol("catch")), None
    )
    if index is None:
        return None
    start, end = offsets(text, site.parts[index])
    if text[start] != "(":
        return None  # metadata stands before it
    new = "(catch seeded nil) "
    edit = (start, start, new)
    return seeded("unreachable catch clause", name, text, "W202", edit, (start + len(new), end + len(new)))


@sower("unused binding")
def unused_binding(name: str, text: str, site: Site) -> Seed | None:
    if site.kind != "special" or site.head != "let" or len(site.form) < 3:
        return None
    start, _ = offsets(text, site.parts[1])
    return seeded(
        "unused binding", name, text, "W302", (start + 1, start + 1, "seeded-local 1 "), (start + 1, start + 13)
    )


@sower("unknown capability")
def unknown_capability(name: str, text: str, site: Site) -> Seed | None:
    if site.kind != "special" or site.head != "call" or len(site.form) < 2 or type(site.form[1]) is not Keyword:
        return None
    return _replaced("unknown capability", name, text, "W204", site.parts[1], ":ccos.io.seeded")


@sower("malformed special form")
def malformed(name: str, text: str, site: Site) -> Seed | None:
    if site.kind != "special" or site.head != "if" or len(site.form) != 4:
        return None
    start, end = offsets(text, site.span)
    return seeded("malformed special form", name, text, "E301", (end - 1, end - 1, " nil"), (start, end + 4))


@sower("unused import")
def unused_import(name: str, text: str, site: Site) -> Seed | None:
    """At the start of the text; one for each text will do, so only its first form asks for it."""
    if text.startswith("#!") or site.span.line > 3:
        return None
    module = "(module seeded.lib (defn f [x] x)) "
    new = f"{module}(import seeded.lib :as seeded-alias)\n"
    return seeded("unused import", name, text, "W303", (0, 0, new), (len(module), len(new) - 1))


# ---- sowing and reaping


def programs(rng: random.Random, some: int | None) -> list[tuple[str, str]]:
    """Names and texts: all files, and language cases that end with a value (`some` of them, or all)."""
    found = [(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")) for path in FILES]
    small = [
        (f"{case.area}/{case.name}.rtfs", case.text)
        for path in CASES
        for case in cases(path)
        if not case.ending.startswith("!")
    ]
    return [*found, *(small if some is None else rng.sample(small, min(some, len(small))))]


def sow(rng: random.Random, count: int, some: int | None) -> list[Seed]:
    """So many seeds, as evenly as possible from every kind of fault, at random places of all programs."""
    texts = dict(programs(rng, some))
    ground: dict[str, list[tuple[str, Site]]] = defaultdict(list)
    for name, text in texts.items():
        if any(each.severity != "note" for each in findings(text, name)):
            continue  # a language case that shows something wrong
        for site in sites(text, name):
            for kind, function in SOWERS.items():
                if function(name, text, site) is not None:
                    ground[kind].append((name, site))
    for places in ground.values():
        rng.shuffle(places)
    seeds: list[Seed] = []
    while len(seeds) < count and any(ground.values()):
        for kind, places in ground.items():
            if places and len(seeds) < count:
                name, site = places.pop()
                seed = SOWERS[kind](name, texts[name], site)
                assert seed is not None
                seeds.append(seed)
    return seeds


def is_found(seed: Seed) -> bool:
    """Does the checker report the fault, by its code and from its first to its last character?"""
    return any(each.code.endswith(seed.code) and _stands(each.span, seed) for each in findings(seed.text, seed.name))


def _stands(span: Span | None, seed: Seed) -> bool:
    if span is None or (span.line, span.column) != (seed.line, seed.column):
        return False
    return (span.end_line, span.end_column) == seed.end


def missed(seeds: list[Seed]) -> list[Seed]:
    return [seed for seed in seeds if not is_found(seed)]


def show(seed: Seed) -> str:
    line = seed.text.split("\n")[seed.line - 1]
    found = [f"{each.span}: {each.code} {each.text}" for each in findings(seed.text, seed.name)][:4]
    return f"{seed.kind}: {seed.name}:{seed.line}:{seed.column}-{seed.end} {seed.code}\n    {line}\n    {found}"


def main(arguments: list[str]) -> int:
    count, seed = int(arguments[0]) if arguments else 1_000, int(arguments[1]) if arguments[1:] else 1
    seeds = sow(random.Random(seed), count, None)
    lost = missed(seeds)
    for each in lost:
        print(show(each))
    total = Counter(each.kind for each in seeds)
    for kind, number in total.items():
        print(f"{kind:45}{number - sum(each.kind == kind for each in lost):5} of {number:5}")
    print(f"{len(seeds) - len(lost)} of {len(seeds)} faults found")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
