"""Circuits around the work of a run: its steps, and the operator that it begins with (streaming.md §6.9)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from rtfs.host.stream.chunk import Chunk
from rtfs.host.stream.circuit import HELD, OPEN, STATES, Circuit, Rules, refusal
from rtfs.host.stream.hook import Hook
from rtfs.host.stream.inspection import keyed
from rtfs.host.stream.operators import Joint
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.graph import Chain
    from rtfs.host.stream.owner import Owner
    from rtfs.host.stream.run import Run
    from rtfs.host.stream.slot import Slot
    from rtfs.lang.evaluator import Step

T = TypeVar("T")
HOLD = Keyword("hold")


class Told(NamedTuple):
    """The slots of a breaker, for a circuit that opened and one that closed."""

    opened: Slot | None
    closed: Slot | None


class Breaker(Hook):
    """Each run that it covers has a circuit for its steps, and one for the operator that it begins with."""

    kind = "breaker"

    def __init__(self, name: str, rules: Rules, when_open: Keyword, told: Told) -> None:
        self._name = name
        self._rules = rules
        self._when_open = when_open
        self._told = told

    def hang(self, run: Run, chain: Chain) -> None:
        owner = run.owner
        stages = [stage.name or stage.op for stage in chain.stages if stage.op]
        if stages:
            StepGuard(owner, self._circuit(run, " → ".join(map(str, stages))), self._when_open)
        joint = None if owner.source is None else owner.source.adapter
        if isinstance(joint, Joint):
            joint.guard = CallGuard(run, joint, self._circuit(run, joint.name), self._when_open)

    def _circuit(self, run: Run, place: str) -> Circuit:
        clock = run.owner.services.clock
        name = f"{self._name}: {place}" if self._name else place
        circuit = Circuit(name, self._rules, clock.monotonic, lambda circuit: self._changed(run, circuit))
        run.owner.circuits = (*run.owner.circuits, circuit)
        return circuit

    def _changed(self, run: Run, circuit: Circuit) -> None:
        owner, state = run.owner, circuit.state
        event, slot = ("breaker-open", self._told.opened) if state == OPEN else ("breaker-closed", self._told.closed)
        owner.emit(event, circuit=circuit.name, failures=circuit.failures, calls=circuit.calls)
        if slot is not None:
            info = keyed(
                circuit=circuit.name,
                state=Keyword(STATES[state]),
                failures=circuit.failures,
                calls=circuit.calls,
                opened=circuit.opened,
                stream_id=owner.id,
                at=owner.services.clock.now_ms(),
            )
            run.notices.add(slot, owner.intake.seq, info, part=str(circuit.opened))


class StepGuard:
    """Between the owner's loop and its queue, which seems empty to it as long as no step may be made."""

    def __init__(self, owner: Owner, circuit: Circuit, when_open: Keyword) -> None:
        self.owner = owner
        self.circuit = circuit
        self._when_open = when_open
        self._turn: int | None = None  # of the step that is being made
        owner.guard = self
        owner.processor = owner.processor._replace(batch=None)
        if self._when_open is not HOLD:
            owner.stepping = owner.stepping._replace(step=self._refusing(owner.stepping.step))

    def __len__(self) -> int:
        self.settle()
        return 0 if self.owner.held else len(self.owner.queue.items)

    def popleft(self) -> Chunk:
        chunk: Chunk = self.owner.queue.items.popleft()
        if (chunk[4] is None or not chunk[4].bare) and self.circuit.lets:
            self._turn = self.circuit.begin()
        return chunk

    def _refusing(self, step: Step) -> Step:
        def refusing(*args: Any) -> Any:
            if self._turn is None:
                raise refusal(self.circuit.name, self._when_open)
            return step(*args)

        return refusing

    def settle(self) -> None:
        """The step before has succeeded, if it has not failed."""
        self._ended(good=True)

    def failed(self) -> None:
        """The step fails."""
        self._ended(good=False)

    def _ended(self, *, good: bool) -> None:
        turn, self._turn = self._turn, None
        if turn is None:
            return
        self.circuit.end(turn, good=good)
        owner = self.owner
        if self._when_open is HOLD and self.circuit.state == OPEN and HELD not in owner.held:
            owner.hold(HELD)
            owner.timer(HELD, self.circuit.wait_ms, lambda: owner.go_on(HELD))


class CallGuard:
    """Around the calls of an operator of the host."""

    def __init__(self, run: Run, joint: Joint, circuit: Circuit, when_open: Keyword) -> None:
        self._run = run
        self._joint = joint
        self._circuit = circuit
        self._when_open = when_open
        self._waiting: list[asyncio.Future[None]] = []

    async def call(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do the work when the circuit lets it; S042 when it does not, unless it is waited for."""
        turns = await self.begin(1)
        try:
            result = await work()
        except RtfsError:
            await self.ended(turns, 0, failed=True)
            raise
        await self.ended(turns, 1, failed=False)
        return result

    async def begin(self, most: int) -> list[int]:
        """As many calls as the circuit lets, at least one and at most so many; S042 unless that is waited for."""
        circuit = self._circuit
        while not circuit.lets:
            if self._when_open is not HOLD:
                raise refusal(circuit.name, self._when_open)
            await self._wait()
        turns = [circuit.begin()]
        while len(turns) < most and circuit.lets:
            turns.append(circuit.begin())
        return turns

    async def ended(self, turns: list[int], good: int, *, failed: bool) -> None:
        """The first `good` of the calls went well, then one failed; those behind it were not made."""
        for number, turn in enumerate(turns[: good + failed]):
            self._circuit.end(turn, good=number < good)
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)
        await self._run.notices.done()

    async def _wait(self) -> None:
        """Until the next trial, or until the calls of this one have ended."""
        joint, circuit = self._joint, self._circuit
        joint.waits = HELD, circuit.name
        try:
            if circuit.state == OPEN:
                await joint.around.services.clock.sleep(circuit.wait_ms / 1000)
            else:
                future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._waiting.append(future)
                await future
        finally:
            joint.waits = None
