"""Completion: what may stand at the cursor, by what stands around it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rtfs.cli.interactive.scope import names_around
from rtfs.cli.interactive.tokens import inside, opened, pieces

if TYPE_CHECKING:
    from rtfs.cli.interactive.repl import Repl

_ENDS = frozenset(" \t\r\n\f,;()[]{}\"'`~@^#")
MOST = 500  # candidates


def candidates(repl: Repl, text: str) -> tuple[str, list[str]]:
    """The word before the end of a text, and what it may become, in the order in which it is offered."""
    begin = text.lstrip()
    if begin.startswith(":"):
        name, blank, rest = begin[1:].partition(" ")
        if not blank:
            from rtfs.cli.interactive.commands import load

            return f":{name}", _fitting(f":{name}", sorted(f":{each.names[0]}" for each in set(load().values())))
        found = repl.command(begin)
        return _argument(repl, "" if found is None else found.argument, rest.lstrip())
    return _code(repl, text)


def _argument(repl: Repl, kind: str, rest: str) -> tuple[str, list[str]]:
    """What may become of the argument of a command."""
    if kind == "code":
        return _code(repl, rest)
    if kind == "name" and rest.startswith(":"):
        return rest, _capabilities(repl, rest)
    if kind == "path":
        return rest, list(_paths(rest))
    if kind == "switch" and " " in rest:
        word = rest.rpartition(" ")[2]
        return word, _fitting(word, ["on", "off"])
    known = _known(repl, kind)
    return rest, _fitting(rest, known)


def _known(repl: Repl, kind: str) -> Iterable[str]:
    if kind == "name":
        return dict.fromkeys([*repl.names.globals(), *repl.names.library()])
    if kind == "capability":
        return repl.session.host.marketplace.ids()
    if kind == "stream":
        return [] if repl.registry is None else list(repl.registry.streams)
    if kind == "switch":
        return list(repl.switches)
    if kind == "command":
        from rtfs.cli.interactive.commands import load

        return sorted({each.names[0] for each in load().values()})
    if kind == "error":
        from rtfs.documentation.codes import names

        return names()
    return []


def _code(repl: Repl, text: str) -> tuple[str, list[str]]:
    if inside(text, len(text)) is not None:
        return "", []
    start = len(text)
    while start and text[start - 1] not in _ENDS:
        start -= 1
    word = text[start:]
    stack = opened(text, start)
    head = stack[-1].parts if stack and stack[-1].bracket == "(" else []
    if word.startswith(":"):
        if len(head) == 1 and head[0].text == "call":
            return word, _capabilities(repl, word)
        return word, _fitting(word, _keywords(repl, text))
    names = dict.fromkeys([*names_around(text, start), *reversed(repl.names.globals()), *repl.names.library()])
    return word, _fitting(word, names) if word or stack else []


def _capabilities(repl: Repl, word: str) -> list[str]:
    return _fitting(word, [f":{id}" for id in repl.session.host.marketplace.ids()])


def _keywords(repl: Repl, text: str) -> Iterable[str]:
    """Keywords that were used so far, the last ones first; most of them are keys."""
    typed = [piece.text for each in (*repl.texts, text) for piece in pieces(each) if piece.kind == "keyword"]
    return dict.fromkeys(reversed(typed))


def _fitting(word: str, known: Iterable[str]) -> list[str]:
    """Those that begin with the word, then those whose later parts do: `rf` is `ccos.io.read-file`."""
    found = [name for name in known if name.startswith(word) and name != word]
    if not found and len(word) > 2:
        bare = word.lstrip(":")
        found = [name for name in known if bare in name and name != word]
    return found[:MOST]


def _paths(rest: str) -> Iterator[str]:
    """Files and folders that begin so."""
    folder, name = os.path.split(rest)
    try:
        entries = sorted(os.listdir(os.path.expanduser(folder) or "."))
    except OSError:
        return
    for entry in entries:
        if entry.startswith(name) and (name or not entry.startswith(".")):
            path = os.path.join(folder, entry)
            yield path + (os.sep if os.path.isdir(os.path.expanduser(path)) else "")


def head_at(text: str) -> str:
    """The name whose signature is shown: of the innermost call that is open, or the capability that it calls."""
    if text.lstrip().startswith(":"):
        return ""
    for level in reversed(opened(text, len(text))):
        parts = level.parts
        if level.bracket not in ("(", "#(") or not parts or parts[0].kind != "symbol":
            continue
        if parts[0].text == "call" and len(parts) > 1 and parts[1].kind == "keyword":
            return parts[1].text
        return parts[0].text
    return ""
