"""Run a program and serve its functions until the client goes away or a signal comes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from rtfs.cli.permission import Malformed, rights
from rtfs.cli.report import report, warn
from rtfs.cli.script import DONE, INTERRUPTED, USAGE, Settings, exit_code, make_session, read_program
from rtfs.lang.errors import RtfsError
from rtfs.lang.limits import Limits
from rtfs.lang.source import Source

if TYPE_CHECKING:
    from rtfs.exports import Tool


def run(settings: Settings, port: int | None, listing: bool) -> int:
    """Serve; the exit code."""
    source = read_program(settings)
    if source is None:
        return USAGE
    try:
        return asyncio.run(_serve(settings, source, port, listing))
    except Malformed as error:
        sys.stderr.write(f"error: {error}\n")
        return USAGE
    except OSError as error:
        sys.stderr.write(f"error: cannot serve: {error.strerror or error}\n")
        return USAGE
    except RtfsError as error:
        report(error)
        return exit_code(error)


async def _serve(settings: Settings, source: Source, port: int | None, listing: bool) -> int:
    from rtfs import __version__
    from rtfs.exports import tools
    from rtfs.host.console import ServedConsole

    session = make_session(settings, source, {"console": ServedConsole(), **_options(settings)})
    session.define("args", list(settings.arguments))
    try:
        await session.run_async(source.text, name=source.name)
        found, others = tools(session, source.name)
        for reason in others:
            warn(f"not served: {reason}")
        if listing:
            sys.stdout.write(json.dumps([_data(tool) for tool in found], ensure_ascii=False, indent=2) + "\n")
        if listing or not found:
            return _nothing(source) if not found else DONE
        from rtfs.host.serve import leave, make_server, serve  # deferred: half a second of imports
        from rtfs.serving import Service

        name = os.path.splitext(os.path.basename(source.name))[0]
        server = make_server(name, __version__, found, Service(session, found).invoke)
        struck = await serve(server, port, lambda url: print(url, file=sys.stderr, flush=True))
    finally:
        await session.host.shutdown(5.0, "immediate")
    if struck is not None:
        leave(INTERRUPTED if struck == signal.SIGINT else DONE)
    return DONE


def _options(settings: Settings) -> dict[str, Any]:
    """Limits of each request; nobody is asked, and no request sets what others see."""
    chosen = settings.limits or {}
    given = {name: chosen[key] for key, name in (("steps", "steps"), ("time", "seconds")) if key in chosen}
    context = rights(settings)["context"]
    denied = context.replace(denied=(*context.denied, "ccos.context.set"))
    return {"limits": Limits.untrusted(**given), "context": denied, "on_refusal": None}


def _data(tool: Tool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "description": tool.description,
        "inputSchema": tool.input_schema,
        **({} if tool.output_schema is None else {"outputSchema": tool.output_schema}),
    }


def _nothing(source: Source) -> int:
    sys.stderr.write(
        f"error: {source.name} has nothing to serve: a public function with a docstring and a type for each parameter\n"
    )
    return USAGE
