"""Brokers: where messages wait between who sends and who processes them, one file per URL scheme.

A broker file offers `SCHEMES` and `open_broker(url, clock)`, and passes `tests/contracts/test_broker.py`. A message is
gone when it was acknowledged, which is after it was processed; what a crashed reader did not acknowledge is delivered
again. Readers of one group share the messages; a reader without a group gets all that come from now on.
"""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.chunk import NotJson, from_json, parse_json, to_json
from rtfs.lang.codec import NotStorable, decode, encode
from rtfs.lang.collections import EMPTY_MAP, Map

if TYPE_CHECKING:
    from rtfs.host.clock import Clock

JSON, RTFS, TEXT = "application/json", "application/rtfs", "text/plain"
DEDUPE = 100_000  # ids that the broker of this process remembers
DEDUPE_S = 120  # seconds that others do


class Message(NamedTuple):
    """One message. id: the broker's own; deliveries: from 1; token: what the broker needs to acknowledge it."""

    id: str
    body: Any
    headers: Map = EMPTY_MAP
    key: str | None = None
    deliveries: int = 1
    token: Any = None


class Reading(NamedTuple):
    """How to read. group: None for every new message, else shared; visibility_ms: after so long without a sign of life
    a message is delivered to another reader; create: make what does not exist."""

    group: str | None = "rtfs"
    visibility_ms: int = 300_000
    create: bool = True


class UnknownQueue(Exception):
    """There is no queue of that name, and it is not to be made."""


class Consumer(Protocol):
    """One reader."""

    @property
    def ended(self) -> bool:
        """Will nothing more come?"""
        ...

    async def fetch(self, most: int, wait_ms: int) -> list[Message]:
        """Up to `most` messages; waits for the first, at most `wait_ms`."""
        ...

    async def ack(self, messages: list[Message]) -> None:
        """These are processed and may be forgotten."""
        ...

    async def extend(self, messages: list[Message]) -> None:
        """These are still being processed."""
        ...

    async def release(self, messages: list[Message]) -> None:
        """These will not be processed here: deliver them again at once."""
        ...

    async def close(self, unfinished: Sequence[Message] = ()) -> None:
        """Read no more and give these back. What else was not acknowledged stays with the broker."""
        ...


class Producer(Protocol):
    """One sender."""

    async def publish(self, body: Any, *, id: str | None = None, key: str | None = None) -> bool:
        """Send a message; answers when the broker has it. False when one of that id was sent before."""
        ...

    async def close(self) -> None:
        """Send no more."""
        ...


class Broker(Protocol):
    """A queue or topic. failures: exceptions of a service that cannot be reached."""

    failures: tuple[type[Exception], ...]

    async def consumer(self, reading: Reading) -> Consumer:
        """A reader. UnknownQueue when nothing is there and the reading is not to create it."""
        ...

    async def producer(self) -> Producer: ...

    async def close(self) -> None: ...


def schemes() -> dict[str, str]:
    """URL scheme → module of this folder."""
    found: dict[str, str] = {}
    for module in pkgutil.iter_modules(__path__):
        for scheme in import_module(f"{__name__}.{module.name}").SCHEMES:
            found[scheme] = module.name
    return found


def open_broker(url: str, clock: Clock) -> Broker:
    """The broker that a URL names. S007 when its library is missing, S003 when the URL names no queue."""
    module = import_module(f"{__name__}.{schemes()[urlsplit(url).scheme]}")
    broker: Broker = module.open_broker(url, clock)
    return broker


def place_of(url: str, what: str) -> tuple[str, str]:
    """Server URL and the name behind it: `nats://host/orders.new` gives `nats://host` and `orders.new`. S003."""
    parts = urlsplit(url)
    name = parts.path.strip("/")
    if not parts.hostname or not name:
        raise fault(3, p="id", kind=f"{parts.scheme}://host/{what}", value=url)
    return f"{parts.scheme}://{parts.netloc}", name


def packed(value: Any) -> tuple[bytes, str]:
    """A value as bytes and their content type: JSON when that brings the same value back, else RTFS text. S003."""
    if type(value) is str:
        try:
            parse_json(value)
        except NotJson:
            return value.encode("utf-8", "surrogatepass"), TEXT
    try:
        text = json.dumps(to_json(value), ensure_ascii=False, allow_nan=False)
        if from_json(json.loads(text)) == value:
            return text.encode("utf-8"), JSON
    except (ValueError, TypeError, RecursionError):
        pass
    try:
        return encode(value).encode("utf-8"), RTFS
    except NotStorable as problem:
        raise fault(3, p="item", kind="value that can be sent", value=str(problem)) from None


def unpacked(data: bytes, content_type: str | None) -> Any:
    """The value of a message: by its content type, else JSON, else text (streaming.md §1.3). S026 for damaged bytes."""
    try:
        text = data.decode("utf-8")
        if content_type == RTFS:
            return decode(text)
    except (ValueError, UnicodeDecodeError) as error:
        raise fault(26, why=str(error)) from None
    except Exception as error:
        raise fault(26, why=f"{type(error).__name__}: {error}") from None
    if content_type == TEXT:
        return text
    try:
        return parse_json(text)
    except NotJson:
        return text
