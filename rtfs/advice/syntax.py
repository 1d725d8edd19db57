"""Forms that are written wrongly: the shape that was probably meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rtfs.advice.idioms import IDIOMS
from rtfs.advice.scene import Scene
from rtfs.lang.collections import List
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.printer import show_brief
from rtfs.lang.values import is_vector

Rule = Callable[[Scene], Iterator[str]]

_EQUALS = Symbol("=")


def malformed(scene: Scene) -> Iterator[str]:
    """Of a SyntaxError: what fits the form it names."""
    name, _, text = scene.error.message.partition(": ")
    rule = _FORMS.get(name)
    if rule is not None:
        yield from rule(scene, text)
    elif text == "special form used as a value":
        form = _idiom_around(scene)
        yield form or f"`{name}` is written at the head of a form; in a callback wrap it: (fn [x] ({name} x))"
    elif text == "macro used as a value":
        yield f"a macro is no function; wrap it: (fn [x] ({name} x))"


def _idiom_around(scene: Scene) -> str | None:
    """`(from m import x)` and the like, recognized by the word before."""
    span = scene.error.span
    if span is None:
        return None
    from rtfs.lang import scan

    text = span.source.text
    start = scan.around(text, span.source.offset(span.line, span.column))
    parts = scan.parts(text, start) if start >= 0 else []
    return IDIOMS.get(text[slice(*parts[0])]) if parts else None


def _def(scene: Scene, text: str) -> Iterator[str]:
    form = scene.form
    if type(form) is not List or len(form) < 2 or type(form[1]) is not Symbol:
        return
    if _EQUALS in form[2:3] and len(form) == 4:
        yield f"without `=`: (def {form[1].name} {show_brief(form[3], 40)})"
    elif len(form) == 2:
        yield f"(def {form[1].name} nil) defines it as nil"


def _bindings(scene: Scene, text: str) -> Iterator[str]:
    form = scene.form
    name = scene.error.message.partition(":")[0]
    if text.startswith("expected a binding vector"):
        given = form[1] if type(form) is List and len(form) > 1 else form
        inside = show_brief(given, 40)
        yield f"bindings stand in square brackets: ({name} [{inside[1:-1] if type(given) is List else 'name value'}] …)"
    elif text == "expected a body":
        yield f"the body stands inside the parentheses, after the bindings: ({name} […] body)"


def _function(scene: Scene, text: str) -> Iterator[str]:
    form = scene.form
    if not text.startswith("expected a parameter vector") or type(form) is not List:
        return
    given = next((part for part in form[1:] if type(part) is List), None)
    if given is not None and all(type(part) is Symbol for part in given):
        yield f"parameters stand in square brackets: [{' '.join(part.name for part in given)}]"
    elif not any(is_vector(part) for part in form):
        yield "parameters stand in a vector after the name: [x y]"


def _if(scene: Scene, text: str) -> Iterator[str]:
    form = scene.form
    if type(form) is not List:
        return
    if any(type(part) is Symbol and part.name == "else" for part in form) or Keyword("else") in form:
        yield "no word stands between the branches: (if test then otherwise)"
    elif len(form) > 4:
        yield "several tests are a `cond`, several forms in one branch a (do …)"


def _cond(scene: Scene, text: str) -> Iterator[str]:
    if text.startswith("expected forms in pairs"):
        yield "each test is followed by one value; the last test may be :else"


def _recur(scene: Scene, text: str) -> Iterator[str]:
    if text.startswith("not in tail position"):
        yield "`recur` must be the last thing that is done; call the function by its name where more follows"


def _try(scene: Scene, text: str) -> Iterator[str]:
    if text.startswith("expected at least one catch"):
        yield "(try body (catch e handler)) or (try body (finally cleanup))"


_Form = Callable[[Scene, str], Iterator[str]]
_FORMS: dict[str, _Form] = {
    "def": _def,
    "let": _bindings,
    "loop": _bindings,
    "letrec": _bindings,
    "fn": _function,
    "lambda": _function,
    "λ": _function,
    "defn": _function,
    "defn-": _function,
    "if": _if,
    "cond": _cond,
    "recur": _recur,
    "try": _try,
}


def read_where(scene: Scene) -> Iterator[str]:
    """Of a text that a program read: where it did so."""
    error = scene.error
    place = error.trace[0][1] if error.trace else None
    if place is not None and error.span is not None and place.source is not error.span.source:
        yield f"called from {place.source.name}:{place.line}:{place.column}"


RULES: dict[str, tuple[Rule, ...]] = {"SyntaxError": (malformed,), "ParseError": (read_where,)}
