"""A server object in this process: no bytes at all."""

from __future__ import annotations

from typing import Any

from rtfs.host.stream.transports import Limits, Listener, Target

EFFECT = ":streaming"


class MemoryLink:
    """The server itself; the SDK calls it directly."""

    status: int | None = None
    retry_after: float | None = None
    ended = False
    fault = None

    def __init__(self, server: Any) -> None:
        self.endpoint = server

    def listen(self, listener: Listener) -> None:
        """A server of this process neither ends nor stammers."""


def connect(target: Target, limits: Limits) -> MemoryLink:
    return MemoryLink(target.place)
