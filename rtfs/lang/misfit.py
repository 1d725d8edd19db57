"""What is wrong with a value that has not the type it should have (language.md §12.4)."""

from __future__ import annotations

from typing import Any

from rtfs.lang.names import Keyword
from rtfs.lang.printer import show, show_brief
from rtfs.lang.values import type_name


class Fault:
    """What is wrong with a value: the offending part, and the way to it, innermost step first."""

    __slots__ = ("kind", "subject", "value", "way")

    def __init__(self, kind: str, subject: Any, value: Any) -> None:
        self.kind = kind  # mismatch predicate missing unexpected shape
        self.subject = subject
        self.value = value
        self.way: list[Any] = []

    def below(self, step: Any) -> Fault:
        self.way.append(step)
        return self

    def again(self, steps: int) -> Fault:
        """The same fault, met by another way that shares its first `steps` steps."""
        fault = Fault(self.kind, self.subject, self.value)
        fault.way = self.way[:steps]
        return fault

    def text(self) -> str:
        path = "".join(reversed([_step(step) for step in self.way]))
        at = f" at {path}" if path else ""
        if self.kind == "mismatch":
            return f"Type mismatch{at}: expected {show(self.subject.form, None)}, got {type_name(self.value)}"
        if self.kind == "predicate":
            return f"Predicate violation{at}: {show(self.subject.form, None)} failed for value {show_brief(self.value)}"
        if self.kind == "missing":
            return f"Missing required key {show(self.subject)}{at}"
        if self.kind == "unexpected":
            return f"Unexpected key {show_brief(self.subject)}{at}"
        return f"Shape violation{at}: expected {self.subject} elements, got {len(self.value)}"


class Index(int):
    """A position in a vector or list, as a step of the way to a fault."""

    __slots__ = ()


def _step(step: Any) -> str:
    if type(step) is Keyword:
        return f".{step.name}"
    return f"[{int(step)}]" if type(step) is Index else f"[{show_brief(step)}]"
