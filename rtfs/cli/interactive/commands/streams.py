"""Commands about streams. They act at once, also while an evaluation runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.cli.interactive.commands import Misuse, command
from rtfs.lang.suggest import nearest

if TYPE_CHECKING:
    from rtfs.cli.interactive.repl import Repl


@command("streams", "s", usage="[ID]", at_once=True, argument="stream")
def streams(repl: Repl, text: str) -> None:
    """List the streams with their figures, or show everything about one."""
    if text:
        from rtfs.cli.interactive.result import whole

        repl.say(whole(_stream(repl, text).inspect()))
        return
    if repl.registry is None or not repl.registry.streams:
        repl.say("no streams")
        return
    from rtfs.cli.progress import line

    rows = [(figures.id, line(figures)) for figures in repl.registry.progress()]
    widest = max(len(id) for id, _ in rows)
    repl.say("\n".join(f"{id.ljust(widest)}  {figures}" for id, figures in rows))


@command("pause", "p", usage="ID", at_once=True, argument="stream")
async def pause(repl: Repl, text: str) -> None:
    """Pause a stream: it processes nothing until `:resume`, and what arrives waits in its queue."""
    stream = _stream(repl, text)
    await stream.pause("paused by hand")
    repl.say(f"{stream.id} is {stream.status.name}")


@command("resume", "r", usage="ID", at_once=True, argument="stream")
async def resume(repl: Repl, text: str) -> None:
    """Let a paused stream go on."""
    stream = _stream(repl, text)
    await stream.resume()
    repl.say(f"{stream.id} is {stream.status.name}")


@command("cancel", "k", usage="ID", at_once=True, argument="stream")
async def cancel(repl: Repl, text: str) -> None:
    """End a stream at once; what is in its queue is discarded."""
    stream = _stream(repl, text)
    await stream.cancel("cancelled by hand")
    repl.say(f"{stream.id} is {stream.status.name}")


def _stream(repl: Repl, text: str) -> Any:
    """The stream that was named by its id, or the only one that lives."""
    known = {} if repl.registry is None else repl.registry.streams
    name = text.strip('"')
    if name in known:
        return known[name]
    live = repl.live()
    if not name and len(live) == 1:
        return live[0]
    if not name:
        raise Misuse("the id of the stream is missing" if live else "no stream runs")
    near = nearest(name, known)
    raise Misuse(f"there is no stream {name}" + (f"; did you mean {near[0]}?" if near else ""))
