"""`:stream.debug`: shows some of the items to a program on their way (streaming.md §6.8)."""

from __future__ import annotations

import hashlib
from typing import Any

from rtfs.host.stream.inspection import keyed
from rtfs.host.stream.operators import HostOperator, Single
from rtfs.host.stream.outputs import Output


class Debug(Single):
    """Which items are shown follows from their numbers, so that a replay shows the same ones."""

    name = "debug"

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._log = self.around.slot("log-fn", self.param("log-fn"))

    async def take(self, output: Output) -> None:
        if _share(output.output_seq) < self.param("sample-rate"):
            redact = self.param("redact")
            event = keyed(
                label=self.param("label"),
                seq=output.output_seq,
                item=output.value if redact is None else self.around.pure("redact", redact, output.value),
                metadata=output.about(self.inputs[0].stream.id),
                level=self.param("log-level"),
            )
            await self.ask(self._log, event)
        await self.give(output.value, output)


def _share(number: int) -> float:
    """A number from 0 to below 1 that follows from another, evenly spread."""
    digest = hashlib.blake2b(number.to_bytes(8, "big"), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48


OPERATOR = HostOperator(Debug)
