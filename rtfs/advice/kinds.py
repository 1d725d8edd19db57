"""Values of the wrong kind, count or size: what would fit, and how the function is used."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from rtfs.advice import nil
from rtfs.advice.scene import Scene
from rtfs.eval.registry import PRIMARY
from rtfs.lang import scan
from rtfs.lang.collections import List, PVector
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.printer import show

Rule = Callable[[Scene], Iterator[str]]

_TYPE_ERROR = re.compile(r"Type error in (?P<operation>.*): expected (?P<expected>.*), got (?P<actual>[a-z-]+)")
_ARITY = re.compile(r"Arity mismatch in (?P<name>\S+): ")
_NUMERIC = re.compile(r"\s*[+-]?(?:\d+(?P<part>\.\d*)?|\.\d+)(?P<exponent>[eE][+-]?\d+)?\s*")
_SEQUENCES = frozenset({"sequence", "collection", "vector or list"})
_ORDERED = frozenset({"function", "sequence", "integer", "collection", "string"})


def wrong_kind(scene: Scene) -> Iterator[str]:
    """Of a TypeError: what turns the value into one of the expected kind, or what was written by mistake."""
    found = _TYPE_ERROR.fullmatch(scene.error.message)
    if found is None:
        return
    operation, expected, actual = found["operation"], found["expected"], found["actual"]
    if operation == "function call":
        yield from _not_callable(scene, actual)
    elif actual == "nil":
        yield from nil.origin(scene) if scene.error.exact else nil.passed(scene)
    elif _is_uncalled(scene):
        yield f"a call is written with parentheses: ({scene.text[1:-1]})"
    elif expected in ("number", "integer", "comparable types") and actual == "string":
        yield from _text_for_number(scene, operation)
    elif expected == "string" and actual in ("integer", "float", "keyword", "symbol", "boolean"):
        if scene.error.exact and scene.short:
            yield f"(str {scene.short}) is a string" if actual != "keyword" else f"(name {scene.short}) is a string"
    elif expected == "number" and actual == "function":
        yield "a function is called by parentheses around it and its arguments"
    elif expected in _ORDERED and _usage(scene, operation) and actual not in ("nil",):
        yield f"usage: {_usage(scene, operation)}"


def _usage(scene: Scene, operation: str) -> str | None:
    """How a library function of several parameters is called."""
    if operation not in PRIMARY:
        return None
    usage = scene.usage(operation)
    return usage if usage is not None and usage.count(" ") > 1 else None


def _is_uncalled(scene: Scene) -> bool:
    """`[f x]` where `(f x)` was meant: a vector that begins with the name of a function."""
    form = scene.form
    if not (scene.error.exact and type(form) in (tuple, PVector) and len(form) and type(form[0]) is Symbol):
        return False
    return callable(scene.value_of(form[0])) and scene.short is not None


def _not_callable(scene: Scene, actual: str) -> Iterator[str]:
    """Of a head that cannot be called."""
    error = scene.error
    if actual == "nil":
        yield from nil.origin(scene)
        return
    written = _call_around(scene)
    if actual == "list":
        yield "an element of a list is (nth list i)"
    elif written is not None and all(_is_literal(part) for part in written):
        inside = show(written)[1:-1]
        yield f"a vector is written [{inside}], a quoted list '({inside})"
    elif actual == "string" and written is not None and len(written) == 2:
        yield f"a key of a map is looked up by (get {show(written[1])} {show(written[0])})"
    elif actual in ("integer", "float") and written is not None and len(written) == 3 and _is_operator(written[1]):
        yield f"the operation comes first: ({show(written[1])} {show(written[0])} {show(written[2])})"
    elif error.exact and type(scene.form) is List:
        yield "two parentheses call what the inner call gave; one pair is enough to call a function"


def _is_operator(form: object) -> bool:
    return type(form) is Symbol and form.name in ("+", "-", "*", "/", "=", "<", ">", "<=", ">=", "!=", "and", "or")


def _is_literal(form: object) -> bool:
    return form is None or type(form) in (bool, int, float, str, Keyword)


def _call_around(scene: Scene) -> List | None:
    """The call whose head the error points at."""
    span = scene.error.span
    if span is None or not scene.error.exact:
        return None
    from rtfs.parser.reader import read

    text = span.source.text
    start = scan.around(text, span.source.offset(span.line, span.column))
    if start < 0 or text[start] != "(":
        return None
    from rtfs.lang.source import Source

    forms = read(Source("", text[start : scan.form_end(text, start)])).forms
    return forms[0] if len(forms) == 1 and type(forms[0]) is List else None


def _text_for_number(scene: Scene, operation: str) -> Iterator[str]:
    value = scene.error.subject
    found = _NUMERIC.fullmatch(value) if type(value) is str else None
    if found is not None:
        parse = "parse-float" if found["part"] or found["exponent"] else "parse-int"
        text = scene.short if scene.error.exact else None
        yield f"({parse} {text})" if text else f"numbers in text are read by {parse}"
    elif operation == "+":
        yield "+ adds numbers; texts are joined by (str a b)"


def wrong_count(scene: Scene) -> Iterator[str]:
    """Of an ArityMismatch: how the function is called."""
    found = _ARITY.match(scene.error.message)
    usage = scene.usage(found["name"]) if found is not None else None
    if usage is not None:
        yield f"usage: {usage}"


def out_of_bounds(scene: Scene) -> Iterator[str]:
    """Of an index: what does not fail."""
    found = re.search(r"index (-?\d+) is not in range \[0, (\d+)\)", scene.error.message)
    if found is None:
        return
    index, size = int(found[1]), int(found[2])
    if size == 0:
        yield "the collection is empty"
    elif index == size:
        yield f"indices count from 0: the last one is {size - 1}"
    elif index < 0 and scene.error.operand is not None and scene.error.operand[0] == "nth":
        yield "(last coll) is the last element, (take-last n coll) the last n"


def no_clause(scene: Scene) -> Iterator[str]:
    """Of a value that no clause fits: how to take all others."""
    span = scene.error.span
    if span is None:
        return
    text = span.source.text
    start = scan.around(text, span.source.offset(span.line, span.column))
    head = text[slice(*scan.parts(text, start)[0])] if start >= 0 and scan.parts(text, start) else ""
    if head == "match":
        yield "a last clause `_ value` takes everything else"
    elif head in ("case", "condp"):
        yield f"a last value alone is the default: ({head} … default)"


def wrong_type(scene: Scene) -> Iterator[str]:
    """Of a failed annotation: a text that should be a number."""
    found = re.search(r"expected :?(int|integer|float|number), got string$", scene.error.message)
    value = scene.error.subject
    if found is not None and type(value) is str and _NUMERIC.fullmatch(value):
        yield f"a number in a text is read by {'parse-int' if found[1].startswith('int') else 'parse-float'}"


def endless(scene: Scene) -> Iterator[str]:
    """Of a recursion that went too deep: how to stay in constant space."""
    names = [name for name, _ in scene.error.trace if name is not None]
    if len(names) > 2 and names[0] == names[1] == names[2]:
        yield f"{names[0]} calls itself at every level; in tail position `recur` needs no level"


RULES: dict[str, tuple[Rule, ...]] = {
    "TypeError": (wrong_kind,),
    "TypeValidationError": (wrong_type,),
    "ArityMismatch": (wrong_count,),
    "IndexOutOfBounds": (out_of_bounds,),
    "MatchError": (no_clause,),
    "StackOverflow": (endless,),
}
