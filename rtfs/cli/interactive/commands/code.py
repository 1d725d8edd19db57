"""Commands that show what a piece of code is, without running it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rtfs.cli.interactive.commands import Misuse, command, needed
from rtfs.cli.interactive.result import laid_out
from rtfs.lang.collections import List, Map
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.source import Source
from rtfs.lang.values import is_vector

if TYPE_CHECKING:
    from rtfs.cli.interactive.repl import Repl
    from rtfs.lang.source import Span, SpanTable

NAME = "<input>"


@command("type", "t", usage="EXPR", argument="code")
def type_(repl: Repl, text: str) -> None:
    """Show the type of an expression without running it.

    It is what `rtfs check` infers, with the definitions of the session.
    """
    from rtfs.analysis import type_of
    from rtfs.check.kind import describe

    session = repl.session
    before = [Source(f"<{number}>", each.text) for number, each in enumerate(repl.inputs, 1)]
    known = [*session.world.user.definitions, *session.world.user.imported]
    found = type_of(Source(NAME, needed(text, "the expression")), before, session.reading.lookup, predefined=known)
    repl.say(describe(found))


@command("ast", usage="EXPR", argument="code")
def ast_(repl: Repl, text: str) -> None:
    """Show the forms that a text reads as, each with its place."""
    from rtfs.parser.reader import read

    reading = read(Source(NAME, needed(text, "the expression")))
    lines: list[str] = []
    for number, form in enumerate(reading.forms):
        span = reading.spans.child(reading.forms, number)
        lines += _tree(form, span, reading.spans, 0)
    repl.say("\n".join(lines))


def _tree(form: Any, span: Span | None, spans: SpanTable, depth: int) -> Iterator[str]:
    from rtfs.lang.printer import show_brief

    place = "" if span is None else f"  {span.line}:{span.column}"
    if type(form) not in (List, Map) and not is_vector(form):
        yield f"{'  ' * depth}{_kind(form)} {show_brief(form, 60)}{place}"
        return
    yield f"{'  ' * depth}{_kind(form)}{place}"
    parts = [part for entry in form.entries() for part in entry] if type(form) is Map else list(form)
    for number, part in enumerate(parts):
        yield from _tree(part, spans.child(form, number), spans, depth + 1)


_KINDS: dict[type, str] = {List: "list", Map: "map", Symbol: "symbol", Keyword: "keyword", str: "string", int: "int"}


def _kind(form: Any) -> str:
    if is_vector(form):
        return "vector"
    return _KINDS.get(type(form)) or {float: "float", bool: "bool"}.get(type(form), "constant")


@command("expand", "x", usage="EXPR", argument="code")
def expand(repl: Repl, text: str) -> None:
    """Show an expression with all its macros expanded: the core forms that are compiled."""
    from rtfs.lang.printer import show_form
    from rtfs.listing import core_forms

    forms = core_forms(repl.session, Source(NAME, needed(text, "the expression")))
    repl.say("\n".join(laid_out(show_form(form)) for form in forms))


@command("python", "py", usage="EXPR", argument="code")
def python_(repl: Repl, text: str) -> None:
    """Show the Python that an expression is compiled to."""
    from rtfs.listing import python

    parts = python(repl.session, Source(NAME, needed(text, "the expression")))
    repl.say("\n\n".join(parts) or "; no code")


@command("format", "f", usage="[EXPR]", argument="code")
def format_(repl: Repl, text: str) -> None:
    """Show an expression, or the last input, in the canonical layout of `rtfs fmt`."""
    from rtfs.parser.layout import formatted

    if not text and not repl.inputs:
        raise Misuse("there is no input yet")
    repl.say(formatted(text or repl.inputs[-1].text, NAME).rstrip("\n"))
