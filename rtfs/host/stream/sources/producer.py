"""`:stream.producer`: values made ahead of their reader, into a buffer with marks (streaming.md §6.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.host.stream.adapters import Plain, Session, breathe
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.lifecycle import TERMINAL
from rtfs.host.stream.operators import Around, HostOperator, Single
from rtfs.host.stream.options import shown
from rtfs.host.stream.outputs import Output
from rtfs.host.stream.sources import SourceKind
from rtfs.lang.collections import Map, vector
from rtfs.lang.names import Keyword
from rtfs.lang.operator import parameter_table
from rtfs.lang.values import is_vector

if TYPE_CHECKING:
    from rtfs.host.stream.intake import Intake
    from rtfs.host.stream.settings import Settings

NAME = "producer"
BATCH = 64  # values between two looks at the loop
GENERATOR, INITIAL, DONE = Keyword("generator"), Keyword("initial-state"), Keyword("done")
BUFFER, HIGH, LOW = "buffer-size", "high-water-mark", "low-water-mark"


class Marks:
    """The buffer, which is the queue of the run, and the slots that hear when it is full and when it is not."""

    def __init__(self, settings: Settings, params: Map, around: Around) -> None:
        for name, option in ((BUFFER, "queue-capacity"), (HIGH, HIGH), (LOW, LOW)):
            settings[option] = params.get(Keyword(name))
        if "output-capacity" not in settings.given:  # what waits for its reader waits in the buffer
            settings["output-capacity"] = 1
        self._full = around.maybe("on-backpressure", params.get(Keyword("on-backpressure")), 0)
        self._again = around.maybe("on-resume", params.get(Keyword("on-resume")), 0)

    async def passed(self, intake: Intake) -> None:
        """At the high mark wait for the low one. Each crossing is told once."""
        if intake.open:
            return
        if self._full is not None:
            await intake.owner.ask(self._full, intake.seq)
        await intake.opened()
        if self._again is not None:
            await intake.owner.ask(self._again, intake.seq)


class ProducerAdapter(Plain):
    """With a state the position is `[count state]`, as for `generate`; without one nothing tells where to go on."""

    name = NAME
    connects = False
    endless = False

    def __init__(self, settings: Settings, params: Map, around: Around) -> None:
        super().__init__(settings)
        given = params.get(GENERATOR)
        if given is None:
            raise fault(2, field="generator")
        self._generator = around.slot("generator", given)
        self._marks = Marks(settings, params, around)
        self._begin = vector([0, params.get(INITIAL)])
        self._stateful = self._generator.most != 0
        self.replayable = self._stateful
        self.guarantee = "exactly-once" if self._stateful else "at-most-once"

    async def run(self, session: Session, intake: Intake) -> None:
        count, state = intake.position if intake.position is not None else self._begin
        made_now = 0
        while True:
            await self._marks.passed(intake)
            if intake.owner.status in TERMINAL:  # which may have opened the gate
                return
            made_now += 1
            if made_now % BATCH == 0:  # a generator that does not wait, and an overflow policy that does not
                await breathe()
            made = await intake.owner.ask(self._generator, intake.seq, state)
            if made is DONE:
                return
            if not self._stateful:
                intake.offer(made)
                continue
            if not is_vector(made) or len(made) != 2:
                raise fault(3, p="result of generator", kind="[value state] or :done", value=shown(made))
            count, state = count + 1, made[1]
            intake.offer(made[0], vector([count, state]))


class Ahead(Single):
    """The items of a stream, read ahead of whoever wants them."""

    name = NAME

    def __init__(self, settings: Settings, params: Map, *given: Any) -> None:
        super().__init__(settings, params, *given)
        self._marks = Marks(settings, params, self.around)

    async def take(self, output: Output) -> None:
        await self.give(output.value, output)
        await self._marks.passed(self.intake)


SOURCE = SourceKind(
    table=parameter_table(
        NAME,
        main="generator",
        params={
            "initial-state": {"kind": "any", "text": "what the generator gets first"},
            BUFFER: {"kind": "int", "min": 1, "default": 100, "text": "values that may wait for their reader"},
            HIGH: {"kind": "int", "min": 1, "default": 80, "text": "so many make the producer stop"},
            LOW: {"kind": "int", "min": 0, "default": 20, "text": "at so few it goes on"},
        },
        slots={"on-value": ["value"]},
        lifted={"generator": ["state"], "on-backpressure": [], "on-resume": []},
    ),
    open=None,
    finite=lambda params: True,
    effects=(),
    doc="Values made ahead of their reader: what `:generator` gives, `[value next-state]` or without a state the value,"
    " until it gives `:done`; or the items of a stream under that key.",
    examples=(
        (
            "(call :stream.to-collection"
            " (call :stream.producer (fn [n] (if (> n 3) :done [n (inc n)])) {:initial-state 1}))",
            "[1 2 3]",
        ),
    ),
    calls=ProducerAdapter,
    fed=(GENERATOR, HostOperator(Ahead)),
)
