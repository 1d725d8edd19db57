"""Binding vectors, parameter vectors and destructuring patterns as data (language.md §5.3, §6).

The expander (which names are local, which defaults are expressions) and the compiler (what to bind, in which order)
both read them here, so that they cannot disagree.
"""

from __future__ import annotations

from types import NoneType
from typing import Any

from rtfs.lang.collections import MISSING, List, Map, PVector
from rtfs.lang.errors import syntax_error
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.printer import show
from rtfs.lang.values import Timestamp, Uuid, is_vector

KEYS, STRS, OR, AS = Keyword("keys"), Keyword("strs"), Keyword("or"), Keyword("as")
NESTING_LIMIT = 500  # as in the reader
LITERALS = frozenset({Keyword, str, int, float, bool, NoneType, Timestamp, Uuid})


class Binding:
    """One binding of a binding vector. `type` is a type form or MISSING; the numbers are positions in the vector."""

    __slots__ = ("pattern", "type", "value", "pattern_index", "type_index", "value_index")

    def __init__(self, form: Any, at: int, type_at: int | None, value_at: int) -> None:
        self.pattern = unmeta(form[at])
        self.type = MISSING if type_at is None else form[type_at]
        self.value = form[value_at]
        self.pattern_index = at
        self.type_index = type_at
        self.value_index = value_at


class Param:
    """One parameter: a pattern form (a Symbol for a rest parameter), its type form or MISSING, and their positions."""

    __slots__ = ("pattern", "type", "pattern_index", "type_index")

    def __init__(self, form: Any, at: int, type_at: int | None) -> None:
        self.pattern = unmeta(form[at])
        self.type = MISSING if type_at is None else form[type_at]
        self.pattern_index = at
        self.type_index = type_at


class Params:
    """A parameter vector: the fixed parameters, the rest parameter or None, and the vector form itself."""

    __slots__ = ("fixed", "rest", "form")

    def __init__(self, fixed: list[Param], rest: Param | None, form: Any) -> None:
        self.fixed = fixed
        self.rest = rest
        self.form = form


def unmeta(form: Any) -> Any:
    """A form without the `^{…}` before it."""
    while type(form) is List and len(form) == 3 and type(form[0]) is Symbol and form[0].name == "rtfs/with-meta":
        form = form[2]
    return form


def is_mark(form: Any) -> bool:
    """Is it the annotation mark, a `:` that stands alone?"""
    return type(form) is Symbol and form.name == ":"


def is_pattern(form: Any) -> bool:
    """Can it stand where a pattern is expected: a symbol other than `&`, a vector or a map?"""
    form = unmeta(form)
    if type(form) is Symbol:
        return form.name != "&" and form.name != ":"
    return is_vector(form) or type(form) is Map


def split_bindings(form: Any, form_name: str) -> list[Binding]:
    """A binding vector as bindings, by the parity rule of language.md §5.3. SyntaxError where it cannot be split."""
    if not is_vector(form):
        raise syntax_error(form_name, f"expected a binding vector, got {show(form)}")
    complete = _completable(form)
    bindings: list[Binding] = []
    at, count = 0, len(form)
    while at < count:
        if not is_pattern(form[at]):
            raise syntax_error(form_name, f"expected a name or pattern to bind, got {show(form[at])}", part=(form, at))
        type_at, value_at = None, at + 1
        if value_at < count and is_mark(form[value_at]):
            type_at, value_at = at + 2, at + 3
        elif value_at < count and type(form[value_at]) is Keyword and not complete[at + 2] and at + 2 < count:
            type_at, value_at = at + 1, at + 2
        if value_at >= count:
            raise syntax_error(form_name, f"binding {show(unmeta(form[at]))} has no value", part=(form, at))
        bindings.append(Binding(form, at, type_at, value_at))
        at = value_at + 1
    return bindings


def _completable(form: Any) -> list[bool]:
    """For each position: can the vector be split into complete bindings from there to its end?"""
    count = len(form)
    complete = [False] * count + [True, False, False, False]
    for at in range(count - 2, -1, -1):
        if not is_pattern(form[at]):
            continue
        if is_mark(form[at + 1]):
            complete[at] = complete[at + 4]
        else:
            complete[at] = complete[at + 2] or (type(form[at + 1]) is Keyword and at + 2 < count and complete[at + 3])
    return complete


def split_params(form: Any, form_name: str) -> Params:
    """A parameter vector `[p T? … & rest T?]`: a keyword after a pattern is always its type (language.md §5.3)."""
    if not is_vector(form):
        raise syntax_error(form_name, f"expected a parameter vector, got {show(form)}")
    fixed: list[Param] = []
    at, count = 0, len(form)
    while at < count:
        if type(form[at]) is Symbol and form[at].name == "&":
            return Params(fixed, _rest_param(form, at + 1, form_name), form)
        if not is_pattern(form[at]):
            raise syntax_error(form_name, f"expected a parameter, got {show(form[at])}", part=(form, at))
        type_at, after = _param_type(form, at, form_name)
        fixed.append(Param(form, at, type_at))
        at = after
    return Params(fixed, None, form)


def _param_type(form: Any, at: int, form_name: str) -> tuple[int | None, int]:
    """Position of the type of the parameter at `at`, or None, and the position after both."""
    following = form[at + 1] if at + 1 < len(form) else None
    if type(following) is Keyword:
        return at + 1, at + 2
    if not is_mark(following):
        return None, at + 1
    if at + 2 >= len(form):
        raise syntax_error(form_name, f"expected a type after ':' of {show(unmeta(form[at]))}", part=(form, at))
    return at + 2, at + 3


def _rest_param(form: Any, at: int, form_name: str) -> Param:
    if at >= len(form):
        raise syntax_error(form_name, "expected a name after &", part=(form, at - 1))
    if type(unmeta(form[at])) is not Symbol or not is_pattern(form[at]):
        raise syntax_error(form_name, f"expected a name after &, got {show(form[at])}", part=(form, at))
    type_at, after = _param_type(form, at, form_name)
    if after < len(form):
        raise syntax_error(form_name, f"unexpected {show(form[after])} after the rest parameter", part=(form, after))
    return Param(form, at, type_at)


class PName:
    """Binds the whole value to a name."""

    __slots__ = ("symbol",)

    def __init__(self, symbol: Symbol) -> None:
        self.symbol = symbol


class PIgnore:
    """Binds nothing."""

    __slots__ = ()


class PVec:
    """Takes a vector, list, string or nil apart by position. `rest` and `whole` are symbols to bind, or None."""

    __slots__ = ("items", "rest", "whole", "form")

    def __init__(self, items: list[Pattern], rest: Symbol | None, whole: Symbol | None, form: Any) -> None:
        self.items = items
        self.rest = rest
        self.whole = whole
        self.form = form


class PEntry:
    """One key of a map pattern; `default` is the expression for a missing key, or MISSING."""

    __slots__ = ("key", "pattern", "default")

    def __init__(self, key: Any, pattern: Pattern) -> None:
        self.key = key
        self.pattern = pattern
        self.default: Any = MISSING


class PMap:
    """Takes a map, error or nil apart by key. Bound in this order: `whole`, the entries as written, `rest`."""

    __slots__ = ("entries", "rest", "whole", "form")

    def __init__(self, entries: list[PEntry], rest: Symbol | None, whole: Symbol | None, form: Any) -> None:
        self.entries = entries
        self.rest = rest
        self.whole = whole
        self.form = form


Pattern = PName | PIgnore | PVec | PMap


def parse_pattern(form: Any, form_name: str = "let") -> Pattern:
    """A pattern form as a tree (language.md §6). SyntaxError, naming `form_name`, for what is no pattern."""
    return _parse(form, form_name, 0)


def _parse(form: Any, form_name: str, depth: int) -> Pattern:
    form = unmeta(form)
    if depth > NESTING_LIMIT:
        raise syntax_error(form_name, f"a pattern nested deeper than {NESTING_LIMIT}")
    if type(form) is Symbol and is_pattern(form):
        if form.name[0] == "." and len(form.name) > 1:
            raise syntax_error(form_name, f"{form.name} cannot be bound: a name with a leading dot is called")
        return PIgnore() if form.name == "_" else PName(form)
    if type(form) is tuple or type(form) is PVector:
        return _parse_vector(form, form_name, depth)
    if type(form) is Map:
        return _parse_map(form, form_name, depth)
    raise syntax_error(form_name, f"{show(form)} is not a name or pattern to bind")


def _parse_vector(form: Any, form_name: str, depth: int) -> PVec:
    items: list[Pattern] = []
    rest: Symbol | None = None
    whole: Symbol | None = None
    at, count = 0, len(form)
    while at < count:
        part = form[at]
        special = "&" if type(part) is Symbol and part.name == "&" else ":as" if part is AS else None
        if special is None:
            if rest is not None or whole is not None:
                raise syntax_error(
                    form_name, f"unexpected {show(part)} at the end of pattern {show(form)}", part=(form, at)
                )
            items.append(_parse(part, form_name, depth + 1))
            at += 1
            continue
        if at + 1 >= count:
            raise syntax_error(form_name, f"expected a name after {special} in pattern {show(form)}", part=(form, at))
        name = _plain_name(form[at + 1], special, form_name)
        if whole is not None or (special == "&" and rest is not None):
            raise syntax_error(form_name, f"unexpected {special} at the end of pattern {show(form)}", part=(form, at))
        rest, whole = (name, whole) if special == "&" else (rest, name)
        at += 2
    return PVec(items, _bound(rest), _bound(whole), form)


def _plain_name(form: Any, after: str, form_name: str) -> Symbol:
    name = unmeta(form)
    if type(name) is not Symbol or not is_pattern(name):
        raise syntax_error(form_name, f"expected a name after {after}, got {show(form)}")
    return name


def _bound(name: Symbol | None) -> Symbol | None:
    return None if name is None or name.name == "_" else name


def map_pairs(form: Map) -> list[tuple[Any, Any]]:
    """The pairs of a map form as written, repeated keys included (language.md §1.6)."""
    return list(form.pairs) if form.pairs is not None else form.entries()


def _parse_map(form: Map, form_name: str, depth: int) -> PMap:
    entries: list[PEntry] = []
    defaults: list[tuple[Any, Any]] = []
    ends: dict[str, Symbol] = {}
    for key, part in map_pairs(form):
        if key is KEYS or key is STRS:
            entries.extend(_named_keys(key, part, form_name))
        elif key is OR:
            if type(part) is not Map:
                raise syntax_error(form_name, f"expected a map of defaults after :or, got {show(part)}")
            defaults.extend(map_pairs(part))
        elif key is AS or (type(key) is Symbol and key.name == "&"):
            ends["&" if type(key) is Symbol else ":as"] = _plain_name(part, show(key), form_name)
        else:
            literal, pattern = _sides(key, part, form_name)
            entries.append(PEntry(literal, _parse(pattern, form_name, depth + 1)))
    _set_defaults(entries, defaults, form_name)
    return PMap(entries, _bound(ends.get("&")), _bound(ends.get(":as")), form)


def _named_keys(kind: Keyword, names: Any, form_name: str) -> list[PEntry]:
    """`:keys [a ns/b :c]` or `:strs [a]`."""
    if not is_vector(names):
        raise syntax_error(form_name, f"expected a vector of names after {show(kind)}, got {show(names)}")
    entries = []
    for form in names:
        name = unmeta(form)
        if not (type(name) is Symbol and is_pattern(name)) and not (kind is KEYS and type(name) is Keyword):
            raise syntax_error(form_name, f"expected a name in {show(kind)}, got {show(form)}")
        local = name.name.rpartition("/")[2] or name.name
        key = Keyword(name.name) if kind is KEYS else name.name
        symbol = Symbol(local, span=getattr(name, "span", None))
        entries.append(PEntry(key, PIgnore() if local == "_" else PName(symbol)))
    return entries


def _sides(key: Any, part: Any, form_name: str) -> tuple[Any, Any]:
    """The key to look up and the pattern of `{:k p}` or `{p :k}`: exactly one side is a literal."""
    key_literal, part_literal = type(key) in LITERALS, type(part) in LITERALS
    if key_literal and part_literal:
        raise syntax_error(form_name, f"nothing to bind in {show(key)} {show(part)} of a map pattern")
    if not key_literal and not part_literal:
        raise syntax_error(form_name, f"no key in {show(key)} {show(part)} of a map pattern")
    return (key, part) if key_literal else (part, key)


def _set_defaults(entries: list[PEntry], defaults: list[tuple[Any, Any]], form_name: str) -> None:
    for name, expression in defaults:
        if type(name) is not Symbol:
            raise syntax_error(form_name, f"expected a name in :or, got {show(name)}")
        named = [e for e in entries if type(e.pattern) is PName and e.pattern.symbol.name == name.name]
        if not named:
            raise syntax_error(form_name, f":or gives a default for {name.name}, which the map pattern does not bind")
        for entry in named:
            entry.default = expression


def pattern_names(pattern: Pattern) -> list[Symbol]:
    """The symbols that a pattern binds, in the order of binding, repetitions included."""
    if type(pattern) is PName:
        return [pattern.symbol]
    names: list[Symbol] = []
    if type(pattern) is PVec:
        for item in pattern.items:
            names.extend(pattern_names(item))
        names.extend(name for name in (pattern.rest, pattern.whole) if name is not None)
    elif type(pattern) is PMap:
        names.extend([pattern.whole] if pattern.whole is not None else [])
        for entry in pattern.entries:
            names.extend(pattern_names(entry.pattern))
        names.extend([pattern.rest] if pattern.rest is not None else [])
    return names
