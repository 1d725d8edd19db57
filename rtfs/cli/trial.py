"""`rtfs stream try`: the first stream of a script on a sample of chunks, step by step."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import click

from rtfs.cli.options import rights_options
from rtfs.cli.output import flush

EPILOG = """\b
Examples:
  rtfs stream try weather.rtfs --sample chunks.jsonl
  head -20 chunks.jsonl | rtfs stream try weather.rtfs --sample -

\b
Exit codes: 0 all chunks were processed, 1 one of them failed, 2 usage.
"""
_AS_BEFORE = frozenset({"checkpoint", "auto-connect", "detached", "outputs", "output-capacity", "stream-id"})


class Found(BaseException):
    """The script starts the stream that is wanted: its parameters and the module it does it in."""

    def __init__(self, parameters: Any, module: str) -> None:
        super().__init__()
        self.parameters = parameters
        self.module = module


@click.command("try", epilog=EPILOG)
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--sample", type=click.File("rb"), required=True, metavar="FILE", help="Chunks, one JSON value a line.")
@click.option("--stream", "wanted", metavar="NAME", help="The stream with this id, name or endpoint; else the first.")
@rights_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object a chunk.")
def try_command(file: str, sample: Any, wanted: str | None, as_json: bool, **options: Any) -> int:
    """Run FILE up to where it starts a stream, and feed that stream the sample instead of its source.

    Shows state and outputs after each chunk, and an error at the chunk that made it. Nothing is connected or stored.
    """
    from rtfs.cli.permission import Malformed
    from rtfs.cli.report import report, unreadable
    from rtfs.cli.script import Settings, exit_code, make_session
    from rtfs.lang.errors import RtfsError
    from rtfs.loader import read_source

    settings = Settings(file=file, **options)
    try:
        source = read_source(file)
        chunks = _chunks(sample)
        session = make_session(settings, source, {})
    except OSError as error:
        unreadable(file, error)
        return 2
    except Malformed as error:
        raise click.UsageError(str(error)) from error
    try:
        return asyncio.run(_try(session, source, chunks, Shown(wanted, as_json)))
    except RtfsError as error:
        report(error, as_json=as_json, python_frames=False)
        return exit_code(error)
    finally:
        session.close()


class Shown:
    """Which stream is wanted, and how its steps are shown."""

    def __init__(self, wanted: str | None, as_json: bool) -> None:
        self.wanted = wanted
        self.as_json = as_json

    def wants(self, parameters: Any) -> bool:
        from rtfs.host.stream.options import normalised
        from rtfs.lang.collections import Map

        if type(parameters) is not Map or self.wanted is None:
            return True
        given = normalised(parameters)
        return self.wanted in (given.get("stream-id"), given.get("name"), given.get("endpoint"))

    def step(self, number: int, chunk: Any, stream: Any, outputs: list[Any], error: Any) -> None:
        """What one chunk led to."""
        if self.as_json:
            from rtfs.host.stream.chunk import to_json

            told = {"chunk": number, "state": to_json(stream.state), "outputs": [to_json(out) for out in outputs],
                    "status": stream.status.name, "error": error}  # fmt: skip
            flush(json.dumps(told, ensure_ascii=False) + "\n")
            return
        from rtfs.host.stream.inspection import brief

        lines = [f"chunk {number}  {brief(chunk, 200)}"]
        lines += [f"  output  {brief(output, 1000)}" for output in outputs]
        lines += [f"  error   {error['code']} {error['message']}"] if error is not None else []
        lines += [f"  state   {brief(stream.state, 1000)}"]
        lines += [f"  {stream.status.name}"] if stream.status.name != "active" else []
        flush("\n".join(lines) + "\n")


def _chunks(sample: Any) -> list[Any]:
    """The values of the lines that are not empty. UsageError for one that is no JSON."""
    return list(_values(sample))


def _values(sample: Any) -> Iterator[Any]:
    from rtfs.host.stream.chunk import NotJson, parse_json

    for number, line in enumerate(sample, 1):
        if line.strip():
            try:
                yield parse_json(line.decode("utf-8"))
            except (NotJson, UnicodeDecodeError) as error:
                raise click.UsageError(f"line {number} of the sample is not JSON: {error}") from error


async def _try(session: Any, source: Any, chunks: list[Any], shown: Shown) -> int:
    try:
        found = await _found(session, source, shown)
        if found is None:
            what = "no stream" if shown.wanted is None else f"no stream {shown.wanted}"
            raise click.ClickException(f"{source.name} starts {what}")
        stream = await session.host.streams.start_map(_unconnected(found.parameters), found.module)
        return await _feed(stream, chunks, shown)
    finally:
        await session.host.shutdown(5.0, "immediate")


async def _found(session: Any, source: Any, shown: Shown) -> Found | None:
    """Run the script until it starts the stream; streams that it starts before are connected to nothing."""
    dispatch = session.dispatch

    def watch(call: Any) -> Any:
        if call.capability_id != "mcp.stream.start":
            return dispatch(call)
        parameters = session.host.streams.directory.expand(call.args[0]) if len(call.args) == 1 else None
        if shown.wants(parameters):
            raise Found(parameters, call.module)
        return started(call, parameters)

    async def started(call: Any, parameters: Any) -> Any:
        return (await session.host.streams.start_map(_unconnected(parameters), call.module)).handle()

    session.dispatch = watch
    session.define("args", [])
    try:
        await session.run_async(source.text, name=source.name)
    except Found as found:
        return found
    return None


def _unconnected(parameters: Any) -> Any:
    """Parameters of the same stream without its source and its store."""
    from rtfs.host.stream.options import normal
    from rtfs.lang.collections import Map
    from rtfs.lang.names import Keyword

    if type(parameters) is not Map:
        return parameters
    kept = [(key, value) for key, value in parameters.entries() if normal(key) not in _AS_BEFORE]
    more = {"auto-connect": False, "detached": True, "output-capacity": 10_000}
    return Map.of([*kept, *((Keyword(key), value) for key, value in more.items())])


async def _feed(stream: Any, chunks: list[Any], shown: Shown) -> int:
    from rtfs.lang.errors import RtfsError

    failures, skipped = 0, []
    stream.owner.services.events.observers.append(
        lambda event: skipped.append(event.data) if event.event == "chunk-skipped" else None
    )
    for number, chunk in enumerate(chunks):
        if stream.owner.terminal:
            click.echo(f"the stream is {stream.status.name}: {len(chunks) - number} chunks are left", err=True)
            break
        before, error = stream.owner.outputs.next, None
        skipped.clear()
        try:
            await stream.send(chunk, ack="processed")
        except RtfsError as problem:
            error = {"code": problem.code, "message": problem.message}
        if skipped:
            error = {"code": skipped[-1]["code"], "message": skipped[-1]["message"]}
        outputs = [output.value for output in stream.owner.outputs.since(before, 10_000)]
        shown.step(number, chunk, stream, outputs, error)
        failures += error is not None
        if stream.status.name == "paused":
            await stream.resume()
    return 1 if failures else 0
