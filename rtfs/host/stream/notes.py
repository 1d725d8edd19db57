"""Progress notes, taken off a connection on their way to the SDK (streaming.md §3.5).

The SDK starts two tasks for each note and reads it twice, which costs more than receiving it, and its callback does not
get the `_meta`.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

Taker = Callable[[float, float | None, str | None, dict[str, Any] | None], None]
"""Gets a note as progress, total, message and `_meta`; it must neither wait nor raise."""

_METHOD = "notifications/progress"
_NUMBERS = (int, float)


class Notes:
    """Who takes the notes of which call, by the progress token that the call was sent with."""

    def __init__(self) -> None:
        self._takers: dict[int | str, Taker] = {}
        self._tokens = count(1)

    def expect(self, taker: Taker) -> int:
        """A new token; `taker` gets the notes that bear it, in the order of the wire."""
        token = next(self._tokens)
        self._takers[token] = self._takers[str(token)] = taker  # some servers answer with the text of a number
        return token

    def forget(self, token: int) -> None:
        """Nobody wants the notes with that token any more."""
        del self._takers[token], self._takers[str(token)]

    def take(self, message: Any) -> bool:
        """Hand a message to who expects it. False for all that is no note, and for notes that nobody expects."""
        said: Any = getattr(message, "message", None)  # an exception stands for a frame that cannot be parsed
        if getattr(said, "method", None) != _METHOD or type(said.params) is not dict:
            return False
        params: dict[str, Any] = said.params
        token: Any = params.get("progressToken")
        progress: Any = params.get("progress")
        taker = self._takers.get(token) if type(token) in (int, str) else None
        if taker is None or type(progress) not in _NUMBERS:
            return False
        total, text, meta = params.get("total"), params.get("message"), params.get("_meta")
        taker(
            progress,
            total if type(total) in _NUMBERS else None,
            text if type(text) is str else None,
            meta if type(meta) is dict else None,
        )
        return True
