"""What is typed with a colon before it: a command is a function of a file of this folder, which registers itself."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from rtfs.lang.suggest import nearest

if TYPE_CHECKING:
    from rtfs.cli.interactive.repl import Repl

Do = Callable[["Repl", str], Any]


class Misuse(Exception):
    """A command that was not called as it must be; the text says how."""


class Command(NamedTuple):
    """One command. names: the long one first. usage: what follows it. help: paragraphs; the first line says it all.

    at_once: does it only look, or act on streams, so that it need not wait for an evaluation? argument: what its
    argument is, for completion: `code name capability path stream command switch error` or nothing.
    """

    names: tuple[str, ...]
    usage: str
    help: str
    do: Do
    at_once: bool
    argument: str

    @property
    def title(self) -> str:
        """`:type EXPR`"""
        return f":{self.names[0]} {self.usage}".rstrip()


COMMANDS: dict[str, Command] = {}  # by every name
_loaded = False


def command(*names: str, usage: str = "", at_once: bool = False, argument: str = "") -> Callable[[Do], Do]:
    """Register a command: a function of the REPL and the text behind the name. Its docstring is its help."""

    def register(function: Do) -> Do:
        made = Command(names, usage, inspect.cleandoc(function.__doc__ or ""), function, at_once, argument)
        COMMANDS.update(dict.fromkeys(names, made))
        return function

    return register


def load() -> dict[str, Command]:
    """All commands by all their names."""
    global _loaded
    if not _loaded:
        for module in pkgutil.iter_modules(__path__):
            import_module(f"{__name__}.{module.name}")
        _loaded = True
    return COMMANDS


def find(name: str) -> Command | None:
    """The command of a name without its colon."""
    return load().get(name)


async def perform(repl: Repl, text: str) -> None:
    """Do the command that a text says; what is wrong with it is told."""
    word, *rest = text.split(None, 1)
    name = word[1:]
    found = find(name)
    if found is None:
        repl.misused(unknown(name))
        return
    try:
        done = found.do(repl, rest[0].strip() if rest else "")
        if inspect.isawaitable(done):
            await done
    except Misuse as misuse:
        repl.misused(f"{misuse}\n  = hint: {found.title}")


def unknown(name: str) -> str:
    """What is said to a name that no command has."""
    near = nearest(name, load())
    meant = f"did you mean :{near[0]}?" if near else ":help lists all commands"
    return f"there is no command :{name}; {meant}\n  = hint: the keyword itself is (do :{name})"


def needed(text: str, what: str) -> str:
    """The argument of a command that cannot do without; Misuse says what is missing."""
    if not text:
        raise Misuse(f"{what} is missing")
    return text
