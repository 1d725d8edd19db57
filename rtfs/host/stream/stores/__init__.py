"""Snapshot stores: one file each, named by the scheme of its URL (streaming.md §5.3, §5.8).

A store file offers `open_store(url, folder, durability) -> Store` and passes `tests/contracts/test_store.py`.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar
from urllib.parse import urlsplit, urlunsplit

from rtfs.host.stream.catalogue import fault

T = TypeVar("T")


class Entry(NamedTuple):
    """A numbered text: a chunk by its seq, an output by its output-seq, an id that came by the seq of its chunk,
    the answer of a call by a number of its own."""

    number: int
    body: str


class Letter(NamedTuple):
    """A dead letter. number: its place in the queue, given by the store; redriven_at: ms, 0 for not at all."""

    id: str
    queue: str
    stream_id: str
    body: str
    redriven_at: int = 0
    number: int = 0


class Changes(NamedTuple):
    """What a commit changes beside the snapshot.

    Entries of `intake`, `outbox`, `seen` and `journal` replace those of the same number; those below `…_below`, and
    from `outbox_from` on, go first. marks: the highest output each sink has got.
    """

    intake: Sequence[Entry] = ()
    outbox: Sequence[Entry] = ()
    seen: Sequence[Entry] = ()
    letters: Sequence[Letter] = ()
    marks: Mapping[str, int] = {}
    intake_below: int = 0
    outbox_below: int = 0
    seen_below: int = 0
    outbox_from: int | None = None
    journal: Sequence[Entry] = ()
    journal_below: int = 0

    def tables(self) -> Iterator[tuple[str, Sequence[Entry], int, int | None]]:
        """Each numbered table that changes: its name, the new entries, and what goes first."""
        for name, entries, below, first in (
            ("intake", self.intake, self.intake_below, None),
            ("outbox", self.outbox, self.outbox_below, self.outbox_from),
            ("seen", self.seen, self.seen_below, None),
            ("journal", self.journal, self.journal_below, None),
        ):
            if entries or below or first is not None:
                yield name, entries, below, first


NO_CHANGES = Changes()
NUMBERED = ("intake", "outbox", "seen", "journal")


class Part(NamedTuple):
    """What a partition has of a snapshot: text."""

    partition: int
    body: str
    checksum: str


class Row(NamedTuple):
    """One stream's part of a commit.

    body: the snapshot, text for a durable store and the Snapshot itself for one in memory; None for a commit without.
    expires_at: ms after which a stream that ended may be swept; 0 for never. parts: what further partitions have of the
    snapshot, each a row of its own.
    """

    stream_id: str
    epoch: int
    number: int
    status: str
    body: Any
    checksum: str
    created_at: int
    keep: int
    expires_at: int = 0
    changes: Changes = NO_CHANGES
    parts: Sequence[Part] = ()


class Head(NamedTuple):
    """What a store says of a stream without its snapshots. owner: who claimed it last, as text."""

    stream_id: str
    epoch: int
    status: str
    owner: str
    updated_at: int


class Saved(NamedTuple):
    """One stored snapshot. parts: the texts of further partitions."""

    number: int
    epoch: int
    body: Any
    checksum: str
    parts: Mapping[int, str] = {}


class Taken(Exception):
    """Somebody else claimed the stream first; `epoch` is theirs."""

    def __init__(self, epoch: int) -> None:
        super().__init__(f"epoch {epoch}")
        self.epoch = epoch


class Alive(Taken):
    """A living process owns the stream; `owner` names it."""

    def __init__(self, epoch: int, owner: str) -> None:
        super().__init__(epoch)
        self.owner = owner


class InUse(Exception):
    """A living process owns the whole store. `heads` are the streams in it, as far as they can be read."""

    def __init__(self, place: str, heads: Sequence[Head] = ()) -> None:
        super().__init__(place)
        self.place = place
        self.heads = {head.stream_id: head for head in heads}


class Store(Protocol):
    """Where snapshots are kept.

    durable: bodies are text; remote: calls may take long, so they get a thread; failures: what it raises when it cannot
    write.
    """

    url: str
    durable: bool
    remote: bool
    failures: tuple[type[Exception], ...]

    def claim(self, stream_id: str, seen: int | None, owner: str) -> int:
        """Become the owner: the new epoch. `seen` is the epoch read before, None for a stream that was not there.
        Taken when that changed meanwhile. Snapshots stay."""
        ...

    def commit(self, rows: Sequence[Row]) -> dict[str, int]:
        """Write snapshots and changes in one transaction, keeping the newest `keep` snapshots of each stream.

        Nothing of a row whose epoch is not the stored one is written; answers the stored epochs of such streams (0 when
        the stream is gone)."""
        ...

    def load(self, stream_id: str) -> tuple[Head, list[Saved]] | None:
        """The head and the snapshots, newest first."""
        ...

    def heads(self) -> list[Head]:
        """Every stream."""
        ...

    def entries(self, table: str, stream_id: str, first: int, most: int) -> list[Entry]:
        """Up to `most` entries of a table of NUMBERED, in order, from number `first` on."""
        ...

    def marks(self, stream_id: str) -> dict[str, int]:
        """The highest output that each sink has got."""
        ...

    def letters(self, queue: str, after: int, most: int) -> list[Letter]:
        """Up to `most` dead letters of a queue, in the order they came, behind number `after`."""
        ...

    def redriven(self, queue: str, ids: Sequence[str], at: int) -> None:
        """Note at which ms these letters were sent again."""
        ...

    def delete(self, stream_id: str, *, forget: bool = True) -> None:
        """Remove snapshots, marks and the entries of all tables; with `forget` its epoch and letters too."""
        ...

    def sweep(self, now: int) -> int:
        """Delete the streams that ended and whose time is over: how many."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


class RemoteStore(Store, Protocol):
    """A store that machines share: an owner lives while its heartbeat is younger than LEASE_MS.

    Its `claim` raises Alive for a stream whose owner lives and is another one.
    """

    def beat(self, owned: Mapping[str, int]) -> dict[str, int]:
        """Renew the heartbeats of streams (id → epoch); the stored epochs of those that are owned no more."""
        ...

    def leave(self, owned: Mapping[str, int]) -> None:
        """Let others claim these streams at once."""
        ...


_SCHEMES = {"memory": "memory", "sqlite": "sqlite", "redis": "redis", "postgres": "postgresql"}
BEAT_MS = 5_000
LEASE_MS = 15_000


def masked(url: str) -> str:
    """A URL without its password and parameters."""
    parts = urlsplit(url)
    secret = f":{parts.password}@" if parts.password else None
    place = parts.netloc if secret is None else parts.netloc.replace(secret, ":***@")
    return urlunsplit(parts._replace(netloc=place, query=""))


def url_of(named: str | None, own: str) -> str:
    """The URL of a store. named: a URL, or `:KIND`, which is the host's `own` store if it is of that kind, else the one
    that the environment names. S030 when it names none."""
    if named is None or not named.startswith(":"):
        return named or own
    kind = named[1:]
    if kind == "memory" or own.partition(":")[0] == _SCHEMES[kind]:
        return "memory:" if kind == "memory" else own
    variable = f"RTFS_{kind.upper()}_URL"
    found = os.environ.get(variable, "").strip()
    if found.partition(":")[0] != _SCHEMES[kind]:
        error = fault(30, data={"store": kind})
        error.remark(f"{named} is a state directory of that kind (--state), or what {variable} says")
        raise error
    return found


def open_store(url: str, durability: str) -> Store:
    """The store of a URL such as `memory:` or `sqlite:path`. InUse when a living process owns it; S003, S007."""
    scheme, _, place = url.partition(":")
    known = sorted(module.name for module in pkgutil.iter_modules(__path__))
    if scheme not in known:
        raise fault(3, p="checkpoint :store", kind=f"URL with one of the schemes {' '.join(known)}", value=url)
    store: Store = importlib.import_module(f"{__name__}.{scheme}").open_store(place, durability)
    return store


async def reach(store: Store, method: Callable[..., T], *args: Any) -> T:
    """Call a method of a store; one over the network in a thread, so that the loop goes on."""
    return await asyncio.to_thread(method, *args) if store.remote else method(*args)
