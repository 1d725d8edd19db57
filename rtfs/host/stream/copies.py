"""Copies of dead letters as messages of a broker, for whoever else looks after them (streaming.md §6.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rtfs.host.stream import brokers, letter, queues
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.credential import masked
from rtfs.host.stream.retry import Attempts, Lost

if TYPE_CHECKING:
    from rtfs.host.stream.brokers import Broker, Producer
    from rtfs.host.stream.owner import Owner
    from rtfs.host.stream.registry import Services
    from rtfs.host.stream.stores import Letter

MEMORY = "memory:"


def is_broker(queue: str | None) -> bool:
    """Is the name of a queue the URL of one at a broker?"""
    return queue is not None and urlsplit(queue).scheme in brokers.schemes()


class Copies:
    """A queue of a broker, which gets each letter before the store has it, under the letter's id."""

    def __init__(self, url: str, services: Services) -> None:
        self._shown = masked(url)
        topic = services.topic(url.removeprefix(MEMORY)) if url.startswith(MEMORY) else None
        self._broker: Broker = topic or brokers.open_broker(url, services.clock)
        self._producer: Producer | None = None

    async def send(self, copied: Letter, owner: Owner) -> None:
        """Done when the broker has it. S041 when it does not take it, however often it is tried."""
        attempts = Attempts(owner.settings["retry"], owner.services.random)
        while True:
            try:
                if self._producer is None:
                    self._producer = await self._broker.producer()
                await self._producer.publish(letter.read(copied), id=copied.id)
                return
            except self._broker.failures as error:
                self._producer = None
                why = str(error) or type(error).__name__
                wait = attempts.wait_ms(Lost(why))
                if wait is None:
                    raise fault(41, s=self._shown, e=why) from error
                await owner.services.clock.sleep(wait / 1000)

    async def close(self) -> None:
        """Nothing more is sent; all that was is confirmed."""
        producer, self._producer = self._producer, None
        await queues.let_go(self._broker, producer)
