"""What findings about types say."""

from __future__ import annotations

from typing import Any

from rtfs.check.call import Fault
from rtfs.check.kind import Constant, describe, target
from rtfs.lang.errors import arity_text
from rtfs.lang.printer import show_brief
from rtfs.lang.types import Enum, Intersection, Predicate, Type, Union


def mismatch(where: str, expected: Type, actual: Type, certain: bool) -> str:
    """`argument 2 of +: expected :number, got :string`; the value itself where only it tells what is wrong."""
    found = describe(actual)
    if isinstance(actual, Constant) and _speaks_of_values(expected):
        found = show_brief(actual.value, 60)
    return (
        f"{where}: expected {describe(expected)}, got {found}"
        if certain
        else (f"{where}: expected {describe(expected)}, but this may be something else: {found}")
    )


def _speaks_of_values(type: Type) -> bool:
    node = target(type)
    if isinstance(node, (Union, Intersection)):
        return any(map(_speaks_of_values, node.members))
    return isinstance(node, (Enum, Predicate))


def argument(fault: Fault, name: str) -> str:
    """How an argument is called."""
    return f"argument {fault.place + 1} of {name}"


def call_fault(fault: Fault, name: str) -> tuple[str, str]:
    """Code and text of what is wrong with a call."""
    if fault.kind == "callee":
        doubt = "" if fault.certain else "it may be that this is a "
        code = "RTFS-W102" if fault.certain else "RTFS-W301"
        return code, f"{doubt}call of what is no function: expected function, got {describe(fault.actual)}"
    if fault.kind == "arity":
        doubt = "it may be that this is a " if not fault.certain else ""
        counts = f"expected {_counts(fault.counts)}, got {fault.place}"
        text = f"{doubt}wrong number of arguments for {fault.name or name}: {counts}"
        return "RTFS-W103" if fault.certain else "RTFS-W301", text
    text = mismatch(argument(fault, name), fault.expected, fault.actual, fault.certain)
    return "RTFS-W101" if fault.certain else "RTFS-W301", text


def _counts(counts: tuple[tuple[int, int | None], ...]) -> str:
    low = min(count for count, _ in counts)
    highs: list[Any] = [high for _, high in counts]
    return arity_text(low, None if None in highs else max(highs))
