"""`rtfs compile`: the Python that a program becomes."""

from __future__ import annotations

import json

import click

from rtfs.cli.output import flush

EPILOG = """\b
Examples:
  rtfs compile script.rtfs              does it compile?
  rtfs compile --show script.rtfs       the Python of every form
  rtfs compile --show --json - < x.rtfs  of standard input, one JSON object per form

\b
Exit codes: 0 done, 1 something is wrong with the program, 2 usage.
"""


@click.command("compile", epilog=EPILOG)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--show", is_flag=True, help="Print the Python.")
@click.option("--json", "as_json", is_flag=True, help="With --show: print one JSON object per form.")
def command(file: str, show: bool, as_json: bool) -> int:
    """Compile FILE without running it; say what is wrong, or with --show what it becomes."""
    from rtfs.cli.translated import laid, translated

    found, code = translated(file)
    if not show and code == 0:
        flush(f"{file}: {len(found)} form{'' if len(found) == 1 else 's'} compiled\n")
    for each in found if show else ():
        if as_json:
            data = {"module": each.module, "line": each.line, "python": each.python}
            flush(json.dumps(data, ensure_ascii=False) + "\n")
        else:
            flush(f"# line {each.line}\n{each.python or f'# {laid(each.core)}'}\n\n")
    return code
