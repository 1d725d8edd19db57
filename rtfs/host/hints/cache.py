"""`runtime.learning.cache {:ttl-ms? :max-entries?}`: equal arguments get the same answer; failures are not kept."""

from __future__ import annotations

from types import CoroutineType
from typing import TYPE_CHECKING, Any

from rtfs.host.hint import Field, memory
from rtfs.lang.codec import NotStorable, encode
from rtfs.lang.collections import vector
from rtfs.lang.printer import canonical

if TYPE_CHECKING:
    from rtfs.host.adapt import Handler
    from rtfs.host.pipeline import Route
    from rtfs.lang.outcome import HostCall

ORDER = 20
FIELDS = {"ttl-ms": Field("positive", None), "max-entries": Field("positive", 1000)}


def around(way: Route, options: dict[str, Any], inner: Handler) -> Handler:
    answers: dict[str, tuple[float, Any]] = memory(way, "cache", dict)  # by arguments; least recently used first
    clock, ttl, most = way.host.clock, options["ttl_ms"], options["max_entries"]

    def keep(key: str, answer: Any) -> Any:
        answers.pop(key, None)
        answers[key] = (clock.monotonic(), answer)
        while len(answers) > most:
            del answers[next(iter(answers))]
        return answer

    async def kept(key: str, work: Any) -> Any:
        return keep(key, await work)

    def cached(call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        key = _key(call.args)
        if key is None:
            return inner(call, args, named)
        found = answers.pop(key, None)
        if found is not None and (ttl is None or (clock.monotonic() - found[0]) * 1000 < ttl):
            answers[key] = found
            return found[1]
        result = inner(call, args, named)
        return kept(key, result) if type(result) is CoroutineType else keep(key, result)

    return cached


def _key(args: tuple[Any, ...]) -> str | None:
    """One text for all equal arguments; None when they hold what only exists here, such as a function."""
    value = vector(args)
    try:
        encode(value)
    except NotStorable:
        return None
    return canonical(value, None)
