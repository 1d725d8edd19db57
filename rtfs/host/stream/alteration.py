"""What a processor may change about its stream with `:config` (streaming.md §1.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.host.stream import options
from rtfs.host.stream.lifecycle import PAUSED, RESUME
from rtfs.host.stream.options import CONFIG_RESULT
from rtfs.host.stream.settings import cadence
from rtfs.lang.collections import Map
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.owner import Owner

K_WAKE_AT = Keyword("wake-at")
_SYNONYMS = {"buffer-size": "queue-capacity"}


def apply(owner: Owner, config: Map) -> None:
    """Change what the map asks for from now on; entries that make no sense are told as `config-ignored`."""
    wake = config.get(K_WAKE_AT)
    if type(wake) is int and wake >= 0 and len(config) == 1:  # what steps ask for most
        return owner.wake_at(wake)
    changed: dict[Any, Any] = {}
    for key, value in config.entries():
        name = _SYNONYMS.get(options.normal(key), options.normal(key))
        try:
            if name not in CONFIG_RESULT:
                raise options.unknown(name, CONFIG_RESULT, ":config")
            _change(owner, name, options.check(name, value, CONFIG_RESULT[name].check, ":config"))
        except RtfsError as problem:
            owner.emit("config-ignored", key=name, problem=problem.message)
            continue
        if name != "wake-at":
            changed[Keyword(name)] = value
    if changed:
        owner.fixed.change(Map.holding(changed))
        owner.dirty = True


def _change(owner: Owner, name: str, value: Any) -> None:
    settings = owner.settings
    if name in ("queue-capacity", "high-water-mark", "low-water-mark"):
        part = {"queue-capacity": "capacity", "high-water-mark": "high", "low-water-mark": "low"}[name]
        owner.queue.resize(**{part: value})
        settings[name] = value
    elif name == "timeout-ms":
        settings["idle-timeout-ms"] = value
    elif name == "checkpoint":
        settings["checkpoint"] = owner.checkpoints.cadence = cadence(value, ":config")
    elif name == "wake-at":
        if value is not None:
            owner.wake_at(value)
    else:
        settings[name] = value
        if name == "tick-ms":
            owner.arm_tick()
        elif name == "resume-after-ms" and owner.status is PAUSED and value is not None:
            owner.timer("resume", value, lambda: owner.order(RESUME))


def restore(owner: Owner, changed: Map) -> None:
    """Make the changes of a snapshot again."""
    for key, value in changed.entries():
        name = options.normal(key)
        _change(owner, name, options.check(name, value, CONFIG_RESULT[name].check, ":config"))
    owner.fixed.change(changed)
