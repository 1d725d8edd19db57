"""Sinks: streams that a program feeds and whose outputs leave through a provider or a broker (streaming.md §3.10)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from rtfs.host.adapt import input_error
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.outputs import Output
from rtfs.host.stream.retry import Attempts, Lost
from rtfs.lang.errors import HostCallError, RtfsError
from rtfs.lang.outcome import CallMetadata, HostCall

if TYPE_CHECKING:
    from rtfs.host.stream.brokers import Broker, Producer
    from rtfs.host.stream.market import Market
    from rtfs.host.stream.stream import Stream
    from rtfs.lang.outcome import RuntimeContext


class Way(Protocol):
    """How one item leaves. What it raises is tried again, but a refusal is final."""

    async def give(self, item: Any, once: str, key: str | None) -> None:
        """Hand one item over. once: the same for every attempt of it."""
        ...

    async def close(self) -> None: ...


class ProviderWay:
    """Items go to a capability of the marketplace, as its argument."""

    def __init__(self, host: Any, capability: str, security: RuntimeContext) -> None:
        self._host = host
        self._capability = capability
        self._security = security

    async def give(self, item: Any, once: str, key: str | None) -> None:
        call = HostCall(self._capability, (item,), self._security, metadata=CallMetadata(idempotency_key=once))
        answer = self._host.dispatch(call)
        if asyncio.iscoroutine(answer):
            await answer

    async def close(self) -> None:
        """Nothing is open."""


class BrokerWay:
    """Items are published; `once` is the id by which the broker knows a repeat."""

    def __init__(self, broker: Broker, producer: Producer | None = None) -> None:
        self._broker = broker
        self._producer = producer

    async def give(self, item: Any, once: str, key: str | None) -> None:
        if self._producer is None:
            self._producer = await self._broker.producer()
        await self._producer.publish(item, id=once, key=key)

    async def close(self) -> None:
        if self._producer is not None:
            await self._producer.close()


class SessionWay:
    """Items go to the other side of a bidirectional stream, which is opened for the first of them."""

    def __init__(self, market: Market, stream_id: str, problem: Callable[[Any], str | None]) -> None:
        self._market = market
        self._stream_id = stream_id
        self._problem = problem

    async def give(self, item: Any, once: str, key: str | None) -> None:
        wrong = self._problem(item)
        if wrong is not None:
            raise input_error(self._market.registry.find(self._stream_id).owner.settings["endpoint"], wrong)
        channel: Any = self._market.registry.find(self._stream_id)
        channel.open()
        session = await asyncio.shield(self._market.session(self._stream_id))
        await session.send(item)

    async def close(self) -> None:
        session = self._market.sessions.get(self._stream_id)
        if session is not None and session.done():
            await session.result().close()


class Sink:
    """The receiver of a sink's outputs: gives each of them away, several times where needed. S041 in the end."""

    def __init__(self, stream: Stream, way: Way, name: str) -> None:
        self._stream = stream
        self._way = way
        self._name = name
        self.keys: dict[int, str] = {}

    async def item(self, output: Output) -> None:
        owner = self._stream.owner
        attempts = Attempts(owner.settings["retry"], owner.services.random)
        key = self.keys.get(output.seq)
        while True:
            try:
                await self._way.give(output.value, f"{owner.id}/{output.seq}/send/0", key)
                break
            except Exception as error:
                if _cut(error):
                    raise
                wait = None if _final(error) else attempts.wait_ms(Lost(str(error)))
                if wait is None:
                    raise self._failed(error) from error
                owner.stats.retried += 1
                owner.emit("retrying", problem=str(error), wait_ms=round(wait))
                await owner.services.clock.sleep(wait / 1000)
        self.keys.pop(output.seq, None)

    def _failed(self, error: Exception) -> RtfsError:
        text = error.message if isinstance(error, RtfsError) else f"{type(error).__name__}: {error}"
        found = fault(41, s=self._name, e=text)
        if isinstance(error, RtfsError):
            found.notes.extend(error.notes)
        return found

    async def failed(self, error: RtfsError) -> None:
        """Whoever sends or closes gets the error."""

    async def completed(self, count: int) -> None:
        """Everything was given away."""

    async def close(self) -> None:
        await self._way.close()


def _final(error: Exception) -> bool:
    """Would it be refused again? Policy, wrong shapes and spent budgets do not change by waiting."""
    if not isinstance(error, RtfsError):
        return False
    refused = error.kind in ("SecurityViolation", "ApprovalRequired", "UnknownCapability", "BudgetExhausted")
    shape = isinstance(error, HostCallError) and error.type in ("input-validation", "output-validation")
    return refused or shape or error.code in ("RTFS-S003", "RTFS-S007")


def _cut(error: Exception) -> bool:
    """Is it the end of the work, rather than a failure of it?"""
    return isinstance(error, RtfsError) and error.kind == "Cancelled"
