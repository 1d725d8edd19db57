"""`rtfs graph`: the picture of a script's streams, drawn without letting anything out of it."""

from __future__ import annotations

import click

from rtfs.cli.output import flush

EPILOG = """\b
Examples:
  rtfs graph script.rtfs                  as mermaid
  rtfs graph script.rtfs --format svg     as a picture

\b
Exit codes: 0 done, 1 something is wrong with the program, 2 usage.
"""


@click.command("graph", epilog=EPILOG)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--format", "format", type=click.Choice(["mermaid", "svg", "json"]), default="mermaid", show_default=True)
def command(file: str, format: str) -> int:
    """Draw the streams of FILE. Its pure code runs; what it asks of the host is drawn, and answered with nil."""
    from rtfs.cli.report import report
    from rtfs.cli.script import Settings, read_program
    from rtfs.drawing import draw
    from rtfs.lang.errors import RtfsError

    try:
        source = read_program(Settings(file=file))
        if source is None:
            return 2
        picture, problem = draw(source)
    except RtfsError as error:
        report(error)
        return 1
    flush(picture.written(format) + "\n")
    if problem is not None:
        report(problem)
    return 0 if problem is None else 1
