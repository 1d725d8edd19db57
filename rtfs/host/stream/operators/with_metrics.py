"""`:stream.with-metrics`: figures of all that is upstream, from time to time and at the end (streaming.md §6.8)."""

from __future__ import annotations

import asyncio
from typing import Any

from rtfs.host.stream.adapters import Session
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.inspection import keyed
from rtfs.host.stream.intake import Intake
from rtfs.host.stream.measure import GROUPS, Measure
from rtfs.host.stream.operators import Around, HostOperator, Single, text_of
from rtfs.host.stream.options import normal, shown
from rtfs.host.stream.outputs import Output
from rtfs.lang.collections import EMPTY_MAP, Map
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword


class WithMetrics(Single):
    """Reports beside the items, so that also a run that stands still tells of itself."""

    name = "with-metrics"

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        assert isinstance(self.around.hook, Measure)
        self._measure = self.around.hook
        self._tell = self.around.maybe("on-metrics", self.param("on-metrics"))
        self._groups = Map.of([*((Keyword(name), True) for name in GROUPS), *_chosen(self.params).entries()])
        self._telling = asyncio.Lock()
        self._reports = 0

    async def work(self, session: Session, intake: Intake) -> None:
        measure, clock = self._measure, self.around.services.clock
        self.intake = intake
        intake.owner.reports = measure
        measure.out = 0 if intake.position is None else intake.position[0]
        measure.begins(clock.now_ms())
        reporter = asyncio.ensure_future(self._report())
        try:
            await super().work(session, intake)
        except RtfsError:
            await self._last(reporter)
            raise
        finally:
            reporter.cancel()

    async def take(self, output: Output) -> None:
        services, born = self.around.services, self.inputs[0].born(output)
        latency_ms = max(0, services.clock.now_ms() - born)
        self._measure.left(latency_ms)
        if services.instruments is not None:
            services.instruments.left(self._measure.name, latency_ms / 1000)
        await self.give(output.value, output)

    async def ended(self) -> None:
        await self._last(None)

    # ---- reports

    async def _report(self) -> None:
        """At a fixed rate; a report that takes longer than that takes the place of the next ones."""
        clock, seconds = self.around.services.clock, self.param("interval-ms") / 1000
        due = clock.monotonic()
        while self._tell is not None:
            due = max(due + seconds, clock.monotonic())
            await clock.sleep(due - clock.monotonic())
            async with self._telling:
                await self._told()

    async def _last(self, reporter: asyncio.Future[None] | None) -> None:
        async with self._telling:
            if reporter is not None:
                reporter.cancel()
            await self._told()

    async def _told(self) -> None:
        """One report. A callback that fails is an event: nothing is lost by it."""
        if self._tell is None:
            return
        owner, now = self.intake.owner, self.around.services.clock.now_ms()
        self._reports += 1
        about = keyed(name=self._measure.name, at=now, interval_ms=self.param("interval-ms"))
        figures = about.merge(keyed(**self._measure.report(now, self._groups)))
        try:
            await owner.ask(self._tell, self.intake.seq, figures, part=str(self._reports))
        except RtfsError as error:
            owner.emit("callback-failed", slot="on-metrics", code=error.code, message=error.message)


def _chosen(params: Map) -> Map:
    """The groups that are named. S003 for others, and for what is no boolean."""
    given = params.get(Keyword("collect")) or EMPTY_MAP
    found = {Keyword(normal(key)): value for key, value in given.entries()}
    if any(key.name not in GROUPS or type(value) is not bool for key, value in found.items()):
        kind = f"map of {' '.join(f':{name}' for name in GROUPS)} to booleans"
        raise fault(3, p="collect", kind=kind, value=shown(given))
    return Map.of(found.items())


def hook(params: Map, around: Around) -> Measure:
    """What counts upstream."""
    _chosen(params)
    return Measure(text_of(params.get(Keyword("metrics-name")) or params.get(Keyword("name")) or "stream"))


OPERATOR = HostOperator(WithMetrics, hook=hook)
