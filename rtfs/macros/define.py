"""What a `defmacro` form defines."""

from __future__ import annotations

from typing import Any

from rtfs.lang.collections import List, Map
from rtfs.lang.errors import syntax_error
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.pattern import map_pairs
from rtfs.lang.values import is_vector
from rtfs.macros.quasiquote import META, head


def macro_parts(form: List) -> tuple[str, list[tuple[str, Any]], List]:
    """Name, constant metadata, and the function over forms, of `(defmacro name "doc"? {attrs}? [params] body+)`.

    SyntaxError for a malformed form. Metadata that is computed is left out.
    """
    name: Any = form[1] if len(form) > 1 else None
    metadata: list[tuple[str, Any]] = []
    while head(name) == META:
        metadata += _constants(name[1])
        name = name[2]
    if type(name) is not Symbol:
        raise syntax_error("defmacro", "expected a name")
    index = 2
    if len(form) > index + 1 and type(form[index]) is str:
        metadata.append(("doc", form[index]))
        index += 1
    if len(form) > index + 1 and type(form[index]) is Map:
        metadata += _constants(form[index])
        index += 1
    if index >= len(form) or not is_vector(form[index]):
        raise syntax_error("defmacro", "expected a parameter vector")
    if index + 1 >= len(form):
        raise syntax_error("defmacro", "expected a body")
    return name.name, metadata, List((Symbol("rtfs/macro"), name, *form[index:]))


def annotated_macro(form: Any) -> Any:
    """`^{…} (defmacro name …)` with the metadata before the name; other forms as they are."""
    if head(form) != META or len(form) != 3:
        return form
    target = annotated_macro(form[2])
    if head(target) != "defmacro" or len(target) < 2:
        return form
    return List((target[0], List((form[0], form[1], target[1])), *target[2:]))


def _constants(metadata: Map) -> list[tuple[str, Any]]:
    return [(key.name, value) for key, value in map_pairs(metadata) if type(key) is Keyword and _is_plain(value)]


def _is_plain(value: Any) -> bool:
    if type(value) is tuple:
        return all(_is_plain(part) for part in value)
    return value is None or type(value) in (str, int, float, bool)
