"""`:stream.periodic`: a value each time an interval has passed (streaming.md §6.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.host.stream.adapters import Plain, Session
from rtfs.host.stream.chunk import K_EVENT_TIME
from rtfs.host.stream.sources import SourceKind
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword
from rtfs.lang.operator import parameter_table

if TYPE_CHECKING:
    from rtfs.host.stream.intake import Intake
    from rtfs.host.stream.operators import Around
    from rtfs.host.stream.settings import Settings

LIMIT, SKIP = Keyword("limit"), Keyword("skip")


class PeriodicAdapter(Plain):
    """Ticks at a fixed rate on the monotonic clock. The position is how many values there were."""

    name = "periodic"
    connects = False
    endless = False
    replayable = False
    guarantee = "at-most-once"

    def __init__(self, settings: Settings, params: Map, around: Around) -> None:
        super().__init__(settings)
        self._params = params
        self._interval: int = params.get(Keyword("interval"))
        self._limit: int | None = params.get(LIMIT)
        given = params.get(Keyword("generator"))
        self._generator = None if given is None else around.slot("generator", given)

    async def run(self, session: Session, intake: Intake) -> None:
        clock, interval = session.timers.clock, self._interval
        made = intake.position or 0
        wall, mono = clock.now_ms(), clock.monotonic()
        lead = wall % interval if self._params.get(Keyword("align")) else 0  # how long ago tick 0 was
        tick = 0 if self._params.get(Keyword("immediate")) and not made else 1
        while self._limit is None or made < self._limit:
            passed = (clock.monotonic() - mono) * 1000 + lead
            if passed < tick * interval:
                await clock.sleep((tick * interval - passed) / 1000)
            elif self._params.get(Keyword("missed")) is SKIP:
                tick = max(tick, int(passed // interval))
            value = await self._value(intake, made)
            if not intake.open:
                await intake.opened()
            made += 1
            intake.offer(value, made, {K_EVENT_TIME: wall - lead + tick * interval})
            tick += 1

    async def _value(self, intake: Intake, number: int) -> Any:
        """What the generator gives; without one, the number of the value."""
        return number if self._generator is None else await self._generator(intake.owner.id, number, number)


SOURCE = SourceKind(
    table=parameter_table(
        "periodic",
        main="interval",
        params={
            "interval": {"kind": "int", "min": 1, "required": True, "text": "ms between two values"},
            "missed": {
                "kind": "keyword", "one-of": ["skip", "burst"], "default": SKIP,
                "text": "what becomes of values whose time passed while the stream was held back",
            },
            "limit": {"kind": "int", "min": 0, "text": "how many values are made at most"},
            "align": {"kind": "boolean", "default": False, "text": "at multiples of the interval by the clock?"},
            "immediate": {"kind": "boolean", "default": False, "text": "is the first value made at once?"},
        },
        slots={"on-value": ["value"]},
        lifted={"generator": ["tick"]},
    ),
    open=None,
    finite=lambda params: params.get(LIMIT) is not None,
    effects=(":clock",),
    doc="A value each time an interval has passed: what `:generator` gives, or the number of the value.",
    examples=(
        ("(call :stream.to-collection (call :stream.periodic 1 {:generator (fn [n] (* n n)) :limit 3}))", "[0 1 4]"),
    ),
    calls=PeriodicAdapter,
)  # fmt: skip
