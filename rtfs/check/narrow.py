"""What a test tells about a value: the part of a type for which it holds, and the part for which it does not."""

from __future__ import annotations

from rtfs.check.kind import (
    ANY,
    BOOL,
    ERROR,
    FLOAT,
    FUNCTION,
    INT,
    KEYWORD,
    LIST,
    MAP,
    NEVER,
    NIL,
    NUMBER,
    RESOURCE,
    SEQ,
    STRING,
    SYMBOL,
    TIMESTAMP,
    UUID,
    VECTOR,
    constant,
    either,
    is_any,
    is_never,
    target,
)
from rtfs.check.overlap import Overlap
from rtfs.lang.types import Type, Union

FALSY = either((NIL, constant(False)))
_MAYBE_FALSY = either((NIL, BOOL))

# library predicate → the type it tests for, and whether it holds for all of that type
PREDICATES: dict[str, tuple[Type, bool]] = {
    "nil?": (NIL, True),
    "int?": (INT, True),
    "integer?": (INT, True),
    "float?": (FLOAT, False),
    "number?": (NUMBER, True),
    "string?": (STRING, True),
    "string-p": (STRING, True),
    "bool?": (BOOL, True),
    "boolean?": (BOOL, True),
    "keyword?": (KEYWORD, True),
    "symbol?": (SYMBOL, True),
    "vector?": (VECTOR, True),
    "list?": (LIST, True),
    "map?": (MAP, True),
    "fn?": (FUNCTION, False),
    "function?": (FUNCTION, False),
    "ifn?": (FUNCTION, True),
    "error?": (ERROR, True),
    "timestamp?": (TIMESTAMP, True),
    "uuid?": (UUID, True),
    "resource?": (RESOURCE, True),
    "sequential?": (SEQ, True),
    "coll?": (either((SEQ, MAP)), True),
    "associative?": (either((VECTOR, MAP)), True),
    "seqable?": (either((NIL, STRING, SEQ, MAP)), True),
    "pos-int?": (INT, False),
    "neg-int?": (INT, False),
    "nat-int?": (INT, False),
}


class Narrowing:
    """Parts of types, under one memory of comparisons."""

    def __init__(self, overlap: Overlap) -> None:
        self._overlap = overlap

    def within(self, type: Type, test: Type) -> Type:
        """The part of `type` for whose values a test may hold that holds only for values of `test`."""
        node = target(type)
        if is_any(node):
            return test
        if isinstance(node, Union):
            return _union(self.within(member, test) for member in node.members)
        if self._overlap.strict.holds(node, test):
            return type
        if self._overlap.disjoint(node, test):
            return NEVER
        if isinstance(test, Union):
            return _union(self.within(node, member) for member in test.members)
        return test if self._overlap.strict.holds(test, node) else type

    def without(self, type: Type, test: Type) -> Type:
        """The part of `type` that is left when a test fails that holds for all values of `test`."""
        node = target(type)
        if isinstance(node, Union):
            return _union(self.without(member, test) for member in node.members)
        return NEVER if not is_any(node) and self._overlap.strict.holds(node, test) else type

    def truthy(self, type: Type) -> Type:
        return self.without(type, FALSY)

    def falsy(self, type: Type) -> Type:
        return self.within(type, _MAYBE_FALSY)


def _union(members: object) -> Type:
    found = [member for member in members if not is_never(member)]  # type: ignore[attr-defined]
    return ANY if any(map(is_any, found)) else either(found)
