"""Reading what `:record` wrote, for `replay:file` (streaming.md §3.9)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from rtfs.host.stream.catalogue import fault
from rtfs.lang.codec import Unreadable, decode
from rtfs.lang.collections import Map

_MOST = 256 * 2**20  # bytes of one line: no frame is that long


class Recorded(NamedTuple):
    """One frame. line: its number in the whole recording, from 1; at: ms when it was recorded."""

    line: int
    at: int
    direction: str
    connection: int
    kind: str
    data: Any


class Recording:
    """A recording with the files that were full before it.

    adapter, endpoint and options: of the stream that was recorded; started_at: its first ms.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        first = next(self.frames(), None)
        if first is None or first.kind != "open" or type(first.data) is not dict:
            raise self._bad(1, "no recording begins here")
        self.adapter = str(first.data.get("adapter"))
        self.endpoint = str(first.data.get("endpoint"))
        self.started_at: int = first.data["started"] if type(first.data.get("started")) is int else first.at
        self.options = self._options(first.data.get("options"))

    def _options(self, text: Any) -> Map:
        try:
            options = decode(text) if type(text) is str else None
        except Unreadable:
            options = None
        if type(options) is not Map:
            raise self._bad(1, "its options cannot be read")
        return options

    def frames(self, after: int = 0) -> Iterator[Recorded]:
        """The frames behind line `after`. S024 for a file that cannot be read or a line that is no frame."""
        number = 0
        for path in self._files():
            try:
                with open(path, "rb") as file:
                    while line := file.readline(_MOST):
                        number += 1
                        if number > after and line.endswith(b"\n"):  # a line without end is being written
                            yield self._frame(number, line)
            except OSError as problem:
                raise fault(24, a=":replay", endpoint=f"replay:{self.path}", why=str(problem)) from None

    def _files(self) -> list[str]:
        full: list[str] = []
        while os.path.exists(f"{self.path}.{len(full) + 1}"):
            full.append(f"{self.path}.{len(full) + 1}")
        return [*full, self.path]

    def _frame(self, number: int, line: bytes) -> Recorded:
        try:
            entry = json.loads(line)
            frame = Recorded(number, *(entry[name] for name in Recorded._fields[1:]))
        except (ValueError, KeyError, TypeError, RecursionError):
            raise self._bad(number, "the line is no frame") from None
        if (type(frame.at), type(frame.connection)) != (int, int):
            raise self._bad(number, "the line is no frame")
        return frame

    def _bad(self, number: int, why: str) -> Exception:
        return fault(24, a=":replay", endpoint=f"replay:{self.path}", why=f"line {number}: {why}")
