"""Reading capability parameters: one table of keys, kinds and defaults per capability (streaming.md §0, §2.6, §3.2)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from rtfs.host.stream.catalogue import fault, unserved
from rtfs.lang.collections import EMPTY_MAP, Map
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.values import function_name, is_vector, type_name

STORES = "memory", "sqlite", "redis", "postgres"
_SIZES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
_SIZE = re.compile(r"(\d+)\s*(Ki|Mi|Gi|K|M|G|)B?")


class Wrong(Exception):
    """A value is not of the kind; the message says which kind was expected."""


Check = Callable[[Any], Any]


def anything(value: Any) -> Any:
    return value


def text(value: Any) -> str:
    if type(value) is not str:
        raise Wrong("string")
    return value


def name(value: Any) -> str:
    """Text that names something."""
    if type(value) is not str or not value:
        raise Wrong("string that is not empty")
    return value


def boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise Wrong("boolean")
    return value


def a_map(value: Any) -> Map:
    if value is None:
        return EMPTY_MAP
    if type(value) is not Map:
        raise Wrong("map")
    return value


def integer(low: int, high: int | None = None) -> Check:
    """An integer within bounds."""

    def check(value: Any) -> int:
        if type(value) is not int or value < low or (high is not None and value > high):
            raise Wrong(f"integer >= {low}" if high is None else f"integer from {low} to {high}")
        return value

    return check


def optional(check: Check) -> Check:
    """`check`, and nil."""
    return lambda value: None if value is None else check(value)


def size(value: Any) -> int:
    """Bytes: an integer, or a string such as `"512KB"` or `"64MiB"`."""
    if type(value) is int and value > 0:
        return value
    match = _SIZE.fullmatch(value) if type(value) is str else None
    if match is None or int(match[1]) == 0:
        raise Wrong('size in bytes or a string such as "64MiB"')
    return int(match[1]) * _SIZES[match[2]]


def mark(value: Any) -> int | float:
    """A queue mark: a count, or a fraction of the capacity as a float of at most 1.0."""
    if type(value) is int and value >= 0:
        return value
    if type(value) is float and 0.0 <= value <= 1.0:
        return value
    raise Wrong("count >= 0 or fraction from 0.0 to 1.0")


def one_of(*names: str, unserved: Iterable[str] = ()) -> Check:
    """A keyword (or its name as a string) of a fixed set; names of `unserved` are known and refused by name."""
    later = frozenset(unserved)

    def check(value: Any) -> Keyword:
        name = value.name if type(value) is Keyword else value
        if type(name) is str and name in later:
            raise Unserved(name)
        if type(name) is not str or name not in names:
            raise Wrong("one of " + " ".join(f":{name}" for name in names))
        return Keyword(name)

    return check


class Unserved(Exception):
    """A value that the specification knows and this version does not serve."""


def store(value: Any) -> str:
    """A URL, or the kind of a store as a keyword, which stays one by its colon."""
    if type(value) is Keyword and value.name in STORES:
        return f":{value.name}"
    if type(value) is not str:
        raise Wrong(f"URL of a store, or one of {' '.join(f':{name}' for name in STORES)}")
    return value


def path(value: Any) -> tuple[Any, ...]:
    """A path into nested data: a vector of keys and indexes, or one key."""
    if is_vector(value):
        return tuple(value)
    if type(value) in (str, Keyword, int):
        return (value,)
    raise Wrong("path vector")


def dedupe(value: Any) -> tuple[Any, ...] | bool:
    """Where the id of a chunk is: a path into it, or true for the broker's own id."""
    if value is None or value is False:
        return False
    return True if value is True else path(value)


def strings(value: Any) -> tuple[str, ...]:
    if not is_vector(value) or any(type(item) is not str for item in value):
        raise Wrong("vector of strings")
    return tuple(value)


def labels(value: Any) -> tuple[str, ...]:
    """Effect labels such as `:network`, one or a vector of them, with their colons."""
    listed = tuple(value) if is_vector(value) else (value,)
    names = [item.name if type(item) is Keyword else item for item in listed]
    if any(type(name) is not str or not name.strip(":") for name in names):
        raise Wrong("vector of effect labels such as :network")
    return tuple(":" + name.lstrip(":") for name in names)


def messages(value: Any) -> tuple[Any, ...]:
    """What is sent to a server: a vector of strings and of values that become JSON."""
    if not is_vector(value):
        raise Wrong("vector of messages")
    return tuple(value)


def speed(value: Any) -> int | float:
    """How fast recorded time goes by: 1 as it did, 0 without waiting."""
    if type(value) not in (int, float) or not 0 <= value < float("inf"):
        raise Wrong("number >= 0")
    checked: int | float = value
    return checked


def named(value: Any) -> Any:
    """A function: its name as string or symbol, a keyword, or the function itself."""
    if value is None:
        return ""
    if type(value) in (str, Symbol, Keyword) or (callable(value) and type_name(value) in ("function", "object")):
        return value
    raise Wrong("name, keyword or function")


class Option(NamedTuple):
    """One parameter. served: False refuses every use of the key by name."""

    check: Check
    default: Any = None
    served: bool = True


Table = Mapping[str, Option]

START: Table = {
    "endpoint": Option(text),
    "processor": Option(named, ""),
    "initial-state": Option(anything, EMPTY_MAP),
    "config": Option(a_map, EMPTY_MAP),
    "adapter": Option(
        one_of(
            "auto", "progress", "listen", "poll", "resource", "legacy", "memory", "sse", "ws", "http-lines", "replay",
            "task", "partial",
        ),
        Keyword("auto"),
    ),
    "tool": Option(text),
    "args": Option(a_map),
    "resource": Option(text),
    "uris": Option(strings),
    "cursor-arg": Option(text),
    "cursor-path": Option(path),
    "items-path": Option(path),
    "interval-ms": Option(integer(0), 5000),
    "since-arg": Option(text),
    "since-path": Option(path),
    "reissue": Option(boolean, False),
    "dedupe-path": Option(path),
    "emit-unchanged": Option(boolean, False),
    "log-level": Option(optional(one_of(
        "debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"
    ))),
    "protocol": Option(optional(one_of("mcp"))),
    "subscribe": Option(messages, ()),
    "seq-path": Option(path),
    "record": Option(optional(text)),
    "speed": Option(speed, 0),
    "server-url": Option(text),
    "server": Option(text),
    "auth": Option(anything),
    "headers": Option(a_map, EMPTY_MAP),
    "mode": Option(text, "auto"),
    "auto-connect": Option(boolean),
    "stream-id": Option(text),
    "if-exists": Option(one_of("resume", "error", "replace"), Keyword("resume")),
    "queue-capacity": Option(integer(1), 32),
    "overflow": Option(one_of("block", "error", "drop-oldest", "drop-newest", "spill"), Keyword("block")),
    "spill-max-bytes": Option(size, 2**30),
    "queue-bytes": Option(optional(size)),
    "high-water-mark": Option(mark, 1.0),
    "low-water-mark": Option(mark, 0.5),
    "retry": Option(a_map, EMPTY_MAP),
    "idle-timeout-ms": Option(optional(integer(1))),
    "connect-timeout-ms": Option(integer(1), 30_000),
    "read-timeout-ms": Option(integer(1), 300_000),
    "close-timeout-ms": Option(integer(1), 5_000),
    "max-message-bytes": Option(size, 2**20),
    "malformed": Option(one_of("count", "fail"), Keyword("count")),
    "max-malformed": Option(integer(1), 100),
    "control": Option(anything, ()),
    "tick-ms": Option(optional(integer(1))),
    "resume-after-ms": Option(optional(integer(0))),
    "auto-resume": Option(optional(one_of("low-water"))),
    "on-error": Option(anything, Keyword("fail")),
    "dead-letter-queue": Option(optional(text)),
    "step-budget": Option(optional(integer(1))),
    "outputs": Option(one_of("ring", "block", "none", "durable"), Keyword("ring")),
    "output-capacity": Option(integer(1), 256),
    "keep": Option(integer(1), 10_000),
    "max-outputs": Option(integer(1), 10_000),
    "max-items": Option(integer(1), 10_000),
    "reader-timeout-ms": Option(integer(1), 600_000),
    "slot-timeout-ms": Option(optional(integer(1))),
    "retain-ms": Option(optional(integer(0))),
    "checkpoint": Option(a_map, EMPTY_MAP),
    "durable-intake": Option(boolean, False),
    "dedupe": Option(dedupe),
    "state-version": Option(integer(0), 0),
    "migrate": Option(named),
    "on-processor-change": Option(one_of("accept", "reject", "migrate"), Keyword("accept")),
    "options": Option(a_map, EMPTY_MAP),
    "detached": Option(boolean, False),
    "drain-strategy": Option(optional(one_of("finish-current-batch", "drain-all", "immediate"))),
    "shutdown-timeout-ms": Option(optional(integer(0))),
    "in-band-directives": Option(boolean, False),
    "key-style": Option(one_of("keyword", "string"), Keyword("keyword")),
    "max-duration-ms": Option(optional(integer(1))),
    "max-chunks": Option(optional(integer(1))),
    "meta": Option(a_map, EMPTY_MAP),
    "name": Option(text),
    "input-schema": Option(anything),
    "output-schema": Option(anything),
    "state-schema": Option(anything),
    "validate": Option(one_of("always", "sample", "off"), Keyword("always")),
    "effects": Option(labels, ()),
    "journal": Option(boolean, False),
}  # fmt: skip

# what says how messages become chunks; a recording keeps it for its replay
RECORDED = frozenset(
    (
        "tool", "args", "config", "resource", "uris", "cursor-arg", "cursor-path", "items-path", "since-arg",
        "since-path", "reissue", "dedupe-path", "mode", "emit-unchanged", "log-level", "subscribe", "seq-path",
        "max-message-bytes", "malformed", "max-malformed", "key-style",
    )
)  # fmt: skip

RETRY: Table = {
    "max-attempts": Option(integer(1), 3),
    "base-ms": Option(integer(0), 250),
    "cap-ms": Option(integer(0), 5000),
    "stable-ms": Option(integer(0), 10_000),
}

CHECKPOINT: Table = {
    "store": Option(optional(store)),
    "every-chunks": Option(integer(1), 100),
    "every-ms": Option(optional(integer(1)), 100),
    "keep": Option(integer(1), 3),
    "durability": Option(one_of("normal", "full"), Keyword("normal")),
}

CONFIG_RESULT: Table = {  # what a processor may change with `:config` (§1.4)
    "queue-capacity": START["queue-capacity"],
    "high-water-mark": START["high-water-mark"],
    "low-water-mark": START["low-water-mark"],
    "timeout-ms": START["idle-timeout-ms"],
    "resume-after-ms": START["resume-after-ms"],
    "wake-at": Option(optional(integer(0))),
    "tick-ms": START["tick-ms"],
    "checkpoint": START["checkpoint"],
}


def normal(key: Any) -> str:
    """The one spelling of a parameter key: no colon, `_` as `-`."""
    if type(key) is Keyword:
        return key.name.replace("_", "-")
    return key.replace("_", "-") if type(key) is str else shown(key)


def normalised(parameters: Map) -> dict[str, Any]:
    """Parameters by normal key; two spellings of one key are S003."""
    found: dict[str, Any] = {}
    for key, value in parameters.entries():
        name = normal(key)
        if name in found:
            raise fault(3, p=name, kind="one spelling of the key", value=f"two keys for :{name}")
        found[name] = value
    return found


def read(parameters: Map, table: Table, capability: str) -> dict[str, Any]:
    """The given parameters, checked, by normal key, without defaults. Unknown keys are S006, wrong values S003."""
    checked: dict[str, Any] = {}
    for name, value in normalised(parameters).items():
        option = table.get(name)
        if option is None:
            raise unknown(name, table, capability)
        if not option.served:
            raise unserved(f":{name}", capability)
        checked[name] = check(name, value, option.check, capability)
    return checked


def check(name: str, value: Any, kind: Check, capability: str) -> Any:
    """`value` as the check gives it; S003 when it is of another kind."""
    try:
        return kind(value)
    except Wrong as wrong:
        raise fault(3, p=name, kind=str(wrong), value=shown(value)) from None
    except Unserved as later:
        raise unserved(f":{name} :{later}", capability) from None


def unknown(name: str, table: Table, capability: str) -> Exception:
    """S006 with the nearest known key."""
    known = [key for key, option in table.items() if option.served]
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    if not known:
        return fault(6, k=f":{name}", capability=capability, n="nothing: it takes no options")
    return fault(6, k=f":{name}", capability=capability, n=f":{nearest[0] if nearest else known[0]}")


def merged(parameters: Map, table: Table, capability: str) -> Map:
    """Parameters with those of `:options`, where the table knows that key, under them. S003."""
    inner = parameters.get(Keyword("options"), parameters.get("options")) if "options" in table else None
    if inner is None:
        return parameters
    own = {name: value for name, value in normalised(parameters).items() if name != "options"}
    under = normalised(check("options", inner, a_map, capability))
    return Map.of([(Keyword(name), value) for name, value in {**under, **own}.items()])


def defaulted(given: Mapping[str, Any], table: Table) -> dict[str, Any]:
    """`given` over the defaults of the table."""
    return {**{name: option.default for name, option in table.items() if option.served}, **given}


def shown(value: Any, limit: int = 200) -> str:
    """A value as people read it, cut to `limit` characters."""
    from rtfs.lang.printer import show  # deferred: only messages need it

    if callable(value) and type_name(value) == "function":
        return f"#<function {function_name(value) or value.__name__}>"
    printed = show(value) if type_name(value) != "object" else repr(value)
    return printed if len(printed) <= limit else printed[: limit - 1] + "…"
