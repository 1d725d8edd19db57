"""What a run of a graph was begun with, as text in its snapshots: enough to begin it again (streaming.md §5.6, §10.2).

A function is kept as its name in a module, as its name in the library, or as its text with what it captured. What holds
a secret, or is large, is not kept; then whoever resumes the run has to give the graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.credential import masked
from rtfs.lang.codec import NotStorable, Unreadable, decode, encode
from rtfs.lang.collections import EMPTY_MAP, Map, vector
from rtfs.lang.names import Keyword
from rtfs.lang.operator import INPUTS, NODE, PARAMS, shown
from rtfs.lang.values import is_vector

if TYPE_CHECKING:
    from rtfs.lang.errors import RtfsError
    from rtfs.lang.evaluator import Evaluator

MOST_CHARS = 65_536  # it is part of every snapshot
DEEPEST = 16  # functions that capture functions
GRAPH = Keyword("rtfs/graph")  # where a snapshot has the text
SECRET = frozenset({"headers", "auth"})


def ungraphed(id: str) -> RtfsError:
    """S002 for a run that cannot be begun again without its graph."""
    error = fault(2, field="graph")
    error.message = f"Missing required field 'graph': the graph of stream {id} is not stored"
    error.remark("a graph is stored unless it is large, or has a secret or a function without a text in it")
    return error


class Begun(NamedTuple):
    """A call that began a run. node: the graph; module: where names of functions are looked up; ending: the capability
    that takes the outputs, None for a run that is read; params: those of it that are not the node's own."""

    node: Any
    module: str
    ending: str | None = None
    params: Map = EMPTY_MAP


def write(begun: Begun, evaluator: Evaluator) -> str | None:
    """The text of a call; None when it cannot be kept."""
    ending, node = None if begun.ending is None else Keyword(begun.ending), _storeless(begun.node)
    entries = (("node", node), ("module", begun.module), ("ending", ending), ("params", begun.params))
    try:
        _check(node)
        _check(begun.params)
        text = encode(Map.of((Keyword(name), value) for name, value in entries), lambda value: _kept(value, evaluator))
    except (NotStorable, _Unkept):
        return None
    return text if len(text) <= MOST_CHARS else None


class _Unkept(Exception):
    """There is something that no snapshot may hold."""


def _storeless(node: Any) -> Any:
    """The node without the places of stores, which may be secret: whoever finds the text knows where it was."""
    if type(node) is not Map or NODE not in node:
        return node
    inputs, params = node.get(INPUTS, ()), node.get(PARAMS, EMPTY_MAP)
    if type(params) is Map:
        node = node.assoc(PARAMS, params.dissoc(Keyword("checkpoint-store")))
    return node.assoc(INPUTS, vector([_storeless(each) for each in inputs])) if is_vector(inputs) else node


def _check(root: Any) -> None:
    """Raises when a secret is in there: headers, or a URL with a password."""
    waiting = [root]
    while waiting:
        value = waiting.pop()
        if type(value) is Map:
            for key, part in value.entries():
                if type(key) is Keyword and key.name in SECRET and part:
                    raise _Unkept
                waiting.append(part)
        elif is_vector(value):
            if len(value) > MOST_CHARS:
                raise _Unkept
            waiting.extend(value)
        elif type(value) is str and "://" in value and masked(value) != value:
            raise _Unkept


def _kept(value: Any, evaluator: Evaluator, depth: int = 0) -> Map:
    """What stands for a function. KeyError for what is none, or has neither a name nor a text."""
    if getattr(value, "__code__", None) is None or depth > DEEPEST:
        raise KeyError(shown(value))
    known = evaluator.spelling(value)
    if known is not None:
        return Map.of([(Keyword("library"), known)])
    identity = evaluator.identity(value)
    if identity.name is None and not identity.text:
        raise KeyError(shown(value))
    captures = encode(Map.of(identity.captures.items()), lambda inner: _kept(inner, evaluator, depth + 1))
    entries = (("name", identity.name), ("module", identity.module), ("text", identity.text), ("captures", captures))
    return Map.of((Keyword(name), part) for name, part in entries)


def read(text: str, evaluator: Evaluator) -> Begun:
    """The call of a text. S014 for a function that is not there any more, S033 when it is no such text."""
    try:
        found = decode(text, lambda value: _function(value, evaluator))
        node, module, ending, params = (found.get(Keyword(name)) for name in ("node", "module", "ending", "params"))
    except (Unreadable, ValueError, AttributeError, TypeError) as problem:
        raise fault(33, e=f"its graph: {problem}") from None
    return Begun(node, module, None if ending is None else ending.name, params)


def _function(value: Map, evaluator: Evaluator) -> Any:
    get = value.get
    library, name, module = (get(Keyword(key)) for key in ("library", "name", "module"))
    if library is not None:
        return evaluator.compile(library, "", {})
    if name is not None:
        found = evaluator.resolve(name, module)
        if found is None:
            raise fault(14, f=name)
        return found
    captures = decode(get(Keyword("captures")), lambda inner: _function(inner, evaluator))
    return evaluator.compile(get(Keyword("text")), module, dict(captures.entries()))
