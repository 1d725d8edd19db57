"""What an error suggests once somebody reads it: the name that was meant, where a nil came from, what to write instead.

A rule is a function of a Scene that gives lines; the files of this folder hold them by the kind of error they are for.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from rtfs.advice.scene import Scene
from rtfs.lang.errors import RtfsError

if TYPE_CHECKING:
    from rtfs.program import World


def adviser(world: World, traceback: TracebackType | None) -> Callable[[RtfsError], None]:
    """What adds notes to an error that left a program of this world. Nothing is done before it is called."""

    def advise(error: RtfsError) -> None:
        from rtfs.advice import kinds, names, syntax

        scene = Scene(error, world, traceback)
        if error.code.startswith("RTFS-E4") and scene.is_macro(scene.head):
            error.notes.append(f"in the expansion of macro {scene.head}")
        for rule in {**names.RULES, **kinds.RULES, **syntax.RULES}.get(error.kind, ()):
            error.notes.extend(line for line in rule(scene) if line not in error.notes)

    return advise
