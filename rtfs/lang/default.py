"""The defaults in destructuring patterns, which are expressions: rewriting them where they stand (language.md §6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtfs.lang.collections import MISSING, Map, map_form, vector
from rtfs.lang.names import Symbol
from rtfs.lang.pattern import (
    AS,
    KEYS,
    LITERALS,
    OR,
    STRS,
    Pattern,
    PEntry,
    PMap,
    PName,
    PVec,
    map_pairs,
    parse_pattern,
    unmeta,
)

Rewrite = Callable[[Any, list[Symbol]], Any]


def rewrite_defaults(form: Any, rewrite: Rewrite, form_name: str = "let") -> Any:
    """The pattern form with each `:or` default `e` replaced by `rewrite(e, names bound before it)`.

    The same form, if nothing changes. Defaults are rewritten in the order in which they are evaluated.
    """
    return _rewrite(unmeta(form), parse_pattern(form, form_name), [], rewrite)


def _rewrite(form: Any, pattern: Pattern, before: list[Symbol], rewrite: Rewrite) -> Any:
    """Appends to `before` what the pattern binds."""
    if type(pattern) is PName:
        before.append(pattern.symbol)
    elif type(pattern) is PVec:
        parts = [_rewrite(unmeta(form[n]), item, before, rewrite) for n, item in enumerate(pattern.items)]
        before.extend(name for name in (pattern.rest, pattern.whole) if name is not None)
        if any(part is not unmeta(form[n]) for n, part in enumerate(parts)):
            return vector([*parts, *form[len(parts) :]])
    elif type(pattern) is PMap:
        return _rewrite_map(form, pattern, before, rewrite)
    return form


def _rewrite_map(form: Map, pattern: PMap, before: list[Symbol], rewrite: Rewrite) -> Map:
    before.extend([pattern.whole] if pattern.whole is not None else [])
    entries = iter(pattern.entries)
    pairs = []
    defaults: dict[str, Any] = {}
    for key, part in map_pairs(form):
        if key is KEYS or key is STRS:
            for _ in part:
                _rewrite_entry(key, next(entries), before, (rewrite, defaults))
        elif not (key is OR or key is AS or (type(key) is Symbol and key.name == "&")):
            pattern_first = type(key) not in LITERALS
            done = _rewrite_entry(unmeta(key if pattern_first else part), next(entries), before, (rewrite, defaults))
            key, part = (done, part) if pattern_first else (key, done)
        pairs.append((key, part))
    before.extend([pattern.rest] if pattern.rest is not None else [])
    changed = [(key, _new_defaults(part, defaults) if key is OR else part) for key, part in pairs]
    same = all(a[0] is b[0] and a[1] is b[1] for a, b in zip(changed, map_pairs(form), strict=True))
    return form if same else map_form(changed)


def _rewrite_entry(form: Any, entry: PEntry, before: list[Symbol], how: tuple[Rewrite, dict[str, Any]]) -> Any:
    rewrite, defaults = how
    if entry.default is not MISSING and type(entry.pattern) is PName:
        defaults[entry.pattern.symbol.name] = rewrite(entry.default, list(before))
    return _rewrite(form, entry.pattern, before, rewrite)


def _new_defaults(form: Map, defaults: dict[str, Any]) -> Map:
    pairs = map_pairs(form)
    if all(defaults.get(name.name, part) is part for name, part in pairs):
        return form
    return map_form([(name, defaults.get(name.name, part)) for name, part in pairs])
