"""Semantic versions, and which change of a capability breaks its callers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from rtfs.host.adapt import parameters
from rtfs.host.provider import Provider
from rtfs.host.shape import type_form
from rtfs.lang.equality import equal

_SEMVER = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")
Order = tuple[tuple[int, int, int], bool, tuple[tuple[bool, int, str], ...]]


def parse(version: str) -> Order:
    """A value that sorts as semver says: a release after its pre-releases. ValueError when it is no version."""
    found = _SEMVER.fullmatch(version)
    if found is None:
        raise ValueError(f"a version looks like 1.2.3, got {version!r}")
    major, minor, patch, before = found.groups()
    parts = tuple((not p.isdigit(), int(p) if p.isdigit() else 0, p) for p in before.split(".")) if before else ()
    return (int(major), int(minor), int(patch)), not before, parts


def conflict(old: Provider, new: Provider, read: Callable[[str], Any] | None) -> str | None:
    """Why `new` may not take the place of `old`; None when it may: its version is higher and no caller breaks."""
    before, after = parse(old.version), parse(new.version)
    if after <= before:
        return f"{old.id} is registered with version {old.version}, which {new.version} does not exceed"
    if after[0][0] != before[0][0]:
        return f"version {new.version} of {old.id} breaks with {old.version}, which is registered"
    try:
        change = _breaking(old, new, read)
    except ValueError as error:
        change = str(error)
    return change and f"version {new.version} of {old.id} breaks with {old.version}: {change}"


def _breaking(old: Provider, new: Provider, read: Callable[[str], Any] | None) -> str | None:
    """What a caller of `old` would trip over; ValueError when nobody can read a schema that changed."""
    if old.output != new.output and not equal(type_form(old.output, read), type_form(new.output, read)):
        return "its output differs"
    if old.input == new.input:
        return None
    before, after = parameters(old, read), parameters(new, read)
    if before is None or after is None:
        same = equal(type_form(old.input, read), type_form(new.input, read))
        return None if same else "its input differs"
    fields = {field.key: field for field in after}
    for field in before:
        kept = fields.pop(field.key, None)
        if kept is None:
            return f"it lacks {field.label}"
        if not equal(kept.form, field.form) or (kept.required and not field.required):
            return f"its {field.label} differs"
    needed = [field.label for field in fields.values() if field.required]
    return f"it needs {needed[0]}" if needed else None
