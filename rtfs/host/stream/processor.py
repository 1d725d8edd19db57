"""The processor of a stream: finding it, calling it, and reading what it returns (streaming.md §1.4, §1.5, §1.10)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.options import shown
from rtfs.lang.collections import EMPTY_MAP, MISSING, Map, PVector
from rtfs.lang.errors import LimitError, RtfsError
from rtfs.lang.evaluator import Evaluator, FunctionIdentity, Step
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.values import function_name

if TYPE_CHECKING:
    from rtfs.host.stream.keyed import Way
    from rtfs.host.stream.stage import Line

K_STATE, K_OUTPUT, K_OUTPUTS = Keyword("state"), Keyword("output"), Keyword("outputs")
K_ACTION, K_CONFIG = Keyword("action"), Keyword("config")
K_COUNT, K_ITEMS = Keyword("count"), Keyword("items")
K_STAGE, K_OP, K_NAME = Keyword("stage"), Keyword("op"), Keyword("name")


class Asked(NamedTuple):
    """What only some results say: an action, changes of `:config`, keys that mean nothing."""

    action: Keyword | None
    config: Map | None
    foreign: bool


Outputs = tuple[Any, ...] | list[Any]
Reading = tuple[Any, Outputs, Asked | None]
"""New state, outputs, and what else is asked."""


# ---- reading a result


def read_result(result: Any, state: Any, name: str, limit: int) -> Reading:
    """What a processor's result says, by the rules of §1.5 in their order.

    S011, S012, S013, S018 if it says nothing.
    """
    if type(result) is not Map:
        if type(result) is dict:  # a processor written in Python
            return read_result(_python_map(result), state, name, limit)
        raise _shape(result, name)
    raw = result.raw
    new = raw.get(K_STATE, MISSING)
    output = raw.get(K_OUTPUT, MISSING)
    if new is not MISSING and len(raw) == (1 if output is MISSING else 2):  # the two common shapes, nothing else inside
        return new, (() if output is MISSING else (output,)), None
    said = (new, output, raw.get(K_OUTPUTS, MISSING), raw.get(K_ACTION, MISSING), raw.get(K_CONFIG, MISSING))
    known = sum(part is not MISSING for part in said)
    action = said[3]
    if any(part is not MISSING for part in said[:3]):
        return _read(said, state, limit, known != len(raw))
    if known and known == len(raw) and (action is MISSING or action is None or type(action) is Keyword):
        return _read(said, state, limit)
    if type(action) is Keyword:
        raise fault(12, f=name, keys=" ".join(shown(key) for key in result))
    return result, (), None


def read(parts: tuple[Any, Any, Any], state: Any, name: str, limit: int) -> Reading:
    """What a step says, by its parts (rtfs.lang.evaluator.Step)."""
    result, output, said = parts
    if said is None:
        return result, (() if output is MISSING else (output,)), None
    return read_result(result, state, name, limit) if said is True else _read(said, state, limit)


def _read(said: tuple[Any, ...], state: Any, limit: int, foreign: bool = False) -> Reading:
    """The reading of what stands under each key of a result."""
    new, output, outputs, action, config = said
    collected, asked = _collect(output, outputs, limit), Asked(_action(action), _config(config), foreign)
    plain = asked.action is None and asked.config is None and not foreign
    return state if new is MISSING else new, collected, None if plain else asked


def _shape(result: Any, name: str) -> RtfsError:
    error = fault(11, f=name, value=shown(result))
    if result is None:
        error.notes.append("hint: a `cond` without `:else` gives nil when no test holds")
    return error


def _python_map(result: dict[Any, Any]) -> Map:
    from rtfs.lang.convert import from_python  # deferred: only processors written in Python need it

    return Map.of(
        (Keyword(key) if type(key) is str else key, from_python(value)) for key, value in result.items()
    )  # fmt: skip


def _collect(output: Any, outputs: Any, limit: int) -> tuple[Any, ...] | list[Any]:
    collected = [] if output is MISSING else [output]
    if outputs is not MISSING and outputs is not None:
        if type(outputs) is not tuple and type(outputs) is not PVector:
            raise fault(3, p=":outputs", kind="vector", value=shown(outputs))
        collected.extend(outputs)
    if len(collected) > limit:
        raise fault(18, n=len(collected), m=limit)
    return collected


def _action(action: Any) -> Keyword | None:
    if action is MISSING or action is None:
        return None
    if type(action) is not Keyword:
        raise fault(13, x=shown(action))
    return action


def _config(config: Any) -> Map | None:
    if config is MISSING or config is None:
        return None
    if type(config) is not Map:
        raise fault(3, p=":config", kind="map", value=shown(config))
    return config


# ---- built-in processors


Parts = tuple[Any, Any, None]  # rtfs.lang.evaluator.Step


def count_chunks(state: Any, chunk: Any) -> Parts:
    """`:count` of a map state grows by one; the output is the chunk."""
    if type(state) is Map:
        count = state.get(K_COUNT)
        state = state.assoc(K_COUNT, count + 1 if type(count) is int else 1)
    return state, chunk, None


def pass_on(state: Any, chunk: Any) -> Parts:
    """The output is the chunk."""
    return state, chunk, None


def collector(most: int) -> Callable[[Any, Any], Parts]:
    """State `{:items […]}`; S028 beyond `most` items."""

    def collect(state: Any, chunk: Any) -> Parts:
        held = state if type(state) is Map else EMPTY_MAP
        items = held.get(K_ITEMS)
        if items is None:
            items = ()
        if len(items) >= most:
            raise fault(28, operator=":collect", n=most, things="items")
        if type(items) is PVector:
            grown: Any = items.conj(chunk)
        else:
            grown = (*items, chunk) if len(items) < 64 else PVector([*items, chunk])
        return held.assoc(K_ITEMS, grown), MISSING, None

    return collect


BUILT_IN = ("count", "identity", "collect")


# ---- finding one


class Batch(NamedTuple):
    """Steps through several chunks in one call: `run(state, chunks, *columns)`.

    It gives the state, the outputs as (number-of-chunk, value), and the earliest time that a tick was asked for, or
    None. fields: the entries of metadata that it wants, a column of each. spreads: may a chunk give several outputs?
    """

    run: Callable[..., tuple[Any, Any, Any]]
    fields: tuple[Keyword, ...]
    spreads: bool

    def through(self, state: Any, chunks: Any, columns: Any, most: int) -> tuple[Any, Any, int | None] | None:
        """None when they have to be taken one by one, which tells what is wrong with one of them.

        LimitError when that would take as long again. most: outputs of one chunk.
        """
        try:
            after, produced, wake_at = self.run(state, chunks, *columns)
        except RtfsError as error:
            if isinstance(error, LimitError) and error.kind != "StepLimitExceeded":  # each step has its own
                raise
            return None
        if wake_at is not None and (type(wake_at) is not int or wake_at < 0):
            return None
        if self.spreads:
            produced = tuple(produced)
            if len(produced) > most and max(Counter(number for number, _ in produced).values()) > most:
                return None
        return after, produced, wake_at


class Processor(NamedTuple):
    """A processor ready to be called: `step(state, chunk)`, or `step(state, chunk, metadata)` when `wants_metadata`.

    control: takes control chunks in its place, as [state metadata]; None when the step does. blame: finds the error of
    a failed step again, as [state chunk metadata values], and says in which part of the processor it is. mend: the
    result when `values` stand for what fails, as [state chunk metadata values whole]; whole: the last one stands for
    all that the step would have given. batch: the same for several chunks, if there is nothing about one that needs a
    step of its own. line: the stages that it is made of, if it is a chain of them.
    buries: outputs of it may be letters (letter.bury).
    """

    name: str
    arity: int
    identity: FunctionIdentity
    step: Step
    control: Callable[[Any, Any], Any] | None = None
    blame: Callable[..., RtfsError | None] | None = None
    mend: Callable[..., Map] | None = None
    batch: Batch | None = None
    line: Line | None = None
    buries: bool = False

    @property
    def wants_metadata(self) -> bool:
        return self.arity == 3

    @property
    def keyed(self) -> tuple[Way, ...]:
        """Where its state has maps by key."""
        return () if self.line is None else self.line.keyed


def find(
    given: Any,
    module: str,
    evaluator: Evaluator,
    registered: Mapping[str, Any],
    *,
    max_items: int = 10_000,
    budget: int | None = None,
) -> Processor:
    """The processor a start parameter names (§2.1). S014 when there is none, S015 when it takes the wrong arguments.

    max_items: what `:collect` may hold. budget: ticks that one step may use; S003 where nobody counts.
    """
    if given in ("", None):
        given = Keyword("count")
    if type(given) is Keyword:
        function = registered.get(given.name)
        if function is None and given.name in BUILT_IN:
            return built_in(given.name, max_items)
        return prepare(function or _global(given.name, module, evaluator), evaluator, f":{given.name}", budget)
    if isinstance(given, (Symbol, str)):
        name = given if isinstance(given, str) else given.name
        return prepare(_global(name, module, evaluator), evaluator, name, budget)
    return prepare(given, evaluator, None, budget)


def built_in(name: str, max_items: int) -> Processor:
    """One of the processors every host has."""
    identity = FunctionIdentity(f":{name}", "rtfs", f":{name}", f"built-in {name}", {})
    step = collector(max_items) if name == "collect" else pass_on if name == "identity" else count_chunks
    return Processor(f":{name}", 2, identity, step)


def _global(name: str, module: str, evaluator: Evaluator) -> Any:
    function = evaluator.resolve(name, module)
    if function is None:
        raise fault(14, f=name)
    return function


def prepare(function: Any, evaluator: Evaluator, called: str | None, budget: int | None = None) -> Processor:
    """Checks the parameters and gets what is called per chunk."""
    least, most = evaluator.arity(function)
    name = called or function_name(function) or getattr(function, "__name__", "fn").partition("~")[0] or "fn"
    arity = 3 if least <= 3 and (most is None or most >= 3) else 2 if least <= 2 and most == 2 else 0
    if not arity:
        count = str(least) if least == most else f"{least} or more" if most is None else f"{least} to {most}"
        raise fault(15, f=name, n=count)
    if budget is not None and not evaluator.counts:
        error = fault(3, p="step-budget", kind="a session that counts steps", value=budget)
        error.notes.append("hint: run it with --limit steps=N, or Limits(steps=N)")
        raise error
    return Processor(name, arity, evaluator.identity(function), evaluator.stepper(function, arity, budget))


def placed(error: RtfsError, op: str, name: Any = None, at: int | None = None) -> RtfsError:
    """The error, whose data tells the operator that failed: its name, that of its node, its place in the chain."""
    pairs = [(K_STAGE, at), (K_OP, Keyword(op)), (K_NAME, name)]
    place = Map.of([pair for pair in pairs if pair[1] is not None])
    error.data = error.data.merge(place) if type(error.data) is Map else place
    return error


def step_error(error: Exception, name: str) -> RtfsError:
    """The stream error for what a step raised: S017 for a host call, S016 for a spent budget, S010 for the rest."""
    if not isinstance(error, RtfsError):
        return fault(10, data={"kind": type(error).__name__}, e=f"{type(error).__name__}: {error}")
    violated = getattr(error, "pure_violation", None)
    if error.code.startswith("RTFS-S") and not violated:
        return error
    data = {"kind": Keyword(error.type), "code": error.code, "data": error.data}
    if violated:
        found = fault(17, f=name, capability=violated)
    elif error.kind == "StepLimitExceeded":
        found = fault(16, data=data, n=error.message.rpartition(": ")[2])
    else:
        found = fault(10, data=data, e=error.message)
    found.stand_for(error)
    return found
