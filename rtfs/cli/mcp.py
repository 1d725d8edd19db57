"""`rtfs mcp`: programs as MCP servers."""

from __future__ import annotations

from typing import Any

import click

from rtfs.cli.options import LimitsType, rights_options

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


@click.group("mcp", epilog=EPILOG)
def command() -> None:
    """Programs as MCP servers."""


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
