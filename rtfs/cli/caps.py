"""`rtfs caps`: the capabilities of the marketplace."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from rtfs.cli.output import flush

if TYPE_CHECKING:
    from rtfs.host.capability import Manifest
    from rtfs.host.host import Host

EPILOG = """\b
Examples:
  rtfs caps ls                        every capability, a line each
  rtfs caps ls 'ccos.json.*'          a glob: `*` stays within a segment, `**` crosses segments
  rtfs caps search random int
  rtfs caps search --effect network --json
  rtfs caps show ccos.io.read-file    all that is known of one

\b
Those of the project file and of --capabilities count too, and with --server the tools of an MCP server.
Exit codes: 0 found, 1 nothing found, or a server or file that cannot be read, 2 usage.
"""

_LOADED = click.option(
    "--capabilities", "files", multiple=True, type=click.Path(exists=True, dir_okay=False), metavar="FILE",
    help="Load the capabilities that an RTFS file defines. Repeatable.",
)  # fmt: skip
_SERVER = click.option("--server", "servers", multiple=True, metavar="NAME", help="The tools of an MCP server too.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object per capability.")


@click.group("caps", epilog=EPILOG)
def command() -> None:
    """The capabilities that programs can call: list, search, show."""


@command.command("ls", epilog=EPILOG)
@click.argument("glob", default="**")
@_LOADED
@_SERVER
@_JSON
def ls(glob: str, files: tuple[str, ...], servers: tuple[str, ...], as_json: bool) -> int:
    """The capabilities whose ids match GLOB."""

    def find(host: Host) -> list[Manifest]:
        return [host.marketplace.manifest(id) for id in host.marketplace.discover(glob)]

    return _listed(find, files, servers, as_json)


@command.command("search", epilog=EPILOG)
@click.argument("words", nargs=-1)
@click.option("--effect", "effects", multiple=True, metavar="LABEL", help="Only with this effect. Repeatable.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@_LOADED
@_SERVER
@_JSON
def search(words: tuple[str, ...], effects: tuple[str, ...], limit: int, **options: Any) -> int:
    """The capabilities in whose id, name or description all WORDS occur, best first."""

    def find(host: Host) -> list[Manifest]:
        return host.marketplace.search(" ".join(words), effects=effects, limit=limit)

    return _listed(find, **options)


@command.command("show", epilog=EPILOG)
@click.argument("id")
@_LOADED
@_SERVER
@_JSON
def show(id: str, files: tuple[str, ...], servers: tuple[str, ...], as_json: bool) -> int:
    """All that is known of the capability ID."""
    from rtfs.cli.report import report
    from rtfs.lang.errors import RtfsError

    def find(host: Host) -> Manifest:
        return host.marketplace.manifest(id.lstrip(":"))

    try:
        manifest = _with_host(find, files, servers)
    except RtfsError as error:
        report(error)
        return 1
    if as_json:
        flush(json.dumps(_data(manifest), ensure_ascii=False) + "\n")
    else:
        from rtfs.cli.doc import page
        from rtfs.documentation import capability_entry

        flush("\n".join(page(capability_entry(manifest), manifest.id)) + "\n")
    return 0


def _listed(find: Any, files: tuple[str, ...], servers: tuple[str, ...], as_json: bool) -> int:
    from rtfs.cli.report import report
    from rtfs.lang.errors import RtfsError

    try:
        found: list[Manifest] = _with_host(find, files, servers)
    except RtfsError as error:
        report(error)
        return 1
    if as_json:
        flush("".join(json.dumps(_data(each), ensure_ascii=False) + "\n" for each in found))
    elif not found:
        sys.stderr.write("no capability found\n")
    else:
        from rtfs.cli.doc import summaries
        from rtfs.documentation import capability_entry

        summaries([capability_entry(each) for each in found])
    return 0 if found else 1


def _with_host(find: Any, files: tuple[str, ...], servers: tuple[str, ...]) -> Any:
    """What `find` gives for a host that has everything loaded."""
    import asyncio

    from rtfs.cli.permission import Malformed, load_capabilities
    from rtfs.cli.script import Settings
    from rtfs.session import Session

    async def found() -> Any:
        session = Session()
        try:
            load_capabilities(Settings(capabilities=files), session)
            for name in servers:
                await session.host.load_mcp(name)
            return find(session.host)
        except (Malformed, OSError, ValueError) as error:
            raise click.ClickException(str(error)) from error
        finally:
            await session.host.shutdown(5.0, "immediate")
            session.close()

    return asyncio.run(found())


def _data(manifest: Manifest) -> dict[str, Any]:
    """A manifest for machines; schemas as RTFS text."""
    from rtfs.lang.convert import to_python
    from rtfs.lang.printer import show_form

    return {
        "id": manifest.id,
        "name": manifest.name,
        "description": manifest.description,
        "version": manifest.version,
        "provider": manifest.provider,
        "input": show_form(manifest.input_schema),
        "output": show_form(manifest.output_schema),
        "effects": ["unknown"] if manifest.effects is None else [effect.lstrip(":") for effect in manifest.effects],
        "permissions": list(manifest.permissions),
        "idempotent": manifest.idempotent,
        "approval": manifest.approval,
        "domains": list(manifest.domains),
        "categories": list(manifest.categories),
        "grant": None if manifest.grant is None else f"--allow-{manifest.grant[0]}",
        "metadata": to_python(manifest.value().get(_metadata())),
    }


def _metadata() -> Any:
    from rtfs.lang.names import Keyword

    return Keyword("metadata")
