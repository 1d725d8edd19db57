"""The forms that only stand at top level, as data: module heads, imports, and the names a text defines."""

from __future__ import annotations

from typing import Any

from rtfs.eval.module import module_error
from rtfs.lang.collections import List
from rtfs.lang.errors import syntax_error
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.source import SpanTable
from rtfs.lang.values import is_vector

_ONLY, _REFER, _AS, _EXPORTS = Keyword("only"), Keyword("refer"), Keyword("as"), Keyword("exports")


def defined_names(forms: Any) -> frozenset[str]:
    """Names that a text may define at its top level: inline code for what has that name now would be wrong."""
    names = set()
    stack = list(forms)
    while stack:
        form = stack.pop()
        if type(form) is not List or not form or type(form[0]) is not Symbol:
            continue
        if form[0].name in ("def", "defn", "defn-", "defstruct", "deftype", "defmacro") and len(form) > 1:
            name = form[1]
            while type(name) is List and len(name) == 3:
                name = name[2]
            if type(name) is Symbol:
                names.add(name.name)
        elif form[0].name not in ("quote", "quasiquote"):
            stack.extend(form[1:])
    return frozenset(names)


def module_head(form: List, span: Any) -> tuple[str, str | None, list[str] | None, int]:
    """`(module name "doc"? (:exports [a b])? body…)`: name, documentation, exports, where the body starts."""
    if len(form) < 2 or type(form[1]) is not Symbol:
        raise syntax_error("module", "expected a name", span)
    start, documentation, exports = 2, None, None
    if len(form) > start and type(form[start]) is str:
        documentation, start = form[start], start + 1
    if len(form) > start and type(form[start]) is List and form[start] and form[start][0] is _EXPORTS:
        clause = form[start]
        if len(clause) != 2 or not is_vector(clause[1]) or any(type(name) is not Symbol for name in clause[1]):
            raise syntax_error("module", "expected a vector of names after :exports", span)
        exports, start = [name.name for name in clause[1]], start + 1
    return form[1].name, documentation, exports, start


def dotted(name: str) -> str:
    """The one name of a module, which may be written `a.b` or `a/b`."""
    return name.replace("/", ".")


def body_of_file(forms: Any, name: str, spans: SpanTable) -> tuple[tuple[str | None, list[str] | None] | None, Any]:
    """Documentation and exports, if the file of a module is one module form, and the forms of the module's body."""
    whole = next((form for form in forms if is_module(form)), None)
    if whole is None:
        return None, forms
    declared, documentation, exports, start = module_head(whole, spans.of(whole))
    problem = None
    if dotted(declared) != name:
        problem = f"the file of module '{name}' defines module '{declared}'"
    elif len(forms) > 1:
        problem = f"the file of module '{name}' has forms beside its module form"
    if problem is not None:
        error = module_error(problem)
        error.span = spans.of(whole)
        raise error
    return (documentation, exports), whole[start:]


def is_module(form: Any) -> bool:
    """Is it a form `(module …)`?"""
    return type(form) is List and len(form) > 0 and type(form[0]) is Symbol and form[0].name == "module"


def import_specs(form: List, spans: SpanTable | None) -> list[tuple[str, str | None, list[str] | None]]:
    """`(import n :as a :only [x])` or `(import [n …] [m …])` as (module, alias, names)."""
    span = spans.of(form) if spans is not None else None
    parts = form[1:]
    if not parts:
        raise syntax_error("import", "expected a module name", span)
    if is_vector(parts[0]):
        if not all(is_vector(part) for part in parts):
            raise syntax_error("import", "expected vectors [name options…]", span)
        return [_import_spec(part, span) for part in parts]
    return [_import_spec(parts, span)]


def _import_spec(parts: Any, span: Any) -> tuple[str, str | None, list[str] | None]:
    if not len(parts) or type(parts[0]) is not Symbol:
        raise syntax_error("import", "expected a module name", span)
    alias: str | None = None
    only: list[str] | None = None
    options = list(parts[1:])
    if len(options) % 2:
        raise syntax_error("import", "expected options as keyword and value", span)
    for key, value in zip(options[::2], options[1::2], strict=True):
        if (key is _AS and alias is not None) or (key in (_ONLY, _REFER) and only is not None):
            raise syntax_error("import", f":{key.name} given twice", span)
        if key is _AS and type(value) is Symbol:
            alias = value.name
        elif key in (_ONLY, _REFER) and is_vector(value) and all(type(name) is Symbol for name in value):
            only = [name.name for name in value]
        else:
            raise syntax_error("import", "expected :as NAME or :only [names]", span)
    return parts[0].name, alias, only
