"""Commands about the REPL itself."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from rtfs.cli.interactive.commands import COMMANDS, Misuse, command, load, unknown
from rtfs.cli.interactive.repl import SWITCHES
from rtfs.cli.output import width
from rtfs.lang.suggest import nearest

if TYPE_CHECKING:
    from rtfs.cli.interactive.repl import Repl

KEYS = """Enter evaluates what is complete and otherwise begins a new line; Alt-Enter always begins one.
Tab completes, Ctrl-R searches the history, Ctrl-C stops an evaluation, Ctrl-D leaves.
*1 *2 *3 are the last values, *e is the last error."""


@command("help", "h", "?", usage="[COMMAND]", at_once=True, argument="command")
def help_(repl: Repl, text: str) -> None:
    """List the commands, or describe one of them.

    `:help type` describes `:type`. The documentation of functions is `:doc NAME`.
    """
    name = text.removeprefix(":")
    if not name:
        repl.say("\n".join([*_listed(), "", KEYS]))
        return
    found = load().get(name)
    if found is None:
        raise Misuse(unknown(name).partition("\n")[0])
    short = [f":{other}" for other in found.names[1:]]
    lines = [found.title + (f"   short: {', '.join(short)}" if short else ""), ""]
    for paragraph in found.help.split("\n\n"):
        if paragraph.startswith("  "):
            lines += paragraph.splitlines()
        else:
            lines += textwrap.wrap(
                " ".join(paragraph.split()), width() - 2, initial_indent="  ", subsequent_indent="  "
            )
        lines.append("")
    repl.say("\n".join(lines[:-1]))


def _listed() -> list[str]:
    commands = dict.fromkeys(load().values())
    widest = max(len(each.title) for each in commands)
    room = max(20, width() - widest - 2)
    rows = []
    for each in sorted(commands):
        first = each.help.partition("\n")[0]
        rows.append(f"{each.title.ljust(widest)}  {first if len(first) <= room else first[: room - 1] + '…'}")
    return rows


@command("quit", "q", "exit", usage="", at_once=True)
def quit_(repl: Repl, text: str) -> None:
    """Leave. Streams finish the work at hand, as after Ctrl-D."""
    repl.leave()


@command("set", usage="[NAME [on|off]]", at_once=True, argument="switch")
def set_(repl: Repl, text: str) -> None:
    """Switch something on or off, or show the switches.

    `types` shows the type of each result, `timing` how long each evaluation took, `trace` each host call as a line,
    `vi` edits with the keys of vi instead of those of emacs.
    """
    words = text.split()
    if not words:
        repl.say("\n".join(f"{name:8} {'on' if on else 'off'}" for name, on in repl.switches.items()))
        return
    name, *rest = words
    if name not in SWITCHES:
        near = nearest(name, SWITCHES)
        raise Misuse(f"there is no switch {name}" + (f"; did you mean {near[0]}?" if near else ""))
    if len(rest) > 1 or (rest and rest[0] not in ("on", "off")):
        raise Misuse(f"{name} is switched on or off")
    repl.switches[name] = rest[0] == "on" if rest else not repl.switches[name]
    repl.say(f"{name} {'on' if repl.switches[name] else 'off'}")


__all__ = ["COMMANDS"]
