"""`rtfs mcp`: programs as MCP servers, and other MCP servers by hand."""

from __future__ import annotations

from typing import Any

import click

from rtfs.cli.options import LimitsType, rights_options

SERVER_EPILOG = """\b
Examples:
  rtfs mcp ls                                        the servers of the configuration
  rtfs mcp ls weather                                what one offers
  rtfs mcp ls 'stdio:python examples/servers/weather.py' --json
  rtfs mcp call weather page cursor=0 limit=2        VALUEs as the tool's schema wants them
  rtfs mcp call weather page '{"limit": 2}' --raw    shows the frames on standard error
  rtfs mcp tail weather watch limit=3                what a tool tells while it runs, a line each
  rtfs mcp listen weather weather://latest           the resource whenever it changes
  rtfs mcp serve tools.rtfs                          a program as a server

\b
SERVER is a name of the configuration (--mcp-config, RTFS_MCP_CONFIG or .mcp.json), a URL, or stdio:COMMAND.
Exit codes: 0 done, 1 the server cannot be reached or the call failed, 2 usage, 130 interrupted.
"""

EPILOG = """\b
Examples:
  rtfs mcp serve tools.rtfs                          over standard input and output
  rtfs mcp serve --http 8000 tools.rtfs              at http://127.0.0.1:8000/mcp
  rtfs mcp serve --allow-net api.example.org tools.rtfs
  rtfs mcp serve --list tools.rtfs                   what would be served, as JSON

\b
Exit codes: 0 the client went away or SIGTERM came, 1 program error, 2 usage or nothing to serve, 130 interrupted.
"""

LIMITS = "steps=N,cells=N,time=SECONDS of evaluation for each request; calls, tokens, cost … for all together."


_RAW = click.option("--raw", is_flag=True, help="Show every frame on standard error.")
_CONFIG = click.option("--mcp-config", type=click.Path(exists=True, dir_okay=False), metavar="FILE", help="Servers.")
_PAIRS = click.argument("arguments", nargs=-1, metavar="[NAME=VALUE]...")


@click.group("mcp", epilog=SERVER_EPILOG)
def command() -> None:
    """Talk to MCP servers, and serve programs as one."""


@command.command("ls", epilog=SERVER_EPILOG)
@click.argument("server", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_CONFIG
@_RAW
def ls(server: str | None, as_json: bool, **options: Any) -> int:
    """The configured servers, or what SERVER offers."""
    from rtfs.cli import visit

    return visit.listed(as_json, **options) if server is None else visit.offered(server, as_json, **options)


@command.command("call", epilog=SERVER_EPILOG)
@click.argument("server")
@click.argument("tool")
@_PAIRS
@_CONFIG
@_RAW
def call(server: str, tool: str, arguments: tuple[str, ...], **options: Any) -> int:
    """Call TOOL of SERVER and print what it gives, structured content as JSON."""
    from rtfs.cli import visit

    return visit.called(server, tool, arguments, **options)


@command.command("tail", epilog=SERVER_EPILOG)
@click.argument("server")
@click.argument("tool")
@_PAIRS
@_CONFIG
@_RAW
def tail(server: str, tool: str, arguments: tuple[str, ...], **options: Any) -> int:
    """Call TOOL of SERVER and print each note of its progress as a line of JSON, until it ends."""
    from rtfs.cli import visit

    return visit.told(server, tool, arguments, **options)


@command.command("listen", epilog=SERVER_EPILOG)
@click.argument("server")
@click.argument("uris", nargs=-1, metavar="[URI]...")
@_CONFIG
@_RAW
def listen(server: str, uris: tuple[str, ...], **options: Any) -> int:
    """Print the resources URI of SERVER whenever they change, or its lists without any, until Ctrl-C."""
    from rtfs.cli import visit

    return visit.followed(server, {"uris": list(uris)} if uris else {}, adapter="listen", **options)


@command.command("serve", epilog=EPILOG)
@click.argument("file", type=click.Path(dir_okay=False))
@click.argument("arguments", nargs=-1)
@click.option("--http", "port", type=click.IntRange(0, 65535), metavar="PORT", help="Serve HTTP; 0: any free port.")
@click.option("--list", "listing", is_flag=True, help="Print the tools as JSON and end.")
@rights_options
@click.option("--limit", "limits", type=LimitsType(), metavar="LIMITS", help=LIMITS)
@click.option("--state", type=click.Path(file_okay=False), metavar="DIR", help="Keep streams and stored values in DIR.")
@click.option("--journal", type=click.Path(dir_okay=False), metavar="FILE", help="Write every host call down in FILE.")
@click.option("--mcp-config", type=click.Path(dir_okay=False), metavar="FILE", help="MCP servers by name.")
def serve(file: str, arguments: tuple[str, ...], port: int | None, listing: bool, **options: Any) -> int:
    """Serve the functions of the RTFS program FILE as tools.

    FILE is run first. Then every public function that has a docstring and a type for each parameter is a tool. A
    request runs under the rights given here and stops after 10,000,000 steps or 30 seconds unless --limit says other.
    """
    from rtfs.cli.script import Settings
    from rtfs.cli.service import run

    return run(Settings(file=file, arguments=arguments, **options), port, listing)
