"""`:journal true`: what calls of effect slots were answered, so that none is made again (streaming.md §5.7).

A call is known by its idempotency key `STREAM/NUMBER/SLOT/N`. Its answer is in the store before the function goes on,
and is forgotten with the first snapshot after which nothing brings that number again.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.stores import Entry
from rtfs.lang.codec import Unreadable, decode, encode
from rtfs.lang.collections import vector

BY_ITEM = "item:"
"""So begin the names of slots whose calls are numbered by the item of the input that they are made for."""


class Answered(NamedTuple):
    """What a call was, as one line; whether its answer is a `value` or an `error`; the answer as text."""

    call: str
    state: str
    answer: str


class Answers:
    """The answers of one stream, by idempotency key.

    by_chunk: the slots whose calls are numbered by the chunk they are made for; all others are by the output.
    """

    def __init__(self) -> None:
        self.by_chunk: set[str] = set()
        self._next = self._forgotten = 0
        self._known: dict[str, tuple[int, Answered]] = {}
        self._fresh: list[Entry] = []
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    @property
    def waiting(self) -> bool:
        """Are there answers to store?"""
        return bool(self._fresh)

    def find(self, key: str) -> Answered | None:
        """What the call of that key was answered."""
        found = self._known.get(key)
        return None if found is None else found[1]

    def add(self, key: str, answered: Answered) -> asyncio.Future[None]:
        """A call was answered; the future is done when the store has it. S040 when it will never have."""
        number = self._next
        self._next += 1
        self._known[key] = (number, answered)
        self._fresh.append(Entry(number, encode(vector([key, *answered]))))
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((number, stored))
        return stored

    def restore(self, entries: list[Entry]) -> None:
        """Answers that an earlier process stored, in their order. S033 for what is none."""
        for number, body in entries:
            try:
                key, *parts = decode(body)
                answered = Answered(*parts)
            except (Unreadable, ValueError, TypeError):
                raise fault(33, e=f"number {number} of the recorded answers is damaged") from None
            self._known[key] = (number, answered)
            self._next = number + 1

    # ---- commits

    def fresh(self) -> tuple[Entry, ...]:
        """What the store has not got yet."""
        return tuple(self._fresh)

    def below(self, seq: int, output_seq: int, item: int = 0) -> int:
        """The number below which nothing is needed any more, when chunks, outputs and items of the input below these
        cannot come again; 0 when that is known already."""

        def bound(slot: str) -> int:
            return item if slot.startswith(BY_ITEM) else seq if slot in self.by_chunk else output_seq

        needed = [number for key, (number, _) in self._known.items() if _number(key) >= bound(_slot(key))]
        below = min(needed, default=self._next)
        return below if below > self._forgotten else 0

    def taken_back(self, output_seq: int) -> None:
        """Outputs from that number on will be others."""
        for key in [key for key in self._known if _number(key) >= output_seq]:
            del self._known[key]

    def done(self, count: int, below: int) -> None:
        """The first of the fresh ones are stored, those below a number forgotten."""
        del self._fresh[:count]
        self._forgotten = max(self._forgotten, below)
        first = self._fresh[0].number if self._fresh else self._next
        for key in [key for key, (number, _) in self._known.items() if number < below]:
            del self._known[key]
        for _, future in [entry for entry in self._waiting if entry[0] < first]:
            if not future.done():
                future.set_result(None)
        self._waiting = [entry for entry in self._waiting if entry[0] >= first]

    def lost(self, id: str, epoch: int) -> None:
        """The store takes nothing of this stream any more."""
        for _, future in self._waiting:
            if not future.done():
                future.set_exception(fault(40, id=id, n=epoch))
        self._waiting.clear()
        self._fresh.clear()


def _number(key: str) -> int:
    return int(key.rsplit("/", 3)[1])


def _slot(key: str) -> str:
    return key.rsplit("/", 3)[2].partition(".")[0]  # one slot may be asked several times for one number
