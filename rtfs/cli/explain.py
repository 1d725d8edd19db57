"""`rtfs explain`: what an error code means, an example that provokes it, and the cure."""

from __future__ import annotations

import json
import re
import sys
import textwrap
from typing import TYPE_CHECKING

import click

from rtfs.cli.output import flush, width

if TYPE_CHECKING:
    from rtfs.documentation.codes import Code

EPILOG = """\b
Examples:
  rtfs explain E403             the code of an error message
  rtfs explain RTFS-S010        also of streams
  rtfs explain W101             and of what `rtfs check` finds
  rtfs explain TypeError        the codes of a kind
  rtfs explain                  all codes, a line each
  rtfs explain --json E403

\b
Exit codes: 0 found, 1 no such code, 2 usage.
"""


@click.command("explain", epilog=EPILOG)
@click.argument("code", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(code: str | None, as_json: bool) -> int:
    """Explain the error CODE, or list all codes.

    CODE is a code such as E403 or RTFS-S010, or a kind such as TypeError.
    """
    from rtfs.documentation.codes import codes, find

    found = codes() if code is None else find(code)
    if not found:
        return _unknown(code or "")
    if as_json:
        data = [each.data() for each in found]
        flush(json.dumps(data[0] if len(data) == 1 else data, ensure_ascii=False) + "\n")
    elif len(found) == 1:
        flush("\n".join(page(found[0])) + "\n")
    else:
        _list(found)
    return 0


def page(code: Code) -> list[str]:
    lines = [f"{code.code} {code.kind}", "", *_prose(code.meaning)]
    for file in code.files:
        lines += ["", f"  {file.name}", *(f"    {line}".rstrip() for line in file.text.splitlines())]
    if code.console:
        lines += ["", *(f"  {line}".rstrip() for line in code.console.splitlines())]
    return [*lines, "", *_prose(f"Cure: {code.cure}")]


def _prose(text: str) -> list[str]:
    """Paragraphs of Markdown as plain text; code keeps its backquotes."""
    lines: list[str] = []
    for paragraph in text.split("\n\n"):
        plain = re.sub(r"\*\*(.*?)\*\*", r"\1", " ".join(paragraph.split()))
        lines += [*textwrap.wrap(plain, width(), break_long_words=False, break_on_hyphens=False), ""]
    return lines[:-1]


def _list(found: list[Code]) -> None:
    widest = max(len(code.kind) for code in found)
    for code in found:
        sentence = " ".join(code.meaning.split())
        room = width() - widest - 13
        if len(sentence) > room:
            sentence = sentence[: room - 1].rstrip() + "…"
        flush(f"{code.code}  {code.kind.ljust(widest)}  {sentence}\n")


def _unknown(code: str) -> int:
    from rtfs.documentation.codes import names
    from rtfs.lang.suggest import nearest

    sys.stderr.write(f"there is no error code {code}\n")
    for found in nearest(code.upper().removeprefix("RTFS-"), names()) or nearest(code, names()):
        sys.stderr.write(f"  did you mean {found}?\n")
    return 1
