"""What library macros expand into where core forms and ordinary functions do not say it (language.md §5)."""

from __future__ import annotations

from typing import Any

from rtfs.eval.machine import RUN
from rtfs.eval.registry import builtin
from rtfs.lang.access import callee, sequence
from rtfs.lang.collections import Map, PVector, vector
from rtfs.lang.errors import EvaluationError, RtfsError, about, invalid_argument, type_error
from rtfs.lang.names import Keyword
from rtfs.lang.pattern import split_bindings, unmeta
from rtfs.lang.printer import show
from rtfs.lang.suggest import nearest as nearest_names
from rtfs.lang.values import wrong_kind


@builtin(
    "rtfs/items",
    doc="What `for` and `doseq` walk, as a vector.",
    type="[:any Items] [:vector a]",
    example=('(rtfs/items "for" "ab")', '["a" "b"]'),
)
def items(operation: Any, coll: Any) -> Any:
    if type(coll) is tuple or type(coll) is PVector:
        return coll
    return vector(list(sequence(coll, operation)))


@builtin("rtfs/integer", doc="The count of a `dotimes`.", type="[:int] :int", example=("(rtfs/integer 3)", "3"))
def integer(value: Any) -> int:
    if type(value) is not int:
        raise wrong_kind("dotimes", "integer", value)
    return value


@builtin(
    "rtfs/no-match",
    doc="Raises the MatchError of `case` and `condp`.",
    type="[:any] :never",
    example=("(try (rtfs/no-match 1) (catch MatchError e (:data e)))", "{:value 1}"),
)
def no_match(value: Any) -> None:
    data = Map.of([(Keyword("value"), value)])
    raise about(EvaluationError("MatchError", f"Match error: No matching clause for {show(value)}", data=data), value)


@builtin(
    "rtfs/failed-assertion",
    doc="Raises the AssertionError of `assert`.",
    type="[:any] :never",
    example=('(try (rtfs/failed-assertion "no") (catch e (:message e)))', '"Assertion failed: no"'),
)
def failed_assertion(text: Any) -> None:
    raise EvaluationError("AssertionError", f"Assertion failed: {text if type(text) is str else show(text)}")


@builtin(
    "rtfs/invalid-argument",
    doc="Raises InvalidArgument for functions written in the language.",
    type="[:any] :never",
    example=('(try (rtfs/invalid-argument "no") (catch e (:message e)))', '"Invalid argument: no"'),
)
def invalid(text: Any) -> None:
    raise invalid_argument(text if type(text) is str else show(text))


@builtin(
    "rtfs/parallel-values",
    doc="The answer of a parallel host call, if it has a value for every function.",
    type="[:any [:vector a] :int] [:vector a]",
    example=('(rtfs/parallel-values "pmap" [1] 1)', "[1]"),
)
def parallel_values(operation: Any, answer: Any, count: Any) -> Any:
    if type(answer) is not tuple and type(answer) is not PVector:
        raise wrong_kind(operation, f"vector of {count} values", answer)
    if len(answer) != count:
        raise type_error(operation, f"vector of {count} values", f"vector of {len(answer)}")
    return answer


@builtin(
    "rtfs/bindings",
    doc="A binding vector as vectors of the forms of each binding.",
    type="[:any :any] [:vector :vector]",
    example=('(rtfs/bindings "let" \'[a 1 b :int 2])', "[[a 1] [b :int 2]]"),
)
def bindings(form_name: Any, form: Any) -> Any:
    """SyntaxError where the vector cannot be split (language.md §5.3)."""
    return vector([tuple(form[one.pattern_index : one.value_index + 1]) for one in split_bindings(form, form_name)])


@builtin("rtfs/bare", doc="A form without the metadata before it.", type="[:any] :any", example=("(rtfs/bare 'x)", "x"))
def bare(form: Any) -> Any:
    return unmeta(form)


@builtin(
    "rtfs/nearest",
    doc="The name that was probably meant.",
    type="[:string Items] :string?",
    example=('(rtfs/nearest "on-itme" ["on-error" "on-item"])', '"on-item"'),
)
def nearest(name: Any, known: Any) -> Any:
    for given in (name, *sequence(known, "rtfs/nearest")):
        if type(given) is not str:
            raise wrong_kind("rtfs/nearest", "string", given)
    found = nearest_names(name, known)
    return found[0] if found else max(known or (), key=lambda each: _common(name, each), default=None)


def _common(a: str, b: str) -> int:
    """How many first letters two names share."""
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


@builtin(
    "rtfs/expand",
    doc="`macroexpand` and `macroexpand-1` as written in a module.",
    type="[:any :any :string] :any",
    example=('(rtfs/expand \'(unless a b) true "user")', "(if a nil (do b))"),
)
def expand(form: Any, once: Any, module: Any) -> Any:
    if type(module) is not str:
        raise wrong_kind("rtfs/expand", "string", module)
    return RUN.get().tools.expand(form, once=once is True, module=module)


@builtin(
    "rtfs/at",
    doc="The form, standing where a part of the macro call stands: errors point there.",
    type="[:any a] a",
    example=("(rtfs/at 'x '(f x))", "(f x)"),
)
def at(original: Any, form: Any) -> Any:
    tools = RUN.get().tools
    return form if tools is None else tools.place(form, original)


# ---- tests in the language (§14.9)


@builtin(
    "rtfs/failed-test",
    doc="Raises the AssertionError of `is`; its data has :expected, :actual and :text.",
    type="[:any :any :any] :never",
    example=("(try (rtfs/failed-test '(odd? 2) false nil) (catch e (:expected (:data e))))", "(odd? 2)"),
)
def failed_test(expected: Any, actual: Any, text: Any) -> None:
    label = "" if text is None else f"{text if type(text) is str else show(text)}: "
    data = Map.of([(Keyword("expected"), expected), (Keyword("actual"), actual), (Keyword("text"), text)])
    message = f"Assertion failed: {label}expected {show(expected)}, got {show(actual)}"
    raise EvaluationError("AssertionError", message, data=data)


@builtin(
    "rtfs/testing",
    doc="Calls the body of `testing`; a failed test inside it carries the text.",
    type="[:any [:fn [] a]] a",
    example=('(rtfs/testing "sums" (fn [] 1))', "1"),
)
def testing(text: Any, body: Any) -> Any:
    try:
        return callee(body, "testing")()
    except RtfsError as error:
        if error.kind == "AssertionError":
            label = text if type(text) is str else show(text)
            error.message = error.message.replace("Assertion failed: ", f"Assertion failed: {label}: ", 1)
            error.value = None  # what was shown of it before does not know the text
        raise
