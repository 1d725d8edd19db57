"""A module that defines the name of a library function means its own from then on, also in code compiled before.

Compiled code takes library functions for granted: their calls are inline, and cost no look at whether the name still
means them. When a module hides such a name, what was compiled in it before is compiled once more, and the functions
that exist get the new code. So redefinition is slow and rare, and calls are fast.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from rtfs.eval import code as coding
from rtfs.eval.machine import RUN, Run
from rtfs.eval.module import Module
from rtfs.lang.collections import List
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Symbol
from rtfs.lang.outcome import RuntimeContext
from rtfs.macros.define import macro_parts
from rtfs.text import Text
from rtfs.toplevel import body_of_file

if TYPE_CHECKING:
    from rtfs.program import World

Placed = dict[str, CodeType]  # place of a function in its text → its code


def renew(world: World, module: Module, name: str) -> None:
    """Compile again what was compiled in the module, is loaded, and took the library's function `name` for granted."""
    for text in module.texts:
        if name in text.assumed and name not in text.defined:
            text.defined |= {name}
            again = _compiled_again(world, module, text)
            _exchange(module, {**_loaded(text.operations), **text.renewed}, again)
            text.renewed.update(again)


def _compiled_again(world: World, module: Module, text: Text) -> Placed:
    """The code of a text's functions under what its names mean now."""
    from rtfs.parser.reader import read

    text.renewals += 1
    again = Text(text.source, f"{text.uid}r{text.renewals}", is_library=False)
    again.unit = text.unit
    reading = read(text.source)
    again.spans, again.defined = reading.spans, text.defined
    forms = body_of_file(reading.forms, module.name, reading.spans)[1] if text.is_file else reading.forms
    found: Placed = {}
    token = RUN.set(Run(_refuse, RuntimeContext.pure()))
    try:
        for form in forms:
            try:
                for code, constants in _codes(world, form, again, module):
                    coding.settle(constants, module, text.source, world.modules)
                    found.update(_functions(code))
            except RtfsError:
                pass  # a form after the one that runs now may need what is not there yet
    finally:
        RUN.reset(token)
    return found


def _codes(world: World, form: Any, text: Text, module: Module) -> Iterator[tuple[CodeType, coding.Constants]]:
    """The code of a top-level form and its constants; nothing runs but macros."""
    form = world.expander.expand_head(form, module.name, text.spans)
    head = form[0].name if type(form) is List and form and type(form[0]) is Symbol else None
    if head == "do":
        for part in form[1:]:
            yield from _codes(world, part, text, module)
    elif head not in ("module", "import", "export"):
        core = world.expander.expand_top(form, module.name, text.spans)
        yield world._compiled(macro_parts(core)[2] if head == "defmacro" else core, text, module)


def _refuse(call: Any) -> Any:
    raise RtfsError("MacroError", f"host call {call.capability_id} during expansion; expansion is pure")


def _loaded(operations: list[tuple[Any, ...]]) -> Placed:
    found: Placed = {}
    for operation in operations:
        if operation[0] in ("run", "macro"):
            found.update(_functions(operation[1 if operation[0] == "run" else 2]))
    return found


def _functions(code: CodeType) -> Iterator[tuple[str, CodeType]]:
    """The functions that a piece of code makes, by their places.

    What the second form of a step makes stands where what the first one makes does (eval/step.py): the place of the
    second form goes before it.
    """
    stack = [(code, "")]
    while stack:
        code, inside = stack.pop()
        place = code.co_consts[0] if code.co_consts else None
        if isinstance(place, str) and place.startswith("@"):
            yield inside + place, code
            inside += place if place.endswith("!") else ""
        stack.extend([(part, inside) for part in code.co_consts if isinstance(part, CodeType)])


def _exchange(module: Module, old: Placed, new: Placed) -> None:
    """Give each function of the module that runs old code the new code of its place."""
    pairs = {id(code): new[place] for place, code in old.items() if place in new}
    codes = [code for place, code in old.items() if place in new]
    for function in gc.get_referrers(*codes) if codes else ():
        if type(function) is FunctionType and function.__globals__ is module.globals:
            code = pairs.get(id(function.__code__))
            if code is not None and _captures(code) == _captures(function.__code__):
                function.__code__ = code


def _captures(code: CodeType) -> list[str]:
    """What a function captures, in the order of its closure; names of compiled locals carry numbers."""
    return [name.partition("~")[0] for name in code.co_freevars]


__all__ = ["renew"]
