"""Writes the pages of this folder that are made of what the program knows: `python docs/build.py` (`make docs`)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtfs.documentation import Entry

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))


def library_page() -> str:
    """docs/library.md: every name of the language, and the built-in capabilities."""
    from rtfs.documentation import CHAPTERS, Reference

    reference = Reference()
    entries = [*reference.entries(), *reference.capabilities()]
    lines = [
        "# The library",
        "",
        "Every name of the language with an example that the tests run; `rtfs doc NAME` shows the same. In examples",
        "`;->` is a host call and the answer it got, `;=>` what is printed. This page is written by `make docs`.",
        "",
        "Contents: " + " · ".join(f"[{title}](#{_anchor(title)})" for title, _ in CHAPTERS.values()),
    ]
    for key, (title, _) in CHAPTERS.items():
        lines += ["", f"## {title}"]
        for entry in entries:
            if entry.chapter == key:
                lines += ["", *_section(entry)]
    return "\n".join(lines) + "\n"


def _anchor(title: str) -> str:
    return "".join(char for char in title.lower().replace(" ", "-") if char.isalnum() or char == "-")


def _section(entry: Entry) -> list[str]:
    names = " ".join(f"`{name}`" for name in (entry.name, *entry.aliases))
    lines = [f"### {names}", ""]
    usage = " or ".join(f"`` {each} ``" if "`" in each else f"`{each}`" for each in entry.usage)
    lines += [f"{entry.kind.capitalize()}{f': {usage}' if usage else ''}", "", " ".join(entry.doc.split())]
    if entry.facts:
        lines += ["", *(f"- {label}: `{fact}`" for label, fact in entry.facts)]
    if entry.example is not None:
        lines += ["", "```clojure", *entry.example.lines(), "```"]
    return lines


PAGES = {"library.md": library_page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), encoding="utf-8")
