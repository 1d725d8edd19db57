"""`rtfs stream`: the streams of running hosts and of state directories, and a processor tried on a sample."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from typing import Any

import click

from rtfs.cli.output import flush
from rtfs.cli.progress import plain as clean
from rtfs.cli.trial import try_command

EPILOG = """\b
Examples:
  rtfs stream ls                        streams of all your running hosts
  rtfs stream info weather-1            everything about one stream
  rtfs stream graph weather-1           its graph with counters, as mermaid
  rtfs stream tail weather-1            its outputs as they come
  rtfs stream pause weather-1 --reason 'maintenance until 9'
  rtfs stream ls --state .state         streams that are stored there, whether or not they run
  rtfs stream try weather.rtfs --sample chunks.jsonl

\b
A stream is named by its id or the beginning of it. Exit codes: 0 done, 1 no such stream or host, 2 usage.
"""

_STATE = click.option(
    "--state", type=click.Path(file_okay=False), metavar="DIR", help="The host, or the stored streams, of DIR."
)
_PID = click.option("--pid", type=int, metavar="PID", help="The host with this process number.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, one value a line.")
_REASON = click.option("--reason", metavar="TEXT", help="Why; inspecting the stream shows it.")
_ID = click.argument("stream")


class _Group(click.Group):
    """What goes wrong with a stream, a host or a store is one line, and the exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        import sqlite3

        from rtfs.cli.reach import Refused, Unreachable
        from rtfs.host.stream.stores import InUse
        from rtfs.lang.errors import RtfsError

        try:
            return super().invoke(ctx)
        except RtfsError as error:
            raise click.ClickException(f"[{error.code}] {error.message}") from error
        except InUse as busy:
            raise click.ClickException(f"{busy.place} is in use by a process that cannot be reached") from busy
        except (OSError, sqlite3.Error, Refused, Unreachable) as error:
            raise click.ClickException(str(error)) from error


@click.group("stream", cls=_Group, epilog=EPILOG)
def command() -> None:
    """Look at streams and steer them: those of running hosts, and those that a state directory keeps."""


command.add_command(try_command)


# ---- looking


@command.command("ls")
@_STATE
@_PID
@_JSON
def _ls(state: str | None, pid: int | None, as_json: bool) -> int:
    """List streams: status, chunks, outputs, queue."""
    from rtfs.cli.reach import peers
    from rtfs.host.stream import shelf
    from rtfs.lang.names import Keyword

    rows: list[tuple[Any, int | None]] = []
    hosts = peers(state, pid, _silent)
    for peer in hosts:
        rows += [(row, peer.pid) for row in peer.ask("ls")]
    if state is not None and pid is None:
        live = {row.get(Keyword("stream-id")) for row, _ in rows}
        try:
            rows += [(row, None) for row in shelf.listed(state) if row.get(Keyword("stream-id")) not in live]
        except FileNotFoundError:
            if not hosts:
                raise
    if as_json:
        for row, number in rows:
            flush(_json({**_plain(row), "pid": number}) + "\n")
        return 0
    _table(rows)
    if not rows:
        click.echo("no streams" if hosts or state is not None else "no running host has streams", err=True)
    return 0


_COLUMNS = ("stream-id", "status", "processed", "outputs", "queue-depth", "endpoint")


def _table(rows: list[tuple[Any, int | None]]) -> None:
    if not rows:
        return
    lines: list[tuple[str, ...]] = [("STREAM", "STATUS", "DONE", "OUT", "QUEUE", "ENDPOINT", "HOST")]
    for row, number in rows:
        plain = _plain(row)
        where = "stored" if number is None else f"process {number}"
        lines.append((*("" if plain[key] is None else clean(str(plain[key])) for key in _COLUMNS), where))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        cells = [
            cell.rjust(width) if 2 <= n <= 4 else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        flush("  ".join(cells).rstrip() + "\n")


@command.command("info")
@_ID
@click.option("--queue", type=click.IntRange(0, 1000), default=10, help="How many queued chunks to show.")
@click.option("--chars", type=click.IntRange(1, 1_000_000), default=4_000, help="Cut values that print longer.")
@_STATE
@_PID
@_JSON
def _info(stream: str, queue: int, chars: int, state: str | None, pid: int | None, as_json: bool) -> int:
    """Show everything about STREAM: where it is, what it holds, and what it waits for."""
    from rtfs.host.stream import shelf

    found = _first(_hosts(state, pid), stream, "info", queue=queue, chars=chars)
    if found is None:
        found = shelf.inspected(_stored(state, stream), stream, chars)
    if as_json:
        flush(_json(_plain(found)) + "\n")
    else:
        flush("\n".join(_page(found)) + "\n")
    return 0


@command.command("graph")
@_ID
@click.option("--format", "format", type=click.Choice(["mermaid", "svg", "json"]), default="mermaid", show_default=True)
@_STATE
@_PID
def _graph(stream: str, format: str, state: str | None, pid: int | None) -> int:
    """Draw what STREAM consists of, with its counters as they are now."""
    found = _first(_hosts(state, pid), stream, "graph", format=format)
    if found is None:
        raise click.ClickException(f"no running stream with id: {stream}")
    flush(found + "\n")
    return 0


def _page(found: Any, indent: str = "") -> Iterable[str]:
    """A map as lines of key and value, maps in it indented below their key."""
    from rtfs.lang.collections import Map
    from rtfs.lang.printer import show

    for key, value in found.entries():
        name = key.name if hasattr(key, "name") else show(key)
        if type(value) is Map and len(value) and name not in ("state", "initial-state") and not indent:
            yield f"{indent}{name}"
            yield from _page(value, indent + "  ")
        elif value is not None:
            yield f"{indent}{name:{22 - len(indent)}} {show(value, None)}"


@command.command("tail")
@_ID
@click.option("-n", "--last", type=click.IntRange(0, 1_000_000), default=10, help="Begin with the last N outputs.")
@click.option("--follow/--no-follow", default=True, help="Wait for those to come, until the stream ends.")
@_STATE
@_PID
@_JSON
def _tail(stream: str, last: int, follow: bool, state: str | None, pid: int | None, as_json: bool) -> int:
    """Print the outputs of STREAM as they come. The stream does not wait for it: a slow terminal misses outputs."""
    from rtfs.lang.names import Keyword
    from rtfs.lang.printer import show

    for peer in _hosts(state, pid):
        if _knows(peer, stream):
            for output in peer.ask("tail", stream=stream, last=last, follow=follow, endless=follow):
                flush(_json(_plain(output)) + "\n" if as_json else show(output.get(Keyword("value")), None) + "\n")
            return 0
    _stored(state, stream)
    raise click.ClickException(f"{stream} does not run, and outputs are kept by running streams only")


# ---- steering


def _steering(name: str, done: str) -> Callable[..., int]:
    def steer(
        stream: str, reason: str | None, state: str | None, pid: int | None, as_json: bool, drain: bool = False
    ) -> int:
        return _changed(_change(name, stream, state, pid, reason=reason, drain=drain), as_json)

    steer.__doc__ = done
    return steer


for _name, _text in {
    "pause": "Let STREAM stand still; what it has queued is kept.",
    "resume": "Let STREAM go on.",
    "cancel": "End STREAM at once: what it has queued is discarded.",
    "stop": "End STREAM after the step that runs; with --drain after all that is queued.",
}.items():
    _options: list[Any] = [_ID, _REASON, _STATE, _PID, _JSON]
    if _name == "stop":
        _options.append(click.option("--drain", is_flag=True, help="Process what is queued first."))
    _steer: Any = _steering(_name, _text)
    for _option in reversed(_options):
        _steer = _option(_steer)
    command.command(_name)(_steer)


def _change(do: str, stream: str, state: str | None, pid: int | None, **more: Any) -> Any:
    """Have a host, or a state directory that nobody owns, do something to a stream; what became of it."""
    from rtfs.host.clock import Clock
    from rtfs.host.stream import shelf

    found = _first(_hosts(state, pid), stream, do, endless=bool(more["drain"]), **more)
    if found is not None:
        return found
    folder = _stored(state, stream)
    if more["drain"]:
        raise click.ClickException(f"{stream} does not run: only a running stream can process what is queued")
    return shelf.change(folder, stream, do, more["reason"], Clock().now_ms())


def _changed(answer: Any, as_json: bool) -> int:
    plain = _plain(answer)
    if as_json:
        flush(_json(plain) + "\n")
    else:
        flush(f"{plain['stream-id']} is {plain['status']}{'' if plain['changed'] else ' already'}\n")
    return 0


# ---- finding


def _hosts(state: str | None, pid: int | None) -> list[Any]:
    from rtfs.cli.reach import peers

    found = peers(state, pid, _silent)
    if not found and pid is not None:
        raise click.ClickException(f"process {pid} has no streams, or does not run")
    return found


def _silent(process: str) -> None:
    click.echo(f"process {process} does not answer: it is busy, or stopped", err=True)


def _first(hosts: list[Any], stream: str, do: str, *, endless: bool = False, **request: Any) -> Any:
    """The answer of the host that knows the stream; None when none does."""
    for peer in hosts:
        if _knows(peer, stream):
            for answer in peer.ask(do, stream=stream, endless=endless, **request):
                return answer
            raise click.ClickException(f"process {peer.pid} ended before it answered")
    return None


def _knows(peer: Any, stream: str) -> bool:
    from rtfs.lang.names import Keyword

    ids = [row.get(Keyword("stream-id")) for row in peer.ask("ls")]
    return stream in ids or (stream != "" and sum(id.startswith(stream) for id in ids) == 1)


def _stored(state: str | None, stream: str) -> str:
    """The state directory to look in when no host knows a stream."""
    if state is None:
        raise click.ClickException(f"no running host has a stream {stream}; name a state directory with --state DIR")
    if not os.path.isdir(state):
        raise click.ClickException(f"{state} holds no streams")
    return state


def _plain(value: Any) -> Any:
    from rtfs.host.stream.chunk import to_json

    return to_json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
