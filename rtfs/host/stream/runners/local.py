"""The runner `local`: all partitions in this process, on one thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.host.stream.partition import Item, Partition, Plan, Reply
from rtfs.host.stream.runners import breathe

if TYPE_CHECKING:
    from rtfs.lang.evaluator import Evaluator

TURN = 64  # items after which the loop has its turn


class Local:
    """Partitions and their states."""

    name = "local"

    def __init__(self, plan: Plan, states: list[Any], evaluator: Evaluator) -> None:
        self._states = list(states)
        self._partitions = [
            Partition(number, plan.made(number, evaluator), evaluator) for number in range(len(plan.stages))
        ]

    async def work(self, partition: int, items: list[Item]) -> Reply:
        outputs: list[tuple[int, Any]] = []
        reply = Reply([], self._states[partition])
        for at in range(0, len(items), TURN):
            reply = self._partitions[partition].work(self._states[partition], items[at : at + TURN])
            self._states[partition] = reply.state
            outputs += reply.outputs
            if reply.failed is not None:
                done, error = reply.failed
                return reply._replace(outputs=outputs, failed=(at + done, error))
            if reply.over:
                break
            await breathe()
        return reply._replace(outputs=outputs)

    async def control(self, partition: int, control: str, time: int) -> Reply:
        reply = self._partitions[partition].control(self._states[partition], control, time)
        self._states[partition] = reply.state
        return reply

    def close(self) -> None:
        """Nothing is open."""
