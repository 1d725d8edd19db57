"""`:stream.tap`: lets a program look at each item on its way."""

from __future__ import annotations

from typing import Any

from rtfs.host.stream.operators import HostOperator, Single
from rtfs.host.stream.outputs import Output


class Tap(Single):
    """Awaits its slot before the item goes on."""

    name = "tap"

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._look = self.around.slot("look", self.param("look"))

    async def take(self, output: Output) -> None:
        await self.ask(self._look, output.value)
        await self.give(output.value, output)


OPERATOR = HostOperator(Tap)
