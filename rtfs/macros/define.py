"""What a `defmacro` form defines."""

from __future__ import annotations

from typing import Any

from rtfs.lang.collections import List, Map
from rtfs.lang.errors import syntax_error
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.values import is_vector


def macro_parts(form: List) -> tuple[str, list[tuple[str, Any]], List]:
    """Name, constant metadata, and the function over forms, of `(defmacro name "doc"? {attrs}? [params] body+)`."""
    name = form[1] if len(form) > 1 else None
    metadata: list[tuple[str, Any]] = []
    while type(name) is List and len(name) == 3 and name[0] == Symbol("rtfs/with-meta"):
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


def _constants(metadata: Map) -> list[tuple[str, Any]]:
    plain = (str, int, float, bool, type(None))
    return [(key.name, value) for key, value in metadata.entries() if type(key) is Keyword and type(value) in plain]
