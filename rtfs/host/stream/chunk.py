"""Chunks: their layout, their metadata, and how JSON becomes values (streaming.md §1.2, §1.3).

A chunk is the plain tuple `(seq, data, time, offset, extra)`: 300,000 of them a second leave no room for an object.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rtfs.lang.collections import Map, vector
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    import asyncio

    from rtfs.host.stream.stores import Letter

Chunk = tuple[int, Any, int, Any, "Extra | None"]
"""seq: intake number; data: any value; time: host ms at intake; offset: source position after it, or None; extra."""


class Extra:
    """What only some chunks have.

    metadata: further metadata entries by keyword. attempt: which connection brought it, from 1. tries: failed steps so
    far. directive: an action to take after the chunk. bare: there is no data to process. letter: is kept with the
    position behind the chunk. ack: the future of a sender that waits for the step.
    """

    __slots__ = ("metadata", "attempt", "tries", "directive", "bare", "letter", "ack")

    def __init__(
        self,
        metadata: dict[Keyword, Any] | None = None,
        attempt: int = 1,
        directive: Keyword | None = None,
        bare: bool = False,
        ack: asyncio.Future[Any] | None = None,
    ) -> None:
        self.metadata = metadata
        self.attempt = attempt
        self.tries = 0
        self.directive = directive
        self.bare = bare
        self.letter: Letter | None = None
        self.ack = ack

    @property
    def plain(self) -> bool:
        """Is there nothing but metadata?"""
        special = self.tries or self.bare or self.letter
        return self.ack is None and self.directive is None and not special


K_SEQ, K_TIME, K_OFFSET = Keyword("seq"), Keyword("time"), Keyword("offset")
K_STREAM, K_SOURCE, K_EXT = Keyword("stream-id"), Keyword("source"), Keyword("ext")
K_EPOCH, K_ATTEMPT, K_CONTROL = Keyword("epoch"), Keyword("attempt"), Keyword("control")
K_DEPTH, K_STATUS, K_DURATION = Keyword("queue-depth"), Keyword("status"), Keyword("duration")
K_EVENT, K_ACTION, K_EVENT_TIME = Keyword("event"), Keyword("action"), Keyword("event-time")

GUARDED = frozenset({K_SEQ, K_STREAM, K_EPOCH, K_ATTEMPT})  # what an injecting caller cannot set


# ---- JSON


class NotJson(Exception):
    """Text that is no JSON, or JSON that is no value (a lone surrogate, nesting beyond the parser)."""


_PLAIN = re.compile(r"(?:\w|[$+\-*/=<>!?%&.])(?:\w|[$+\-*/=<>!?%&.'])*")


@lru_cache(maxsize=4096)  # bounded: a hostile server may send new keys for ever
def key_of(name: str) -> Any:
    """A keyword when the name reads as a plain keyword, else the string."""
    plain = _PLAIN.fullmatch(name) and "//" not in name and not name.startswith("/") and not name.endswith("/")
    return Keyword(name) if plain else name


def from_json(value: Any, keywords: bool = True) -> Any:
    """Decoded JSON (dicts, lists, atoms) as an RTFS value: arrays are vectors, plain object keys keywords."""
    if type(value) is dict:
        pairs = [(key_of(key) if keywords else key, from_json(item, keywords)) for key, item in value.items()]
        return Map.from_stored(dict(pairs))
    if type(value) is list:
        return vector([from_json(item, keywords) for item in value])
    return value


def parse_json(text: str, keywords: bool = True) -> Any:
    """A JSON text as an RTFS value; NotJson when it is none. Integers of any size stay exact."""
    try:
        value = from_json(json.loads(text), keywords)
    except (ValueError, RecursionError) as error:
        raise NotJson(str(error)) from None
    if "\\u" in text and "\\ud" in text.lower():
        try:
            json.dumps(json.loads(text), ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise NotJson("a lone surrogate") from None
    return value


def to_json(value: Any) -> Any:
    """An RTFS value as plain JSON data for a tool argument: keywords lose their colon, vectors are lists."""
    kind = type(value)
    if kind is Map:
        return {_json_key(key): to_json(item) for key, item in value.entries()}
    if value is None or kind in (bool, int, float, str):
        return value
    if kind is Keyword:
        return value.name
    if isinstance(value, tuple) or hasattr(value, "conj"):
        return [to_json(item) for item in value]
    from rtfs.lang.printer import show  # deferred: timestamps and other atoms are rare in arguments

    return show(value)


def _json_key(key: Any) -> str:
    if type(key) is str:
        return key
    return key.name if type(key) is Keyword else str(to_json(key))


def dig(value: Any, path: tuple[Any, ...] | None) -> Any:
    """The value at a path of keys and indexes; a string finds a keyword key of that name too. None when absent."""
    for step in path or ():
        if type(value) is Map:
            found = value.get(step)
            if found is None and type(step) is str:
                found = value.get(Keyword(step))
            elif found is None and type(step) is Keyword:
                found = value.get(step.name)
            value = found
        elif type(step) is int and not isinstance(value, str) and hasattr(value, "__getitem__"):
            value = value[step] if 0 <= step < len(value) else None
        else:
            return None
    return value
