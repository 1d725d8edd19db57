"""The end of a REPL: its streams finish as at the end of a program (streaming.md §4.6, §6.9)."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from rtfs.cli.report import report, warn
from rtfs.cli.script import exit_code

if TYPE_CHECKING:
    from rtfs.cli.interactive.repl import Repl

TIMEOUT = 30.0  # seconds that streams have to finish the work at hand


async def finish(repl: Repl) -> int:
    """End what still runs; the exit code.

    A script stays until its streams end. A person who leaves waits for the work at hand only: sources are closed, what
    is queued is processed. Ctrl-C goes over from the first to the second, and from there cancels.
    """
    await repl.quiet()
    if repl.session.host_made:
        host = repl.session.host
        if repl.registry is not None:
            for id in repl.registry.program_ended():
                if not repl.interactive:
                    warn(f"stream {id} is connected to nothing: not waiting for it")
        if not repl.interactive and not repl.code:
            await _wait(repl, host.join())
        live = len(repl.live())
        if live and repl.interactive:
            repl.say(f"waiting for {live} stream{'s' if live > 1 else ''} to finish the work at hand; Ctrl-C cancels")
        repl.draining = True
        await _wait(repl, host.shutdown(TIMEOUT, "drain"))
        _tell_failures(repl)
    repl.session.close()
    if repl.broken is not None:
        raise repl.broken
    return repl.code


async def _wait(repl: Repl, work: Coroutine[Any, Any, Any]) -> None:
    repl.ending = asyncio.get_running_loop().create_task(work)
    await asyncio.wait([repl.ending])
    if not repl.ending.cancelled():
        repl.ending.result()


async def hurry(repl: Repl) -> None:
    """Ctrl-C at the end: what is waited for is cut short, streams that drain are cancelled."""
    repl.code = 130
    if repl.ending is not None and not repl.draining:
        repl.ending.cancel()
        return
    for stream in repl.live():
        await stream.cancel("interrupted")


def _tell_failures(repl: Repl) -> None:
    """In a script streams that failed are told at the end, and make the exit code; a person heard of them before."""
    if repl.registry is None or repl.interactive:
        return
    for stream in repl.registry.streams.values():
        if stream.owner.failure is not None:
            report(stream.owner.failure)
            repl.code = repl.code or exit_code(stream.owner.failure)
