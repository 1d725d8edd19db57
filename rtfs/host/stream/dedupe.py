"""`:dedupe`: chunks that come again under an id that was accepted before are left out (streaming.md §5.7)."""

from __future__ import annotations

from typing import Any

from rtfs.host.stream.chunk import K_EXT, Extra, dig
from rtfs.host.stream.stores import Entry
from rtfs.lang.codec import NotStorable, decode, encode
from rtfs.lang.names import Keyword

WINDOW = 100_000  # ids that are remembered, the latest ones

_ID, _IDS = Keyword("id"), Keyword("ids")


class Seen:
    """The ids that were accepted, by the number of their chunk. path: to the id in a chunk; None: the broker's id.

    below: chunks with lower numbers are out of the window.
    """

    def __init__(self, path: tuple[Any, ...] | None, window: int = WINDOW) -> None:
        self.below = 0
        self._path = path
        self._window = window
        self._known: dict[str, int] = {}
        self._fresh: list[Entry] = []

    def _id(self, data: Any, extra: Extra | None) -> str | None:
        if self._path is not None:
            found = dig(data, self._path)
        elif extra is None or extra.metadata is None:
            return None
        else:
            about = extra.metadata.get(K_EXT)
            found = dig(about, (_ID,)) if (several := dig(about, (_IDS,))) is None else several
        try:
            return None if found is None else encode(found)
        except NotStorable:
            return None

    def knows(self, data: Any, extra: Extra | None) -> bool:
        """Did a chunk of this id come before? One without an id never did."""
        return self._id(data, extra) in self._known

    def note(self, number: int, data: Any, extra: Extra | None) -> None:
        """A chunk is accepted."""
        id = self._id(data, extra)
        if id is not None:
            self._fresh.append(Entry(number, id))
            self.remember(number, id)

    def has(self, id: str) -> bool:
        """Did the broker's message of this id come before?"""
        return self._path is None and encode(id) in self._known

    def remember(self, number: int, id: str) -> None:
        """An id that the store has already; of a chunk that is several messages, a vector of them."""
        several = decode(id) if self._path is None and id.startswith("[") else None
        for each in [id] if several is None else map(encode, several):
            self._add(number, each)

    def _add(self, number: int, id: str) -> None:
        self._known[id] = number
        if len(self._known) > self._window:
            self.below = self._known.pop(next(iter(self._known))) + 1

    def fresh(self, below: int) -> tuple[Entry, ...]:
        """The ids that the store has not got yet, of chunks before that number."""
        return tuple(entry for entry in self._fresh if entry.number < below)

    def stored(self, count: int) -> None:
        """The first of them are stored."""
        del self._fresh[:count]
