"""What makes a function the same function after a restart: its name, or its text and captured values."""

from __future__ import annotations

import re
from functools import lru_cache
from types import CodeType
from typing import TYPE_CHECKING, Any

from rtfs.eval.fault import UNITS
from rtfs.lang.errors import RtfsError
from rtfs.lang.evaluator import FunctionIdentity
from rtfs.lang.source import Source
from rtfs.lang.values import function_name, wrong_kind
from rtfs.loader import cache_key

if TYPE_CHECKING:
    from rtfs.session import Session


_PLACE = re.compile(r"@(\d+):(\d+)-(\d+):(\d+)!?")  # rtfs.eval.function.place_text


def identity_of(session: Session, function: Any) -> FunctionIdentity:
    """The durable identity of a compiled function."""
    code = getattr(function, "__code__", None)
    if code is None:
        raise wrong_kind("processor", "function", function)
    module = _home(session, function)
    name = function_name(function)
    if name is not None and session.world.modules[module].globals.get(f":{name}") is not function:
        name = None
    captures, own = _captures(function)
    return FunctionIdentity(name, module, _complete(text_of_code(code), own), digest(code), captures)


def description_of(session: Session, function: Any) -> tuple[str, str, str]:
    """Name, module and text of a function, empty as far as there is none: what two processes can compare."""
    code = getattr(function, "__code__", None)
    if code is None:
        return "", "", ""
    unit = UNITS.get(code.co_filename)
    text = "" if unit is None or unit.library else text_of_code(code)
    return function_name(function) or "", _home(session, function), text


@lru_cache(256)  # thousands of streams may start with one processor
def digest(code: CodeType) -> str:
    """A hash of what the code does: equal for texts that differ only in layout, comments or place.

    Names of compiled locals carry numbers of their top-level form and do not count; names of constants carry the unit.
    """
    parts: list[str] = []
    _collect(code, parts)
    return cache_key(*parts)


def _collect(code: CodeType, parts: list[str]) -> None:
    parts.append(repr((code.co_argcount, code.co_flags & 0xF, code.co_code)))
    for name in (*code.co_names, *code.co_varnames, *code.co_freevars, *code.co_cellvars):
        parts.append(name if name[:1] in ":(=" else name.partition("~")[0].partition(".")[0])
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _collect(constant, parts)
        elif not (isinstance(constant, str) and _PLACE.fullmatch(constant)):
            parts.append(repr(constant).partition("~")[0] if isinstance(constant, str) else repr(constant))


def _home(session: Session, function: Any) -> str:
    for name, module in session.world.modules.items():
        if module.globals is function.__globals__:
            return name
    return "user"


def _complete(text: str, own: str | None) -> str:
    """The text of a literal that calls itself by a name, with the form that binds this name."""
    if own is None or not text.startswith(("(fn", "#(")) or re.match(rf"\(fn\s+{re.escape(own)}[\s\[]", text):
        return text
    return f"(letrec [{own} {text}] {own})"


def _captures(function: Any) -> tuple[dict[str, Any], str | None]:
    """Captured locals of a literal by their RTFS names, but itself; and under which name it captured itself."""
    cells = function.__closure__ or ()
    captures: dict[str, Any] = {}
    own = None
    for python, cell in zip(function.__code__.co_freevars, cells, strict=True):
        try:
            value = cell.cell_contents
        except ValueError:
            continue  # not assigned yet: a late binding that is never used before
        name = python.partition("~")[0]
        if value is function:
            own = name
        elif not python.startswith("#"):  # what counted code counts in is not the program's
            captures[name] = value
    return captures, own


def text_of_code(code: CodeType) -> str:
    """The source text of the form the function was made from; empty when its source is gone."""
    unit = UNITS.get(code.co_filename)
    place = _PLACE.fullmatch(code.co_consts[0]) if code.co_consts and type(code.co_consts[0]) is str else None
    if unit is None or place is None:
        return ""
    line, column, end_line, end_column = map(int, place.groups())
    lines = unit.source.text.split("\n")[line - 1 : end_line]
    if not lines:
        return ""
    lines[-1] = lines[-1][:end_column]
    lines[0] = lines[0][column:]
    return "\n".join(lines)


def function_from(session: Session, text: str, module: str, captures: dict[str, Any]) -> Any:
    """Compile a literal again; its captured names are bound to their old values. Of no module: only the library's."""
    from rtfs.eval.machine import RUN

    world = session.world
    home = world.modules.get(module) or world.user if module else world.new_module("fused")
    names = sorted(captures)
    wrapped = f"(fn [{' '.join(names)}] {text})"
    token = RUN.set(session.new_run(_refuse))
    try:
        make = world.run(Source("<processor>", wrapped), home)
        return make(*[captures[name] for name in names])
    finally:
        RUN.reset(token)


def _refuse(call: Any) -> Any:
    raise RtfsError("HostError", f"host call {call.capability_id} while a function is restored")
