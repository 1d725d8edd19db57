"""`:stream.tap`: lets a program look at each item on its way."""

from __future__ import annotations

from rtfs.host.stream.adapters import Session
from rtfs.host.stream.intake import Intake
from rtfs.host.stream.operators import HostOperator, Joint
from rtfs.lang.collections import vector


class Tap(Joint):
    """Awaits its slot before the item goes on."""

    name = "tap"

    async def run(self, session: Session, intake: Intake) -> None:
        (source,) = self.inputs
        source.open(intake.position[0] if intake.position is not None else 0)
        look = self.around.slot("look", self.param("look"))
        answers = intake.owner.checkpoints.ledger.answers
        if answers is not None:
            answers.by_chunk.add("look")
        while (output := await source.next()) is not None:
            await look(intake.owner.id, intake.seq, output.value)
            if not intake.open:
                await intake.opened()
            intake.offer(output.value, vector([output.output_seq + 1]))


OPERATOR = HostOperator(Tap)
