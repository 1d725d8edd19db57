"""`rtfs expand`: what the macros of a program made."""

from __future__ import annotations

import json

import click

from rtfs.cli.output import flush

EPILOG = """\b
Examples:
  rtfs expand script.rtfs            every form with all macros expanded
  echo '(-> 1 inc)' | rtfs expand -  of standard input
  rtfs expand --json script.rtfs     one JSON object per form

\b
Exit codes: 0 done, 1 something is wrong with the program, 2 usage.
"""


@click.command("expand", epilog=EPILOG)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per form.")
def command(file: str, as_json: bool) -> int:
    """Show the forms of FILE with all macros expanded. Of the program only macros run, without host calls."""
    from rtfs.cli.translated import laid, translated

    found, code = translated(file)
    module = "user"
    for each in found:
        if each.module != module and not as_json:
            module = each.module
            flush(f"; module {module}\n")
        text = laid(each.core)
        data = {"module": each.module, "line": each.line, "core": text}
        flush(f"{json.dumps(data, ensure_ascii=False) if as_json else text}\n")
    return code
