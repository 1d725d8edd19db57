"""What a program offers to callers that speak JSON: its public functions with documentation and types, as tools.

A function is offered when it has a docstring and a type for each parameter. Its parameters are the properties of the
tool's input; one parameter that is taken apart as a map is the whole input. The return type is that of the output.
"""

from __future__ import annotations

import json
import re
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from rtfs.lang.collections import MISSING, Map
from rtfs.lang.errors import HostCallError, RtfsError
from rtfs.lang.json_schema import schema_from_type
from rtfs.lang.json_value import value_of
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.pattern import Params, split_params
from rtfs.lang.schema import parse_type
from rtfs.lang.types import Named, Record, Type

if TYPE_CHECKING:
    from rtfs.eval.module import Module
    from rtfs.session import Session

_STRANGE = re.compile(r"[^A-Za-z0-9_.-]+")
_SEVERAL = re.compile(r":\d+,[\d,]*\+?\Z|:\d+\+?,")  # the arities in the name of a function that has several
_HINTS = {
    "read-only": "read_only",
    "idempotent": "idempotent",
    "destructive": "destructive",
    "open-world": "open_world",
}


class Field(NamedTuple):
    """A property of a tool's input. rest: it is the vector of all further arguments."""

    name: str
    type: Type
    required: bool
    rest: bool = False


class Tool(NamedTuple):
    """A function as a tool. whole: its one parameter is the whole input. wrapped: its output is `{"result": value}`."""

    name: str
    title: str | None
    description: str
    input_schema: dict[str, Any]
    output_schema: dict[str, Any] | None
    hints: dict[str, bool]
    function: Any
    fields: tuple[Field, ...]
    whole: Type | None
    wrapped: bool

    def arguments(self, given: dict[str, Any]) -> list[Any]:
        """The arguments that a JSON object stands for. HostError of `:type :input-validation` when it does not fit."""
        if self.whole is not None:
            return [value_of(self.whole, given)]
        known = {field.name for field in self.fields}
        strange = [name for name in given if name not in known]
        if strange:
            raise _wrong(self.name, f"unknown argument {json.dumps(strange[0])}; it has {', '.join(known) or 'none'}")
        found: list[Any] = []
        for position, field in enumerate(self.fields):
            if field.name in given:
                if len(found) < position:
                    raise _wrong(self.name, f"{field.name} needs {self.fields[len(found)].name} before it")
                value = value_of(field.type, given[field.name])
                found.extend(value if field.rest and hasattr(value, "__iter__") else [value])
            elif field.required:
                raise _wrong(self.name, f"{field.name} is missing")
        return found

    def output(self, value: Any) -> tuple[str, Any]:
        """The text of a result, and the structured result of a tool with a declared output. JsonError if impossible."""
        from rtfs.lang.json import to_json

        text = to_json(value)
        shown = value if isinstance(value, str) else text
        if self.output_schema is None:
            return shown, None
        data = json.loads(text)
        return shown, {"result": data} if self.wrapped else data


def tools(session: Session, file: str) -> tuple[list[Tool], list[str]]:
    """The tools that a program in a session offers, in order of definition, and why others that look like one are none.

    file: the name of the program's text; what it imports is not offered.
    """
    found: dict[str, Tool] = {}
    reasons: list[str] = []
    for module in [module for _, module in session.world.modules.items()]:
        if not any(unit.source.name == file for unit in module.units):
            continue
        for name in module.exports():
            function = module.globals.get(f":{name}")
            if type(function) is not FunctionType or name not in module.definitions or name in module.types:
                continue
            made = _tool(module, name, function)
            if isinstance(made, str):
                reasons += [f"{name}: {made}"] if made else []
            elif made.name in found:
                reasons.append(f"{name}: there is a tool {made.name} already")
            else:
                found[made.name] = made
    return list(found.values()), reasons


def _tool(module: Module, name: str, function: Any) -> Tool | str:
    """The tool that a function is, or why it is none; empty when nobody would expect it to be one."""
    metadata = module.metadata_of(name) or Map.of([])
    documentation = metadata.get(Keyword("doc"))
    if type(documentation) is not str or not documentation.strip():
        return "it has no documentation" if "rtfs_params" in function.__dict__ else ""
    try:
        clauses = [split_params(form, name) for form in _shapes(function)]
        clause = max(clauses, key=lambda each: len(each.fixed))
        least = min(len(each.fixed) for each in clauses)
        whole, fields = _input(module, clause, least)
        returns = _returns(module, function)
    except (RtfsError, Untyped) as error:
        return str(error)
    spelled = _STRANGE.sub("_", name).strip("_.") or "tool"
    output = None if returns is None else schema_from_type(returns)
    wrapped = output is not None and output.get("type") != "object"
    title = metadata.get(Keyword("title"))
    return Tool(
        name=spelled[:128],
        title=title if type(title) is str else None,
        description=documentation.strip(),
        input_schema=schema_from_type(whole) if whole is not None else _object(fields),
        output_schema=_wrapped(output) if wrapped else output,
        hints={_HINTS[key.name]: value for key, value in metadata.entries() if _is_hint(key, value)},
        function=function,
        fields=fields,
        whole=whole,
        wrapped=wrapped,
    )


class Untyped(Exception):
    """A parameter has no type."""


def _shapes(function: Any) -> list[Any]:
    """The parameter vectors of a function as they are written."""
    written = function.__dict__.get("rtfs_params")
    if written is None:
        code = function.__code__
        names = [Symbol(name.partition("~")[0]) for name in code.co_varnames[: code.co_argcount]]
        rest = [Symbol("&"), Symbol("rest")] if code.co_flags & 4 else []
        return [(*names, *rest)]
    return list(written) if _SEVERAL.search(function.__code__.co_name) else [written]


def _input(module: Module, clause: Params, least: int) -> tuple[Type | None, tuple[Field, ...]]:
    fixed = clause.fixed
    for param in [*fixed, *([] if clause.rest is None else [clause.rest])]:
        if param.type is MISSING:
            raise Untyped(f"{_name(param.pattern, 'a parameter')} has no type")
    if len(fixed) == 1 and clause.rest is None and least == 1 and type(fixed[0].pattern) is Map:
        whole = _parsed(module, fixed[0].type)
        if isinstance(_target(whole), Record):
            return whole, ()
    fields = [
        Field(_name(param.pattern, f"argument{n + 1}"), _parsed(module, param.type), n < least)
        for n, param in enumerate(fixed)
    ]
    if clause.rest is not None:
        items = _parsed(module, (Keyword("vector"), clause.rest.type))
        fields.append(Field(_name(clause.rest.pattern, "rest"), items, False, rest=True))
    if len({field.name for field in fields}) < len(fields):
        raise Untyped("two parameters have the same name")
    return None, tuple(fields)


def _name(pattern: Any, otherwise: str) -> str:
    """What a parameter is called: its symbol, or the name of the whole that is taken apart."""
    if type(pattern) is Map:
        pattern = pattern.get(Keyword("as"))
    elif not isinstance(pattern, Symbol) and len(pattern) > 1 and pattern[-2] is Keyword("as"):
        pattern = pattern[-1]
    return pattern.name if type(pattern) is Symbol else otherwise


def _returns(module: Module, function: Any) -> Type | None:
    """The return type, if all clauses have the same."""
    forms = function.__dict__.get("rtfs_returns") or (None,)
    if forms[0] is None or any(form != forms[0] for form in forms):
        return None
    return _parsed(module, forms[0])


def _parsed(module: Module, form: Any) -> Type:
    return parse_type(form, module.find_type)


def _target(type: Type) -> Type:
    while isinstance(type, Named) and type.target is not None:
        type = type.target
    return type


def _object(fields: tuple[Field, ...]) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {field.name: schema_from_type(field.type) for field in fields},
        "additionalProperties": False,
    }
    required = [field.name for field in fields if field.required]
    return {**schema, "required": required} if required else schema


def _wrapped(schema: dict[str, Any] | None) -> dict[str, Any]:
    return {"type": "object", "properties": {"result": schema or {}}, "required": ["result"]}


def _is_hint(key: Any, value: Any) -> bool:
    return type(key) is Keyword and key.name in _HINTS and type(value) is bool


def _wrong(name: str, text: str) -> HostCallError:
    return HostCallError("HostError", f"Invalid input for {name}: {text}", type="input-validation")
