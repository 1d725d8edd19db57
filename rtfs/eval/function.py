"""Function literals: clauses, parameters, recur, and factories for closures that are made inside loops."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from rtfs.eval import emit
from rtfs.eval.destructure import bind_param, rebind_step
from rtfs.eval.scope import FUNCTION, Binding, Frame, RecurTarget, Scope, Value
from rtfs.eval.storage import keep_storage
from rtfs.eval.typing import checked
from rtfs.lang.collections import MISSING, List, PVector
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.pattern import Params, split_params

if TYPE_CHECKING:
    from rtfs.eval.compiler import Compiler
    from rtfs.eval.step import Parts

FUNCTION_LEVELS = 3  # blocks that a function inside others counts for
FN_NAMES = frozenset({"fn", "lambda", "λ"})
_MARK = Symbol(":")


class Clause:
    """One arity: where in `form` its parameter vector stands and its body starts; return type (MISSING without)."""

    __slots__ = ("form", "vector", "params", "returns", "start")

    def __init__(self, form: Any, vector: int, params: Params, returns: Any, start: int) -> None:
        self.form = form
        self.vector = vector
        self.params = params
        self.returns = returns
        self.start = start


def is_fn_form(form: Any) -> bool:
    return type(form) is List and bool(form) and type(form[0]) is Symbol and form[0].name in FN_NAMES


def is_vector_form(form: Any) -> bool:
    return type(form) is tuple or type(form) is PVector


def parse_clauses(c: Compiler, form: Any, start: int, what: str) -> list[Clause]:
    """The clauses of `(fn name? … )` whose parameters (or first clause) stand at `start`."""
    if start >= len(form):
        raise c.fail(what, "expected a parameter vector", form)
    if is_vector_form(form[start]):
        return [_clause(c, form, start, what)]
    clauses = []
    for part in form[start:]:
        if type(part) is not List or not part or not is_vector_form(part[0]):
            raise c.fail(what, "expected a parameter vector or clauses ([params…] body…)", form)
        clauses.append(_clause(c, part, 0, what))
    variadic = [clause for clause in clauses if clause.params.rest is not None]
    counts = [len(clause.params.fixed) for clause in clauses]
    if len(variadic) > 1:
        raise c.fail(what, "only one clause may take a variable number of arguments", form)
    if variadic and any(count > len(variadic[0].params.fixed) for count in counts):
        raise c.fail(what, "the clause with & must be the longest", form)
    fixed = [len(clause.params.fixed) for clause in clauses if clause.params.rest is None]
    if len(set(fixed)) != len(fixed):
        raise c.fail(what, "two clauses take the same number of arguments", form)
    return clauses


def _clause(c: Compiler, form: Any, index: int, what: str) -> Clause:
    outer, c.at = c.at, c.place_of(form[index], form, index)
    try:
        params = split_params(form[index], what)
    finally:
        c.at = outer
    start, returns = index + 1, MISSING
    if start < len(form) and form[start] == _MARK:
        if start + 1 >= len(form):
            raise c.fail(what, "expected a return type after ':'", form)
        returns, start = form[start + 1], start + 2
    elif start + 1 < len(form) and type(form[start]) is Keyword:
        returns, start = form[start], start + 1
    if start >= len(form):
        raise c.fail(what, "expected a body", form)
    return Clause(form, index, params, returns, start)


def arity(clauses: list[Clause]) -> tuple[int, bool]:
    """Least argument count, and whether there is no greatest."""
    return min(len(k.params.fixed) for k in clauses), any(k.params.rest is not None for k in clauses)


def python_title(c: Compiler, name: str | None, clauses: list[Clause]) -> str:
    """`name~number:arity`: what a traceback and an arity error need to know of a function."""
    counts = sorted(len(k.params.fixed) for k in clauses)
    text = ",".join(map(str, counts)) + ("+" if arity(clauses)[1] else "")
    return f"{c.fresh(name or '')}:{text}"


def place_text(at: emit.Place) -> str:
    """Where a function stands, the first constant of its code: `@line:column-line:column`; a second form adds `!`."""
    return f"@{at[0]}:{at[1]}-{at[2]}:{at[3]}"


def compile_function(
    c: Compiler, name: str | None, clauses: list[Clause], scope: Scope, *, own: Binding | None = None
) -> Value:
    """Emit the function; gives the local that holds it. `own` is the binding the function itself is known by."""
    title = own.python if own is not None and not own.boxed else python_title(c, name, clauses)
    _emit_function(c, title, name, clauses, scope)
    _second_form(c, title, name, clauses, scope)
    _say_shape(c, title, clauses)
    return Value(emit.name(title, c.at), FUNCTION, True)


def _emit_function(
    c: Compiler, title: str, name: str | None, clauses: list[Clause], scope: Scope, parts: Parts | None = None
) -> None:
    """The function, in the local `title`."""
    outer_frame, outer_block, at = c.frame, c.block, c.at
    frame = c.frame = Frame(outer_frame, name)
    frame.facts = dict(outer_frame.facts)
    frame.parts = parts
    c.block = []
    c.deepen(FUNCTION_LEVELS)
    c.entry()
    try:
        parameters = _single(c, clauses[0], scope) if len(clauses) == 1 else _dispatch(c, clauses, scope, name)
        # what stands behind the returns costs nothing, and keeps captures of which the body needs only what is known
        body = [*c.block, *(emit.does(emit.name(each, at), at) for each in frame.captured if each != title)]
    finally:
        c.frame, c.block, c.at = outer_frame, outer_block, at
        c.nesting -= FUNCTION_LEVELS
    written_at = emit.constant(place_text(at) + ("!" if parts else ""), at)
    definition = emit.function(title, parameters, [emit.does(written_at, at), *body], at)  # a first text is kept
    _define(c, title, definition, frame)


def _second_form(c: Compiler, title: str, name: str | None, clauses: list[Clause], scope: Scope) -> None:
    """A step of streams also has a form that hands over the parts of its result."""
    if len(clauses) > 1 or len(clauses[0].params.fixed) not in (2, 3):
        return
    from rtfs.eval.step import Parts, may_be_step  # deferred: few functions are steps

    if not may_be_step(clauses[0]):
        return
    parts, second = Parts(), python_title(c, name, clauses)
    _, block = c.nested(lambda: _emit_function(c, second, name, clauses, scope, parts))
    if parts.met:
        c.block += block
        c.block.append(emit.set_attribute(title, "rtfs_parts", emit.name(second, c.at), c.at))


def _say_shape(c: Compiler, title: str, clauses: list[Clause]) -> None:
    """Keep the parameters as written, and return types, of a function whose Python parameters do not tell them."""
    at = c.at
    shapes = [clause.form[clause.vector] for clause in clauses]
    returns = [None if clause.returns is MISSING else clause.returns for clause in clauses]
    if len(shapes) > 1 or not _plain(clauses[0].params) or returns != [None]:
        said = [c.constant(shapes[0] if len(shapes) == 1 else tuple(shapes))]
        if any(form is not None for form in returns):
            said.append(c.constant(tuple(returns)))
        c.block.append(emit.does(emit.call("#shaped", [emit.name(title, at), *said], at), at))


def _plain(params: Params) -> bool:
    """Are all parameters names without types, which the Python function has as well?"""
    given = params.fixed if params.rest is None else [*params.fixed, params.rest]
    return all(type(param.pattern) is Symbol and param.type is MISSING for param in given)


def _define(c: Compiler, title: str, definition: ast.stmt, frame: Frame) -> None:
    """Make the closure: directly, or through a factory when it captures locals that a later turn of a loop changes."""
    at = c.at
    varying = sorted(k for k, b in frame.captured.items() if b.frame is c.frame and b.loops and k != title)
    own = c.frame.loops and title in frame.captured
    if not varying and not own:
        c.block.append(definition)
        return
    factory = c.fresh("make")
    body = [definition, emit.returns(emit.name(title, at), at)]
    c.block.append(emit.function(factory, emit.arguments(varying, None, at), body, at))
    c.block.append(emit.assign(title, emit.call(factory, [emit.name(k, at) for k in varying], at), at))


def _single(c: Compiler, clause: Clause, scope: Scope) -> ast.arguments:
    names = [c.fresh(_hint(param.pattern)) for param in clause.params.fixed]
    rest = c.fresh(clause.params.rest.pattern.name) if clause.params.rest is not None else None
    if rest is not None and not _only_walked(c, clause, scope):
        c.block.append(emit.assign(rest, emit.call("#List", [emit.name(rest, c.at)], c.at), c.at))
    _clause_body(c, clause, scope, names, rest)
    return emit.arguments(names, rest, c.at)


def _only_walked(c: Compiler, clause: Clause, scope: Scope) -> bool:
    """May the rest arguments stay the tuple that Python made of them?"""
    from rtfs.eval.linear import only_walked  # deferred: it knows callbacks, which are functions
    from rtfs.eval.special.binding import symbols_of

    rest, forms = clause.params.rest, clause.form[clause.start :]
    if rest is None or rest.type is not MISSING or c.metered or mentions_recur(clause.form, clause.start):
        return False
    name = rest.pattern.name
    return only_walked(c, forms, name, scope, symbols_of(clause.params.form) - {name})


def _dispatch(c: Compiler, clauses: list[Clause], scope: Scope, name: str | None) -> ast.arguments:
    """Several arities: one Python function whose parameters default to `#missing`, and tests of what was given.

    `*args` would be simpler and cost each call a tuple and its taking apart.
    """
    ordered = sorted(clauses, key=lambda k: (k.params.rest is not None, len(k.params.fixed)))
    counts = sorted(len(k.params.fixed) for k in clauses)
    contiguous = counts == list(range(counts[0], counts[0] + len(counts)))
    params = [c.fresh("") for _ in range(counts[-1])]
    more = c.fresh("") if arity(clauses)[1] or not contiguous else None  # Python counts too many by itself
    given = _Given(c, params, more, (name or "fn", tuple(counts), arity(clauses)[1]))
    next_count = counts[0]
    for clause in ordered:
        fixed = len(clause.params.fixed)
        for count in range(next_count, fixed):
            given.refuse(count)
        next_count = fixed + 1
        facts = dict(c.frame.facts)
        outer, c.block = c.block, []
        _taken_apart(c, clause, scope, given)
        block, c.block = c.block, outer
        c.frame.facts = facts
        test = given.exactly(fixed) if clause.params.rest is None else None
        c.block.extend(block if test is None else [emit.branch(test, block, [], c.at)])
    if ordered[-1].params.rest is None and more is not None:
        given.refuse(None)
    return emit.arguments(params, more, c.at, optional=len(params) - counts[0])


class _Given:
    """What a function of several arities was given: its parameters, and where Python puts what is left over."""

    def __init__(self, c: Compiler, params: list[str], more: str | None, shape: tuple[str, tuple[int, ...], bool]):
        self.c = c
        self.params = params
        self.more = more
        self.shape = shape

    def exactly(self, count: int) -> ast.expr | None:
        """Were there so many, if not fewer? None when it is certain."""
        at = self.c.at
        if count < len(self.params):
            return emit.is_(emit.name(self.params[count], at), emit.name("#missing", at), at)
        return None if self.more is None else emit.negate(emit.name(self.more, at), at)

    def refuse(self, count: int | None) -> None:
        """No clause takes so many; None: no clause takes as many as there are."""
        c, at = self.c, self.c.at
        found: ast.expr = emit.constant(count, at)
        if count is None:
            assert self.more is not None
            found = emit.call("#len", [emit.name(self.more, at)], at)
            found = emit.binary(found, ast.Add(), emit.constant(len(self.params), at), at)
        wrong = emit.does(emit.call("#wrong_count", [*(emit.constant(part, at) for part in self.shape), found], at), at)
        test = None if count is None else self.exactly(count)
        c.block.append(wrong if test is None else emit.branch(test, [wrong], [], at))


def _taken_apart(c: Compiler, clause: Clause, scope: Scope, given: _Given) -> None:
    """The clause under names of its own."""
    at = c.at
    names = [c.fresh(_hint(param.pattern)) for param in clause.params.fixed]
    for own, param in zip(names, given.params, strict=False):
        c.block.append(emit.assign(own, emit.name(param, at), at))
    rest = None
    if clause.params.rest is not None:
        rest = c.fresh(clause.params.rest.pattern.name)
        c.block.append(emit.assign(rest, emit.call("#List", [emit.name(given.more or "", at)], at), at))
    _clause_body(c, clause, scope, names, rest)


def _clause_body(c: Compiler, clause: Clause, scope: Scope, names: list[str], rest: str | None) -> None:
    """Parameters are bound, then the body runs; inside `while True` when it recurs to the function."""
    from rtfs.eval.special.binding import compile_body  # deferred: bodies contain functions

    loops = mentions_recur(clause.form, clause.start)
    if loops:
        c.frame.loops += 1
    inner = Scope(scope, frame=c.frame, is_body=True)
    where = c.frame.name or "fn"
    last = clause.params.rest
    params = [*clause.params.fixed] if last is None else [*clause.params.fixed, last]
    raw = [*names, *([rest] if rest is not None else [])]
    for param, text in zip(params, raw, strict=True):
        with c.standing_at(clause.params.form, param.pattern_index, param.type_index):
            bind_param(c, inner, param, text, where, rest=param is clause.params.rest)
    dest = _return_dest(c, clause, where)
    if not loops:
        keep_storage(c, inner)
        compile_body(c, clause.form, clause.start, inner, dest)
        return
    target = RecurTarget(raw, where, rest=rest is not None)
    steps = [rebind_step(c, inner, p, k, where, rest=p is clause.params.rest) for p, k in zip(params, raw, strict=True)]
    target.rebind = [step for step in steps if step is not None]
    dest.recur = target
    for text in raw:
        c.frame.facts.pop(text, None)

    def turn() -> None:
        c.entry()
        keep_storage(c, inner)
        compile_body(c, clause.form, clause.start, inner, dest)

    _, block = c.nested(turn)
    c.block.append(emit.forever(block, c.at))
    c.frame.loops -= 1


def _return_dest(c: Compiler, clause: Clause, where: str) -> Any:
    from rtfs.eval.target import Dest

    if clause.returns is MISSING:
        return Dest("return", parts=c.frame.parts)
    return Dest("return", check=lambda value: checked(c, value, clause.returns, f"return of {where}"))


def _hint(pattern: Any) -> str:
    return pattern.name if type(pattern) is Symbol else "p"


_OWN_TARGET = frozenset({"fn", "lambda", "λ", "loop", "quote", "defn", "defn-", "defmacro"})


def mentions_recur(form: Any, start: int) -> bool:
    """May the forms from `start` recur to the function around them? (No function or loop of their own in between.)"""
    stack = list(form[start:])
    while stack:
        part = stack.pop()
        if type(part) is List and part:
            head = part[0]
            if type(head) is Symbol:
                if head.name == "recur":
                    return True
                if head.name in _OWN_TARGET:
                    continue
            stack.extend(part)
    return False
