"""Functions about functions (language.md §14.6)."""

from __future__ import annotations

from typing import Any

from rtfs.eval.builtins.comparison import identity
from rtfs.eval.limits import reentry
from rtfs.eval.registry import builtin
from rtfs.lang.access import callee, sequence
from rtfs.lang.collections import MISSING, vector
from rtfs.lang.signal import METERS, charge


def spread(f: Any, args: Any) -> Any:
    """Call `f` with a sequence of arguments. A plain call uses no C stack; Python's `f(*args)` does."""
    count = len(args)
    if count == 1:
        return f(args[0])
    if count == 2:
        return f(args[0], args[1])
    if count == 3:
        return f(args[0], args[1], args[2])
    if count == 4:
        return f(args[0], args[1], args[2], args[3])
    if count == 0:
        return f()
    with reentry():
        return f(*args)


@builtin(
    "apply",
    doc="Calls f with the arguments, the last of which is a sequence that is spread.",
    type="[:fn Items] :any [:fn :any Items] :any [:fn :any :any Items] :any [:fn :any :any :any & :any] :any",
    example=("(apply + 1 [2 3])", "6"),
)
def apply(f: Any, x: Any, *others: Any) -> Any:
    target = callee(f, "apply")
    items = sequence(others[-1] if others else x, "apply")
    if METERS:
        charge(1 + (len(items) >> 4), len(items))
    return spread(target, [x, *others[:-1], *items] if others else items)


@builtin(
    "comp",
    doc="The composition of functions, applied right to left.",
    type="[& :fn] :fn",
    example=("((comp inc abs) -3)", "4"),
)
def comp(*functions: Any) -> Any:
    if not functions:
        return identity
    innermost, *others = [callee(f, "comp") for f in reversed(functions)]

    def composed(*args: Any) -> Any:
        if METERS:
            charge(len(others) + 1)
        value = spread(innermost, args)
        for f in others:
            value = f(value)
        return value

    return composed


@builtin(
    "partial",
    doc="The function with its first arguments given.",
    type="[:fn & :any] :fn",
    example=("((partial - 10) 3)", "7"),
)
def partial(f: Any, *given: Any) -> Any:
    target = callee(f, "partial")

    def bound(*args: Any) -> Any:
        if METERS:
            charge(1 + (len(given) >> 4), len(given))
        return spread(target, given + args)

    return bound


@builtin(
    "juxt",
    doc="The function that gives the vector of what each function gives.",
    type="[:fn & :fn] [:fn [& :any] :vector]",
    example=("((juxt inc dec) 1)", "[2 0]"),
)
def juxt(f: Any, *others: Any) -> Any:
    targets = [callee(one, "juxt") for one in (f, *others)]

    def beside(*args: Any) -> Any:
        if METERS:
            charge(len(targets), len(targets))
        return vector([spread(target, args) for target in targets])

    return beside


@builtin(
    "complement",
    doc="The predicate that holds when f does not.",
    type="[:fn] [:fn [& :any] :bool]",
    example=("((complement nil?) 1)", "true"),
)
def complement(f: Any) -> Any:
    target = callee(f, "complement")

    def opposite(*args: Any) -> bool:
        if METERS:
            charge(1)
        value = spread(target, args)
        return value is None or value is False

    return opposite


@builtin(
    "constantly",
    doc="A function that always gives x.",
    type="[a] [:fn [& :any] a]",
    example=("((constantly 5) 1 2)", "5"),
)
def constantly(x: Any) -> Any:
    def constant(*args: Any) -> Any:
        return x

    return constant


@builtin(
    "fnil",
    doc="The function with defaults for arguments that are nil.",
    type="[:fn :any] :fn [:fn :any :any] :fn [:fn :any :any :any] :fn",
    example=("((fnil + 0 1) nil nil)", "1"),
)
def fnil(f: Any, x: Any, y: Any = MISSING, z: Any = MISSING) -> Any:
    target = callee(f, "fnil")
    defaults = [default for default in (x, y, z) if default is not MISSING]

    def filled(*args: Any) -> Any:
        if METERS:
            charge(1)
        known = [default if arg is None else arg for arg, default in zip(args, defaults, strict=False)]
        return spread(target, [*known, *args[len(known) :]])

    return filled
