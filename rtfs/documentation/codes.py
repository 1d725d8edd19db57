"""What is known about the codes of errors: the texts of the folder `errors`, one file per family."""

from __future__ import annotations

import os
import re
from functools import cache
from typing import Any, NamedTuple

FOLDER = os.path.join(os.path.dirname(__file__), "errors")
_SECTION = re.compile(r"^## (RTFS-[ESW]\d{3}) (\w+)\n\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_FENCED = re.compile(r"^```(\w+)[ ]?(\S*)\n(.*?)^```$\n*", re.MULTILINE | re.DOTALL)
_CURE = "**Cure.** "


class File(NamedTuple):
    """A file of an example."""

    name: str
    text: str


class Code(NamedTuple):
    """One code. meaning, cure: paragraphs as Markdown. files: of the example. console: its commands with their output.

    raised: can this version raise it?
    """

    code: str
    kind: str
    family: str
    meaning: str
    files: tuple[File, ...]
    console: str
    cure: str

    @property
    def raised(self) -> bool:
        return "Not raised by this version" not in self.meaning

    def data(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            **self._asdict(),
            "files": [file._asdict() for file in self.files],
            "raised": self.raised,
        }


class Family(NamedTuple):
    """A file of texts: its title, what it says first, its codes."""

    title: str
    text: str
    codes: tuple[Code, ...]


@cache
def families() -> tuple[Family, ...]:
    """All texts, in the order of the codes."""
    return tuple(_family(os.path.join(FOLDER, name)) for name in sorted(os.listdir(FOLDER)) if name.endswith(".md"))


def codes() -> list[Code]:
    return [code for family in families() for code in family.codes]


def find(name: str) -> list[Code]:
    """The codes that a name means: `E403`, `RTFS-E403`, `s10`, or a kind such as `TypeError` or `type-error`."""
    wanted = name.upper().removeprefix("RTFS-")
    short = re.fullmatch(r"([ESW])0*(\d{1,3})", wanted)
    if short is not None:
        full = f"RTFS-{short[1]}{int(short[2]):03}"
        return [code for code in codes() if code.code == full]
    plain = wanted.replace("-", "").replace(":", "")
    return [code for code in codes() if code.kind.upper() == plain]


def names() -> list[str]:
    """Everything that `find` knows, in its shortest spelling."""
    found = codes()
    return [*(code.code.removeprefix("RTFS-") for code in found), *dict.fromkeys(code.kind for code in found)]


def _family(path: str) -> Family:
    with open(path, encoding="utf-8") as file:
        text = file.read()
    head = text.split("\n## ", 1)[0]
    title, _, rest = head.partition("\n")
    family = os.path.basename(path).removesuffix(".md")
    return Family(
        title.removeprefix("# "), rest.strip(), tuple(_code(family, *found) for found in _SECTION.findall(text))
    )


def _code(family: str, code: str, kind: str, body: str) -> Code:
    blocks = _FENCED.findall(body)
    files = tuple(File(name, text) for language, name, text in blocks if language != "console")
    console = "".join(text for language, _, text in blocks if language == "console")
    prose = _FENCED.sub("", body)
    meaning, _, cure = prose.partition(_CURE)
    return Code(code, kind, family, meaning.strip(), files, console, cure.strip())
