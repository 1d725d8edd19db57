"""Texts that were compiled before: in this process, and in the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.eval import code as coding
from rtfs.eval.library import NAMES
from rtfs.loader import Cache, fingerprint

if TYPE_CHECKING:
    from rtfs.text import Text

_MEMORY: dict[str, Any] = {}  # programs compiled by this process, shared by its sessions
_MEMORY_LIMIT = 256
_BUILD: list[str] = []


def build() -> str:
    """The fingerprint of this rtfs, taken once per process."""
    if not _BUILD:
        _BUILD.append(fingerprint())
    return _BUILD[0]


def recall(key: str, cache: Cache | None) -> Any:
    """What is remembered under a key: needs, topics, library files, operations, assumed and defined names; or None."""
    found: Any = _MEMORY.get(key)
    if found is None and cache is not None:
        payload = cache.load(key)
        if payload is not None:
            found = coding.load(payload)
    return found


def remember(key: str, text: Text, cache: Cache | None) -> None:
    """Keep what a text became, if it can become the same again."""
    if text.needs is None:
        return
    homes = {NAMES[name] for name in text.used if name in NAMES}
    topics = sorted(home for home in homes if not home.startswith("stdlib:"))
    modules = sorted(home for home in homes if home.startswith("stdlib:"))
    entry: Any = (text.needs, topics, modules, text.operations, sorted(text.assumed), sorted(text.defined))
    if len(_MEMORY) >= _MEMORY_LIMIT:
        _MEMORY.clear()
    _MEMORY[key] = entry
    if cache is not None:
        try:
            cache.store(key, coding.dump(entry))
        except coding.Unstorable:
            pass  # it is compiled again each time
