"""Commands that look something up by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.cli.interactive.commands import Misuse, command, needed
from rtfs.cli.output import width

if TYPE_CHECKING:
    from rtfs.cli.interactive.repl import Repl
    from rtfs.documentation import Entry


@command("doc", "d", usage="NAME", at_once=True, argument="name")
def doc(repl: Repl, text: str) -> None:
    """Show the documentation of a function, macro, special form or capability."""
    name = needed(text, "the name")
    own = repl.names.own(name)
    if own is not None:
        repl.say("\n".join(own))
        return
    from rtfs.cli.doc import page

    repl.say("\n".join(page(_entry(repl, name), name)))


def _entry(repl: Repl, name: str) -> Entry:
    found = repl.names.reference.find(name)
    if found is None:
        from rtfs.lang.suggest import nearest

        known = [*repl.session.world.user.definitions, *repl.names.reference.names()]
        near = nearest(name.removeprefix(":"), [each for each in known if not each.startswith("rtfs/")])
        raise Misuse(f"nothing is called {name}" + (f"; did you mean {near[0]}?" if near else ""))
    return found


@command("info", "i", usage="NAME", at_once=True, argument="name")
def info(repl: Repl, text: str) -> None:
    """Show in a few lines what a name means: its kind, how it is called, its type, where it is defined."""
    name = needed(text, "the name")
    own = repl.names.facts(name)
    if own is None:
        entry = _entry(repl, name)
        facts = [("kind", entry.kind), ("usage", "  ".join(entry.usage)), ("type", entry.type), *entry.facts]
        own = [("name", entry.name), *facts, ("topic", entry.topic)]
    widest = max(len(label) for label, _ in own)
    repl.say("\n".join(f"{label.ljust(widest)}  {fact}" for label, fact in own if fact))


@command("source", "src", usage="NAME", at_once=True, argument="name")
def source(repl: Repl, text: str) -> None:
    """Show the text that defines a name: an input, a module, or the bundled library."""
    name = needed(text, "the name")
    found = repl.names.source(name)
    if found is None:
        entry = _entry(repl, name)
        raise Misuse(f"{entry.name} is a {entry.kind} written in Python: it has no text in RTFS")
    repl.say(found)


@command("apropos", "ap", usage="TEXT", at_once=True)
def apropos(repl: Repl, text: str) -> None:
    """List the names in whose documentation all words of a text occur."""
    found = repl.names.reference.search(needed(text, "the text"))
    own = [name for name in repl.session.world.user.definitions if all(word in name for word in text.split())]
    rows = [(name, "defined here") for name in own if not name.startswith("*")]
    rows += [(each.name, " ".join(each.doc.split())) for each in found]
    repl.say(table(rows) if rows else f"nothing found for {text!r}")


@command("caps", "c", usage="[TEXT]", at_once=True, argument="capability")
def caps(repl: Repl, text: str) -> None:
    """List the capabilities, or those whose id holds a text. What the program may not call is marked with `-`."""
    from rtfs.host.policy import decide

    host = repl.session.host
    rows = []
    for id in host.marketplace.ids():
        if text.removeprefix(":") in id:
            manifest = host.marketplace.manifest(id)
            refused = decide(host.context, manifest) is not None
            rows.append((f"{'-' if refused else ' '} {id}", " ".join(manifest.description.split())))
    repl.say(table(rows) if rows else f"no capability has {text!r} in its id")


@command("explain", "e", usage="[CODE]", at_once=True, argument="error")
def explain(repl: Repl, text: str) -> None:
    """Explain an error code such as E403, or the last error."""
    from rtfs.cli.explain import page
    from rtfs.documentation.codes import find, names
    from rtfs.lang.suggest import nearest

    last: Any = repl.session.world.user.globals.get(":*e")
    if not text and last is None:
        raise Misuse("there was no error yet")
    code = text or last.error.code
    found = find(code)
    if not found:
        near = nearest(code.upper().removeprefix("RTFS-"), names()) or nearest(code, names())
        raise Misuse(f"there is no error code {code}" + (f"; did you mean {near[0]}?" if near else ""))
    repl.say("\n\n".join("\n".join(page(each)) for each in found))


def table(rows: list[tuple[str, str]]) -> str:
    """A line for each row, the second column cut to what the terminal holds."""
    widest = min(max(len(name) for name, _ in rows), 40)
    room = max(width() - widest - 2, 20)
    lines = []
    for name, summary in rows:
        cut = summary if len(summary) <= room else summary[: room - 1].rstrip() + "…"
        lines.append(f"{name.ljust(widest)}  {cut}".rstrip())
    return "\n".join(lines)
