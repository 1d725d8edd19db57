"""`ccos.math.*`: arithmetic by the host."""

from __future__ import annotations

from typing import Any

from rtfs.host.provider import CallContext, provides


@provides(
    "ccos.math.add",
    input=[":vector", ":number"],
    output=":number",
    effects=[],
    examples=[("(call :ccos.math.add 1 2 3.5)", "6.5")],
)
def add(ctx: CallContext, *numbers: Any) -> Any:
    """The sum of numbers, given as arguments or as one vector."""
    if len(numbers) == 1 and type(numbers[0]) not in (int, float):
        numbers = tuple(numbers[0])
    total: Any = 0
    for number in numbers:
        total += number
    return total
