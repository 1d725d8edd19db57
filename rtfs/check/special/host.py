"""`call`, context, steps, plans and object forms: where code meets the host."""

from __future__ import annotations

from collections.abc import Callable

from rtfs.check.infer import Inference, Malformed, form
from rtfs.check.kind import ANY, KEYWORD, MAP, STRING, VECTOR, either
from rtfs.check.report import Want
from rtfs.check.scope import Scope
from rtfs.check.special.binding import body
from rtfs.check.special.control import condition
from rtfs.lang.collections import List
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.suggest import nearest_id
from rtfs.lang.types import Type

_ID = either((KEYWORD, STRING))
_OPTIONS = frozenset({"expose-context", "context-keys", "params"})
_DATA_KEYS = frozenset({"language", "input-schema", "output-schema"})


@form("call")
def call(x: Inference, form: List, scope: Scope, want: Want | None) -> Type:
    """One host call; an id that is written down can be looked up."""
    if len(form) == 1:
        x.report("RTFS-W103", "wrong number of arguments for call: expected at least 1, got 0")
        return x.wanted(ANY, want)
    found = x.sub(form, 1, scope)
    outer, x.at = x.at, x.place(form[1], form, 1)
    x.need(found, _ID, "argument 1 of call")
    id = form[1].name if isinstance(form[1], Keyword) else form[1]
    declared = x.program.library.capability(id) if isinstance(id, str) and id else None
    if isinstance(id, str) and id:
        _known(x, id)
    x.at = outer
    arguments = [x.sub(form, index, scope) for index in range(2, len(form))]
    if declared is None:
        return x.wanted(ANY, want)
    outcome = x.calls.call(declared, arguments)
    x.faults(outcome, form, str(id), first=2)
    return x.wanted(outcome.result, want)


def _known(x: Inference, id: str) -> None:
    """A capability of a built-in family must be one; any other may come from the host."""
    known = x.program.library.capabilities
    if not known or id in known:
        return
    notes = tuple(f"did you mean `{near}`?" for near in nearest_id(id, known))
    families = {each.rpartition(".")[0] or each.rpartition("/")[0] for each in known}
    if id.rpartition(".")[0] in families or id.split(".")[0].split("/")[0] == "ccos":
        x.report("RTFS-W204", f"no built-in capability is called {id}", None, notes)
    else:
        x.report("RTFS-W310", f"capability {id} is not built in: the host must provide it", None, notes)


@form("context/get")
def context_get(x: Inference, form: List, scope: Scope, want: Want | None) -> Type:
    for index in range(1, len(form)):
        x.sub(form, index, scope)
    return x.wanted(ANY, want)


# ---- steps


def _options(x: Inference, form: List, start: int, scope: Scope) -> tuple[int, Scope]:
    """Where the forms after the options start, and the names they see."""
    inner = Scope(scope, is_body=True)
    index = start
    while index + 1 < len(form) and type(form[index]) is Keyword and form[index].name in _OPTIONS:
        found = x.sub(form, index + 1, scope)
        if form[index].name == "params":
            inner.bind("%params", found)
        index += 2
    return index, inner


@form("step")
def step(x: Inference, form: List, scope: Scope, want: Want | None) -> Type:
    if len(form) < 3:
        raise Malformed
    start, inner = _options(x, form, 2, scope)
    return body(x, form, start, inner, want)


@form("step-if")
def step_if(x: Inference, form: List, scope: Scope, want: Want | None) -> Type:
    start, inner = _options(x, form, 1, scope)
    if not 2 <= len(form) - start <= 3:
        raise Malformed
    _, holds, fails = condition(x, form, start, inner)
    then = x.sub(form, start + 1, holds, want)
    return x.joining.join(then, x.body(form, start + 2, fails, want))


@form("step-loop", "rtfs/rounds")
def step_loop(x: Inference, form: List, scope: Scope, want: Want | None) -> Type:
    """The last body value, or nil."""
    start, inner = _options(x, form, 1, scope)
    if len(form) - start < 2:
        raise Malformed
    _, holds, _ = condition(x, form, start, inner)
    body(x, form, start + 1, Scope(holds, is_body=True), None)
    return x.wanted(ANY, want)


@form("step-parallel")
def step_parallel(x: Inference, form: List, scope: Scope, want: Want | None) -> Type:
    start, inner = _options(x, form, 1, scope)
    for index in range(start, len(form)):
        x.sub(form, index, Scope(inner, deeper=True, is_body=True))
    return x.wanted(VECTOR, want)


# ---- plans and objects


def _properties(x: Inference, form: List, scope: Scope, is_code: Callable[[str], bool]) -> None:
    start = 2 if len(form) > 1 and type(form[1]) in (str, Symbol) else 1
    for index in range(start, len(form) - 1, 2):
        if type(form[index]) is Keyword and is_code(form[index].name):
            x.sub(form, index + 1, scope)


@form("plan")
def plan(x: Inference, form: List, scope: Scope, want: Want | None) -> Type:
    for index in range(1, len(form) - 1):
        if form[index] is Keyword("body"):
            return x.sub(form, index + 1, scope, want)
    raise Malformed


@form("capability", "resource", "intent", "action")
def object_form(x: Inference, form: List, scope: Scope, want: Want | None) -> Type:
    _properties(x, form, scope, lambda key: key not in _DATA_KEYS)
    return x.wanted(MAP, want)
