"""Locals whose keys are looked up more than once: the storage of the map is taken out once, and each lookup asks it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from rtfs.eval import emit
from rtfs.eval.scope import ANY, MAP, Scope
from rtfs.lang.collections import List, Map, PVector
from rtfs.lang.names import Keyword, Symbol

if TYPE_CHECKING:
    from rtfs.eval.compiler import Compiler


def count_lookups(form: Any) -> Counter[str]:
    """How often a form says `(:key name)` or `(assoc name …)`, by name. What shadows what does not matter here."""
    counts: Counter[str] = Counter()
    stack = [form]
    while stack:
        part = stack.pop()
        kind = type(part)
        if kind is List:
            head = part[0] if part else None
            looks = type(head) is Keyword or (type(head) is Symbol and head.name == "assoc")
            if looks and len(part) > 1 and type(part[1]) is Symbol:
                counts[part[1].name] += 1
            stack.extend(part)
        elif kind is tuple or kind is PVector:
            stack.extend(part)
        elif kind is Map:
            for pair in part.entries() if part.pairs is None else part.pairs:
                stack.extend(pair)
    return counts


def keep_storage(c: Compiler, scope: Scope) -> None:
    """Take out the storage of the locals that a scope has just bound and that are asked at least twice.

    What is no map gets a stand-in that answers as the keyword would: an error comes where the lookup stands, if at all.
    """
    at = c.at
    for name, binding in scope.names.items():
        if c.lookups[name] < 2 or binding.boxed or binding.container or binding.frame is not c.frame:
            continue
        kind = c.frame.facts.get(binding.python, ANY)
        if not kind & MAP:
            continue
        value = emit.name(binding.python, at)
        storage = emit.attribute(value, "raw", at)
        if kind != MAP:
            test = emit.is_(emit.type_of(value, at), emit.name("#Map", at), at)
            storage = emit.choose(test, storage, emit.call("#unmapped", [value], at), at)
        raw = c.fresh("raw")
        c.block.append(emit.assign(raw, storage, at))
        c.frame.storage[binding.python] = raw
