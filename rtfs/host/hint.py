"""Execution hints of a form, put around the provider of each call made under it (host.md §5).

A file of `hints/` is the hint `runtime.learning.<file>`. It says its place among the others (`ORDER`, outermost first),
its options (`FIELDS`) and what it does (`around`). A hint that nobody knows, or that is malformed, fails the call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import CoroutineType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from rtfs.lang.collections import Map
from rtfs.lang.errors import HostCallError, RtfsError
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.adapt import Handler
    from rtfs.host.pipeline import Route
    from rtfs.lang.outcome import HostCall

    Instead = Callable[[RtfsError, HostCall, tuple[Any, ...], dict[str, Any]], Any]

PREFIX = "runtime.learning."
_FOLDER = "rtfs.host.hints"


class Field(NamedTuple):
    """One option of a hint: its kind (a key of `KINDS`) and what counts when it is not given (`...`: it must be)."""

    kind: str
    default: Any


class Hint(Protocol):
    """A file of the folder."""

    ORDER: int
    FIELDS: Mapping[str, Field]

    @staticmethod
    def around(way: Route, options: dict[str, Any], inner: Handler) -> Handler:
        """A handler around `inner` that does what the hint says. Options have Python names."""
        ...


def _whole(value: Any, least: int) -> bool:
    return type(value) is int and value >= least


def _number(value: Any, least: float) -> bool:
    return type(value) in (int, float) and least <= value < float("inf")


# kind → (does a value fit, what was expected)
KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "count": (lambda value: _whole(value, 0), "a whole number from 0"),
    "positive": (lambda value: _whole(value, 1), "a whole number from 1"),
    "rate": (lambda value: _number(value, 0) and value > 0, "a number above 0"),
    "factor": (lambda value: _number(value, 1), "a number from 1"),
    "boolean": (lambda value: type(value) is bool, "true or false"),
    "capability": (
        lambda value: (type(value) is str and value != "") or type(value) is Keyword,
        "the id of a capability",
    ),
    "text": (lambda value: type(value) in (str, Keyword), "a string or keyword"),
}


def around(way: Route, hints: Mapping[str, Any], inner: Handler) -> Handler:
    """The handler of one call under these hints. HostError of `:type :bad-hint` when one of them is malformed."""
    layers = []
    for name, value in hints.items():
        hint = _find(way, name)
        if value is not None and value is not False:
            layers.append((hint, _options(way, name, hint, value)))
    layers.sort(key=lambda layer: layer[0].ORDER)
    for hint, options in reversed(layers):
        inner = hint.around(way, options, inner)
    return inner


def _find(way: Route, name: str) -> Hint:
    from rtfs.lang.suggest import nearest

    file = name.removeprefix(PREFIX).replace("-", "_")
    if name.startswith(PREFIX) and file.isidentifier() and file in _files():
        found: Any = import_module(f"{_FOLDER}.{file}")
        return found  # type: ignore[no-any-return]
    near = nearest(file.rpartition(".")[2], _files())
    raise _malformed(way, name, "there is no such hint", [PREFIX + one.replace("_", "-") for one in near])


def _files() -> list[str]:
    if not _found:
        import pkgutil

        _found.extend(entry.name for entry in pkgutil.iter_modules(import_module(_FOLDER).__path__))
    return _found


_found: list[str] = []


def _options(way: Route, name: str, hint: Hint, value: Any) -> dict[str, Any]:
    """The options of a hint under their Python names, defaults filled in; `true` stands for no options."""
    from rtfs.lang.printer import show
    from rtfs.lang.suggest import nearest

    if value is not True and type(value) is not Map:
        raise _malformed(way, name, f"expected a map, got {show(value)}")
    given = {} if value is True else {getattr(key, "name", key): item for key, item in value.entries()}
    for key in given:
        if key not in hint.FIELDS:
            near = nearest(str(key), hint.FIELDS)
            raise _malformed(way, name, f"unknown option :{key}", [f":{name}" for name in near])
    options = {}
    for key, field in hint.FIELDS.items():
        fits, expected = KINDS[field.kind]
        item = given.get(key, field.default)
        if item is ...:
            raise _malformed(way, name, f":{key} is missing")
        if key in given and not fits(item):
            raise _malformed(way, name, f":{key}: expected {expected}, got {show(item)}")
        options[key.replace("-", "_")] = getattr(item, "name", item)
    return options


def _malformed(way: Route, name: str, text: str, near: list[str] | None = None) -> HostCallError:
    data = Map.of([(Keyword("capability"), way.id), (Keyword("hint"), name)])
    notes = tuple(f"did you mean `{one}`?" for one in near or ())
    return HostCallError("HostError", f"Invalid hint {name}: {text}", type="bad-hint", data=data, notes=notes)


# ---- what several hints need to know


_OURS = frozenset({"input-validation", "bad-hint", "bad-manifest"})


def transient(error: BaseException) -> bool:
    """Is it a failure of the provider, which another try might not meet? Refusals and wrong input are none."""
    return isinstance(error, RtfsError) and error.kind in ("HostError", "StreamError") and error.type not in _OURS


def memory(way: Route, hint: str, make: Callable[[], Any]) -> Any:
    """What a hint remembers of a capability from call to call, as long as the host lives."""
    store: dict[tuple[str, str], Any] = way.host.part("hints", dict)
    found = store.get((hint, way.id))
    if found is None:
        found = store[hint, way.id] = make()
    return found


def recovering(inner: Handler, instead: Instead) -> Handler:
    """`inner`, but `instead(failure, call, args, named)` answers for a transient failure. Both may be awaited."""

    async def awaited(work: Any, call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        try:
            return await work
        except RtfsError as failure:
            if not transient(failure):
                raise
            result = instead(failure, call, args, named)
            return await result if type(result) is CoroutineType else result

    def recovered(call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        try:
            result = inner(call, args, named)
        except RtfsError as failure:
            if not transient(failure):
                raise
            return instead(failure, call, args, named)
        return awaited(result, call, args, named) if type(result) is CoroutineType else result

    return recovered
