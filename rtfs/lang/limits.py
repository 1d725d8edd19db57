"""How much a program may use (language.md §15)."""

from __future__ import annotations


class Limits:
    """Limits of one run; None means unlimited. They belong to the embedder: scripts can neither read nor change them.

    steps: ticks. seconds: evaluation time, not counting waits for the host. cells: allocated in one run (an
    element, 8 characters or 64 bits of an integer each). elements, characters, bits: of one collection, string,
    integer. printed: characters of one printed text. step_budget: ticks of one step of a stream (streaming.md
    §1.11). ValueError for what is no positive number: such a limit would bound nothing.
    """

    __slots__ = ("steps", "seconds", "cells", "elements", "characters", "bits", "printed", "step_budget")

    def __init__(
        self,
        *,
        steps: int | None = None,
        seconds: float | None = 30.0,
        cells: int | None = None,
        elements: int = 2_000_000,
        characters: int = 16_777_216,
        bits: int = 262_144,
        printed: int = 4_194_304,
        step_budget: int | None = None,
    ) -> None:
        for name, count in (("steps", steps), ("cells", cells), ("step_budget", step_budget)):
            _whole(name, count, optional=True)
        for name, count in (("elements", elements), ("characters", characters), ("bits", bits), ("printed", printed)):
            _whole(name, count)
        if seconds is not None and not (type(seconds) in (int, float) and 0 < seconds < float("inf")):
            raise ValueError(f"seconds must be a positive number or None, got {seconds!r}")
        self.steps = steps
        self.seconds = seconds
        self.cells = cells
        self.elements = elements
        self.characters = characters
        self.bits = bits
        self.printed = printed
        self.step_budget = step_budget

    @classmethod
    def unlimited(cls) -> Limits:
        """No bound on steps, time and cells, as on the command line; the sizes stay bounded."""
        return cls(seconds=None)

    @classmethod
    def untrusted(cls, *, steps: int = 10_000_000, seconds: float = 30.0, cells: int = 200_000_000) -> Limits:
        """For code nobody has read: steps, time and cells are bounded."""
        return cls(steps=steps, seconds=seconds, cells=cells, step_budget=1_000_000)

    @property
    def variant(self) -> str:
        """Which code these limits need: `plain`, `interruptible` or `metered`."""
        if self.steps is not None or self.cells is not None or self.step_budget is not None:
            return "metered"
        return "plain" if self.seconds is None else "interruptible"

    def __repr__(self) -> str:
        return f"Limits({', '.join(f'{name}={getattr(self, name)!r}' for name in self.__slots__)})"


def _whole(name: str, count: object, *, optional: bool = False) -> None:
    if not (type(count) is int and count > 0) and not (optional and count is None):
        raise ValueError(f"{name} must be a positive whole number{' or None' if optional else ''}, got {count!r}")
