"""Checks a whole program: infers every part in order and adds what is noted about names (language.md §13)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from rtfs.check.finding import Finding, finding
from rtfs.check.infer import Inference
from rtfs.check.join import widened
from rtfs.check.order import in_order
from rtfs.check.program import Program, head, stripped
from rtfs.check.special.function import header
from rtfs.lang.collections import List, Map, PVector
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.pattern import map_pairs
from rtfs.lang.values import is_vector


def examine(program: Program) -> list[Finding]:
    """Everything that is found in a program whose modules could be read and expanded, in the order of the texts."""
    x = Inference(program)
    done = infer_definitions(x, program)
    for space in program.spaces.values():
        for part in space.parts:
            if id(part) not in done:
                x.run(part)
    notes = [*_unused(x), *_unused_imports(x, program), *_captures(program)]
    return tidy([*x.findings, *notes])


def infer_definitions(x: Inference, program: Program) -> set[int]:
    """Let the definitions of a program know their types; the ids of the parts that this inferred."""
    order = in_order(program)
    for definition in order:
        if definition.recursive and not definition.part.broken:
            x.part = definition.part
            definition.type = header(x, definition.form)
    for definition in order:
        found = x.run(definition.part)
        if not definition.recursive:  # of those only what is annotated is known
            definition.type = widened(found)
    return {id(definition.part) for definition in order}


def tidy(findings: Iterable[Finding]) -> list[Finding]:
    """Each finding once, in the order of the texts."""
    return sorted({(each.code, each.span, each.text): each for each in findings}.values(), key=Finding.place)


def _unused(x: Inference) -> Iterator[Finding]:
    for use in x.uses.values():
        if use.must and not use.used:
            yield finding("RTFS-W302", use.span, f"{use.name} is not used; write _ if it need not be")


# ---- imports


def _unused_imports(x: Inference, program: Program) -> Iterator[Finding]:
    for space in program.spaces.values():
        used = {name for module, name in x.used_imports if module == space.name} | space.used
        for one in space.imports:
            prefixed = any(name.rpartition("/")[0] in one.prefixes for name in used)
            bare = [(name, span) for name, span in one.only if name not in used]
            if not prefixed and len(bare) == len(one.only):
                yield finding("RTFS-W303", one.span, f"import of {one.module} is not used")
            else:
                yield from (finding("RTFS-W303", span, f"import of {name} is not used") for name, span in bare)


# ---- macros that bind plain names (language.md §9.2)

_BINDERS = frozenset({"let", "loop", "letrec", "when-let", "if-let", "when-some", "if-some", "for", "doseq", "dotimes"})
_FUNCTIONS = frozenset({"fn", "lambda", "λ"})


def _captures(program: Program) -> Iterator[Finding]:
    for space in program.spaces.values():
        for part in space.parts:
            if head(stripped(part.raw)) == "defmacro":
                for symbol in _bound_plainly(part.raw):
                    span = symbol.span
                    if span is not None and span.source is part.spans.source:
                        text = f"the template binds {symbol.name} and may capture the user's: write {symbol.name}#"
                        yield finding("RTFS-W309", span, text)


def _bound_plainly(form: Any) -> Iterator[Symbol]:
    """Symbols that stand as they are where a template binds names."""
    pending: list[tuple[Any, int]] = [(form, 0)]
    while pending:
        part, level = pending.pop()
        name = head(part)
        if name in ("quasiquote", "unquote", "unquote-splicing"):
            level += 1 if name == "quasiquote" else -1
        if level == 1 and type(part) is List and len(part) > 1 and is_vector(part[1]) and name in _BINDERS | _FUNCTIONS:
            step = 2 if name in _BINDERS else 1
            for place in part[1][::step]:
                yield from _plain(place)
        if type(part) is Map:
            pending.extend((each, level) for pair in map_pairs(part) for each in pair)
        elif type(part) in (List, tuple, PVector):
            pending.extend((each, level) for each in part)


def _plain(pattern: Any) -> Iterator[Symbol]:
    """The names of a pattern in a template that are no fresh symbols."""
    if type(pattern) is Symbol:
        if pattern.name not in ("&", "_", ":") and not pattern.name.endswith("#"):
            yield pattern
    elif is_vector(pattern):
        for part in pattern:
            yield from _plain(part)
    elif type(pattern) is Map:
        for key, part in map_pairs(pattern):
            if type(key) is Keyword and key.name in ("or",):
                continue
            yield from _plain(part)
