"""Queues of a graph by name: `:stream.queue.consume NAME` and `:stream.queue.produce NAME`, with a `:broker`."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rtfs.host.stream import brokers
from rtfs.host.stream.brokers.memory import Topic
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.credential import masked
from rtfs.host.stream.databases import sqlite_path
from rtfs.host.stream.guard import Need
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.brokers import Broker, Producer
    from rtfs.host.stream.registry import Services
    from rtfs.lang.collections import Map

FILE = "queue.db"
NAME, BROKER = Keyword("name"), Keyword("broker")
MEMORY = "memory:"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,199}")
BROKER_ROW: dict[str, Any] = {
    "kind": "string",
    "text": "`sqlite:file.db`, `nats://…`, `redis://…`, `amqp://…` or `memory:`; the embedded queue when not given",
}


def url_of(params: Map) -> str | None:
    """The URL of the queue; None for the embedded one of this host. S003 for a name or broker that cannot be."""
    name, broker = params.get(NAME), params.get(BROKER)
    if not _NAME.fullmatch(name):
        raise fault(3, p="name", kind="letters, digits and _ . : -", value=name)
    if broker is None:
        return None
    scheme = urlsplit(broker).scheme
    if scheme not in brokers.schemes() or (scheme != "sqlite" and broker != MEMORY and "://" not in broker):
        listed = " ".join(sorted(brokers.schemes()))
        raise fault(3, p="broker", kind=f"URL with one of the schemes {listed}", value=masked(broker))
    place, question, more = broker.partition("?")
    return f"{place.rstrip('/') if place != MEMORY else place}/{name}{question}{more}"


def open_queue(params: Map, services: Services) -> Broker:
    """The broker of the queue, not connected yet. S003, S007."""
    url = url_of(params)
    if url is None:
        return brokers.open_broker(f"sqlite:{embedded(services)}/{params.get(NAME)}", services.clock)
    if url.startswith(MEMORY):
        topic: Broker = services.topic(params.get(NAME))
        return topic
    return brokers.open_broker(url, services.clock)


def embedded(services: Services) -> str:
    """The file of the embedded queue: in the state directory, else in the user's folder for state."""
    folder = services.state_folder()
    if folder is None:
        home = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
        folder = os.path.join(home, "rtfs")
    return os.path.join(folder, FILE)


def needs(params: Map) -> tuple[Need, ...]:
    """What a queue needs: the network for a server, the file system for a file."""
    url = url_of(params)
    return (Need((":filesystem", ":queue")),) if url is None else needs_of(url)


def needs_of(url: str) -> tuple[Need, ...]:
    """The same of a queue that a URL names."""
    if url.startswith(MEMORY):
        return (Need((":queue",)),)
    if url.startswith("sqlite:"):
        return (Need.of("write", sqlite_path(url).rpartition("/")[0], ":queue"),)
    host = urlsplit(url).hostname or ""
    return (Need.of("net", f"http://{f'[{host}]' if ':' in host else host}/", ":queue"),)


async def let_go(broker: Broker, producer: Producer | None) -> None:
    """Close what a sender used; that the broker is gone does not matter, as all that was sent is confirmed."""
    try:
        if producer is not None:
            await producer.close()
        if not isinstance(broker, Topic):
            await broker.close()
    except broker.failures:
        pass
