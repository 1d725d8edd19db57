"""`rtfs repl`: a session to type into."""

from __future__ import annotations

from typing import Any

import click

from rtfs.cli.options import LIMITS, LimitsType, rights_options
from rtfs.cli.script import Settings

EPILOG = """\b
Examples:
  rtfs repl                          type expressions; :help lists the commands, Ctrl-D leaves
  rtfs                               the same, on a terminal
  rtfs repl --allow-read data        programs may read one folder
  rtfs repl --vi                     with the keys of vi
  echo '(+ 1 2)' | rtfs repl         a pipe works as a script whose results are printed

\b
Exit codes: those of `rtfs run`; 0 after Ctrl-D.
"""


@click.command("repl", epilog=EPILOG)
@rights_options
@click.option("--limit", "limits", type=LimitsType(), metavar="LIMITS", help=LIMITS)
@click.option(
    "--state",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Keep streams and stored values in DIR, or at a redis:// URL, across sessions.",
)
@click.option("--journal", type=click.Path(dir_okay=False), metavar="FILE", help="Write every host call down in FILE.")
@click.option("--mcp-config", type=click.Path(dir_okay=False), metavar="FILE", help="MCP servers by name.")
@click.option("--load", "files", multiple=True, type=click.Path(dir_okay=False), metavar="FILE", help="Run FILE first.")
@click.option("--vi", is_flag=True, help="Edit with the keys of vi instead of those of emacs.")
@click.option("--trace", is_flag=True, help="Show each host call as one line.")
def command(files: tuple[str, ...], vi: bool, trace: bool, **options: Any) -> int:
    """Evaluate what is typed, or what comes through a pipe, one input after the other in one session.

    Streams that inputs start run on beside the prompt. Ctrl-C stops the evaluation and never the streams; Ctrl-D, or
    the end of a pipe, lets the streams finish and leaves.
    """
    from rtfs.cli.interactive.start import start

    return start(Settings(**options), files, {"vi": vi, "trace": trace})
