"""What a stream promises of its input, outputs and state: types asked at each step (streaming.md §8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from rtfs.host.shape import type_form
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.chunk import K_SEQ
from rtfs.host.stream.options import shown
from rtfs.host.stream.processor import Processor, Reading, read
from rtfs.lang.collections import Map, vector
from rtfs.lang.errors import RtfsError
from rtfs.lang.evaluator import Step
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.settings import Settings
    from rtfs.lang.types import Type

SAMPLE = 100  # with `:validate :sample` one chunk in so many is checked
NAMED = 3  # faults that the text of an error names; its data has more
FAULTS: dict[str, Callable[..., RtfsError]] = {
    "input-schema": lambda **told: fault(50, **told),
    "output-schema": lambda **told: fault(51, **told),
    "state-schema": lambda **told: fault(52, **told),
}

Read = Callable[[tuple[Any, Any, Any], Any, str, int], Reading]


class Stepping(NamedTuple):
    """How an owner steps: `step` of a chunk, and how its parts are read, of chunks and of control chunks.

    checked: also when nothing stands in the last part.
    """

    step: Step
    wants_metadata: bool
    read: Read
    read_control: Read
    checked: bool = True


def plain(processor: Processor) -> Stepping:
    """Steps without any check: what streams without types do."""
    return Stepping(processor.step, processor.wants_metadata, read, read, checked=False)


class Contract:
    """The types of one stream; None where it declares none. `sampled`: only one chunk in a hundred is checked."""

    def __init__(self, id: str, types: dict[str, Type], *, sampled: bool) -> None:
        self.id = id
        self._input, self._output, self._state = (types.get(name) for name in FAULTS)
        self._sampled = sampled
        self._due = True  # is the chunk at hand one that is checked?

    def check_state(self, state: Any) -> None:
        """S052 when the state is none that the stream declares."""
        self._demand("state-schema", self._state, state)

    def stepping(self, processor: Processor) -> Stepping:
        """The processor's steps between the checks of what goes in and what comes out."""
        step, wants = processor.step, processor.wants_metadata
        if not self._sampled:
            if self._input is None:
                return Stepping(step, wants, self._read, self._read)
            return Stepping(self._checked(step, wants), wants, self._read, self._read)
        return Stepping(self._sampling(step, wants), True, self._read_if_due, self._read)

    def _checked(self, step: Step, wants_metadata: bool) -> Step:
        demand, type_ = self._demand, self._input

        def checked(state: Any, chunk: Any) -> Any:
            demand("input-schema", type_, chunk)
            return step(state, chunk)

        def checked_with_metadata(state: Any, chunk: Any, metadata: Any) -> Any:
            demand("input-schema", type_, chunk)
            return step(state, chunk, metadata)

        return checked_with_metadata if wants_metadata else checked

    def _sampling(self, step: Step, wants_metadata: bool) -> Step:
        """Which chunks are looked at follows from their number, so that a replay looks at the same ones."""

        def sampled(state: Any, chunk: Any, metadata: Any) -> Any:
            self._due = in_sample(metadata.get(K_SEQ))
            if self._due:
                self._demand("input-schema", self._input, chunk)
            return step(state, chunk, metadata) if wants_metadata else step(state, chunk)

        return sampled

    def _read(self, parts: tuple[Any, Any, Any], state: Any, name: str, limit: int) -> Reading:
        reading = read(parts, state, name, limit)
        if self._output is not None:
            for output in reading[1]:
                self._demand("output-schema", self._output, output)
        if self._state is not None and reading[0] is not state:
            self._demand("state-schema", self._state, reading[0])
        return reading

    def _read_if_due(self, parts: tuple[Any, Any, Any], state: Any, name: str, limit: int) -> Reading:
        return self._read(parts, state, name, limit) if self._due else read(parts, state, name, limit)

    def _demand(self, what: str, type_: Type | None, value: Any) -> None:
        from rtfs.lang.schema import fits

        if type_ is not None and not fits(type_, value):
            raise _mismatch(what, self.id, type_, value)


def in_sample(seq: int) -> bool:
    """Is the chunk of this number one of the hundredth that `:sample` checks? Spread by a multiplicative hash."""
    return (seq * 2_654_435_761 % 2**32) * SAMPLE < 2**32


def _mismatch(what: str, id: str, type_: Type, value: Any) -> RtfsError:
    from rtfs.lang.violation import violations

    found = violations(type_, value)
    told = "; ".join(violation.message for violation in found[:NAMED])
    more = f"; and {len(found) - NAMED} more" if len(found) > NAMED else ""
    errors = [Map.of(zip(_TOLD, (vector(violation.path), *violation[1:]), strict=True)) for violation in found]
    return FAULTS[what](data={"errors": vector(errors)}, id=id, errors=told + more)


_TOLD = tuple(map(Keyword, ("path", "message", "expected", "actual")))


def contract(settings: Settings, id: str, resolve: Callable[[str], Any], read: Any) -> Contract | None:
    """The contract that start parameters declare; None when nothing has to be checked. S003 for what is no type.

    resolve: the form of a type that the program knows under a name. read: text to the form in it, for types as text.
    """
    mode = settings["validate"].name
    declared = {name: settings[name] for name in FAULTS if settings[name] is not None}
    if not declared:
        return None
    types = {name: _type(name, form, resolve, read) for name, form in declared.items()}
    return None if mode == "off" else Contract(id, types, sampled=mode == "sample")


def _type(name: str, declared: Any, resolve: Callable[[str], Any], read: Any) -> Type:
    from rtfs.lang.schema import parse_type

    try:
        return parse_type(type_form(declared, read), resolve, strict=True)
    except (RtfsError, ValueError) as problem:
        error = fault(3, p=name, kind="type expression", value=shown(declared))
        error.notes.extend((problem.message, *problem.notes) if isinstance(problem, RtfsError) else (str(problem),))
        raise error from None
