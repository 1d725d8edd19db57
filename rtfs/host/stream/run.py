"""A running graph as programs hold it: what it reads goes, waits and ends with it (streaming.md §6.1)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.channel import Channel
from rtfs.host.stream.chunk import from_json
from rtfs.host.stream.guarantee import weakest
from rtfs.host.stream.inspection import MAX_CHARS, keyed
from rtfs.host.stream.lifecycle import CANCEL
from rtfs.host.stream.notice import Notices
from rtfs.host.stream.operators import Joint
from rtfs.host.stream.picture import Picture
from rtfs.host.stream.stream import PROGRAM
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword
from rtfs.lang.operator import SIDE, WHEN, slots_of

if TYPE_CHECKING:
    from rtfs.host.stream.graph import Chain
    from rtfs.host.stream.input import Input
    from rtfs.host.stream.outputs import Output
    from rtfs.host.stream.owner import Owner
    from rtfs.host.stream.snapshot import Snapshot

ASIDE = Keyword("side")  # the `:when` of such slots


def puts_aside(operator: tuple[Map, Any] | None) -> bool:
    """Has the operator slots for items that leave it aside?"""
    return operator is not None and any(row.get(WHEN) is ASIDE for row in slots_of(operator[0]).values())


class Run(Channel):
    """A running graph; its source is opened by who reads first, or by a callback. inputs: the runs that it reads."""

    def __init__(self, owner: Owner, chain: Chain, inputs: list[Input], node: Any) -> None:
        super().__init__(owner, chain.title, "unidirectional")
        self.node = node
        self._fleeting = False
        self.chain = chain
        self.notices = Notices(owner)
        self.farewells: list[Callable[[], None]] = []  # what is left to do when all of it has ended
        self._parting: asyncio.Task[None] | None = None
        self._inputs = inputs
        evaluator = owner.services.evaluator
        self._aside = any(puts_aside(evaluator.operator(stage.op)) for stage in chain.stages)
        self._reduces = bool(chain.stages) and chain.stages[-1].op == "reduce"
        origin = chain.origin.operator
        self._parted = origin is not None and origin.starts and origin.parts is not None
        self._positions: deque[Any] = deque(maxlen=owner.checkpoints.cadence.keep)  # of the snapshots that are kept

    async def wait(self, timeout_ms: float | None = None, **until: Any) -> Map:
        """As for every stream; of a graph that ends in a sink the result is what the sink says, once it is done."""
        self._let_go()
        answer, sink = await super().wait(timeout_ms, **until), self.owner.sink
        if self.owner.terminal:
            await self.settled()
        if self.owner.terminal and sink is None:
            return answer.assoc(Keyword("result"), self._reduced())
        if sink is None or self.delivery is None or not self.owner.terminal:
            return answer
        await self.ended()
        found = keyed(result=sink.count, summary=sink.summary)
        if answer.get(Keyword("status")) is not self.status:  # the sink failed at its very end
            found = found.merge(keyed(status=self.status, error=self.owner.error))
        return answer.merge(found)

    def _let_go(self) -> None:
        """Who waits for all of it cannot read its parts meanwhile: what nobody reads there holds nothing back."""
        for each in self._inputs if self._parted else ():
            each.stream.owner.outputs.release(PROGRAM)

    def _reduced(self) -> Any:
        """What the reducing operator at the end came to; nil of other graphs."""
        last = self.owner.outputs.kept(self.owner.outputs.next - 1) if self._reduces else None
        return None if last is None else last.value

    def leaving(self, found: list[Output]) -> list[Output]:
        """Without what left a stage aside, which only callbacks get."""
        if not self._aside:
            return found
        return [output for output in found if not (type(output.value) is Map and SIDE in output.value)]

    @property
    def inputs(self) -> Sequence[Input]:
        """What it reads."""
        return self._inputs

    @property
    def fleeting(self) -> bool:
        return self._fleeting

    def vanish(self) -> None:
        """Whoever began it tells nobody its id: it is forgotten when it is over, and what it alone reads as well."""
        self._fleeting = self.owner.settings["stream-id"] is None
        for each in self._inputs:
            if self._fleeting and not each.shared:
                each.stream.vanish()

    @property
    def in_slot(self) -> bool:
        """The same of all that it reads."""
        return super().in_slot or any(each.stream.in_slot for each in self._inputs)

    @property
    def awaited(self) -> bool:
        return super().awaited or self.notices.due or (self._parting is not None and not self._parting.done())

    async def abandoned(self) -> None:
        """It is not wanted after all; what an earlier process left stays stored."""
        owner = self.owner
        if owner.resumed and not owner.terminal:
            owner.leaving = True
            owner.begin_drain("shutdown")
        else:
            await self.cancel()

    async def ended(self) -> None:
        await super().ended()
        await self.settled()

    async def settled(self) -> None:
        if self._parting is not None and not self.notices.asks and asyncio.current_task() is not self._parting:
            await asyncio.wait({self._parting})
        await self.notices.done()

    async def _part(self) -> None:
        """Wait until nothing of it moves, then say farewell."""
        if self.delivery is not None:
            await asyncio.wait({self.delivery.task})
        if self.owner.source is not None:
            await self.owner.source.closed()
        for farewell in self.farewells:
            farewell()
        await self.notices.done()

    def over(self) -> None:
        """It ended: what only it read is not brought any more."""
        super().over()
        if self.farewells:
            name = f"rtfs end of stream {self.id}"
            self._parting = asyncio.get_running_loop().create_task(self._part(), name=name)
        leaves = self.owner.ending in ("shutdown", "fenced")
        for each in self._inputs:
            each.close()
            if each.stream.owner.terminal or (each.shared and each.stream.read_by_graphs and not leaves):
                continue
            if leaves:  # it stays in the store, to go on there
                each.stream.owner.leaving = True
                each.stream.owner.wake()
            else:
                each.stream.owner.order(CANCEL)

    @property
    def read_by_graphs(self) -> bool:
        """Does another run still read it?"""
        return any(reader.lasting and not reader.absent for reader in self.owner.outputs.readers.values())

    async def stop(self, reason: str | None = None, *, drain: bool = False, timeout_ms: int = 30_000) -> bool:
        """As for every stream; what it reads is drained first. A `:drain-strategy` says what is done by default."""
        settings = self.owner.settings
        strategy = None if drain or self.owner.terminal else settings["drain-strategy"]
        if strategy is not None and strategy.name != "immediate":
            drain, limit = True, settings["shutdown-timeout-ms"]
            timeout_ms = timeout_ms if limit is None else limit
            if strategy.name == "finish-current-batch":
                self.curtail()
        if drain:
            self._let_go()
            for each in self._inputs:
                each.drain()
        return await super().stop(reason, drain=drain, timeout_ms=timeout_ms)

    def curtail(self) -> None:
        """Give up what is queued behind the sources; what is on its way from there goes on."""
        for each in self._inputs:
            each.stream.curtail()
        if not self.owner.follows:
            if self.owner.source is not None:
                self.owner.source.close()
            self.owner.discard()

    def waiting(self) -> int:
        """How many items are queued in it and in what it reads."""
        return self.owner.queue.depth + sum(each.stream.waiting() for each in self._inputs)

    async def send_on(self, data: Any, timeout_ms: int = 0) -> Map:
        """As for every stream; its source is opened for it."""
        self.open()
        return await super().send_on(data, timeout_ms)

    def drain(self) -> None:
        """End by itself: nothing more from the sources, but all that is on its way from there."""
        for each in self._inputs:
            each.drain()
        self.owner.begin_drain("stop-drain")

    def stored(self, snapshot: Snapshot) -> None:
        """A snapshot is stored: outputs of the inputs before the position of the oldest one that is kept may go."""
        if snapshot.position is not None:
            if not self._positions:  # those of earlier processes are not older than that
                self._positions.extend([[each.oldest for each in self._inputs]] * (self._positions.maxlen or 1))
            self._positions.append(snapshot.position)
            for each, number, oldest in zip(self._inputs, snapshot.position, self._positions[0], strict=False):
                each.settled(number, oldest)

    def inspect(self, items: int = 10, redact: tuple[str, ...] = (), max_chars: int = MAX_CHARS) -> Map:
        """As for every stream, with its graph: `{:nodes [{:id :kind :label :detail}] :edges [{:from :to}]}`."""
        drawn = Picture()
        drawn.node(self.node)
        shown = keyed(graph=from_json(drawn.data())).merge(self._promise())
        return super().inspect(items, redact, max_chars).merge(shown)

    def _promise(self) -> Map:
        """How often an item arrives where the graph ends, and which part of it is to blame."""
        link = weakest(self)
        return keyed(guarantee=Keyword(link.promise), weakest=link.name)

    async def take_again(self, item: Any, *, attempt: int, kept: bool) -> None:
        """Have the operator that the run begins with take an item which failed there. kept: it is stored then."""
        source = self.owner.source
        assert source is not None and isinstance(source.adapter, Joint)
        await source.adapter.redriven(item, attempt, self.owner.intake)
        if kept:
            await self.checkpoint()

    def handle(self) -> Map:
        answer = keyed(stream_id=self.id, kind=Keyword("dataflow"), graph=self.capability, status=self.status)
        answer = answer.merge(self._promise())
        if self.owner.resumed:
            answer = answer.assoc(Keyword("resumed"), True)
        if not self._parted:
            return answer
        parts = [(Keyword(each.name), each.stream.handle()) for each in self._inputs]
        return answer.assoc(Keyword("branches"), Map.of(parts))
