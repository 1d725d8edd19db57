"""`rtfs fmt`: sources in their canonical layout (experience.md §2)."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator

import click

EPILOG = """\b
Examples:
  rtfs fmt weather.rtfs lib/          rewrite files in place; folders are searched for .rtfs
  rtfs fmt --check .                  change nothing; exit code 1 and the names of files that would change
  rtfs fmt - < draft.rtfs             from standard input to standard output
"""


@click.command("fmt", epilog=EPILOG)
@click.argument("paths", nargs=-1, required=True)
@click.option("--check", is_flag=True, help="Change nothing; say which files would change.")
def command(paths: tuple[str, ...], check: bool) -> int:
    """Lay out RTFS sources: 100 columns, bodies indented by two, line breaks and comments kept where they are."""
    if paths == ("-",):
        return _stream(check)
    codes = [_file(path, check) for given in paths for path in sources(given)]
    return max(codes, default=0)


def sources(path: str) -> Iterator[str]:
    """The file itself, or all .rtfs files below a folder, hidden folders left out, in order."""
    if not os.path.isdir(path):
        yield path
        return
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (os.path.join(folder, name) for name in sorted(files) if name.endswith(".rtfs"))


def _stream(check: bool) -> int:
    from rtfs.loader import decode

    try:
        source = decode(sys.stdin.buffer.read(), "<stdin>")
    except OSError as error:
        sys.stderr.write(f"error: cannot read standard input: {error.strerror}\n")
        return 1
    laid = _laid(source.text, source.name)
    if laid is None:
        return 1
    if not check:
        click.echo(laid, nl=False)
    return int(check and laid != source.text)


def _file(path: str, check: bool) -> int:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        sys.stderr.write(f"error: cannot read {path}: {reason}\n")
        return 1
    laid = _laid(text, path)
    if laid is None or laid == text:
        return int(laid is None)
    click.echo(f"{'would change' if check else 'formatted'} {path}")
    if check:
        return 1
    _replace(path, laid)
    return 0


def _laid(text: str, name: str) -> str | None:
    """The canonical text; None, after a report of all errors, when it cannot be read."""
    from rtfs.cli.report import report
    from rtfs.lang.errors import RtfsError
    from rtfs.parser.layout import formatted

    try:
        return formatted(text, name)
    except RtfsError as error:
        report(error)
        return None


def _replace(path: str, text: str) -> None:
    """Put a text in the place of a file at once: whoever is killed leaves the old one or the new one."""
    target = os.path.realpath(path)  # a link stays a link
    descriptor, draft = tempfile.mkstemp(dir=os.path.dirname(target), prefix=".rtfs-fmt-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        os.chmod(draft, os.stat(target).st_mode & 0o7777)
        os.replace(draft, target)
    except BaseException:
        os.unlink(draft)
        raise
