"""Operators that need the host: nodes whose inputs are runs of their own, one file each (streaming.md §6.10).

A file `rate_limit.py` offers `OPERATOR`; its parameters are in the form `stdlib/stream/rate-limit.rtfs`, which has no
stage. What is upstream of such a node runs by itself; its outputs are read one after the other, which holds it back.
"""

from __future__ import annotations

import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from rtfs.host.stream.adapters import Plain, Session
from rtfs.host.stream.lifecycle import ERROR
from rtfs.host.stream.slot import Slot
from rtfs.lang.collections import Map
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.intake import Intake
    from rtfs.host.stream.outputs import Output
    from rtfs.host.stream.registry import Services
    from rtfs.host.stream.settings import Settings
    from rtfs.host.stream.stream import Stream
    from rtfs.lang.outcome import RuntimeContext


class Around(NamedTuple):
    """What an operator of a run has beside its inputs. security: of the program that started the run."""

    services: Services
    security: RuntimeContext | None
    timeout_ms: int | None

    def slot(self, name: str, function: Any) -> Slot:
        """An effect slot of the operator."""
        return Slot(name, function, self.services, self.security, self.timeout_ms)

    def pure(self, function: Any, *args: Any) -> Any:
        """A pure slot, called to completion."""
        return self.services.evaluator.pure(function, *args)


class Input:
    """One input: a run that is read from its output number `cursor` on. name: what `merge` calls it."""

    def __init__(self, name: str, stream: Stream) -> None:
        self.name = name
        self.stream = stream
        self._ahead: list[Output] = []
        self._reader: Any = None

    def open(self, cursor: int) -> None:
        """Read from there on."""
        if self._reader is None:
            self._reader = self.stream.reader("graph", at=cursor, lasting=True)

    def close(self) -> None:
        """Read no more; a run that nobody else reads is cancelled."""
        if self._reader is not None:
            self.stream.owner.outputs.detach(self._reader.id)
            self._reader = None

    async def next(self, timeout_ms: float | None = None) -> Output | None:
        """The next output; None at the end, or after the time. Raises what the run failed with."""
        found = await self.stream.read(self._reader, 1, timeout_ms)
        if found:
            return found[0]
        owner = self.stream.owner
        if owner.outputs.ended and owner.status is ERROR and owner.failure is not None:
            raise located(owner.failure, self)
        return None

    @property
    def over(self) -> bool:
        """Did it end, and is everything of it read?"""
        outputs = self.stream.owner.outputs
        return outputs.ended and self._reader is not None and self._reader.cursor >= outputs.next


def located(error: RtfsError, input: Input) -> RtfsError:
    """The error, with a word about where in the graph it came from."""
    error.remark(f"in the input {input.name} ({input.stream.owner.settings['endpoint']})")
    return error


class Joint(Plain, ABC):
    """The adapter of a host operator: reads its inputs and offers what leaves it.

    Its position is the vector of the output numbers of its inputs, each the next one it wants.
    """

    name = "joint"
    connects = False
    endless = False
    guarantee = "exactly-once"

    def __init__(self, settings: Settings, params: Map, inputs: list[Input], around: Around) -> None:
        super().__init__(settings)
        self.params = params
        self.inputs = inputs
        self.around = around
        self.replayable = True

    @abstractmethod
    async def run(self, session: Session, intake: Intake) -> None:
        """Read the inputs and offer what leaves, until they have ended."""

    def param(self, name: str) -> Any:
        return self.params.get(Keyword(name))

    def may_repeat(self) -> bool:
        return False


class HostOperator(NamedTuple):
    """What the host does for an operator whose form in `stdlib/stream/` has no stage. effects: what it needs."""

    joint: Callable[[Settings, Map, list[Input], Around], Joint]
    effects: tuple[str, ...] = ()


def names() -> list[str]:
    """The names of all operators of the host, as in `:stream.NAME`."""
    return [module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)]


def find(name: str) -> HostOperator | None:
    """The operator of a name; None when there is none."""
    if name not in names():
        return None
    found: HostOperator = import_module(f"{__name__}.{name.replace('-', '_')}").OPERATOR
    return found
