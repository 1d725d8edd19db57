"""`rtfs doc`: documentation of a function, macro, special form or capability."""

from __future__ import annotations

import json
import sys
import textwrap
from typing import TYPE_CHECKING

import click

from rtfs.cli.output import flush, width

if TYPE_CHECKING:
    from rtfs.documentation import Entry, Reference

EPILOG = """\b
Examples:
  rtfs doc                      the topics and the names in them
  rtfs doc map                  one name, with an example
  rtfs doc strings              the names of one topic, a line each
  rtfs doc :ccos.io.read-file   a capability
  rtfs doc --search "last element"
  rtfs doc --json get-in

\b
Exit codes: 0 found, 1 nothing of that name, 2 usage.
"""


@click.command("doc", epilog=EPILOG, context_settings={"ignore_unknown_options": True})  # `->` is a name
@click.argument("name", required=False)
@click.option("--search", "text", metavar="TEXT", help="Find names in whose documentation all words occur.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(name: str | None, text: str | None, as_json: bool) -> int:
    """Show the documentation of NAME, or list what there is.

    NAME is a function, macro, special form, capability or topic of the bundled library.
    """
    if name is not None and text is not None:
        raise click.UsageError("give a NAME or --search TEXT, not both")
    from rtfs.documentation import CHAPTERS, Reference
    from rtfs.tools import deepen

    deepen()
    reference = Reference()
    if text is not None:
        return _listed(reference.search(text), as_json, f"nothing found for {text!r}")
    if name is None:
        return _topics(reference, as_json)
    entry = reference.find(name)
    if entry is not None:
        flush(json.dumps(entry.data(), ensure_ascii=False) + "\n" if as_json else "\n".join(page(entry, name)) + "\n")
        return 0
    if name in CHAPTERS:
        return _listed(_chapter(reference, name), as_json, "")
    return _unknown(reference, name)


def page(entry: Entry, name: str) -> list[str]:
    """The whole documentation of one entry, which was asked for by one of its names."""
    title = _title(entry)
    lines = [f"{', '.join([entry.name, *entry.aliases])}   {entry.kind}{f', {title}' if title else ''}", ""]
    if name in entry.aliases and entry.kind != "special form":
        lines += [f"  {name} is another name of {entry.name}.", ""]
    lines += [f"  {each}" for each in entry.usage]
    lines += [""] if entry.usage else []
    for paragraph in entry.doc.split("\n\n"):
        lines += textwrap.wrap(" ".join(paragraph.split()), width() - 2, initial_indent="  ", subsequent_indent="  ")
        lines.append("")
    if entry.facts:
        widest = max(len(label) for label, _ in entry.facts)
        lines += [f"  {label.ljust(widest)}  {fact}" for label, fact in entry.facts]
        lines.append("")
    if entry.example is not None:
        lines += [f"  {line}" for line in entry.example.lines()]
    return lines if lines[-1] else lines[:-1]


def _title(entry: Entry) -> str:
    from rtfs.documentation import CHAPTERS

    return CHAPTERS[entry.chapter][0] if entry.chapter and entry.kind not in ("capability", "special form") else ""


def _chapter(reference: Reference, key: str) -> list[Entry]:
    entries = reference.capabilities() if key == "capabilities" else reference.entries()
    return [entry for entry in entries if entry.chapter == key]


def _listed(entries: list[Entry], as_json: bool, nothing: str) -> int:
    """A line for each entry: its name and the first sentence of its documentation."""
    if as_json:
        flush(json.dumps([entry.data() for entry in entries], ensure_ascii=False) + "\n")
        return 0 if entries else 1
    if not entries:
        sys.stderr.write(f"{nothing}\n")
        return 1
    summaries(entries)
    return 0


def summaries(entries: list[Entry]) -> None:
    """A line for each entry: its name and the beginning of its documentation."""
    widest = min(max(len(entry.name) for entry in entries), 34)
    for entry in entries:
        summary = " ".join(entry.doc.split())
        room = max(width() - widest - 2, 20)
        if len(summary) > room:
            summary = summary[: room - 1].rstrip() + "…"
        flush(f"{entry.name.ljust(widest)}  {summary}\n")


def _topics(reference: Reference, as_json: bool) -> int:
    from rtfs.documentation import CHAPTERS

    names = {key: [entry.name for entry in _chapter(reference, key)] for key in CHAPTERS}
    if as_json:
        topics = [{"topic": key, "title": CHAPTERS[key][0], "names": names[key]} for key in CHAPTERS]
        flush(json.dumps(topics, ensure_ascii=False) + "\n")
        return 0
    for key, (title, _) in CHAPTERS.items():
        flush(f"{key}   {title}\n")
        text = " ".join(names[key])
        for line in textwrap.wrap(text, width() - 2, break_long_words=False, break_on_hyphens=False):
            flush(f"  {line}\n")
    return 0


def _unknown(reference: Reference, name: str) -> int:
    from rtfs.documentation import CHAPTERS
    from rtfs.lang.suggest import nearest

    sys.stderr.write(f"nothing is called {name}\n")
    known = [known for known in reference.names() if not known.startswith("rtfs/")]
    for found in nearest(name.removeprefix(":"), [*known, *CHAPTERS]):
        sys.stderr.write(f"  did you mean {found}?\n")
    return 1
