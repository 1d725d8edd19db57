"""Which part of a call an error is about: the operand, key or callee that gave the wrong value.

Compiled code knows the place of a call. Which argument was wrong follows from the value that the error is about and
the arguments of the function that was called, both of which the traceback still holds.
"""

from __future__ import annotations

from types import CodeType, FrameType, TracebackType
from typing import Any

from rtfs.lang import scan
from rtfs.lang.access import NotCallable
from rtfs.lang.collections import MISSING
from rtfs.lang.errors import NOTHING, RtfsError
from rtfs.lang.source import Span

# functions of two operands behind inline code, and the operation that they are part of
_PAIRS = {"add2": "+", "sub2": "-", "mul2": "*", "lt2": "<", "le2": "<=", "gt2": ">", "ge2": ">="}
_HEADED = frozenset({"__call__", "call_map", "call_vector"})  # their first parameter is what stands at the head
_FIRST = frozenset({"->", "some->", "cond->"})
_KEPT = 1000  # calls of one text
_LAST = frozenset({"->>", "some->>", "cond->>"})


class Call:
    """A call as it is written: its text from `start`, and its parts, the head first.

    `threaded`: the place among the arguments at which a threading macro puts one more; None without.
    """

    __slots__ = ("source", "start", "end", "parts", "threaded", "narrow")

    def __init__(self, span: Span, start: int) -> None:
        source = self.source = span.source
        self.start = start
        self.end = scan.form_end(source.text, self.start)
        self.parts = scan.parts(source.text, self.start)
        end = source.offset(span.end_line, span.end_column)
        self.narrow = end if end < self.end else 0  # the part of a longer sum that compiled code was at
        self.threaded = self._threaded()

    @property
    def head(self) -> str:
        begin, end = self.parts[0] if self.parts else (0, 0)
        return self.source.text[begin:end].lstrip(".")

    def _threaded(self) -> int | None:
        text = self.source.text
        outer = scan.around(text, self.start)
        if outer < 0 or text[outer] != "(":
            return None
        found = scan.parts(text, outer)
        head = text[slice(*found[0])] if found else ""
        position = next((n for n, (begin, _) in enumerate(found) if begin == self.start), 0)
        if position < 2 or (head.startswith("cond") and position % 2 == 0):
            return None
        return 0 if head in _FIRST else len(self.parts) - 1 if head in _LAST else None

    def argument(self, index: int) -> Span | None:
        """The span of an argument as the function sees it; None of one that stands elsewhere."""
        if self.threaded is not None:
            if index == self.threaded:
                return None
            index -= index > self.threaded
        return self.part(index + 1)

    def part(self, index: int) -> Span | None:
        return self.source.span(*self.parts[index]) if 0 <= index < len(self.parts) else None

    def whole(self) -> Span:
        anonymous = self.source.text[max(self.start - 1, 0) : self.start] == "#"
        return self.source.span(self.start - anonymous, self.end)


def point(error: RtfsError, span: Span, inner: TracebackType | None) -> Span:
    """The span narrowed to the part that the error is about, if it is known; `inner` is what compiled code called."""
    if inner is not None and inner.tb_frame.f_code.co_name == "walked":  # an inline loop stands where its items stand
        error.exact = True
        return span
    call = _call_at(span)
    if call is None:
        if error.subject is not NOTHING and inner is not None and _stands_for_operand(error, inner.tb_frame):
            error.exact = True
        return span
    found = _part(error, call, None if inner is None else inner.tb_frame)
    if found is None:
        return call.whole() if call.narrow else span
    error.exact = error.subject is not NOTHING
    return found


def _call_at(span: Span) -> Call | None:
    """The call that is written there, `#(…)` included; kept, since what fails in a loop fails at one place."""
    source = span.source
    start = source.offset(span.line, span.column)
    start += source.text.startswith("#(", start)
    if not source.text.startswith("(", start):
        return None
    key = (start, span.end_line, span.end_column)
    found = source.memo.get(key)
    if found is None:
        if len(source.memo) >= _KEPT:
            source.memo.clear()
        found = source.memo[key] = Call(span, start)
    return found


def _stands_for_operand(error: RtfsError, frame: FrameType) -> bool:
    """A helper of a library macro stands where its operand stands."""
    from rtfs.eval.registry import BUILTINS, PRIMARY

    helpers = (function for name, function in BUILTINS.items() if PRIMARY[name].startswith("rtfs/"))
    is_helper = any(getattr(function, "__code__", None) is frame.f_code for function in helpers)
    return is_helper and any(value is error.subject for value in arguments(frame))


def _part(error: RtfsError, call: Call, frame: FrameType | None) -> Span | None:
    if frame is not None and error.subject is not NOTHING:
        name, values = frame.f_code.co_name, arguments(frame)
        if name in _PAIRS:
            return _of_pair(error, call, frame) if call.head == _PAIRS[name] else None
        if call.narrow:
            return None
        if name == "assoc_all" and _known_as(call.head) == "assoc":
            keys = [key for key, changed in enumerate(values[1]) if changed is error.subject]
            return call.argument(0) if values[0] is error.subject else call.argument(1 + 2 * keys[0]) if keys else None
        if name in _HEADED:
            index = _index(error, values)
            return call.part(index) if index is not None and len(values) == len(call.parts) else None
        if _is_call_of(call.head, frame.f_code):
            index = _index(error, values)
            return None if index is None else call.argument(index)
        if not any(value is error.subject for value in values):
            return None  # it is about a part of an argument, or of what was made of one
    if error.kind == "UnknownCapability":
        return _id_of(error, call)
    if error.operand is None or _known_as(call.head) != _known_as(error.operand[0]):
        return None
    return call.argument(error.operand[1])


def _id_of(error: RtfsError, call: Call) -> Span | None:
    """The id in a `call` of a capability that there is none of."""
    found = call.argument(0) if call.head == "call" else None
    unknown = error.message.removeprefix("Unknown capability: ")
    return found if found is not None and found.text() in (f":{unknown}", f'"{unknown}"') else None


def _index(error: RtfsError, values: list[Any]) -> int | None:
    """The argument that is the subject: the one the error names, or the only one that can be it."""
    candidates = [index for index, value in enumerate(values) if value is error.subject]
    if error.operand is not None and error.operand[1] in candidates:
        return error.operand[1]
    return candidates[0] if len(candidates) == 1 else None


def _of_pair(error: RtfsError, call: Call, frame: FrameType) -> Span | None:
    """An operand of inline code, which folds a longer call into pairs and stands at the second one of each."""
    second = error.operand is not None and error.operand[1] == 1
    if call.narrow:
        at = next((n for n, (begin, _) in enumerate(call.parts) if begin + 1 == call.narrow), 0)
        return call.part(at) if second else call.part(1) if at == 2 else None
    count = len(call.parts) - 1 + (call.threaded is not None)
    if count == 2:
        return call.argument(int(second))
    return call.argument(count - 1) if second and call.threaded is None else None


def arguments(frame: FrameType) -> list[Any]:
    """The arguments that a Python function was called with, as far as it has not changed its parameters."""
    code, values = frame.f_code, frame.f_locals
    found = [values.get(name, MISSING) for name in code.co_varnames[: code.co_argcount]]
    if found and type(found[0]) is NotCallable:
        found[0] = found[0].value
    if code.co_flags & 4:
        found.extend(values.get(code.co_varnames[code.co_argcount], ()))
    return found


# ---- names of functions


def _is_call_of(head: str, code: CodeType) -> bool:
    """Does the name at the head of a call mean the function with this code: a builtin, or one of the library?"""
    from rtfs.eval.registry import BUILTINS

    return getattr(BUILTINS.get(head), "__code__", None) is code or ("~" in code.co_name and head == _title(code))


def _title(code: CodeType) -> str:
    return code.co_name.partition("~")[0]


def _known_as(name: str) -> str:
    from rtfs.eval.registry import PRIMARY

    return PRIMARY.get(name, name)
