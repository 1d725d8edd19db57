"""Which callbacks are pure in the narrow sense: they call nothing but builtins that call nothing themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.eval.function import FN_NAMES, is_vector_form
from rtfs.eval.registry import TOPICS
from rtfs.lang.collections import List, Map
from rtfs.lang.names import Keyword, Symbol

if TYPE_CHECKING:
    from rtfs.eval.compiler import Compiler
    from rtfs.eval.scope import Scope

# Topics whose functions all take values and call none, and such functions of other topics.
_TOPICS = frozenset({"bits", "comparison", "construct", "convert", "format", "json", "math", "number", "string"})
_NAMES = frozenset({
    "assoc", "assoc-in", "contains?", "dissoc", "find", "get", "get-in", "keys", "merge", "select-keys", "vals",
    "butlast", "count", "drop", "drop-last", "empty?", "first", "last", "next", "nth", "peek", "pop", "rest", "reverse",
    "second", "seq", "subvec", "take", "take-last",
    "boolean?", "even?", "false?", "float?", "int?", "integer?", "keyword?", "list?", "map?", "nan?", "neg?", "nil?",
    "number?", "odd?", "pos?", "some?", "string?", "symbol?", "true?", "type", "vector?", "zero?",
    "distinct", "frequencies", "range", "re-find", "re-matches", "re-seq", "sort",
})  # fmt: skip
_CONTROL = frozenset({"if", "do", "and", "or"})


def is_pure(c: Compiler, form: Any, scope: Scope) -> bool:
    """May calls of this callback be done again, or in another order, without anybody noticing but for errors?"""
    if type(form) is Symbol:
        return _is_pure_builtin(c, form, scope)
    if type(form) is List and form and type(form[0]) is Symbol and form[0].name in FN_NAMES:
        return _Walk(c, scope).all_pure(form[1:])
    return False


def _is_pure_builtin(c: Compiler, symbol: Symbol, scope: Scope) -> bool:
    name = symbol.name.lstrip(".")
    return (name in _NAMES or TOPICS.get(name) in _TOPICS) and c.is_builtin(symbol, scope)


class _Walk:
    """A walk over the parts of a function literal: parameters, their defaults, the body."""

    def __init__(self, c: Compiler, scope: Scope) -> None:
        self.c = c
        self.scope = scope
        self.heads: set[str] = set()
        self.bound: set[str] = set()

    def all_pure(self, parts: Any) -> bool:
        """No name that is called may be bound inside: it could be a function then."""
        stack = list(parts)
        self.bound |= _symbols(parts[0])
        while stack:
            form = stack.pop()
            if type(form) is List and form:
                if not self._call(form):
                    return False
                stack.extend(form[1:])
            elif is_vector_form(form):
                stack.extend(form)
            elif type(form) is Map:
                for pair in form.pairs or form.entries():
                    stack.extend(pair)
        return not self.heads & self.bound

    def _call(self, form: List) -> bool:
        head = form[0]
        if type(head) is Keyword:
            return 2 <= len(form) <= 3
        if type(head) is not Symbol:
            return False
        if head.name == "let":
            return self._let(form)
        if head.name in _CONTROL:
            return True
        self.heads.add(head.name)
        return head.name not in self.c.special and _is_pure_builtin(self.c, head, self.scope)

    def _let(self, form: List) -> bool:
        """A `let` without types, which could have predicates of the program."""
        bindings = form[1] if len(form) > 1 and is_vector_form(form[1]) else (1,)
        if len(bindings) % 2 or any(type(each) is Keyword or each == Symbol(":") for each in bindings[::2]):
            return False
        for pattern in bindings[::2]:
            self.bound |= _symbols(pattern)
        return True


def _symbols(form: Any) -> set[str]:
    from rtfs.eval.special.binding import symbols_of

    return symbols_of(form)
