"""Graphs of streams: a node, what its source is and the stages between (streaming.md §1.1, §6.1)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

from rtfs.host.stream import operators, sources
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.lifted import is_lifted, lifted
from rtfs.host.stream.operators import HostOperator, Whole
from rtfs.host.stream.options import normalised, shown
from rtfs.host.stream.slot import fits
from rtfs.host.stream.sources import SourceKind
from rtfs.host.stream.stage import Stage, stage_of
from rtfs.lang.collections import EMPTY_MAP, Map, vector
from rtfs.lang.evaluator import Evaluator
from rtfs.lang.names import Keyword
from rtfs.lang.operator import INPUTS, NAME, NAMES, NODE, PARAMS, PURE, STREAM_ID, checked, operand, slots_of
from rtfs.lang.values import is_vector

PARTITION = "partition"  # the operator that stands for the stream of a partition, in what is made of it
FED = "chain"  # the key under which such a node has the chain that it stands for
DEEPEST = 1_000  # operators in a row


class Origin(NamedTuple):
    """Where the items of a chain come from: a kind of source with its parameters, an operator of the host with its
    inputs by name, or the id of a running stream."""

    name: str
    params: Map
    kind: SourceKind | None = None
    operator: HostOperator | None = None
    inputs: tuple[tuple[str, Any], ...] = ()
    stream_id: str | None = None


class Chain(NamedTuple):
    """A source and the pure stages behind it. title: the operators in a row, as people read them."""

    origin: Origin
    stages: tuple[Stage, ...]

    @property
    def title(self) -> str:
        origin = self.origin
        before = ""
        if origin.operator is not None:
            before = f"{' + '.join(name for name, _ in origin.inputs)} → " if len(origin.inputs) > 1 else "… → "
        return before + " → ".join([origin.name, *(stage.op for stage in self.stages if stage.op)])


def chain_of(given: Any, evaluator: Evaluator) -> Chain:
    """The chain that ends in a node. S004 when it is no stream, S015 when a function takes other arguments."""
    nodes = list(_upwards(operand(given)))
    top, below = nodes[-1], [node for node in nodes[-2::-1] if operators.whole(_name(node)) is None]
    origin = _origin(top, evaluator)
    first = () if origin.operator is None or origin.operator.first is None else (origin.operator.first,)
    return Chain(origin, (*first, *(_stage(node, evaluator) for node in below)))


class Spoken(NamedTuple):
    """An operator that speaks for its whole graph, and its parameters."""

    whole: Whole
    params: Map


def spoken(given: Any, evaluator: Evaluator) -> list[Spoken]:
    """The operators that speak for a whole graph, those first that are nearer to its end. S002, S003, S004, S006."""
    found, waiting, met = [], deque([operand(given)]), set()
    while waiting:
        node = waiting.popleft()
        if type(node) is str or STREAM_ID in node or id(node) in met:
            continue
        met.add(id(node))
        waiting.extend(operand(each) for each in inputs_of(node))
        whole = operators.whole(_name(node))
        if whole is not None:
            table = evaluator.operator(_name(node))
            assert table is not None, node
            found.append(Spoken(whole, _sound(node, table[0], evaluator)))
    return found


def meant(given: Any, options: Map, evaluator: Evaluator) -> Map:
    """The options of a run: those given to it, then what operators mean for the whole graph, the nearer one first."""
    wanted = normalised(options)
    for whole, params in spoken(given, evaluator):
        under = normalised(whole.options(params))
        for name in [name for name in under if type(under[name]) is Map and type(wanted.get(name)) is Map]:
            under[name] = _keyed({**normalised(under[name]), **normalised(wanted.pop(name))})
        wanted = {**under, **wanted}
    return _keyed(wanted)


def _keyed(entries: dict[str, Any]) -> Map:
    return Map.of((Keyword(name), value) for name, value in entries.items())


def _upwards(node: Any) -> Iterator[Any]:
    """The node and what it reads from, up to the source."""
    for _ in range(DEEPEST):
        yield node
        inputs = inputs_of(node) if type(node) is Map and STREAM_ID not in node else None
        if not inputs or _by_host(_name(node)) or is_lifted(node):
            return
        node = operand(inputs[0])
    raise fault(28, operator="graph", n=DEEPEST, things="operators in a row")


def _by_host(name: str) -> bool:
    """Does the host read the inputs of such a node?"""
    return operators.find(name) is not None or sources.find(name) is not None


def _origin(node: Any, evaluator: Evaluator) -> Origin:
    if type(node) is str:
        return Origin("stream", EMPTY_MAP, stream_id=node)
    if STREAM_ID in node:
        return Origin("stream", EMPTY_MAP, stream_id=node.get(STREAM_ID))
    name, params = _name(node), node.get(PARAMS, EMPTY_MAP)
    if name == PARTITION and type(params) is Map and isinstance(params.get(FED), Chain):
        origin: Origin = params.get(FED).origin
        return origin
    inputs = _inputs(node, params if type(params) is Map else EMPTY_MAP)
    kind, operator = sources.find(name), operators.find(name)
    is_lifted_stage = operator is None and is_lifted(node)
    if is_lifted_stage:
        operator = lifted(name, params, _stage(node, evaluator), evaluator)
    if (kind is None and operator is None) or type(params) is not Map:
        raise fault(4, value=shown(node))
    if kind is not None:
        _sound(node, kind.table, evaluator)
    elif operator is not None and not is_lifted_stage:
        found = evaluator.operator(name)
        assert found is not None, name
        params = _sound(node, found[0], evaluator)
        operator = operator if operator.of is None else operator.of(params, evaluator)
    fed = kind.fed if kind is not None and inputs else None
    return Origin(name, params, kind if fed is None else None, operator if fed is None else fed[1], inputs)


def _inputs(node: Map, params: Map) -> tuple[tuple[str, Any], ...]:
    given = [operand(each) for each in inputs_of(node)]
    if params.get(NAMES) and (not is_vector(params.get(NAMES)) or len(params.get(NAMES)) != len(given)):
        raise fault(4, value=shown(node))
    names = params.get(NAMES) or range(len(given))
    return tuple((key.name if type(key) is Keyword else str(key), each) for key, each in zip(names, given, strict=True))


def inputs_of(node: Map) -> Any:
    """The inputs of a node, which anybody may have written. S004 when they are none."""
    inputs = node.get(INPUTS, ())
    if not is_vector(inputs):
        raise fault(4, value=shown(node))
    return inputs


def _sound(node: Map, table: Map, evaluator: Evaluator) -> Map:
    """The parameters of a node, which may be written by hand: S002, S003, S006 as for a call that makes one, and S015
    for functions that cannot be called with what they get."""
    params = node.get(PARAMS, EMPTY_MAP)
    if type(params) is not Map:
        raise fault(4, value=shown(node))
    own = Map.of([entry for entry in params.entries() if entry[0] is not NAMES])
    params = checked(table, own, f"stream.{_name(node)}", callbacks=True)
    for key, slot in slots_of(table).entries():
        if PURE in slot and params.get(key) is not None:
            fits(key.name, len(slot.get(PURE)), params.get(key), evaluator)
    return params


def _name(node: Map) -> str:
    name = node.get(NODE)
    return name.name if type(name) is Keyword else ""


def _stage(node: Map, evaluator: Evaluator) -> Stage:
    found = evaluator.operator(_name(node))
    if found is None:
        raise fault(4, value=shown(node))
    return stage(_name(node), _sound(node, found[0], evaluator), evaluator)


def stage(op: str, params: Map, evaluator: Evaluator) -> Stage:
    """The stage of an operator with parameters that are checked."""
    found = evaluator.operator(op)
    assert found is not None, op
    return stage_of(op, params.get(NAME), evaluator.pure(found[1], params))


def stages_of(made: Any, evaluator: Evaluator) -> list[Any] | None:
    """The pure operators between the stream of a partition and what was made of it, each as `[op params]`.

    None when there are others among them, or when it does not read that stream.
    """
    path = list(_upwards(operand(made)))
    if type(path[-1]) is not Map or _name(path[-1]) != PARTITION:
        return None
    if any(is_lifted(node) or operators.whole(_name(node)) is not None for node in path[:-1]):
        return None
    found = []
    for node in path[-2::-1]:
        table = evaluator.operator(_name(node))
        if table is None:
            raise fault(4, value=shown(node))
        found.append(vector([_name(node), _sound(node, table[0], evaluator)]))
    return found


def fed(made: Any, chain: Chain) -> Any:
    """What was made of the stream of a partition, with the chain in place of that stream."""
    if type(made) is not Map or STREAM_ID in made:
        return made
    if _name(made) == PARTITION:
        return made.assoc(PARAMS, Map.of([(FED, chain)]))
    inputs = [fed(operand(each), chain) for each in inputs_of(made)]
    return made.assoc(INPUTS, vector(inputs)) if inputs else made
