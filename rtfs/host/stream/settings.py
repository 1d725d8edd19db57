"""Start parameters after reading: checked, defaulted, and the nested ones as small records (streaming.md §3.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from rtfs.host.stream import options
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.options import CHECKPOINT, RETRY, START, shown
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword
from rtfs.lang.values import is_vector, type_name

FAIL, SKIP, DEAD_LETTER = Keyword("fail"), Keyword("skip"), Keyword("dead-letter")
_CONTROLS = ("open", "tick", "flush")


ABSENT: Any = object()


class OnError(NamedTuple):
    """What a failed chunk leads to: `retries` more attempts `backoff_ms` apart, then `then` (§1.8)."""

    retries: int
    backoff_ms: int
    then: Keyword


class Retry(NamedTuple):
    """How a lost transport is tried again (§3.7); times in ms."""

    max_attempts: int
    base_ms: int
    cap_ms: int
    stable_ms: int


class Cadence(NamedTuple):
    """When snapshots are written and where (§5.2). store: URL or `:KIND`, None for the host's own.

    Without `every_ms` the number of chunks is exact: no step is made until the snapshot that is due is stored.
    """

    store: str | None
    every_chunks: int
    every_ms: int | None
    keep: int
    durability: str


class Settings(dict[str, Any]):
    """Parameters by normal key; what nobody gave is found in the table, so that ten thousand idle streams share it.

    given: the parameters as the caller wrote them, by normal key.
    """

    __slots__ = ("given",)

    def __init__(self, values: dict[str, Any], given: dict[str, Any]) -> None:
        super().__init__(values)
        self.given = given

    def __missing__(self, key: str) -> Any:
        return DEFAULTS[key]


def read_settings(parameters: Any, capability: str = "mcp.stream.start") -> Settings:
    """The settings of a start call. S001, S002, S003, S006 for what is wrong with the parameters."""
    if type(parameters) is not Map:
        raise fault(1, capability="start_stream" if capability == "mcp.stream.start" else f":{capability}")
    given = options.normalised(parameters)
    inner = given.pop("options", None)
    if inner is not None:
        given = {**options.normalised(options.check("options", inner, options.a_map, capability)), **given}
    if type(given.get("endpoint")) is not str or not given["endpoint"].strip():
        raise fault(2, field="endpoint")
    values = options.read(Map.of([(Keyword(key), value) for key, value in given.items()]), START, capability)
    for name, refine in _REFINED.items():
        if name in values:
            values[name] = refine(values[name], capability)
    return Settings(values, given)


def _nested(name: str, given: Map, table: options.Table, capability: str) -> list[Any]:
    checked = options.read(given, table, f"{capability} :{name}")
    return list(options.defaulted(checked, table).values())


def retry(given: Map, capability: str) -> Retry:
    """`{:max-attempts :base-ms :cap-ms :stable-ms}`."""
    return Retry(*_nested("retry", given, RETRY, capability))


def cadence(given: Map, capability: str) -> Cadence:
    """`{:store :every-chunks :every-ms :keep :durability}`."""
    store, chunks, milliseconds, keep, durability = _nested("checkpoint", given, CHECKPOINT, capability)
    return Cadence(store, chunks, milliseconds, keep, durability.name)


def on_error(given: Any, capability: str) -> OnError:
    """`:fail`, `:skip`, or `{:retry n :backoff-ms b :then policy}`."""
    if type(given) is not Map:
        return OnError(0, 0, _policy(given, capability))
    table = {
        "retry": options.Option(options.integer(0), 0),
        "backoff-ms": options.Option(options.integer(0), 0),
        "then": options.Option(options.anything, FAIL),
    }
    retries, backoff, then = _nested("on-error", given, table, capability)
    return OnError(retries, backoff, _policy(then, capability))


def _policy(value: Any, capability: str) -> Keyword:
    return options.check("on-error", value, options.one_of("fail", "skip", "dead-letter"), capability)  # type: ignore[no-any-return]


def control(given: Any, capability: str) -> frozenset[str]:
    """A vector of some of `:open :tick :flush`, as names."""
    names = tuple(given) if is_vector(given) else (given,)
    wrong = [name for name in names if type(name) is not Keyword or name.name not in _CONTROLS]
    if wrong or type_name(given) not in ("vector", "keyword"):
        raise fault(3, p="control", kind="vector of :open :tick :flush", value=shown(given))
    return frozenset(name.name for name in names)


_REFINED: dict[str, Callable[[Any, str], Any]] = {
    "on-error": on_error,
    "control": control,
    "retry": retry,
    "checkpoint": cadence,
}
DEFAULTS = {name: option.default for name, option in START.items()}
DEFAULTS.update({name: refine(DEFAULTS[name], "mcp.stream.start") for name, refine in _REFINED.items()})

RESUME: options.Table = {
    "stream": options.Option(options.anything),
    "stream-id": options.Option(options.anything),
    "handle": options.Option(options.anything),
    "checkpoint-id": options.Option(options.anything, Keyword("latest")),
    "force": options.Option(options.boolean, False),
    "processor": START["processor"],
    "migrate": START["migrate"],
    "on-processor-change": START["on-processor-change"],
    "state-version": START["state-version"],
    "checkpoint": START["checkpoint"],
    "auth": START["auth"],
    "headers": START["headers"],
    "reason": options.Option(options.anything),
    "wait": options.Option(options.anything),
}


def read_resume(parameters: Map) -> tuple[str, str | None, bool, Settings]:
    """The id, the checkpoint id (None: the newest), `:force` and the overrides of a resume call for a stored stream."""
    capability = "mcp.stream.resume"
    given = options.normalised(parameters)
    checked = options.read(parameters, RESUME, capability)
    id = stream_id(parameters)
    wanted = given.get("checkpoint-id", Keyword("latest"))
    if wanted is Keyword("latest"):
        wanted = None
    elif type(wanted) is not str:
        raise fault(3, p="checkpoint-id", kind=":latest or a checkpoint id", value=shown(wanted))
    kept = {name: given[name] for name in given if name in START and name != "stream-id"}
    base = Map.of([(Keyword("endpoint"), id), *((Keyword(name), value) for name, value in kept.items())])
    return id, wanted, checked.get("force", False), read_settings(base, capability)


def stream_id(value: Any) -> str:
    """The id of a stream given as handle, id, or map with `:stream`, `:handle` or `:stream-id` (§3.1). S004 if not."""
    for _ in range(3):
        if type(value) is str:
            return value
        if type(value) is not Map:
            break
        given = options.normalised(value)
        value = next((given[name] for name in ("stream-id", "stream", "handle", "sink-id") if name in given), None)
    raise fault(4, value=shown(value))


def from_python_options(endpoint: str, processor: Any, state: Any, extra: dict[str, Any]) -> Map:
    """The parameter map of a start call from Python."""
    given: dict[str, Any] = {"endpoint": endpoint, "processor": processor, **extra}
    if state is not ABSENT:
        given["initial-state"] = state
    return Map.of([(Keyword(options.normal(name)), as_value(value)) for name, value in given.items()])


def as_parameters(given: Any) -> Any:
    """A parameter map from Python: a dict with names for keys, or what the caller gave."""
    if not isinstance(given, dict):
        return given
    return Map.of([(Keyword(options.normal(str(name).lstrip(":"))), as_value(value)) for name, value in given.items()])


def as_value(value: Any) -> Any:
    """A Python value as RTFS value; what is one already, and functions, stay."""
    if type_name(value) != "object" or callable(value):
        return value
    from rtfs.lang.convert import from_python  # deferred: only callers from Python need it

    return from_python(value)
