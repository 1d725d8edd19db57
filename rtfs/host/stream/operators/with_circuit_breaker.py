"""`:stream.with-circuit-breaker`: what fails too often upstream is left alone for a while (streaming.md §6.9)."""

from __future__ import annotations

from rtfs.host.stream.breaker import Breaker, Told
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.circuit import Rules
from rtfs.host.stream.operators import Around, HostOperator, Single, text_of
from rtfs.host.stream.outputs import Output
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword

LEAST = 10


class WithCircuitBreaker(Single):
    """What it does is done where the items fail."""

    name = "with-circuit-breaker"

    async def take(self, output: Output) -> None:
        await self.give(output.value, output)


def hook(params: Map, around: Around) -> Breaker:
    """The breaker of the runs upstream. S003 when the window has no room for the calls it needs."""
    names = ("failure-threshold", "window", "min-calls", "recovery-timeout", "probes", "when-open", "name")
    threshold, window, least, recovery_ms, probes, when_open, name = (params.get(Keyword(name)) for name in names)
    if least is not None and least > window:
        raise fault(3, p="min-calls", kind=f"integer up to the window of {window}", value=least)
    rules = Rules(threshold, window, min(LEAST, window) if least is None else least, recovery_ms, probes)
    told = Told(*(around.maybe(key, params.get(Keyword(key))) for key in ("on-open", "on-close")))
    return Breaker("" if name is None else text_of(name), rules, when_open, told)


OPERATOR = HostOperator(WithCircuitBreaker, hook=hook)
