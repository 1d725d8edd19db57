"""An event for each chunk, for whoever debugs a stream; other streams do not pay for it (streaming.md §9.2)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.chunk import Chunk
from rtfs.host.stream.event import DETAIL

if TYPE_CHECKING:
    from rtfs.host.stream.breaker import StepGuard
    from rtfs.host.stream.contract import Read
    from rtfs.host.stream.owner import Owner
    from rtfs.host.stream.processor import Reading


class Watched:
    """A queue as the owner's loop uses it, which knows the chunk that was taken last."""

    def __init__(self, items: deque[Chunk] | StepGuard) -> None:
        self._items = items
        self._seq = -1

    def __len__(self) -> int:
        return len(self._items)

    def popleft(self) -> Chunk:
        chunk = self._items.popleft()
        self._seq = chunk[0]
        return chunk

    def telling(self, owner: Owner, read: Read) -> Read:
        """`read`, which tells what each result says."""

        def tell(parts: tuple[Any, Any, Any], state: Any, name: str, limit: int) -> Reading:
            reading = read(parts, state, name, limit)
            action = None if reading[2] is None else reading[2].action
            owner.emit(
                DETAIL, at_seq=self._seq, action=None if action is None else action.name, outputs=len(reading[1])
            )
            return reading

        return tell
