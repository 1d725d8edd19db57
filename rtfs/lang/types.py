"""Type expressions as data (language.md §12.2, §12.3): `schema.py` reads them, `conform.py` checks values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Type:
    """A type. `form` is its expression as data, names of built-in types as keywords: `[:vector :int]`."""

    __slots__ = ("checkers", "form")

    def __init__(self, form: Any) -> None:
        self.form = form
        self.checkers: dict[str, Any] = {}  # checking level → compiled check (conform.py)

    @property
    def parts(self) -> tuple[Type, ...]:
        """The types this one is made of, a named type's target excepted."""
        return ()

    def __repr__(self) -> str:
        from rtfs.lang.printer import show  # deferred: only for people

        return show(self.form)


class Primitive(Type):
    """One or several kinds, by name: `:int`, `:number`, `:function`, `:any` (kinds None), `:never` (no kinds)."""

    __slots__ = ("kinds", "name")

    def __init__(self, name: str, kinds: frozenset[type] | None, form: Any) -> None:
        super().__init__(form)
        self.name = name
        self.kinds = kinds


class Sequence(Type):
    """`[:vector T]`, `[:list T]` or `[:seq T]`; `kind` is `vector`, `list` or `seq`."""

    __slots__ = ("item", "kind")

    def __init__(self, kind: str, item: Type, form: Any) -> None:
        super().__init__(form)
        self.kind = kind
        self.item = item

    @property
    def parts(self) -> tuple[Type, ...]:
        return (self.item,)


class Tuple(Type):
    """`[:tuple T …]`."""

    __slots__ = ("items",)

    def __init__(self, items: tuple[Type, ...], form: Any) -> None:
        super().__init__(form)
        self.items = items

    @property
    def parts(self) -> tuple[Type, ...]:
        return self.items


class Field:
    """An entry of a record: a keyword, string or integer key."""

    __slots__ = ("key", "optional", "type")

    def __init__(self, key: Any, type: Type, optional: bool) -> None:
        self.key = key
        self.type = type
        self.optional = optional


class Record(Type):
    """`[:map [:k T] …]`; `others` is the type of all other values (`[:* T]`), None when the record is open."""

    __slots__ = ("fields", "others")

    def __init__(self, fields: tuple[Field, ...], others: Type | None, form: Any) -> None:
        super().__init__(form)
        self.fields = fields
        self.others = others

    @property
    def parts(self) -> tuple[Type, ...]:
        named = tuple(field.type for field in self.fields)
        return named if self.others is None else (*named, self.others)


class MapOf(Type):
    """`[:map-of K V]`."""

    __slots__ = ("key", "value")

    def __init__(self, key: Type, value: Type, form: Any) -> None:
        super().__init__(form)
        self.key = key
        self.value = value

    @property
    def parts(self) -> tuple[Type, ...]:
        return (self.key, self.value)


class Function(Type):
    """`[:fn [P … & R] T]`: at run time any callable."""

    __slots__ = ("params", "rest", "result")

    def __init__(self, params: tuple[Type, ...], rest: Type | None, result: Type, form: Any) -> None:
        super().__init__(form)
        self.params = params
        self.rest = rest
        self.result = result

    @property
    def parts(self) -> tuple[Type, ...]:
        rest = () if self.rest is None else (self.rest,)
        return (*self.params, *rest, self.result)


class Union(Type):
    """`[:union T …]`, and `T?` as the union of `T` and nil."""

    __slots__ = ("members",)

    def __init__(self, members: tuple[Type, ...], form: Any) -> None:
        super().__init__(form)
        self.members = members

    @property
    def parts(self) -> tuple[Type, ...]:
        return self.members


class Intersection(Type):
    """`[:and X …]`; each a type or a `Predicate`."""

    __slots__ = ("members",)

    def __init__(self, members: tuple[Type, ...], form: Any) -> None:
        super().__init__(form)
        self.members = members

    @property
    def parts(self) -> tuple[Type, ...]:
        return self.members


class Enum(Type):
    """`[:enum v …]` or `[:val v]`."""

    __slots__ = ("values",)

    def __init__(self, values: tuple[Any, ...], form: Any) -> None:
        super().__init__(form)
        self.values = values


class Array(Type):
    """`[:array T [d …]]`: nested vectors; a dimension None is any size."""

    __slots__ = ("dimensions", "item")

    def __init__(self, item: Type, dimensions: tuple[int | None, ...], form: Any) -> None:
        super().__init__(form)
        self.item = item
        self.dimensions = dimensions

    @property
    def parts(self) -> tuple[Type, ...]:
        return (self.item,)


class Resource(Type):
    """`[:resource Name]`: handles `resource://Name…`."""

    __slots__ = ("name",)

    def __init__(self, name: str, form: Any) -> None:
        super().__init__(form)
        self.name = name


class Named(Type):
    """A `defstruct` or `deftype` name. `target` is None for an unknown name, which accepts everything."""

    __slots__ = ("name", "target")

    def __init__(self, name: str, form: Any) -> None:
        super().__init__(form)
        self.name = name
        self.target: Type | None = None


class Predicate(Type):
    """`[:> 0]`, `[:matches-regex "…"]` …: holds for some values (language.md §12.3)."""

    __slots__ = ("arguments", "holds", "name")

    def __init__(self, name: str, arguments: tuple[Any, ...], holds: Callable[[Any], bool], form: Any) -> None:
        super().__init__(form)
        self.name = name
        self.arguments = arguments
        self.holds = holds


def unknown_names(root: Type) -> list[str]:
    """The names in a type that name no type, in order of appearance (a warning of `rtfs check`, §12.1)."""
    names: list[str] = []
    pending, seen = [root], set[int]()
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        parts = node.parts
        if isinstance(node, Named):
            if node.target is None and node.name not in names:
                names.append(node.name)
            parts = () if node.target is None else (node.target,)
        pending.extend(reversed(parts))
    return names
