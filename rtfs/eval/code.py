"""Compiled code as data: one top-level form becomes a Python code object and its constants, which can be stored."""

from __future__ import annotations

import gc
import marshal
from types import CodeType, FunctionType
from typing import Any

from rtfs.eval.constant import CallSite, ModuleGlobals, TypeRef
from rtfs.eval.meter import UNIT
from rtfs.lang.collections import List, Map, PVector, map_form, vector
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.signal import met
from rtfs.lang.source import SpanTable
from rtfs.lang.values import ResourceHandle, Timestamp, Uuid

Constants = dict[str, Any]


def compile_form(form: Any, target: Any, spans: SpanTable | None, filename: str) -> tuple[CodeType, Constants]:
    """The code of a core form: calling it as a function of no arguments in the module's globals runs the form."""
    from rtfs.eval.compiler import Compiler
    from rtfs.eval.inline import load as load_inline
    from rtfs.eval.special import load as load_special

    target.constants = {}
    tree = Compiler(target, spans, load_special(), load_inline()).compile_top(form)
    code = _inner(_undisturbed(tree, filename))
    return _inner(code) if code.co_name == UNIT else code, target.constants


def _undisturbed(tree: Any, filename: str) -> CodeType:
    """Compile without a garbage collection on the way: one that ends a greenlet makes Python 3.11 raise SystemError."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        code: CodeType = compile(tree, filename, "exec", dont_inherit=True)
        return code
    finally:
        if collecting:
            gc.enable()


def _inner(code: CodeType) -> CodeType:
    """The function that the code makes."""
    return next(part for part in code.co_consts if isinstance(part, CodeType))


def run(code: CodeType, constants: Constants, module: Any, source: Any, modules: Any) -> Any:
    """Run code in a module and give its value; `modules[name]` is another module that a template's symbol names."""
    settle(constants, module, source, modules)
    closure = module.meter.closure(code.co_freevars) if code.co_freevars else None
    return FunctionType(code, module.globals, None, None, closure)()


def settle(constants: Constants, module: Any, source: Any, modules: Any) -> None:
    """Make the constants of code known in its module."""
    for key, value in constants.items():
        kind = type(value)
        if kind is CallSite:
            value = CallSite(value.place, value.module, source)
        elif kind is TypeRef:
            value = TypeRef(value.form, value.level, module)
        elif kind is ModuleGlobals:
            value = modules[value.module].globals
        module.globals[key] = value


# ---- storage ----------------------------------------------------------------------------------------------------


class Unstorable(Exception):
    """A constant that exists only in this process, such as a function that a macro put into its result."""


def dump(parts: Any) -> bytes:
    """Plain data with code objects and encoded constants as bytes. Unstorable when code is nested too deeply."""
    try:
        return marshal.dumps(parts)
    except ValueError as error:
        raise Unstorable(str(error)) from None


def load(data: bytes) -> Any:
    return marshal.loads(data)


def encode_constants(constants: Constants) -> list[tuple[str, Any]]:
    return [(key, _encode(value)) for key, value in constants.items()]


def decode_constants(encoded: list[tuple[str, Any]]) -> Constants:
    return {key: _decode(tokens) for key, tokens in encoded}


def _encode(root: Any) -> list[tuple[Any, ...]]:
    """A value as a flat list, parts before what is made of them: storing it must not nest as deeply as the value.

    A collection that occurs again is named by its number: a small value may share its parts without end.
    """
    tokens: list[tuple[Any, ...]] = []
    numbers: dict[int, int] = {}
    pending: list[tuple[Any, tuple[Any, ...] | None]] = [(root, None)]
    while pending:
        value, made = pending.pop()
        if made is not None:
            tokens.append(made)
            numbers[id(value)] = len(numbers)
            continue
        if id(value) in numbers:
            tokens.append(("=", numbers[id(value)]))
            continue
        tag, parts, more = _taken_apart(value)
        if parts is None:
            tokens.append((tag, *more))
        else:
            pending.append((value, (tag, len(parts), *more)))
            pending.extend([(part, None) for part in reversed(parts)])
    return tokens


def _taken_apart(value: Any) -> tuple[str, list[Any] | None, tuple[Any, ...]]:
    """The tag of a value, its parts (None for what has none) and what else says which it is."""
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return "x", None, (value,)
    if kind is Keyword:
        return "k", None, (value.name,)
    if kind is Symbol:
        return "s", None, (value.name, value.module)
    if kind is List:
        return "l", list(value), ()
    if kind is tuple or kind is PVector:
        return "v", list(value), ()
    if kind is Map:
        return "m", [part for pair in value.pairs or value.entries() for part in pair], ()
    if kind is TypeRef:
        return "T", [value.form], (value.level,)
    if kind is Timestamp:
        return "t", None, (value.micros,)
    if kind in (Uuid, ResourceHandle):
        return "u" if kind is Uuid else "r", None, (value.text,)
    if kind is CallSite:
        return "c", None, (value.place, value.module)
    if kind is ModuleGlobals:
        return "g", None, (value.module,)
    raise Unstorable(repr(kind))


def _decode(tokens: list[tuple[Any, ...]]) -> Any:
    done: list[Any] = []
    made: list[Any] = []
    for tag, *more in tokens:
        if tag == "=":
            done.append(made[more[0]])
        elif tag in _MADE:
            count, *rest = more
            parts = done[len(done) - count :]
            del done[len(done) - count :]
            made.append(_MADE[tag](parts, *rest))
            done.append(made[-1])
        else:
            done.append(_ATOMS[tag](*more))
    return done[0]


_MADE: dict[str, Any] = {
    "l": List,
    "v": vector,
    "m": lambda parts: map_form(list(zip(parts[::2], parts[1::2], strict=True))),
    "T": lambda parts, level: TypeRef(parts[0], level),
}
_ATOMS: dict[str, Any] = {
    "x": lambda value: met(value) if type(value) is int else value,
    "k": Keyword,
    "s": Symbol,
    "t": Timestamp,
    "u": Uuid,
    "r": ResourceHandle,
    "c": CallSite,
    "g": ModuleGlobals,
}
