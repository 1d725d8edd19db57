"""Compiled code as data: one top-level form becomes a Python code object and its constants, which can be stored."""

from __future__ import annotations

import marshal
from types import CodeType, FunctionType
from typing import Any

from rtfs.eval.constant import CallSite, ModuleGlobals, TypeRef
from rtfs.eval.meter import UNIT
from rtfs.lang.collections import List, Map, PVector, vector
from rtfs.lang.names import Keyword, Symbol
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
    code = _inner(compile(tree, filename, "exec", dont_inherit=True))
    return _inner(code) if code.co_name == UNIT else code, target.constants


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
    """Plain data with code objects and encoded constants as bytes."""
    return marshal.dumps(parts)


def load(data: bytes) -> Any:
    return marshal.loads(data)


def encode_constants(constants: Constants) -> list[tuple[str, Any]]:
    return [(key, _encode(value)) for key, value in constants.items()]


def decode_constants(encoded: list[tuple[str, Any]]) -> Constants:
    return {key: _decode(value) for key, value in encoded}


def _encode(value: Any) -> Any:
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return ("x", value)
    if kind is Keyword:
        return ("k", value.name)
    if kind is Symbol:
        return ("s", value.name, value.module)
    if kind is List:
        return ("l", [_encode(item) for item in value])
    if kind is tuple or kind is PVector:
        return ("v", [_encode(item) for item in value])
    if kind is Map:
        pairs = value.pairs
        encoded = [(_encode(key), _encode(item)) for key, item in (value.entries() if pairs is None else pairs)]
        return ("m", encoded)
    if kind is Timestamp:
        return ("t", value.micros)
    if kind in (Uuid, ResourceHandle):
        return ("u" if kind is Uuid else "r", value.text)
    if kind is CallSite:
        return ("c", value.place, value.module)
    if kind is TypeRef:
        return ("T", _encode(value.form), value.level)
    if kind is ModuleGlobals:
        return ("g", value.module)
    raise Unstorable(repr(kind))


def _decode(encoded: Any) -> Any:
    tag = encoded[0]
    if tag == "x":
        return encoded[1]
    if tag == "k":
        return Keyword(encoded[1])
    if tag == "s":
        return Symbol(encoded[1], encoded[2])
    if tag == "l":
        return List(_decode(item) for item in encoded[1])
    if tag == "v":
        return vector([_decode(item) for item in encoded[1]])
    if tag == "m":
        pairs = [(_decode(key), _decode(item)) for key, item in encoded[1]]
        result = Map.of(pairs)
        if len(result) != len(pairs):
            result.pairs = tuple(pairs)
        return result
    return _ATOMS[tag](*encoded[1:])


_ATOMS: dict[str, Any] = {
    "t": Timestamp,
    "u": Uuid,
    "r": ResourceHandle,
    "c": CallSite,
    "T": lambda form, level: TypeRef(_decode(form), level),
    "g": ModuleGlobals,
}
