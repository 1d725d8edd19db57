"""Capabilities written in RTFS: the `(capability "ns/name" …)` forms of a file (host.md §3).

A file is a module of its own. Loading it makes no host call. What it defines runs in the session that calls it, under
the rights of that call and, where it declares effects, with these effects only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rtfs.host.provider import CallContext, Provider
from rtfs.host.shape import problem_finder, record_fields
from rtfs.lang.collections import List, Map, vector
from rtfs.lang.errors import RtfsError, invalid_argument
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.pattern import unmeta
from rtfs.lang.values import is_vector

if TYPE_CHECKING:
    from rtfs.host.host import Host
    from rtfs.lang.outcome import RuntimeContext
    from rtfs.lang.source import Source

_OBJECT, _CAPABILITY, _ID = Keyword("object"), Keyword("capability"), Keyword("id")
_CONTEXTS = 64  # narrowed contexts that are kept
_DATA_HEADS = frozenset({"enum", "val", "resource"})  # what follows them in a type is no type


def load(host: Host, source: Source, *, replace: bool = False) -> list[str]:
    """Enter what a file defines into the host's marketplace, all of it or nothing; the ids, in order.

    A file that is there already changes nothing. RtfsError when something in it is wrong or an id is taken.
    """
    definitions = Definitions.of(host)
    made = []
    for id, properties in definitions.forms(source).items():
        try:
            provider = _provider(host, source, id, properties)
            if not _same(host.marketplace.find(id), source):
                host.marketplace.admit(provider, replace=replace)
                made.append(provider)
        except (ValueError, RtfsError) as error:
            raise _located(error, source, id) from error
    for provider in made:
        host.marketplace.register(provider, replace=True)
    return list(definitions.forms(source))


class Definitions:
    """The files of one host: each is run once in its session, when one of its capabilities is first needed."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._forms: dict[str, dict[str, Map]] = {}
        self._contexts: dict[tuple[int, tuple[str, ...]], tuple[RuntimeContext, RuntimeContext]] = {}

    @classmethod
    def of(cls, host: Host) -> Definitions:
        """Those of a host, made when first needed."""
        found: Definitions = host.part("definitions", lambda: cls(host))
        return found

    def forms(self, source: Source) -> dict[str, Map]:
        """The capability forms of a file, by id."""
        module = module_of(source)
        found = self._forms.get(module)
        if found is None:
            found = {}
            for value in self._host.evaluator.run_file(source, module):
                if type(value) is Map and value.get(_OBJECT) is _CAPABILITY:
                    id = value.get(_ID)
                    if found.setdefault(id, value) is not value:
                        raise _located(ValueError("it is defined twice"), source, id)
            if not found:
                raise invalid_argument(f"{source.name} defines no capability")
            self._forms[module] = found
        return found

    def narrowed(self, context: RuntimeContext, effects: tuple[str, ...] | None) -> RuntimeContext:
        """The context of a call without the effects that a capability does not declare."""
        if effects is None:
            return context
        known = self._contexts.get((id(context), effects))
        if known is None:
            if len(self._contexts) >= _CONTEXTS:
                self._contexts.clear()
            labels = [effect.lstrip(":") for effect in effects]
            if context.effects is not None:
                allowed = {effect.lstrip(":") for effect in context.effects}
                labels = [label for label in labels if label in allowed]
            known = self._contexts[id(context), effects] = (context, context.replace(effects=tuple(labels)))
        return known[1]  # the entry keeps the context alive whose identity is its key


def module_of(source: Source) -> str:
    """The name of the module that a file is: equal for equal texts of one file."""
    digest = hashlib.sha256(f"{source.name}\0{source.text}".encode()).hexdigest()
    return f"capabilities.{digest[:16]}"


# ---- from a form to a capability


def _provider(host: Host, source: Source, id: str, properties: Map) -> Provider:
    facts = _facts(properties)
    implementation = facts.pop("implementation", None)
    if implementation is None:
        raise ValueError("it has no :implementation")
    least, most = host.evaluator.arity(implementation)
    if least > 1 or (most is not None and most < 1):
        raise ValueError("its :implementation must take one argument, the input")
    module = module_of(source)
    for schema in ("input", "output"):
        if schema in facts:
            facts[schema] = _resolved(facts[schema], lambda name: host.evaluator.find_type(name, module), ())
    form = facts.get("input")
    fields = None if form is None else record_fields(form)
    problem = None if form is None or fields is not None else problem_finder(form)
    if problem is None and fields is None:
        facts["input"] = {"input": ":any"}
    effects = None if facts.get("effects") is None else tuple(facts["effects"])
    run = _Implementation(source, id, effects, problem)
    return Provider(id, run, native=True, nests=True, gathers=fields is not None, **facts)


class _Implementation:
    """What calls the function of a capability form, in whichever session makes the call."""

    def __init__(
        self, source: Source, id: str, effects: tuple[str, ...] | None, problem: Callable[[Any], str | None] | None
    ) -> None:
        self.source = source
        self.id = id
        self.effects = effects
        self._problem = problem  # of an input type that is no record

    async def __call__(self, ctx: CallContext, *args: Any) -> Any:
        definitions = Definitions.of(ctx.host)
        function = definitions.forms(self.source)[self.id].get(Keyword("implementation"))
        whole = self._problem is not None and (len(args) != 1 or self._problem(args[0]) is not None)
        call = ctx.call.replace(security=definitions.narrowed(ctx.security, self.effects))
        try:
            return await ctx.evaluator.effect(function, vector(args) if whole else args[0], call=call)
        except RtfsError as error:
            if _for_lack_of_effects(error) and self.effects is not None:
                error.notes.append(f"in: {self.id}, which declares the effects [{' '.join(self.effects)}]")
            raise


def _for_lack_of_effects(error: RtfsError) -> bool:
    rule = error.data.get(Keyword("rule")) if error.kind == "SecurityViolation" and type(error.data) is Map else None
    return type(rule) is str and rule.startswith("effect")


def _same(present: Provider | None, source: Source) -> bool:
    """Is this capability registered from the same file already?"""
    run = None if present is None else present.function
    return isinstance(run, _Implementation) and module_of(run.source) == module_of(source)


def _located(error: Exception, source: Source, id: Any) -> RtfsError:
    """What is wrong with one form of a file, at its id."""
    text = error.message if isinstance(error, RtfsError) else str(error)
    made = invalid_argument(f"capability {id!r}: {text}" if type(id) is not str else f'capability "{id}": {text}')
    if isinstance(error, RtfsError):
        made.notes.extend(error.notes)
    place = source.text.find(f'"{id}"')
    if place >= 0:
        made.span = source.span(place, place + len(id) + 2)
    return made


# ---- properties


def _text(value: Any) -> str | None:
    return value if type(value) is str else None


def _name(value: Any) -> str | None:
    return value.name if type(value) in (Keyword, Symbol) else _text(value)


def _names(value: Any) -> list[str] | None:
    if not is_vector(value) and type(value) is not List:
        return None
    names = [_name(item) for item in value]
    return None if None in names else [name for name in names if name is not None]


def _labels(value: Any) -> list[str] | None:
    names = _names(value)
    return None if names is None else [f":{name.lstrip(':')}" for name in names]


def _function(value: Any) -> Any:
    wrong = problem_finder(Keyword("fn"))
    return None if wrong is None or wrong(value) is not None else value


def _anything(value: Any) -> Any:
    return value


# property → (fact of a Provider, reader that gives None for a wrong value, what was expected)
_PROPERTIES: dict[str, tuple[str, Callable[[Any], Any], str]] = {
    "name": ("name", _text, "a string"),
    "description": ("description", _text, "a string"),
    "version": ("version", _text, "a string"),
    "provider": ("provider", _text, "a string"),
    "input-schema": ("input", _anything, "a type"),
    "output-schema": ("output", _anything, "a type"),
    "effects": ("effects", _labels, "a vector of keywords"),
    "permissions": ("permissions", _names, "a vector of names"),
    "domains": ("domains", _names, "a vector of names"),
    "categories": ("categories", _names, "a vector of names"),
    "idempotent": ("idempotent", lambda value: value if type(value) is bool else None, "true or false"),
    "approval": ("approval", _name, "a keyword"),
    "metadata": ("metadata", lambda value: value if type(value) is Map else None, "a map"),
    "examples": ("examples", lambda value: list(value) if is_vector(value) else None, "a vector"),
    "language": ("language", lambda value: _name(value) in ("rtfs20", "rtfs") or None, "rtfs20"),
    "implementation": ("implementation", _function, "a function"),
}


def _facts(properties: Map) -> dict[str, Any]:
    """The facts of a Provider that a capability form states. ValueError for an unknown or malformed property."""
    from rtfs.lang.printer import show_brief
    from rtfs.lang.suggest import nearest

    facts: dict[str, Any] = {"description": "a capability written in RTFS"}
    for key, value in properties.entries():
        if key in (_OBJECT, _ID):
            continue
        name = _name(key) or ""
        if name not in _PROPERTIES:
            near = nearest(name, _PROPERTIES)
            raise ValueError(f"unknown property :{name}{f'; did you mean :{near[0]}?' if near else ''}")
        fact, read, expected = _PROPERTIES[name]
        found = read(value)
        if found is None:
            raise ValueError(f":{name}: expected {expected}, got {show_brief(value, 60)}")
        facts[fact] = found
    facts.pop("language", None)
    return facts


def _resolved(form: Any, find: Callable[[str], Any], inside: tuple[str, ...]) -> Any:
    """A type with what its names stand for; a name inside its own definition is anything."""
    if type(form) is Symbol:
        if form.name in inside:
            return Keyword("any")
        found = find(form.name)
        return form if found is None else _resolved(found, find, (*inside, form.name))
    if unmeta(form) is not form:
        return List([form[0], form[1], _resolved(form[2], find, inside)])
    if type(form) is Map:
        return Map.of([(key, _resolved(value, find, inside)) for key, value in form.entries()])
    if not is_vector(form) or (len(form) and getattr(form[0], "name", "") in _DATA_HEADS):
        return form
    return vector([_resolved(part, find, inside) for part in form])
