"""What a wrapper does on the runs that it covers: those between it and its sources (streaming.md §6.9)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from rtfs.host.stream.graph import Chain
    from rtfs.host.stream.run import Run


class Hook(ABC):
    """One wrapper of one start. kind: of two wrappers of a kind the nearer one covers a run."""

    kind: ClassVar[str]

    @abstractmethod
    def hang(self, run: Run, chain: Chain) -> None:
        """Cover a run that is about to begin, or to go on after a restart."""


Hooks = Mapping[str, Hook]
"""The hooks that cover a run, by their kinds."""

NO_HOOKS: Hooks = MappingProxyType({})
