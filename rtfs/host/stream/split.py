"""Bytes of an endless answer cut into lines, none of which is kept once it is too long (streaming.md §3.8)."""

from __future__ import annotations

from typing import NamedTuple


class Line(NamedTuple):
    """content: the line without its end; None for a line over the limit, told once, when it passes the limit.

    size: bytes of the line so far. end: bytes before the next line, counted from where the splitter began.
    """

    content: bytes | None
    size: int
    end: int


class Splitter:
    """Lines of at most `most` bytes, each ended by a line feed. offset: bytes before the first line."""

    def __init__(self, most: int, offset: int = 0) -> None:
        self._most = most
        self._offset = offset
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[Line]:
        """The lines that `data` completes."""
        *ended, rest = data.split(b"\n")
        found: list[Line] = []
        for piece in ended:
            self._grow(piece, found)
            self._offset += self._size + 1
            if self._size <= self._most:
                found.append(Line(b"".join(self._parts), self._size, self._offset))
            self._reset()
        self._grow(rest, found)
        return found

    def rest(self) -> Line | None:
        """What follows the last line feed, at the end of everything."""
        if not self._size or self._size > self._most:
            return None
        self._offset += self._size
        return Line(b"".join(self._parts), self._size, self._offset)

    def _grow(self, piece: bytes, found: list[Line]) -> None:
        before, self._size = self._size, self._size + len(piece)
        if self._size <= self._most:
            self._parts.append(piece)
        elif before <= self._most:
            self._parts.clear()
            found.append(Line(None, self._size, self._offset))

    def _reset(self) -> None:
        self._parts.clear()
        self._size = 0
