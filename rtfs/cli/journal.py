"""`rtfs journal`: read, verify and export what runs wrote down (host.md §6)."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rtfs.host.ledger import Ledger

EPILOG = """\b
Examples:
  rtfs run --journal audit.db script.rtfs       write one
  rtfs journal ls audit.db --function 'ccos.io.*' --failed
  rtfs journal show audit.db 17                 one row, whole
  rtfs journal verify audit.db                  exit code 1 and the first wrong row, if there is one
  rtfs journal export audit.db > audit.jsonl

\b
The key of the hashes is made at first use in the user's configuration folder (rtfs/journal.key), or is in the folder
that RTFS_JOURNAL_KEY names. Keep it where those who can write the journal cannot read it.
"""

_FILE = click.argument("file", type=click.Path(exists=True, dir_okay=False))


def key_folder() -> str:
    """Where the key of journals is."""
    config = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return os.environ.get("RTFS_JOURNAL_KEY") or os.path.join(config, "rtfs")


def open_ledger(path: str, *, keyed: bool = True) -> Ledger:
    """The ledger of a file, with the user's key. OSError when the key cannot be used."""
    from rtfs.host.ledger import Ledger, load_key

    return Ledger(path, load_key(key_folder()) if keyed else None)


def _open(path: str, *, keyed: bool = True) -> Ledger:
    import sqlite3

    try:
        return open_ledger(path, keyed=keyed)
    except (OSError, sqlite3.DatabaseError) as error:
        raise click.ClickException(f"{path}: {error}") from error


class _Group(click.Group):
    """A damaged file is an error of the file, whichever command meets it."""

    def invoke(self, ctx: click.Context) -> Any:
        import sqlite3

        try:
            return super().invoke(ctx)
        except sqlite3.DatabaseError as error:
            raise click.ClickException(f"the journal cannot be read: {error}") from error


@click.group("journal", cls=_Group, epilog=EPILOG)
def command() -> None:
    """What runs wrote down: every host call and step, in a chain that shows what was changed."""


@command.command("ls")
@_FILE
@click.option("--function", metavar="GLOB", help="Only capabilities and steps that match, e.g. 'ccos.io.*'.")
@click.option("--type", "kind", metavar="TYPE", help="Only rows of a type: call, call-started, step-start …")
@click.option("--session", metavar="ID", help="Only rows of one session.")
@click.option("--failed", is_flag=True, help="Only what failed.")
@click.option("--limit", type=click.IntRange(1), default=None, help="At most so many, the last ones.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
def _list(file: str, as_json: bool, **chosen: Any) -> int:
    """One line per row: number, time, type, function, and how it ended."""
    rows = _chosen(_open(file, keyed=False), **chosen)
    for row in rows:
        click.echo(json.dumps(row, ensure_ascii=False) if as_json else _line(row))
    return 0


@command.command("show")
@_FILE
@click.argument("number", type=click.IntRange(1))
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def _show(file: str, number: int, as_json: bool) -> int:
    """Everything of one row."""
    row = next(iter(_open(file, keyed=False).rows("seq = ?", (number,))), None)
    if row is None:
        raise click.ClickException(f"{file} has no row {number}")
    if as_json:
        click.echo(json.dumps(row, ensure_ascii=False))
        return 0
    for name, value in row.items():
        if value is not None:
            click.echo(f"{name:13} {_time(value) if name == 'time_us' else value}")
    return 0


@command.command("verify")
@_FILE
@click.option("--unkeyed", is_flag=True, help="Check the chain of a journal whose key is not here.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def _verify(file: str, unkeyed: bool, as_json: bool) -> int:
    """Does the chain hold? Names the first row that was changed, inserted, moved or removed, and a cut tail."""
    finding = _open(file, keyed=not unkeyed).verify()
    if as_json:
        click.echo(json.dumps(finding._asdict()))
    elif finding.problem is None:
        click.echo(f"{finding.rows} rows, the chain holds")
    else:
        click.echo(f"{file}: {finding.problem}")
    if not finding.keyed:
        sys.stderr.write("note: without the key a chain that was rewritten as a whole, or cut, looks whole\n")
    return 0 if finding.problem is None else 1


@command.command("export")
@_FILE
def _export(file: str) -> int:
    """All rows as JSON lines, hashes included."""
    for row in _open(file, keyed=False).rows():
        click.echo(json.dumps(row, ensure_ascii=False))
    return 0


def _chosen(ledger: Ledger, function: str | None, kind: str | None, session: str | None, **other: Any) -> list[Any]:
    from rtfs.host.glob import matches

    where, parameters = ["1"], []
    for name, value in (("type", kind), ("session", session)):
        if value is not None:
            where.append(f"{name} = ?")
            parameters.append(value)
    if other["failed"]:
        where.append("error IS NOT NULL")
    rows = list(ledger.rows(" AND ".join(where), tuple(parameters)))
    if function is not None:
        rows = [row for row in rows if row["function"] and matches(function, row["function"])]
    return rows[-other["limit"] :] if other["limit"] else rows


def _line(row: dict[str, Any]) -> str:
    ending = f"! {row['error']}" if row["error"] else f"→ {row['result']}" if row["result"] is not None else ""
    text = " ".join(str(part) for part in (row["function"], row["arguments"], ending) if part)
    return f"{row['seq']:5} {_time(row['time_us'])} {row['type']:15} {text if len(text) <= 160 else text[:159] + '…'}"


def _time(micros: int | None) -> str:
    from rtfs.lang.printer import show_timestamp
    from rtfs.lang.values import Timestamp

    return "-" if micros is None else show_timestamp(Timestamp(micros))
