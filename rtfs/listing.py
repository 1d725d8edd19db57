"""What a text becomes, without running it: its core forms, and the Python they are compiled to."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from rtfs.lang.collections import List
from rtfs.lang.names import Symbol
from rtfs.lang.source import Source
from rtfs.program import refuse_call

if TYPE_CHECKING:
    from rtfs.eval.module import Module
    from rtfs.lang.source import SpanTable
    from rtfs.program import World
    from rtfs.session import Session

_AT_TOP = frozenset({"module", "import", "export"})  # forms that are no code


def core_forms(session: Session, source: Source) -> list[Any]:
    """The forms of a text with all macros expanded, as the session sees them now."""

    def body() -> list[Any]:
        world = session.world
        world.load_library()
        from rtfs.parser.reader import read

        reading = read(source)
        return [world.expander.expand_top(form, world.user.name, reading.spans) for form in reading.forms]

    forms: list[Any] = session.run_with(refuse_call, body)
    return forms


def python(session: Session, source: Source) -> list[str]:
    """The Python of each form of a text; forms that are no code, such as imports, have none."""
    from rtfs.parser.reader import read

    def body() -> list[str]:
        world = session.world
        world.load_library()
        reading, user, texts = read(source), world.user, []
        for number, form in enumerate(reading.forms):
            core = world.expander.expand_top(form, user.name, reading.spans)
            if type(core) is List and core and type(core[0]) is Symbol and core[0].name in _AT_TOP:
                continue
            texts.append(python_of(core, reading.spans, (world, user, source, number)))
        return texts

    found: list[str] = session.run_with(refuse_call, body)
    return found


def python_of(core: Any, spans: SpanTable, where: tuple[World, Module, Source, int], variant: str | None = None) -> str:
    """The Python of one core form. where: the world, the module, the text, and the number of the form in it."""
    from rtfs.eval.compiler import Compiler
    from rtfs.eval.inline import load as load_inline
    from rtfs.eval.library import NAMES
    from rtfs.eval.special import load as load_special
    from rtfs.eval.target import Target

    world, module, source, number = where
    target = Target(module.name, source, f"listing.{number}", variant=variant or world.variant)
    target.constants, target.level, target.home = {}, world.level, world.home
    target.shadowed = lambda name: module.shadows(name) or name in module.types
    target.library = NAMES.__contains__
    return ast.unparse(Compiler(target, spans, load_special(), load_inline()).compile_top(core))
