"""An error and what is around it: the text it points at, the values of the names that the text mentions."""

from __future__ import annotations

import dis
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from rtfs.eval.fault import UNITS, span_of_place
from rtfs.eval.module import Module, function_metadata
from rtfs.eval.registry import BUILTINS, PRIMARY
from rtfs.lang.access import get
from rtfs.lang.collections import MISSING, List, Map
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.source import Source, SpanTable

if TYPE_CHECKING:
    from rtfs.program import World

_SHORT = 60  # characters of a text that a hint may repeat


class Scene:
    """One error, the world it happened in, and the compiled frame it left first if that is still known."""

    def __init__(self, error: RtfsError, world: World, traceback: TracebackType | None) -> None:
        self.error = error
        self.world = world
        self.frame = _frame_of(error, traceback)
        self.text = error.span.text() if error.span is not None else ""
        self._form: Any = MISSING
        self._spans: SpanTable | None = None

    @property
    def short(self) -> str | None:
        """The text at the error, if it is short enough to be repeated."""
        return self.text if self.text and len(self.text) <= _SHORT and "\n" not in self.text else None

    @property
    def form(self) -> Any:
        """The form at the error; MISSING when its text is none."""
        if self._form is MISSING and self.text:
            from rtfs.parser.reader import read

            try:
                reading = read(Source("", self.text))
            except RtfsError:
                return MISSING
            if len(reading.forms) == 1:
                self._form, self._spans = reading.forms[0], reading.spans
        return self._form

    @property
    def head(self) -> str:
        """The name at the head of the form at the error."""
        form = self.form
        return form[0].name if type(form) is List and form and type(form[0]) is Symbol else ""

    @property
    def module(self) -> Module:
        """The module whose code failed."""
        if self.frame is not None:
            for _, module in self.world.modules.items():
                if module.globals is self.frame.f_globals:
                    return module
        return self.world.user

    def locals(self) -> dict[str, str]:
        """The names that are bound locally where the error is, and the Python local behind each."""
        if self.frame is None:
            return {}
        code, found = self.frame.f_code, {}
        for python in (*code.co_varnames, *code.co_cellvars, *code.co_freevars):
            name, mark, _ = python.partition("~")
            if mark and name and python in self.frame.f_locals:
                found[name] = python
        return found

    # ---- values

    def value_of(self, form: Any, parent: Any = None, index: int = 0) -> Any:
        """The value of a name, or of lookups in what a name holds; MISSING when it cannot be told."""
        if type(form) is Symbol:
            return self._value_of_name(form)
        if type(form) is not List or len(form) < 2:
            return MISSING
        lookup = lookup_of(form)
        if lookup is None:
            return MISSING
        target, key = lookup
        coll = self.value_of(target)
        return get(coll, key, None) if type(coll) is Map else MISSING

    def _value_of_name(self, symbol: Symbol) -> Any:
        frame = self.frame
        if frame is not None:
            python = self._local_read_at(frame, symbol) or self.locals().get(symbol.name)
            if python is not None:
                return frame.f_locals.get(python, MISSING)
        return self.global_value(symbol.name)

    def _local_read_at(self, frame: FrameType, symbol: Symbol) -> str | None:
        """The Python local that compiled code reads where the symbol stands."""
        span, at = self.error.span, symbol.span
        if span is None or at is None or at.line != 1:
            return None
        place = (span.line, span.column - 1 + at.column - 1)
        for instruction in dis.get_instructions(frame.f_code):
            where = instruction.positions
            loads = instruction.opname.startswith("LOAD")
            if loads and where is not None and (where.lineno, where.col_offset) == place:
                names = instruction.argval if isinstance(instruction.argval, tuple) else (instruction.argval,)
                local = next((name for name in names if isinstance(name, str) and name in frame.f_locals), None)
                if local is not None:
                    return local
        return None

    def global_value(self, name: str) -> Any:
        """What a global name means in the module of the error; MISSING when it means nothing."""
        key = f":{name}"
        return self.module.globals.get(key, self.world.library.globals.get(key, MISSING))

    def is_macro(self, name: str) -> bool:
        """Does the name mean a macro that the program defined itself?"""
        found = self.module.macro(name) if name else None
        return found is not None and not found.library

    def usage(self, name: str) -> str | None:
        """`(f x y)`: how a function is called; None when there is none of that name."""
        value = self.global_value(name)
        if name in PRIMARY and value is BUILTINS[name]:
            from rtfs.documentation import signature

            return signature(name, value)
        metadata = function_metadata(value)
        params = None if metadata is None else metadata.get(Keyword("params"))
        if params is None:
            return None
        from rtfs.lang.printer import show

        shapes = params if params and all(type(each) is tuple for each in params) else (params,)
        return " or ".join(f"({' '.join([name, *map(show, shape)])})" for shape in shapes)


def lookup_of(form: List) -> tuple[Any, Any] | None:
    """Target and key of `(:k m)` and `(get m :k)`."""
    if type(form[0]) is Keyword:
        return form[1], form[0]
    if form[0] == Symbol("get") and len(form) > 2 and type(form[2]) in (Keyword, str, int):
        return form[1], form[2]
    return None


def _frame_of(error: RtfsError, traceback: TracebackType | None) -> FrameType | None:
    """The innermost frame of the program's own code, if it is where the error points."""
    found: TracebackType | None = None
    while traceback is not None:
        unit = UNITS.get(traceback.tb_frame.f_code.co_filename)
        if unit is not None and not unit.library:
            found = traceback
        traceback = traceback.tb_next
    if found is None or error.span is None:
        return None
    place = span_of_place(found)
    return found.tb_frame if place is not None and place.source is error.span.source else None
