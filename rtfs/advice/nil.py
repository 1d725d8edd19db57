"""Where a nil came from, as far as the text and the values around it tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rtfs.advice.scene import Scene, lookup_of
from rtfs.lang.collections import MISSING, List, Map, PVector
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.printer import show, show_brief
from rtfs.lang.suggest import nearest

_ONE_ARMED = "{head} gives nil when its condition does not hold"
_EMPTY = "{head} of an empty collection is nil"
_NOTHING_FOUND = "{head} gives nil when nothing is found"
_NO_NUMBER = "{head} gives nil for a text that is none"
_EFFECT = "{head} is called for what it does and gives nil"

# name at the head → why it may have given nil
REASONS: dict[str, str] = {
    **dict.fromkeys(["when", "when-not", "unless", "when-let", "when-some"], _ONE_ARMED),
    **dict.fromkeys(["first", "second", "last", "ffirst", "peek", "avg", "mean", "median", "min-by", "max-by"], _EMPTY),
    **dict.fromkeys(["not-empty", "seq", "next"], "{head} gives nil when nothing is left"),
    **dict.fromkeys(
        ["some", "find", "find-first", "re-find", "re-matches", "re-groups", "index-of", "last-index-of"],
        _NOTHING_FOUND,
    ),
    **dict.fromkeys(["parse-int", "parse-long", "parse-float", "parse-double", "parse-bool"], _NO_NUMBER),
    **dict.fromkeys(["println", "print", "prn", "log", "doseq", "dotimes", "run!", "dorun", "comment"], _EFFECT),
    "get-in": "get-in gives nil when a key of the path is missing; (get-in m path default) gives a default",
    "cond": "cond gives nil when no test holds; end it with :else and a value",
    "some->": "some-> gives nil when a step does",
    "some->>": "some->> gives nil when a step does",
}


def origin(scene: Scene) -> Iterator[str]:
    """Lines about the nil that the expression at the error gave."""
    form = scene.form
    if type(form) is not List or not form:
        return
    lookup = lookup_of(form)
    if lookup is not None:
        yield from _missing(scene, *lookup)
        return
    head = form[0].name if type(form[0]) is Symbol else ""
    if head == "if" and len(form) == 3:
        yield "an `if` without an else branch gives nil when its condition does not hold"
    elif head == "context/get" and len(form) == 2:
        yield f"the host's context has no {show(form[1])}; (context/get {show(form[1])} default) gives a default"
    elif head == "cond" and Keyword("else") in form:
        return
    elif head in REASONS and not scene.module.shadows(head):
        yield REASONS[head].format(head=head)


def passed(scene: Scene) -> Iterator[str]:
    """Lines about a nil that no expression at the error gave."""
    if scene.head == "update":
        yield "for a missing key the function gets nil: (update m k (fnil f start) …)"
    elif scene.head in ("reduce", "map", "mapv", "filter", "sum", "product", "apply", "sort-by"):
        yield "an element is nil; (remove nil? coll) leaves such elements out"


def _missing(scene: Scene, target: Any, key: Any) -> Iterator[str]:
    """Of a lookup: is there another key that was meant?"""
    coll, name = scene.value_of(target), show(target)
    if coll is None:
        yield f"{name} is nil"
        return
    if type(coll) in (tuple, PVector, List) and type(key) is int:
        yield f"{name} has {len(coll)} elements, none at {key}"
    if type(coll) is not Map or len(name) > 40:
        return
    if key in coll:
        yield f"{name} holds nil under {show(key)}"
        return
    twin = _twin(coll, key)
    if twin is not MISSING:
        yield f"{name} has the {_kind(twin)} {show(twin)}, not the {_kind(key)} {show(key)}: (get {name} {show(twin)})"
        return
    known = {other.name: other for other in coll if type(other) is Keyword}
    near = nearest(key.name, known) if type(key) is Keyword else []
    if near:
        yield f"{name} has no {show(key)}; did you mean `:{near[0]}`?"
    elif len(coll):
        keys = " ".join(show_brief(other, 30) for other in list(coll)[:8])
        yield f"{name} has no {show(key)}; its keys are {keys}{' …' if len(coll) > 8 else ''}"
    else:
        yield f"{name} is empty"


def _twin(coll: Map, key: Any) -> Any:
    """The same name as a key of another kind: `"temp"` for `:temp`."""
    other = key.name if type(key) is Keyword else Keyword(key) if type(key) is str and key.isidentifier() else MISSING
    return other if other is not MISSING and other in coll else MISSING


def _kind(key: Any) -> str:
    return "string" if type(key) is str else "keyword"
