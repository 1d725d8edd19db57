"""A form that a person fills in at the console: the flat JSON Schema of an MCP server's question."""

from __future__ import annotations

from typing import Any

from rtfs.host.console import Console
from rtfs.lang.collections import EMPTY_MAP, Map
from rtfs.lang.names import Keyword
from rtfs.lang.values import is_vector

YES, NO = ("y", "yes", "true"), ("n", "no", "false")


class Declined(Exception):
    """The person does not answer."""


def filled(console: Console, schema: Any) -> Map | None:
    """The fields of the form as a map; None when the person declines or the input ends.

    A field that is not required may stay empty and is left out.
    """
    fields = _at(schema, "properties")
    required = [str(name) for name in _at(schema, "required") or ()]
    try:
        if console_answer(console, "Answer? (y/n) ").lower() not in YES:
            return None
        found = []
        for key, field in (fields if type(fields) is Map else EMPTY_MAP).entries():
            name = key.name if type(key) is Keyword else str(key)
            value = _asked(console, name, field, name in required)
            if value is not None:
                found.append((key, value))
    except Declined:
        return None
    return Map.of(found)


def console_answer(console: Console, prompt: str) -> str:
    line = console.read_line(prompt)
    if line is None:
        raise Declined
    return line.strip()


def _asked(console: Console, name: str, field: Any, required: bool) -> Any:
    """A value of the field's kind; None when it may be empty and is."""
    choices = [str(choice) for choice in _at(field, "enum") or ()]
    hint = "/".join(choices) or _at(field, "type") or "string"
    label = _at(field, "description") or _at(field, "title") or name
    while True:
        text = console_answer(console, f"{label} ({hint}{'' if required else ', or nothing'}): ")
        if not text and not required:
            return None
        value = _read(text, choices, str(hint))
        if value is not None:
            return value


def _read(text: str, choices: list[str], kind: str) -> Any:
    """The text as a value of the kind; None when it is none."""
    if choices:
        return text if text in choices else None
    if kind == "boolean":
        return True if text.lower() in YES else False if text.lower() in NO else None
    if kind in ("integer", "number"):
        try:
            return int(text) if kind == "integer" else float(text)
        except ValueError:
            return None
    return text or None


def _at(value: Any, key: str) -> Any:
    found = value.get(Keyword(key)) if type(value) is Map else None
    return found if found is None or type(found) in (str, Map) or is_vector(found) else None
