"""`rtfs check`: what is wrong with programs, without running them."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from rtfs.cli.output import colored, flush

if TYPE_CHECKING:
    from rtfs.check.finding import Finding
    from rtfs.lang.source import Source

EPILOG = """\b
Examples:
  rtfs check script.rtfs            one script, with the modules it imports
  rtfs check --strict src tests     every .rtfs file below two folders
  rtfs check --json - < x.rtfs      standard input; one JSON object per finding

\b
A finding is a line FILE:LINE:COLUMN: SEVERITY[CODE]: TEXT and the place in the text.
Exit codes: 0 no error, 1 an error, or a warning with --strict, 2 usage.
"""

SUFFIX = ".rtfs"
_COLORS = {"error": "1;31", "warning": "1;33", "note": "36"}


@click.command("check", epilog=EPILOG)
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, allow_dash=True))
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
@click.option("-q", "--quiet", is_flag=True, help="Leave out notes.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per finding.")
def command(paths: tuple[str, ...], strict: bool, quiet: bool, as_json: bool) -> int:
    """Find errors in programs without running them: syntax, names, arity, types, capabilities.

    PATHS are scripts, `-` for standard input, or folders, which are searched for .rtfs files. A program is checked
    with all modules it imports; its macros are expanded.
    """
    files = list(dict.fromkeys(_files(paths)))
    try:
        seen = _all_findings(files, [path for path in paths if path != "-" and os.path.isdir(path)])
    except click.ClickException:
        raise
    except Exception as error:
        from rtfs.cli.report import defect

        defect(error)
        return 1
    findings = sorted((each for each in seen if not (quiet and each.severity == "note")), key=_order)
    for each in findings:
        flush(_line_of_data(each) if as_json else _page(each, colored(sys.stdout)))
    counts = Counter(each.severity for each in findings)
    if not as_json:
        flush(_summary(counts, len(files)))
    return 1 if counts["error"] or (strict and counts["warning"]) else 0


def _all_findings(files: list[str], folders: list[str]) -> list[Finding]:
    """What is found in the files, once: a module is checked with each program that imports it."""
    seen: dict[Any, Finding] = {}
    for file in files:
        for found in _findings(file, folders):
            place = None if found.span is None else (_place(found.span), found.span.end_line, found.span.end_column)
            seen.setdefault((found.code, place, found.text), found)
    return list(seen.values())


def _order(finding: Finding) -> Any:
    return finding.place()


def _files(paths: tuple[str, ...]) -> Iterator[str]:
    """The files that the paths name, those of a folder in alphabetical order; hidden folders are passed over."""
    for path in paths:
        if path == "-" or not os.path.isdir(path):
            yield path
            continue
        for folder, below, names in os.walk(path):
            below[:] = sorted(name for name in below if not name.startswith("."))
            yield from (os.path.join(folder, name) for name in sorted(names) if name.endswith(SUFFIX))


def _findings(file: str, folders: list[str]) -> list[Finding]:
    from rtfs.analysis import check
    from rtfs.check.finding import of_error
    from rtfs.host.marketplace import Marketplace
    from rtfs.lang.errors import ReadError
    from rtfs.loader import Files

    lookup = Files(os.path.dirname(file) or os.curdir)
    lookup.folders[1:1] = folders
    try:
        source = _source(file)
    except ReadError as error:
        return [of_error(each) for each in error.errors]
    return check(source, lookup, predefined=("args",), marketplace=Marketplace())


def _source(file: str) -> Source:
    from rtfs.loader import decode, read_source

    try:
        return decode(sys.stdin.buffer.read(), "<stdin>") if file == "-" else read_source(file)
    except OSError as error:
        raise click.FileError(file, error.strerror) from None


def _page(finding: Finding, color: bool) -> str:
    from rtfs.lang.diagnostic import clean, excerpt

    place = "" if finding.span is None else f"{_place(finding.span)}: "
    severity = f"{finding.severity}[{finding.code}]"
    if color:
        severity = f"\x1b[{_COLORS[finding.severity]}m{severity}\x1b[0m"
    lines = f"{clean(place)}{severity}: {clean(finding.text)}\n"
    if finding.span is not None:
        lines += excerpt(finding.span, color=color)
    return lines + "".join(f"  = hint: {clean(note)}\n" for note in finding.notes)


def _place(span: Any) -> str:
    return f"{os.path.normpath(span.source.name)}:{span.line}:{span.column}"


def _line_of_data(finding: Finding) -> str:
    from rtfs.lang.diagnostic import span_data

    data = {
        "severity": finding.severity,
        "code": finding.code,
        "text": finding.text,
        "span": span_data(finding.span),
        "notes": list(finding.notes),
    }
    return json.dumps(data, ensure_ascii=False) + "\n"


def _summary(counts: Counter[str], files: int) -> str:
    told = [f"{counts[kind]} {kind}{'' if counts[kind] == 1 else 's'}" for kind in _COLORS if counts[kind]]
    checked = f"{files} file{'' if files == 1 else 's'} checked"
    return f"{checked}: {', '.join(told) if told else 'nothing found'}\n"
