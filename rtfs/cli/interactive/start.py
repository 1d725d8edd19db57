"""From the options of the command line to a running REPL and its exit code."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rtfs.cli.interactive.console import Typed
from rtfs.cli.interactive.repl import Repl
from rtfs.cli.permission import Malformed
from rtfs.lang.source import Source

if TYPE_CHECKING:
    from rtfs.cli.interactive.lines import Plain
    from rtfs.cli.interactive.terminal import Terminal
    from rtfs.cli.script import Settings
    from rtfs.host.budget import Budget
    from rtfs.session import Session

GREETING = "rtfs {version}   :help lists the commands, Ctrl-D leaves"


def start(settings: Settings, files: tuple[str, ...], switches: dict[str, bool]) -> int:
    """Run a REPL on standard input and output until its end."""
    gc.enable()  # `__main__` let it rest while rtfs was imported
    try:
        with asyncio.Runner() as runner:
            return runner.run(_run(settings, files, switches))
    except Malformed as error:
        sys.stderr.write(f"error: {error}\n")
        return 2


async def _run(settings: Settings, files: tuple[str, ...], switches: dict[str, bool]) -> int:
    person = sys.stdin.isatty()
    console, questions = Typed(), Questions()
    options = {"console": console, **questions.options()}
    repl = console.repl = Repl(lambda more: _session(settings, {**options, **more}), interactive=person)
    repl.switches.update(switches)
    console.loop = asyncio.get_running_loop()
    front = _front(repl)
    questions.apart = front.apart
    if repl.session.host_made and repl.session.host.budget is not None:
        questions.watch(repl.session.host.budget)
    if person:
        from rtfs import __version__

        sys.stdout.write(GREETING.format(version=__version__) + "\n")
    for file in files:
        repl.submit(f":load {file}")
    return await front.run()


class Questions:
    """Questions about rights and budgets stop everything until the person answers them."""

    def __init__(self) -> None:
        self.apart: Callable[[Callable[[], Any]], Any] = lambda work: work()

    def options(self) -> dict[str, Any]:
        """Of a session, where somebody is there to be asked."""
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return {}
        from rtfs.cli.consent import Consent

        consent = Consent()
        return {"on_refusal": lambda call, refusal: self.apart(lambda: consent(call, refusal))}

    def watch(self, budget: Budget) -> None:
        """Have the question of a budget asked so, too."""
        ask = budget.ask
        if ask is not None:
            budget.ask = lambda *asked: self.apart(lambda: ask(*asked))


def _front(repl: Repl) -> Plain | Terminal:
    """A prompt with everything, if the terminal can do that; else lines."""
    if repl.interactive and sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown", ""):
        from rtfs.cli.interactive.terminal import Terminal

        return Terminal(repl)
    from rtfs.cli.interactive.lines import Plain

    return Plain(repl)


def _session(settings: Settings, more: dict[str, Any]) -> Session:
    from rtfs.cli.script import make_session

    session = make_session(settings, Source("<repl>", ""), {"cache": False, **more})
    session.world.interruptible()
    return session
