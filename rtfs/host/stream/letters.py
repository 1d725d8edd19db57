"""The dead letters of a host: listing them, and sending them again (streaming.md §6.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.host.stream import letter as letters
from rtfs.host.stream import options
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.chunk import GUARDED
from rtfs.host.stream.run import Run
from rtfs.host.stream.settings import stream_id
from rtfs.host.stream.stores import Letter, Store, reach
from rtfs.lang.collections import EMPTY_MAP, Map, vector
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.registry import StreamRegistry

_QUEUE = {
    "queue": options.Option(options.optional(options.name)),
    "stream": options.Option(options.anything),
    "limit": options.Option(options.integer(1), 100),
}
LISTING: options.Table = {**_QUEUE, "after": options.Option(options.optional(options.text))}
REDRIVE: options.Table = {
    **_QUEUE,
    "ids": options.Option(options.optional(options.strings)),
    "to": options.Option(options.anything),
}
_TIMES = frozenset({Keyword("time"), Keyword("offset")})  # the new chunk gets its own
PAGE = 1_000


def _parameters(capability: str, arguments: tuple[Any, ...], table: options.Table) -> tuple[str, dict[str, Any]]:
    """The name of the queue, that of the stream itself unless it has another one, and the parameters. S001–S004."""
    given = arguments[0] if len(arguments) == 1 else None
    if type(given) is str:
        given = Map.holding({Keyword("stream"): given})
    if type(given) is not Map:
        raise fault(1, capability=f":{capability}")
    values = options.defaulted(options.read(given, table, capability), table)
    if values["queue"] is None and values["stream"] is None:
        raise fault(2, field="queue")
    return values["queue"] or stream_id(values["stream"]), values


async def _found(registry: StreamRegistry, queue: str) -> list[tuple[Store, Letter]]:
    """Every letter of a queue, in the stores that this host uses."""
    for stream in list(registry.streams.values()):
        if stream.owner.checkpoints.ledger.mourns:
            await stream.owner.checkpoints.force()
    found: list[tuple[Store, Letter]] = []
    for store in registry.stores():
        after = 0
        while page := await reach(store, store.letters, queue, after, PAGE):
            found += [(store, letter) for letter in page]
            after = page[-1].number
    return found


async def listed(registry: StreamRegistry, arguments: tuple[Any, ...]) -> Any:
    """`:stream.dead-letters`: the letters of a queue in the order they came."""
    queue, values = _parameters("stream.dead-letters", arguments, LISTING)
    found = [letters.read(letter) for _, letter in await _found(registry, queue)]
    if values["after"] is not None:
        ids = [letter.get(Keyword("id")) for letter in found]
        if values["after"] not in ids:
            raise fault(3, p="after", kind="id of a letter in the queue", value=values["after"])
        found = found[ids.index(values["after"]) + 1 :]
    return vector(found[: values["limit"]])


async def redrive(registry: StreamRegistry, arguments: tuple[Any, ...]) -> Map:
    """`:stream.redrive`: send letters again to their stream, or to another; each once, unless it is named by its id."""
    queue, values = _parameters("stream.redrive", arguments, REDRIVE)
    wanted = values["ids"]
    found = await _found(registry, queue)
    if wanted is not None:
        unknown = set(wanted) - {letter.id for _, letter in found}
        if unknown:
            raise fault(3, p="ids", kind="ids of letters in the queue", value=sorted(unknown)[0])
    sent: list[str] = []
    for store, letter in found:
        if (letter.id in wanted if wanted is not None else not letter.redriven_at) and len(sent) < values["limit"]:
            await _send(registry, letter, values["to"])
            await reach(store, store.redriven, queue, [letter.id], registry.services.clock.now_ms())
            sent.append(letter.id)
    return Map.of([(Keyword("redriven"), vector(sent)), (Keyword("left"), len(found) - len(sent))])


async def _send(registry: StreamRegistry, letter: Letter, to: Any) -> None:
    stream = registry.find(letter.stream_id if to is None else stream_id(to))
    body = letters.read(letter)
    item = body.get(Keyword("item"))
    if type(item) is Map and list(item) == [letters.UNSTORABLE]:
        raise fault(3, p="ids", kind="letter whose item could be stored", value=letter.id)
    known = body.get(Keyword("metadata")) or EMPTY_MAP
    metadata = Map.of((key, value) for key, value in known.entries() if key not in GUARDED and key not in _TIMES)
    durable = stream.owner.checkpoints.committer.store.durable
    attempt = body.get(Keyword("attempts")) + 1
    if to is None and letters.failed_before(letter) and isinstance(stream, Run) and not stream.owner.terminal:
        await stream.take_again(item, attempt=attempt, kept=durable)
    else:
        await stream.send_again(item, metadata, attempt=attempt, kept=durable)
