"""Syntax colours, from the lexer of the language itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput
from prompt_toolkit.layout.utils import explode_text_fragments
from prompt_toolkit.lexers import Lexer
from prompt_toolkit.styles import Style

from rtfs.cli.interactive.tokens import Piece, partner, pieces

if TYPE_CHECKING:
    from prompt_toolkit.document import Document

LONG = 50_000  # characters of an input beyond which it stays plain: colours must not make typing slow

STYLE = Style.from_dict(
    {
        "prompt": "bold ansigreen",
        "continuation": "ansibrightblack",
        "rtfs.head": "bold ansiblue",
        "rtfs.keyword": "ansicyan",
        "rtfs.string": "ansigreen",
        "rtfs.number": "ansimagenta",
        "rtfs.constant": "ansimagenta",
        "rtfs.comment": "italic ansibrightblack",
        "rtfs.prefix": "ansiyellow",
        "rtfs.broken": "ansired",
        "rtfs.command": "bold ansiyellow",
        "rtfs.partner": "bold underline",
        "bottom-toolbar": "noreverse ansibrightblack",
    }
)
_STYLED = frozenset({"keyword", "string", "number", "constant", "comment", "prefix", "broken"})


class Colors(Lexer):
    """Colours each token; the head of a list stands out."""

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        text = document.text
        rows: list[StyleAndTextTuples] = [[("", line)] for line in document.lines]
        if len(text) <= LONG:
            rows = _rows(fragments(text))
        return lambda number: rows[number] if number < len(rows) else []


def fragments(text: str) -> StyleAndTextTuples:
    """The text in pieces, each with its style."""
    begin = len(text) - len(text.lstrip())
    if text.startswith(":", begin):
        end = begin + len(text[begin:].split(None, 1)[0])
        return [("class:rtfs.command", text[:end]), *_code(text, end)]
    return _code(text, 0)


def _code(text: str, start: int) -> StyleAndTextTuples:
    found: StyleAndTextTuples = []
    last, before = start, ""
    for piece in pieces(text):
        if piece.begin < last:
            continue
        found.append(("", text[last : piece.begin]))
        found.append((_style(piece, before), piece.text))
        last, before = piece.end, piece.text
    found.append(("", text[last:]))
    return [fragment for fragment in found if fragment[1]]


def _style(piece: Piece, before: str) -> str:
    if piece.kind == "symbol" and before in ("(", "#("):
        return "class:rtfs.head"
    return f"class:rtfs.{piece.kind}" if piece.kind in _STYLED else ""


def _rows(parts: StyleAndTextTuples) -> list[StyleAndTextTuples]:
    """Fragments by line."""
    rows: list[StyleAndTextTuples] = [[]]
    for style, text, *_ in parts:
        first, *more = text.split("\n")
        rows[-1].append((style, first))
        rows.extend([[(style, line)] for line in more])
    return rows


class Brackets(Processor):
    """Marks the bracket under the cursor, or just before it, and the one that belongs to it."""

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        fragments = transformation_input.fragments
        document = transformation_input.document
        places = _pair(document) if len(document.text) <= LONG else None
        for place in places or ():
            row, column = document.translate_index_to_position(place)
            if row == transformation_input.lineno:
                fragments = explode_text_fragments(fragments)
                column = transformation_input.source_to_display(column)
                if column < len(fragments):
                    style, text, *_ = fragments[column]
                    fragments[column] = (f"{style} class:rtfs.partner", text)
        return Transformation(fragments)


def _pair(document: Document) -> tuple[int, int] | None:
    """Offsets of the two brackets to mark."""
    at, text = document.cursor_position, document.text
    if text[at : at + 1] and text[at] in "()[]{}":
        return partner(text, at)
    return partner(text, at - 1) if at and text[at - 1] in "()[]{}" else None
