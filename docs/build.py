"""Writes the pages of this folder that are made of what the program knows: `python docs/build.py` (`make docs`)."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtfs.documentation import Entry
    from rtfs.documentation.codes import Code

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import api  # noqa: E402  # beside this file
import console  # noqa: E402


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


# ---- errors


def errors_page() -> str:
    """docs/errors.md: every code with an example, its output and its cure."""
    from rtfs.documentation.codes import families

    lines = [
        "# Errors",
        "",
        "Every code of an error: what it means, a program that provokes it, and the cure. `rtfs explain CODE` shows",
        "the same. The tests run all of it; this page is written by `make docs`.",
    ]
    for family in families():
        lines += ["", f"## {family.title}", "", family.text]
        for code in family.codes:
            lines += ["", f"### {code.code} {code.kind}", "", code.meaning, ""]
            for file in code.files:
                lines += [f"```{'python' if file.name.endswith('.py') else 'clojure'}", file.text.rstrip(), "```", ""]
            if code.console:
                lines += ["```console", code.console.rstrip(), "```", ""]
            lines.append(f"**Cure.** {code.cure}")
    return "\n".join(lines) + "\n"


def refresh_outputs() -> None:
    """Put the output of every example into the texts that `rtfs explain` shows, where it has changed."""
    from rtfs.documentation.codes import FOLDER, codes, families

    for code in codes():  # read once: what is written below is seen after the cache is cleared
        path = Path(FOLDER) / f"{code.family}.md"
        text = path.read_text(encoding="utf-8")
        found = play(code)
        if code.console and not console.matches(found, code.console):
            start = text.index(f"## {code.code} ")
            begin = text.index("```console\n", start) + len("```console\n")
            end = text.index("```\n", begin)
            path.write_text(text[:begin] + found.rstrip() + "\n" + text[end:], encoding="utf-8")
    families.cache_clear()


def play(code: Code) -> str:
    """The console of a code's example as it is now."""
    with tempfile.TemporaryDirectory() as folder:
        for file in code.files:
            Path(folder, file.name).write_text(file.text, encoding="utf-8")
        return console.played(code.console, Path(folder)).replace(os.path.realpath(folder), "…").replace(folder, "…")


PAGES = {"library.md": library_page, "errors.md": errors_page, "api.md": api.api_page}

if __name__ == "__main__":
    refresh_outputs()
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), encoding="utf-8")
