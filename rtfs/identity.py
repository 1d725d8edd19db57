"""What makes a function the same function after a restart: its name, or its text and captured values."""

from __future__ import annotations

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


def identity_of(session: Session, function: Any) -> FunctionIdentity:
    """The durable identity of a compiled function."""
    code = getattr(function, "__code__", None)
    if code is None:
        raise wrong_kind("processor", "function", function)
    module = _home(session, function)
    name = function_name(function)
    if name is not None and session.world.modules[module].globals.get(f":{name}") is not function:
        name = None
    captures = _captures(function)
    return FunctionIdentity(name, module, _text(code), digest(code), captures)


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
        else:
            parts.append(repr(constant).partition("~")[0] if isinstance(constant, str) else repr(constant))


def _home(session: Session, function: Any) -> str:
    for name, module in session.world.modules.items():
        if module.globals is function.__globals__:
            return name
    return "user"


def _captures(function: Any) -> dict[str, Any]:
    """Captured locals of a literal by their RTFS names."""
    cells = function.__closure__ or ()
    captures = {}
    for python, cell in zip(function.__code__.co_freevars, cells, strict=True):
        try:
            value = cell.cell_contents
        except ValueError:
            continue  # not assigned yet: a late binding that is never used before
        if value is not function:
            captures[python.partition("~")[0]] = value
    return captures


def _text(code: CodeType) -> str:
    """The source text of the form the function was made from; empty when its source is gone."""
    unit = UNITS.get(code.co_filename)
    if unit is None:
        return ""
    places = [place for place in code.co_positions() if None not in place]
    if not places:
        return ""
    start = _definition_place(code, unit.source)
    return start or ""


def _definition_place(code: CodeType, source: Source) -> str | None:
    """The smallest function form of the source around the function's first line."""
    from rtfs.lang.scan import form_end

    line = code.co_firstlineno
    places = [p for p in code.co_positions() if None not in p]
    first = min(((p[0], p[2]) for p in places if p[0] is not None), default=None)
    if first is None:
        return None
    lines = source.text.split("\n")
    offset = sum(len(text) + 1 for text in lines[: first[0] - 1]) + (first[1] or 0)
    begin = sum(len(text) + 1 for text in lines[: line - 1])
    best = None
    for opening in ("(fn", "(lambda", "(λ", "#(", "(defn"):
        at = source.text.rfind(opening, begin, offset + 1)
        if at >= 0 and (best is None or at > best):
            best = at
    if best is None:
        return None
    return source.text[best : form_end(source.text, best)]


def function_from(session: Session, text: str, module: str, captures: dict[str, Any]) -> Any:
    """Compile a literal again; its captured names are bound to their old values."""
    from rtfs.eval.machine import RUN

    world = session.world
    home = world.modules.get(module) or world.user
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
