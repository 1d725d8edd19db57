"""`:stream.generate`: values that a pure function makes on demand (streaming.md §6.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.host.stream.adapters import Plain, Session, breathe
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.options import shown
from rtfs.host.stream.processor import step_error
from rtfs.host.stream.sources import SourceKind
from rtfs.lang.collections import Map, vector
from rtfs.lang.names import Keyword
from rtfs.lang.operator import parameter_table
from rtfs.lang.values import is_vector

if TYPE_CHECKING:
    from rtfs.host.stream.intake import Intake
    from rtfs.host.stream.registry import Services
    from rtfs.host.stream.settings import Settings

GENERATOR, INITIAL, LIMIT = Keyword("generator"), Keyword("initial-state"), Keyword("limit")
DONE = Keyword("done")
BATCH = 256  # values between two looks at the loop


class GenerateAdapter(Plain):
    """The position is `[count state]`: how many values there were, and the state for the next."""

    name = "generate"
    connects = False
    endless = False
    guarantee = "exactly-once"

    def __init__(self, settings: Settings, params: Map, services: Services) -> None:
        super().__init__(settings)
        self._generator = params.get(GENERATOR)
        self._begin = vector([0, params.get(INITIAL)])
        self._limit = params.get(LIMIT)
        self._pure = services.evaluator.pure

    async def run(self, session: Session, intake: Intake) -> None:
        count, state = intake.position if intake.position is not None else self._begin
        while self._limit is None or count < self._limit:
            if not intake.open:
                await intake.opened()
            made = self._made(state)
            if made is DONE:
                return
            count, state = count + 1, made[1]
            intake.offer(made[0], vector([count, state]))
            if count % BATCH == 0:
                await breathe()

    def _made(self, state: Any) -> Any:
        try:
            made = self._pure(self._generator, state)
        except Exception as error:
            raise step_error(error, "generator") from error
        if made is DONE or (is_vector(made) and len(made) == 2):
            return made
        raise fault(3, p="result of generator", kind="[value state] or :done", value=shown(made))


SOURCE = SourceKind(
    table=parameter_table(
        "generate",
        main="generator",
        params={
            "initial-state": {"kind": "any", "text": "what the generator gets first"},
            "limit": {"kind": "int", "min": 0, "text": "how many values are made at most"},
        },
        slots={"on-value": ["value"]},
        pure={"generator": ["state"]},
    ),
    open=GenerateAdapter,
    finite=lambda params: params.get(LIMIT) is not None,
    effects=(),
    doc="Values that `:generator` makes of a state: it gives `[value next-state]`, or `:done` at the end.",
    examples=(
        (
            "(call :stream.to-collection (call :stream.generate (fn [n] [n (* 2 n)]) {:initial-state 1 :limit 4}))",
            "[1 2 4 8]",
        ),
    ),
)
