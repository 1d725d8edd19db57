"""`let letrec loop recur def` and bodies with local definitions."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from rtfs.eval import emit
from rtfs.eval.destructure import bind_param, bind_pattern, parameter_name, rebind_step
from rtfs.eval.function import compile_function, is_fn_form, parse_clauses
from rtfs.eval.scope import ANY, Binding, RecurTarget, Scope, Value
from rtfs.eval.special import special
from rtfs.eval.storage import keep_storage
from rtfs.eval.target import MAX_BLOCKS, WANT, Dest
from rtfs.eval.typing import checked, need_type
from rtfs.lang.collections import MISSING, List, Map, PVector, map_form
from rtfs.lang.definition import local_definitions
from rtfs.lang.errors import counted
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.pattern import Binding as BindingForm
from rtfs.lang.pattern import Param, map_pairs, split_bindings, unmeta

if TYPE_CHECKING:
    from rtfs.eval.compiler import Compiler


# ---- bodies and local definitions -------------------------------------------------------------------------------


def compile_body(c: Compiler, form: Any, start: int, scope: Scope, dest: Dest | None) -> Value | None:
    """A body scope: names that its `def` forms make local are visible to every function literal in it."""
    for name in local_definitions(form[start:]):
        if name not in scope.future:
            scope.future[name] = late_binding(c, name)
    return c.body(form, start, scope, dest)


def late_binding(c: Compiler, name: str) -> Binding:
    """A local that closures may capture before it has a value; boxed inside loops, where the value differs per turn."""
    binding = Binding(name, c.fresh(name), c.frame, c.frame.loops)
    c.frame.late.add(binding.python)
    if c.frame.loops:
        binding.boxed = True
        c.block.append(emit.assign(binding.python, emit.placed(ast.List([], emit.LOAD), c.at), c.at))
    return binding


def set_late(c: Compiler, binding: Binding, value: Value) -> None:
    """Give a late binding its value."""
    if binding.boxed:
        c.block.append(emit.does(emit.call("#set_box", [emit.name(binding.python, c.at), value.node], c.at), c.at))
    elif not (isinstance(value.node, ast.Name) and value.node.id == binding.python):
        c.block.append(emit.assign(binding.python, value.node, c.at))
        c.know(binding.python, value.kind)


# ---- let and letrec ---------------------------------------------------------------------------------------------


def need_bindings(c: Compiler, form: List, what: str) -> list[BindingForm]:
    if len(form) < 2:
        raise c.fail(what, "expected a binding vector", form)
    outer, c.at = c.at, c.place_of(form[1], form, 1)
    try:
        bindings = split_bindings(form[1], what)
    finally:
        c.at = outer
    if len(form) < 3:
        raise c.fail(what, "expected a body", form)
    return bindings


@special("let")
def let(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    """`(let [p T? e …] body)`: sequential; function literals see each other's names."""
    bindings = need_bindings(c, form, "let")
    group = Scope(scope, frame=c.frame)
    future = {name: late_binding(c, name) for name in _mutual(bindings)}
    inner, ahead = group, dict(future)
    for binding in bindings:
        literal = _is_named_function(binding)
        group.future = future if literal else {}
        inner = _let_one(c, form[1], binding, inner, ahead.pop(binding.pattern.name, None) if literal else None)
    group.future = {}
    body = Scope(inner, frame=c.frame, is_body=True)
    return compile_body(c, form, 2, body, dest)


def _is_named_function(binding: BindingForm) -> bool:
    return type(binding.pattern) is Symbol and is_fn_form(binding.value)


def _mutual(bindings: list[BindingForm]) -> list[str]:
    """Names bound to function literals that one of these literals mentions. Of several the first can be seen ahead."""
    literals = [b for b in bindings if _is_named_function(b)]
    names = {b.pattern.name for b in literals}
    mentioned = set()
    for binding in literals:
        mentioned |= names & symbols_of(binding.value)
    return [b.pattern.name for b in literals if b.pattern.name in mentioned]


def symbols_of(form: Any) -> set[str]:
    """The names of all symbols in a form."""
    names: set[str] = set()
    stack = [form]
    while stack:
        part = stack.pop()
        kind = type(part)
        if kind is Symbol:
            names.add(part.name)
        elif kind is List or kind is tuple or kind is PVector:
            stack.extend(part)
        elif kind is Map:
            for key, value in part.entries() if part.pairs is None else part.pairs:
                stack.append(key)
                stack.append(value)
    return names


def _let_one(c: Compiler, vector: Any, binding: BindingForm, scope: Scope, late: Binding | None) -> Scope:
    """The scope with one more binding; `late` is where function literals look for it ahead of time."""
    inner = Scope(scope, frame=c.frame)
    value = _cast(c, _bound(c, vector, binding, scope), binding, "let", vector)
    if late is not None:
        set_late(c, late, value)
        inner.names[late.name] = late
        return inner
    outer, c.at = c.at, c.place_of(binding.pattern, vector, binding.pattern_index)
    bind_pattern(c, inner, binding.pattern, value, "let")
    keep_storage(c, inner)
    c.at = outer
    return inner


def _bound(c: Compiler, vector: Any, binding: BindingForm, scope: Scope) -> Value:
    """The value of a binding; a function literal takes the name it is bound to, if somebody wrote that name."""
    index = binding.value_index
    written = binding.pattern.span is not None if _is_named_function(binding) else False
    if written and not _has_own_name(binding.value):
        return function_value(c, vector, index, binding.pattern.name, scope)
    return c.sub(vector, index, scope)


def _cast(c: Compiler, value: Value, binding: BindingForm, what: str, vector: Any) -> Value:
    if binding.type is MISSING or binding.type_index is None:
        return value
    with c.standing_at(vector, binding.type_index):
        need_type(c, binding.type)
    with c.standing_at(vector, binding.value_index):
        return checked(c, value, binding.type, f"{what} {parameter_name(binding.pattern)}")


@special("letrec")
def letrec(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    """`(letrec [s T? e …] body)`: every name is visible in every value."""
    bindings = need_bindings(c, form, "letrec")
    inner = Scope(scope, frame=c.frame)
    for binding in bindings:
        if type(binding.pattern) is not Symbol:
            raise c.fail("letrec", "expected names to bind", form[1])
        inner.names[binding.pattern.name] = late_binding(c, binding.pattern.name)
    for binding in bindings:
        value = _cast(c, _bound(c, form[1], binding, inner), binding, "letrec", form[1])
        set_late(c, inner.names[binding.pattern.name], value)
    return compile_body(c, form, 2, Scope(inner, frame=c.frame, is_body=True), dest)


# ---- loop and recur ---------------------------------------------------------------------------------------------


@special("loop", statement=True)
def loop(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    """`(loop [p T? e …] body)` becomes `while True`; `recur` assigns and continues."""
    assert dest is not None
    bindings = need_bindings(c, form, "loop")
    if c.frame.blocks >= MAX_BLOCKS // 3:
        outlined(c, form, scope, dest)
        return None
    c.frame.blocks += 1
    c.frame.loops += 1
    inner = Scope(scope, frame=c.frame, is_body=True)
    params, raws = _loop_variables(c, form, bindings, inner)
    target = RecurTarget(raws, "loop")
    steps = [rebind_step(c, inner, param, raw, "loop") for param, raw in zip(params, raws, strict=True)]
    target.rebind = [step for step in steps if step is not None]
    target.assumed = c.loop_kinds.get(id(form)) or [c.frame.facts.get(raw, ANY) for raw in raws]
    before = dict(c.frame.facts)
    own = Dest(dest.kind, dest.name, recur=target, breaks=dest.kind != "return", check=dest.check, outer=dest)
    own.parts = dest.parts
    while True:
        block = _loop_body(c, form, inner, own, target, before)
        c.loop_kinds[id(form)] = target.assumed
        if not any(seen & ~assumed for seen, assumed in zip(target.seen, target.assumed, strict=True)):
            break
        target.assumed = [seen | assumed for seen, assumed in zip(target.seen, target.assumed, strict=True)]
    c.block.append(emit.forever(block, c.at))
    c.frame.facts = {name: kind for name, kind in before.items() if name not in raws}
    c.frame.loops -= 1
    c.frame.blocks -= 1
    if dest.kind == "assign":
        c.know(dest.name, own.kinds or ANY)
    if dest.breaks:
        c.block.append(emit.placed(ast.Break(), c.at))
    return None


def _loop_variables(
    c: Compiler, form: List, bindings: list[BindingForm], inner: Scope
) -> tuple[list[Param], list[str]]:
    params, raws = [], []
    for binding in bindings:
        value = c.sub(form[1], binding.value_index, inner)
        param = Param(form[1], binding.pattern_index, binding.type_index)
        raw = c.fresh(param.pattern.name if type(param.pattern) is Symbol else "p")
        c.block.append(emit.assign(raw, value.node, c.at))
        c.know(raw, value.kind)
        with c.standing_at(form[1], param.pattern_index, param.type_index):
            bind_param(c, inner, param, raw, "loop")
        params.append(param)
        raws.append(raw)
    return params, raws


def _loop_body(
    c: Compiler, form: List, inner: Scope, own: Dest, target: RecurTarget, before: dict[str, int]
) -> list[ast.stmt]:
    """The body under the kinds assumed now."""
    c.frame.facts = dict(before)
    for raw, kind in zip(target.names, target.assumed, strict=True):
        c.know(raw, kind)
    for binding in inner.names.values():
        if binding.python not in target.names:
            c.know(binding.python, ANY)
    inner.future.clear()
    names = dict(inner.names)
    outer, c.block = c.block, []
    c.entry()
    keep_storage(c, inner)
    compile_body(c, form, 2, inner, own)
    block, c.block = c.block, outer
    inner.names = names
    return block


def outlined(c: Compiler, form: List, scope: Scope, dest: Dest) -> None:
    """The form as a function of its own, called at once: CPython nests only 20 blocks in one function."""
    literal = List((Symbol("fn"), (), form))
    value = compile_function(c, None, parse_clauses(c, literal, 1, "fn"), scope)
    c.deliver(Value(emit.call(value.node, [], c.at)), dest.plain())


@special("recur", statement=True)
def recur(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    """`(recur e …)` in tail position: rebind and go on."""
    target = dest.recur if dest is not WANT else None
    if target is None:
        raise c.fail("recur", "not in tail position of a loop or function", form)
    if len(form) - 1 != len(target.names):
        expected = counted(len(target.names), "value")
        raise c.fail("recur", f"expected {expected} for {target.what}, got {len(form) - 1}", form)
    values = c.values(form, 1, scope)
    for position, value in enumerate(values):
        target.seen[position] |= value.kind
    moves = [
        (n, v)
        for n, v in zip(target.names, values, strict=True)
        if not (isinstance(v.node, ast.Name) and v.node.id == n)
    ]
    if target.rest and moves and moves[-1][0] == target.names[-1]:
        name, value = moves[-1]
        moves[-1] = (name, Value(emit.call("#rest_items", [value.node], c.at)))
    if len(moves) == 1:
        c.block.append(emit.assign(moves[0][0], moves[0][1].node, c.at))
    elif moves:
        items = emit.tuple_of([value.node for _, value in moves], c.at)
        c.block.append(emit.assign_many([name for name, _ in moves], items, c.at))
    for step in target.rebind:
        step()
    c.block.append(emit.placed(ast.Continue(), c.at))
    return None


# ---- def --------------------------------------------------------------------------------------------------------


@special("def")
def def_(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    """`(def s T? e)` or `(def s "doc" T? e)`: a module definition, or a local one inside a body scope."""
    symbol, metadata = definition_name(c, form, "def")
    index = 2
    if len(form) > index + 1 and type(form[index]) is str:
        metadata = [*metadata, (Keyword("doc"), form[index])]
        index += 1
    type_form: Any = MISSING
    if len(form) == index + 3 and form[index] == Symbol(":"):
        type_form, index = form[index + 1], index + 2
    elif len(form) == index + 2 and type(form[index]) is Keyword:
        type_form, index = form[index], index + 1
    if len(form) != index + 1:
        raise c.fail("def", "expected a name, an optional text, an optional type and one value", form)
    described = description(c, metadata, scope)
    if is_fn_form(form[index]) and not _has_own_name(form[index]):
        value = function_value(c, form, index, symbol.name, scope)
    else:
        value = c.sub(form, index, scope)
    if type_form is not MISSING:
        with c.standing_at(form, index - 1):
            need_type(c, type_form)
        with c.standing_at(form, index):
            value = checked(c, value, type_form, f"def {symbol.name}")
    return c.deliver(define(c, symbol, value, scope, described, own=is_fn_form(form[index])), dest)


def _has_own_name(form: List) -> bool:
    return len(form) > 1 and type(form[1]) is Symbol


def function_value(c: Compiler, parent: Any, index: int, name: str, scope: Scope) -> Value:
    """A function literal that takes the name it is defined under."""
    form = parent[index]
    outer, c.at = c.at, c.place_of(form, parent, index)
    try:
        return compile_function(c, name, parse_clauses(c, form, 1, "fn"), scope)
    finally:
        c.at = outer


def definition_name(c: Compiler, form: List, what: str) -> tuple[Symbol, list[tuple[Any, Any]]]:
    """The defined symbol, and the metadata pairs written before the form and before the name."""
    metadata, c.pending_metadata = c.pending_metadata, []
    if len(form) < 2:
        raise c.fail(what, "expected a name", form)
    name = unmeta(form[1])
    metadata = [*metadata, *metadata_before(form[1])]
    if type(name) is not Symbol:
        raise c.fail(what, "expected a name", form)
    if name.name.startswith("."):
        raise c.fail(what, f"'{name.name}' cannot be defined", form)
    return name, metadata


def metadata_before(form: Any) -> list[tuple[Any, Any]]:
    """The pairs of every `^{…}` before a form, outermost first."""
    pairs: list[tuple[Any, Any]] = []
    while unmeta(form) is not form:
        pairs += map_pairs(form[1])
        form = form[2]
    return pairs


def description(c: Compiler, pairs: list[tuple[Any, Any]], scope: Scope) -> Value | None:
    """The metadata map, made before what it describes; None without metadata."""
    return c.temp(c.expr(map_form(pairs), scope)) if pairs else None


def define(
    c: Compiler, symbol: Symbol, value: Value, scope: Scope, metadata: Value | None, *, own: bool = False
) -> Value:
    """Store a definition where it belongs; gives its value. A function of its `own` carries its metadata itself."""
    at = c.at
    if metadata is not None and own:
        value = Value(emit.call("#annotate", [value.node, metadata.node], at), value.kind)
    body = scope.body()
    if body is not None:
        value = c.temp(value)
        binding = body.future.get(symbol.name) or late_binding(c, symbol.name)
        set_late(c, binding, value)
        body.names[symbol.name] = binding
        return value
    arguments = [emit.constant(symbol.name, at), value.node]
    if metadata is not None:
        arguments.append(metadata.node)
    return Value(emit.call("#define", arguments, at), value.kind)
