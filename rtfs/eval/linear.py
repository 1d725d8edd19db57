"""Which folds use their accumulator linearly: each turn changes it once or passes it on, and keeps it nowhere.

`(reduce (fn [found x] (if (ok? x) (conj found (f x)) found)) [] xs)` cannot tell whether `found` is one vector that
grows or a new one each turn. Neither can what `for` expands to, or a fold that collects into a map.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.eval.callback import Callback, find_callback
from rtfs.eval.function import FN_NAMES, is_vector_form
from rtfs.lang.collections import List, Map
from rtfs.lang.definition import local_definitions
from rtfs.lang.names import Keyword, Symbol

if TYPE_CHECKING:
    from rtfs.eval.compiler import Compiler
    from rtfs.eval.scope import Scope

READS = {"vector": {"count": 2, "empty?": 2, "last": 2, "peek": 2}, "map": {"count": 2, "empty?": 2, "contains?": 3}}


def operation(c: Compiler, form: Any, scope: Scope) -> str | None:
    """The library function that a call means; None when it is no such call."""
    if type(form) is not List or not form or type(form[0]) is not Symbol or not c.is_builtin(form[0], scope):
        return None
    name: str = form[0].name
    return name.removeprefix("rtfs/")


def folded(c: Compiler, form: List, scope: Scope) -> tuple[Callback, str] | None:
    """The callback of a `reduce` and the name of its accumulator, when both are plain to see."""
    callback = find_callback(c, form[1], 2, scope) if len(form) == 4 else None
    if callback is None or callback.clause is None:
        return None
    name = callback.clause.params.fixed[0].pattern
    return (callback, name.name) if type(name) is Symbol and name.name not in ("_", "&") else None


class Linear:
    """The question for one fold, whose accumulator is a `vector` or a `map`."""

    def __init__(self, c: Compiler, scope: Scope, kind: str) -> None:
        self.c = c
        self.scope = scope
        self.kind = kind
        self.heads: set[str] = set()  # library functions that the fold relies on
        self.bound: set[str] = set()  # names bound in it, which could hide them

    def answer(self, callback: Callback, name: str) -> bool:
        return self.body(callback, name) and not self.heads & self.bound

    def body(self, callback: Callback, name: str) -> bool:
        """Is the accumulator used linearly in all of a callback? What the other parameter binds must not hide it."""
        clause = callback.clause
        assert clause is not None
        forms = clause.form[clause.start :]
        pattern = _symbols(clause.params.fixed[1].pattern)
        self.bound |= {name, *pattern, *local_definitions(forms)}
        if name in pattern or len(forms) == 0:
            return False
        return all(self.reads(form, name) for form in forms[:-1]) and self.tail(forms[-1], name)

    def tail(self, form: Any, name: str) -> bool:
        """Is the value of the form the accumulator, changed at most once?"""
        if type(form) is Symbol:
            return form.name == name
        if type(form) is not List or not form or type(form[0]) is not Symbol:
            return False
        head = form[0].name
        if head == "if":
            return len(form) == 4 and self.reads(form[1], name) and all(self.tail(part, name) for part in form[2:])
        if head == "do":
            return len(form) > 1 and self.all_read(form[1:-1], name) and self.tail(form[-1], name)
        if head == "let":
            return self._let(form, name)
        changed = operation(self.c, form, self.scope)
        self.heads.add(head)
        if changed == "reduce":
            return self._inner(form, name)
        if changed is None or len(form) < 3 or type(form[1]) is not Symbol or form[1].name != name:
            return False
        return self._changes(changed, form, name)

    def _changes(self, changed: str, form: List, name: str) -> bool:
        if self.kind == "vector":
            return changed == "conj" and self.all_read(form[2:], name)
        if changed == "update" and len(form) > 3:
            callback = find_callback(self.c, form[3], len(form) - 3, self.scope)
            return callback is not None and name not in _symbols(form[3]) and self.all_read(form[2:], name)
        return (changed == "dissoc" or (changed == "assoc" and len(form) % 2 == 0)) and self.all_read(form[2:], name)

    def _let(self, form: List, name: str) -> bool:
        if len(form) < 3 or not is_vector_form(form[1]) or len(form[1]) % 2:
            return False
        patterns = set().union(*(_symbols(pattern) for pattern in form[1][::2]))
        self.bound |= {*patterns, *local_definitions(form[2:])}
        if name in patterns or not self.all_read(form[1][1::2], name):
            return False
        return self.all_read(form[2:-1], name) and self.tail(form[-1], name)

    def _inner(self, form: List, name: str) -> bool:
        """A fold in the fold, which goes on with the accumulator."""
        found = folded(self.c, form, self.scope)
        if found is None or type(form[2]) is not Symbol or form[2].name != name:
            return False
        callback, inner = found
        apart = inner == name or name not in _symbols(form[1])
        return apart and self.reads(form[3], name) and self.body(callback, inner)

    def all_read(self, forms: Any, name: str) -> bool:
        return all(self.reads(form, name) for form in forms)

    def reads(self, form: Any, name: str) -> bool:
        """Is the accumulator at most asked for something that is known at once, and no closure holds it?"""
        if type(form) is Symbol:
            return form.name != name
        if is_vector_form(form):
            return self.all_read(form, name)
        if type(form) is Map:
            return all(self.all_read(pair, name) for pair in form.pairs or form.entries())
        if type(form) is not List or not form:
            return True
        head = form[0]
        if type(head) is Symbol and (head.name in FN_NAMES or head.name == "quote"):
            return name not in _symbols(form)
        if len(form) > 1 and type(form[1]) is Symbol and form[1].name == name and self._lookup(form):
            return self.all_read(form[2:], name)
        return self.all_read(form, name)

    def _lookup(self, form: List) -> bool:
        if type(form[0]) is Keyword:
            return self.kind == "map" and len(form) <= 3
        asked = operation(self.c, form, self.scope)
        self.heads.add(form[0].name if type(form[0]) is Symbol else "")
        if asked == "get":
            return self.kind == "map" and len(form) in (3, 4)
        return READS[self.kind].get(asked or "") == len(form)


# Where a sequence is only gone through, by the place of the argument; -1 is the last one.
_WALKS = {"reduce": -1, "map": 2, "mapv": 2, "filter": 2, "filterv": 2, "remove": 2, "apply": -1}
_WALKS.update({"count": 1, "empty?": 1, "first": 1, "second": 1, "last": 1, "nth": 1, "some": 2, "every?": 2})


def only_walked(c: Compiler, forms: Any, name: str, scope: Scope, bound: set[str]) -> bool:
    """Is a sequence under this name only gone through or asked for elements, so that its kind cannot matter?

    `bound`: names that are bound around the forms but not in `scope`.
    """
    stack, heads, others = list(forms), set(), set(bound)
    while stack:
        form = stack.pop()
        if type(form) is Symbol:
            others.add(form.name)
        elif is_vector_form(form):
            stack.extend(form)
        elif type(form) is Map:
            stack.extend(part for pair in form.pairs or form.entries() for part in pair)
        elif type(form) is List and form:
            called = operation(c, form, scope)
            place = _WALKS.get(called or "", 0) % len(form)
            walked = place and type(form[place]) is Symbol and form[place].name == name
            if walked:
                heads.add(form[0].name)
            elif type(form[0]) is not Symbol or form[0].name == name:
                stack.append(form[0])
            stack.extend(part for index, part in enumerate(form) if index and not (walked and index == place))
    return name not in others and not heads & others  # a head that is bound somewhere may be no library function


def _symbols(form: Any) -> set[str]:
    from rtfs.eval.special.binding import symbols_of

    return symbols_of(form)
