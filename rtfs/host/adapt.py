"""From the arguments of a host call to the arguments of a provider (host.md §3), compiled once per capability."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtfs.host.provider import Provider
from rtfs.host.shape import Problem, problem_finder, record_fields, type_form
from rtfs.lang.collections import EMPTY_MAP, Map, vector
from rtfs.lang.errors import HostCallError
from rtfs.lang.names import Keyword
from rtfs.lang.outcome import HostCall

Bound = tuple[tuple[Any, ...], dict[str, Any]]
Adapter = Callable[[tuple[Any, ...]], Bound]
Read = Callable[[str], Any]
Handler = Callable[[HostCall, tuple[Any, ...], dict[str, Any]], Any]

NOTHING: dict[str, Any] = {}


class Parameter:
    """One field of an input record: RTFS key, Python name, how to find fault with a value (None: anything goes)."""

    __slots__ = ("key", "form", "name", "required", "problem", "closed_to_maps")

    def __init__(self, key: Any, form: Any, required: bool) -> None:
        self.key = key
        self.form = form
        self.name = _key_text(key).lstrip(":").replace("-", "_")
        self.required = required
        self.problem = problem = problem_finder(form)
        self.closed_to_maps = problem is not None and problem(EMPTY_MAP) is not None

    @property
    def label(self) -> str:
        return f"{_key_text(self.key)}{'' if self.required else '?'}"


def input_error(id: str, text: str) -> HostCallError:
    """Arguments of a wrong shape: raised before the provider runs."""
    data = Map.of([(Keyword("capability"), id)])
    return HostCallError("HostError", f"Invalid input for {id}: {text}", type="input-validation", data=data)


def parameters(provider: Provider, read: Read | None) -> list[Parameter] | None:
    """The fields of the input record, in declared order; None when the input is not a record."""
    if type(provider.input) is dict:
        entries = [(key, type_form(declared, read)) for key, declared in provider.input.items()]
        return [Parameter(Keyword(key.removesuffix("?")), form, not key.endswith("?")) for key, form in entries]
    fields = None if provider.input is None else record_fields(type_form(provider.input, read))
    return None if fields is None else [Parameter(*field) for field in fields]


def _key_text(key: Any) -> str:
    return f":{key.name}" if type(key) is Keyword else str(key)


def adapted(provider: Provider, read: Read | None, inner: Handler) -> Handler:
    """A handler that binds the arguments and goes on with `inner`; `inner` itself when any arguments are right."""
    fields = parameters(provider, read)
    if fields is None and provider.input is None:
        bind = _count_adapter(provider)
    elif fields is None:
        bind = _whole_adapter(provider.id, problem_finder(type_form(provider.input, read)))
    elif (
        provider.native
        and not provider.gathers
        and len(fields) == 1
        and fields[0].required
        and fields[0].problem is None
    ):
        return _one_value(provider.id, fields[0], inner)
    else:
        bind = _record_adapter(provider, fields)
    if bind is None:
        return inner

    def handler(call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        args, named = bind(args)
        return inner(call, args, named)

    return handler


def _record_adapter(provider: Provider, fields: list[Parameter]) -> Adapter:
    """A single map binds by key when it fits the record, unless the record is one field that may be a map itself."""
    id, pass_on = provider.id, _passing(provider, fields)
    keyed = provider.gathers or len(fields) != 1 or fields[0].closed_to_maps
    known = {field.key for field in fields}
    required = [field for field in fields if field.required]

    def adapt(args: tuple[Any, ...]) -> Bound:
        count = len(args)
        if keyed and count == 1 and type(args[0]) is Map:
            given = args[0]
            if all(field.key in given for field in required) and all(key in known for key in given):
                return pass_on(id, [(field, given[field.key]) for field in fields if field.key in given])
        if not len(required) <= count <= len(fields):
            raise input_error(id, _wrong_count(fields, len(required), args))
        return pass_on(id, list(zip(chosen(fields, count - len(required)), args, strict=True)))

    return adapt


def _passing(provider: Provider, fields: list[Parameter]) -> Callable[[str, list[tuple[Parameter, Any]]], Bound]:
    """Arguments go as one map, by name where the function knows the names, or in order, nil for what is absent."""

    def by_name(id: str, pairs: list[tuple[Parameter, Any]]) -> Bound:
        for field, value in pairs:
            _check(id, field, value)
        return (), {field.name: value for field, value in pairs}

    def in_order(id: str, pairs: list[tuple[Parameter, Any]]) -> Bound:
        _, named = by_name(id, pairs)
        last = max((n for n, field in enumerate(fields) if field.name in named), default=-1)
        return tuple(named.get(field.name) for field in fields[: last + 1]), NOTHING

    def as_map(id: str, pairs: list[tuple[Parameter, Any]]) -> Bound:
        for field, value in pairs:
            _check(id, field, value)
        return (Map.of([(field.key, value) for field, value in pairs]),), NOTHING

    if provider.gathers:
        return as_map
    named = provider.named
    return by_name if provider.native or named is None or all(field.name in named for field in fields) else in_order


def _one_value(id: str, field: Parameter, inner: Handler) -> Handler:
    """The commonest shape, one required value of any kind, with as little around it as there can be."""

    def handler(call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if len(args) != 1:
            raise input_error(id, _wrong_count([field], 1, args))
        return inner(call, args, named)

    return handler


def chosen(fields: list[Parameter], extra: int) -> list[Parameter]:
    """All required fields and the first `extra` optional ones, in declared order."""
    chosen = []
    for field in fields:
        if field.required or extra > 0:
            chosen.append(field)
            extra -= not field.required
    return chosen


def _check(id: str, field: Parameter, value: Any) -> None:
    if field.problem is not None:
        text = field.problem(value)
        if text is not None:
            raise input_error(id, f"{_key_text(field.key)}: {text}")


def _wrong_count(fields: list[Parameter], required: int, args: tuple[Any, ...]) -> str:
    from rtfs.lang.errors import arity_text

    names = " ".join(field.label for field in fields)
    if len(args) == 1 and type(args[0]) is Map and len(fields) > 1:
        return f"expected a map with the keys {names}"
    count = arity_text(required, len(fields))
    listed = f" ({names})" if names else ""
    return f"expected {count} {'argument' if count == '1' else 'arguments'}{listed}, got {len(args)}"


def _whole_adapter(id: str, problem: Problem | None) -> Adapter | None:
    """A type that is no record: it speaks of the one argument, or else of the vector of all arguments."""
    if problem is None:
        return None

    def adapt(args: tuple[Any, ...]) -> Bound:
        text = problem(args[0]) if len(args) == 1 else problem(vector(args))
        if text is not None and (len(args) != 1 or problem(args) is not None):
            raise input_error(id, text)
        return args, NOTHING

    return adapt


def _count_adapter(provider: Provider) -> Adapter | None:
    """No declared input: only the count is checked, against the Python function."""
    function: Any = provider.function
    code = getattr(function, "__code__", None)
    if code is None or code.co_flags & 0x0C:  # *args or **kwargs
        return None
    before = int(provider.native or provider.wants_context)
    most = code.co_argcount - before
    least = most - len(function.__defaults__ or ())
    names = code.co_varnames[before : code.co_argcount]
    fields = [Parameter(Keyword(name.replace("_", "-")), None, n < least) for n, name in enumerate(names)]

    def adapt(args: tuple[Any, ...]) -> Bound:
        if not least <= len(args) <= most:
            raise input_error(provider.id, _wrong_count(fields, least, args))
        return args, NOTHING

    return adapt


def check_types(provider: Provider, read: Read) -> None:
    """RtfsError when an input or output type is malformed."""
    adapted(provider, read, lambda call, args, named: None)
    if provider.output is not None:
        problem_finder(type_form(provider.output, read))
