"""What stands where in a text that is still being typed, by the real lexer: tokens with offsets, and what is open."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Symbol
from rtfs.lang.source import Source
from rtfs.parser.lexer import TERMINALS, Lexer, Report

OPENING = {"(": ")", "#(": ")", "[": "]", "{": "}"}
_BRACKETS = frozenset(TERMINALS.values())


class Piece(NamedTuple):
    """A stretch of the text. kind: `symbol keyword string number constant open close prefix comment broken`."""

    kind: str
    begin: int
    end: int
    text: str


class Open(NamedTuple):
    """A bracket that is open: its offset, the bracket, and the pieces behind it on its own level, in order."""

    begin: int
    bracket: str
    parts: list[Piece]


@lru_cache(maxsize=8)
def pieces(text: str) -> tuple[Piece, ...]:
    """All tokens and comments. From a string or comment without an end on, the rest is one broken piece."""
    source, report = Source("<typed>", text), Report()
    found: list[Piece] = []
    last = 0
    try:
        for type, value, span in Lexer(source, report, lambda name, span: Symbol(name, None, span)).tokens():
            if type == "BEGIN":
                continue
            begin, end = source.offset(span.line, span.column), source.offset(span.end_line, span.end_column)
            found += _comments(text, last, begin)
            found.append(Piece(_kind(type, value, text[begin:end]), begin, end, text[begin:end]))
            last = end
    except RtfsError:
        found += _rest(text, last)
    else:
        found += _comments(text, last, len(text))
    return tuple(found)


def _kind(type: str, value: object, written: str) -> str:
    if type in _BRACKETS:
        return "open" if written in OPENING else "close" if written in (")", "]", "}") else "prefix"
    if type != "LITERAL":
        return type.lower()
    if value is None and written != "nil":
        return "broken"  # what the lexer made of something that is no RTFS
    return "constant" if value is None or isinstance(value, bool) else "number"


def _comments(text: str, begin: int, end: int) -> list[Piece]:
    """Comments between two tokens, each with the rest of what stands between them."""
    gap = text[begin:end]
    places = [place for mark in (";", "#|") if (place := gap.find(mark)) >= 0]
    return [Piece("comment", begin + min(places), end, gap[min(places) :])] if places else []


def _rest(text: str, begin: int) -> list[Piece]:
    """What stands behind the last token of a text that the lexer gave up on."""
    while begin < len(text) and text[begin] in " \t\r\n\f,":
        begin += 1
    kind = "comment" if text.startswith((";", "#|"), begin) else "string" if text.startswith('"', begin) else "broken"
    return [Piece(kind, begin, len(text), text[begin:])] if begin < len(text) else []


def opened(text: str, offset: int) -> list[Open]:
    """The brackets that are open at an offset, outermost first; each knows what stands behind it up to there."""
    stack: list[Open] = []
    for piece in pieces(text):
        if piece.begin >= offset:
            break
        if piece.kind == "open":
            stack.append(Open(piece.begin, piece.text, []))
        elif piece.kind == "close":
            if stack:
                closed = stack.pop()
                if stack:
                    whole = text[closed.begin : piece.end]
                    stack[-1].parts.append(Piece("form", closed.begin, piece.end, whole))
        elif piece.kind != "comment" and stack:
            stack[-1].parts.append(piece)
    return stack


def inside(text: str, offset: int) -> Piece | None:
    """The string, comment or broken piece that an offset is inside of; None in code."""
    for piece in pieces(text):
        if piece.begin < offset and piece.kind in ("string", "comment", "broken"):
            ends = piece.end if _closed(piece) else piece.end + 1
            if offset < ends:
                return piece
    return None


def _closed(piece: Piece) -> bool:
    """Does code follow it at its end?"""
    if piece.kind == "string":
        return len(piece.text) > 1 and piece.text.endswith('"') and not piece.text.endswith('\\"')
    return piece.kind == "comment" and (piece.text.endswith(("\n", "|#")) or "\n" in piece.text)


def partner(text: str, offset: int) -> tuple[int, int] | None:
    """The offsets of the bracket at an offset and of the one it belongs to; None where there is none."""
    stack: list[tuple[int, str]] = []
    for piece in pieces(text):
        if piece.kind == "open":
            stack.append((piece.end - 1, OPENING[piece.text]))
        elif piece.kind == "close" and stack:
            begin, closing = stack.pop()
            if closing == piece.text and offset in (begin, piece.begin):
                return begin, piece.begin
    return None


def indentation(text: str, offset: int) -> int:
    """How far a new line at an offset is indented: two behind the bracket of a call, else under what it holds."""
    stack = opened(text, offset)
    if not stack or inside(text, offset) is not None:
        return 0  # in a string it would become part of it
    top = stack[-1]
    column = top.begin - (text.rfind("\n", 0, top.begin) + 1) + len(top.bracket)
    return column + 1 if top.bracket in ("(", "#(") and top.parts and top.parts[0].kind == "symbol" else column
