"""What `rtfs mcp ls`, `call`, `tail` and `listen` do."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import click

from rtfs.cli.output import flush
from rtfs.cli.script import DONE, FAILED, INTERRUPTED, exit_code


def given(words: tuple[str, ...]) -> tuple[dict[str, Any], frozenset[str]]:
    """Arguments of a tool: one JSON object, or NAME=VALUE pairs; and the names of those that are typed texts."""
    if len(words) == 1 and words[0].lstrip().startswith("{"):
        try:
            found: dict[str, Any] = json.loads(words[0])
        except ValueError as error:
            raise click.UsageError(f"the arguments are no JSON object: {error}") from None
        return found, frozenset()
    pairs = [word.partition("=") for word in words]
    wrong = next((name for name, equals, _ in pairs if not equals or not name), None)
    if wrong is not None:
        raise click.UsageError(f"arguments are NAME=VALUE or one JSON object, got {wrong!r}")
    return {name: text for name, _, text in pairs}, frozenset(name for name, _, _ in pairs)


def listed(as_json: bool, *, raw: bool, mcp_config: str | None) -> int:
    """Print the configured servers."""
    from rtfs.host.visit import servers

    def work() -> int:
        found = servers()
        if as_json:
            rows = [{"name": name, "place": place} for name, place in found.items()]
            flush(json.dumps(rows, ensure_ascii=False) + "\n")
        elif not found:
            sys.stderr.write("no MCP server is configured: --mcp-config, RTFS_MCP_CONFIG or .mcp.json name them\n")
        else:
            widest = max(map(len, found))
            flush("".join(f"{name.ljust(widest)}  {place}\n" for name, place in found.items()))
        return DONE if found else FAILED

    return _told(work, mcp_config)


def offered(server: str, as_json: bool, *, raw: bool, mcp_config: str | None) -> int:
    """Print what a server offers."""
    from rtfs.host.visit import offers

    def said(found: dict[str, Any]) -> None:
        flush(json.dumps(found, ensure_ascii=False) + "\n" if as_json else "".join(_offers(found)))

    return _visited(server, offers, said, raw=raw, config=mcp_config)


def _offers(found: dict[str, Any]) -> list[str]:
    lines = [f"{found['server']} {found['version'] or ''} (protocol {found['protocol']})\n"]
    for kind, key in (("tools", "name"), ("resources", "uri"), ("templates", "uriTemplate"), ("prompts", "name")):
        entries = found[kind]
        if entries:
            widest = max(len(entry[key]) for entry in entries)
            lines.append(f"{kind}\n")
            for entry in entries:
                text = " ".join((entry.get("description") or entry.get("title") or "").split())
                lines.append(f"  {entry[key].ljust(widest)}  {text}".rstrip() + "\n")
    return lines


def called(server: str, tool: str, words: tuple[str, ...], *, raw: bool, mcp_config: str | None) -> int:
    """Print what a tool gives."""
    from rtfs.host import visit

    def said(value: Any) -> None:
        flush(f"{value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)}\n")

    arguments, written = given(words)
    return _visited(
        server, lambda client: visit.call(client, tool, arguments, written), said, raw=raw, config=mcp_config
    )


def told(server: str, tool: str, words: tuple[str, ...], *, raw: bool, mcp_config: str | None) -> int:
    """Print what a tool tells while it runs."""
    from rtfs.host.visit import meaning

    arguments, written = given(words)
    meant = {name: meaning(text) if name in written else text for name, text in arguments.items()}
    return followed(server, {"tool": tool, "args": meant}, raw=raw, mcp_config=mcp_config)


def _visited(
    server: str, work: Callable[[Any], Awaitable[Any]], said: Callable[[Any], None], *, raw: bool, config: str | None
) -> int:
    from rtfs.host.visit import visit

    def run() -> int:
        _show_frames(raw)
        said(asyncio.run(visit(server, work)))
        return DONE

    return _told(run, config)


def followed(server: str, options: dict[str, Any], *, raw: bool, mcp_config: str | None, adapter: str = "auto") -> int:
    """Print every chunk of a stream as a line of JSON, until it ends."""

    def run() -> int:
        _show_frames(raw)
        return asyncio.run(_follow(server, {"adapter": adapter, **options}))

    return _told(run, mcp_config)


async def _follow(server: str, options: dict[str, Any]) -> int:
    from rtfs.cli.events import follow
    from rtfs.cli.report import report
    from rtfs.host.visit import target_of
    from rtfs.lang.json import to_json
    from rtfs.lang.outcome import RuntimeContext
    from rtfs.session import Session

    target_of(server)
    session = Session(context=RuntimeContext.full(), on_streams=follow)
    try:
        step = await session.run_async("(fn [state chunk] {:state state :output chunk})")
        stream = await session.host.streams.start(server, processor=step, **options)
        reader = stream.reader("terminal")
        while found := await stream.read(reader, 256):
            flush("".join(to_json(output.value) + "\n" for output in found))
        failure = stream.owner.failure
        if failure is not None:
            report(failure)
        return DONE if failure is None else exit_code(failure)
    finally:
        await session.host.shutdown(2.0, "immediate")


def _show_frames(raw: bool) -> None:
    """From now on every frame is shown on standard error, if wanted."""
    if not raw:
        return
    from rtfs.host.stream.transports import FRAMES

    def show(direction: str, message: Any) -> None:
        inner = getattr(message, "message", None)
        text = str(message) if inner is None else inner.model_dump_json(by_alias=True, exclude_none=True)
        sys.stderr.write(f"{direction} {text}\n")
        sys.stderr.flush()

    FRAMES.set(show)


def _told(run: Callable[[], int], config: str | None) -> int:
    """The exit code of `run`; what ends it is told."""
    from rtfs.cli.report import report
    from rtfs.host.visit import ToolFailed, Unreachable
    from rtfs.lang.errors import RtfsError

    if config is not None:
        os.environ["RTFS_MCP_CONFIG"] = os.path.abspath(config)
    try:
        return run()
    except (Unreachable, ToolFailed) as error:
        sys.stderr.write(f"error: {error}\n")
        return FAILED
    except RtfsError as error:
        report(error)
        return exit_code(error)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
