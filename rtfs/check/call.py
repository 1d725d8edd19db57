"""What a call gives and what is wrong with it, from the types of callee and arguments (language.md §4.1, §13)."""

from __future__ import annotations

from collections.abc import Sequence as Several
from typing import NamedTuple

from rtfs.check.join import Joining
from rtfs.check.kind import (
    ANY,
    CALLABLE,
    ERROR,
    MAP,
    NEVER,
    NIL,
    Constant,
    callable_view,
    either,
    is_any,
    is_never,
    kinds,
    target,
)
from rtfs.check.overlap import FITS, Overlap
from rtfs.check.overlap import NEVER as NEVER_FITS
from rtfs.check.signature import Binding, element, entry, filled, has_variables, learn
from rtfs.check.subtype import param_of, takes
from rtfs.lang.names import Keyword
from rtfs.lang.types import Enum, Function, Intersection, MapOf, Primitive, Record, Type, Union

_MAPS = either((NIL, MAP, ERROR))


class Fault(NamedTuple):
    """What is wrong with a call. `kind`: `callee`, `arity` or `argument`; `certain`: it fails whatever the values are.

    argument: `place` from 0, `expected` and `actual` its types. arity: `counts` are what the callee takes.
    """

    kind: str
    certain: bool = True
    place: int = 0
    expected: Type = ANY
    actual: Type = ANY
    counts: tuple[tuple[int, int | None], ...] = ()


class Outcome(NamedTuple):
    """The type of a call's value, and what is wrong with the call."""

    result: Type
    faults: tuple[Fault, ...] = ()


class Calls:
    """Calls, under one memory of comparisons."""

    def __init__(self) -> None:
        self.overlap = Overlap()
        self.joining = Joining(self.overlap.strict)
        self._generic: dict[int, tuple[bool, Function]] = {}  # by identity, which the function keeps from changing

    def call(self, callee: Type, arguments: Several[Type]) -> Outcome:
        node = target(callee)
        if isinstance(node, Union):
            return self._any_of(node, arguments)
        if isinstance(node, (Function, Intersection)):
            functions = [node] if isinstance(node, Function) else [m for m in node.members if isinstance(m, Function)]
            if functions:
                return self._chosen(functions, arguments)
        if isinstance(node, Constant) and isinstance(node.value, Keyword):
            return self._lookup(node.value, arguments)
        if isinstance(node, (Record, MapOf)) and 1 <= len(arguments) <= 2:
            return Outcome(self.looked_up(node, arguments[0], arguments[1] if len(arguments) == 2 else NIL))
        view = callable_view(node)
        if view is not None:
            outcome = self.call(view, arguments)
            return Outcome(self._element(node, arguments), outcome.faults)
        known = kinds(node)
        if is_never(node) or known is None or known & CALLABLE:
            return Outcome(NEVER if is_never(node) else ANY)
        return Outcome(ANY, (Fault("callee", actual=callee),))

    def _any_of(self, node: Union, arguments: Several[Type]) -> Outcome:
        """The callee is one of several: wrong for certain only if it is wrong for each."""
        outcomes = [self.call(member, arguments) for member in node.members]
        result = self.joining.all(outcome.result for outcome in outcomes)
        faulty = [outcome.faults[0] for outcome in outcomes if outcome.faults]
        if not faulty:
            return Outcome(result)
        certain = len(faulty) == len(outcomes) and all(fault.certain for fault in faulty)
        return Outcome(result, (faulty[0]._replace(certain=certain),))

    def _element(self, node: Type, arguments: Several[Type]) -> Type:
        """A vector is called with an index and perhaps a default."""
        if isinstance(node, (Enum, Primitive)):
            return ANY
        return self.joining.all([element(node, self.joining), *arguments[1:]])

    # ---- functions of one or several shapes

    def _chosen(self, functions: Several[Function], arguments: Several[Type]) -> Outcome:
        """The shapes that the arguments may fit, up to the first they certainly fit."""
        count = len(arguments)
        fitting = [each for each in functions if takes(each, count, False)]
        if not fitting:
            return Outcome(ANY, (Fault("arity", counts=tuple(_count(each) for each in functions)),))
        results: list[Type] = []
        doubts: tuple[Fault, ...] | None = None
        for each in fitting:
            faults, result, exactly = self._shaped(each, arguments)
            if any(fault.certain for fault in faults):
                continue
            results.append(result)
            if not faults:
                doubts = ()
            elif doubts is None:
                doubts = faults
            if exactly:
                break
        if results:
            return Outcome(self.joining.all(results), self._together(fitting, arguments) if doubts else ())
        return Outcome(self.joining.all(filled(each.result, {}) for each in fitting), self._nowhere(fitting, arguments))

    def _shaped(self, shape: Function, arguments: Several[Type]) -> tuple[tuple[Fault, ...], Type, bool]:
        """Faults and result of a call of one shape; does every argument fit for certain?"""
        params = [param_of(shape, place) for place in range(len(arguments))]
        known = self._learnt(params, arguments) if self._is_generic(shape) else {}
        faults: list[Fault] = []
        exactly = True
        for place, (param, argument) in enumerate(zip(params, arguments, strict=True)):
            wanted = filled(param, known)
            exactly = exactly and self.overlap.strict.holds(argument, wanted)
            verdict = self.overlap.verdict(argument, wanted)
            if verdict != FITS:
                faults.append(Fault("argument", verdict == NEVER_FITS, place, wanted, argument))
        return tuple(faults), filled(shape.result, known), exactly

    def _learnt(self, params: Several[Type], arguments: Several[Type]) -> Binding:
        """What the arguments say about the variables of a signature: functions last, for their results depend on it."""
        known: Binding = {}
        pairs = list(zip(params, arguments, strict=True))
        for param, argument in pairs:
            if not isinstance(param, Function):
                learn(param, argument, known, self.joining)
        for param, argument in pairs:
            if isinstance(param, Function):
                given = self.call(argument, [filled(each, known) for each in param.params])
                learn(param.result, given.result, known, self.joining)
        return known

    def _is_generic(self, shape: Function) -> bool:
        known = self._generic.get(id(shape))
        if known is None:
            known = self._generic[id(shape)] = (has_variables(shape), shape)
        return known[0]

    def _together(self, shapes: Several[Function], arguments: Several[Type]) -> tuple[Fault, ...]:
        """Arguments that may not fit: each is compared with what the shapes together take at its place."""
        found = []
        for place, argument in enumerate(arguments):
            wanted = self._wanted(shapes, place)
            verdict = self.overlap.verdict(argument, wanted)
            if verdict != FITS:
                found.append(Fault("argument", verdict == NEVER_FITS, place, wanted, argument))
        return tuple(found)

    def _nowhere(self, shapes: Several[Function], arguments: Several[Type]) -> tuple[Fault, ...]:
        """No shape takes the arguments: those that none takes, else where the shape that fits furthest stops."""
        faults = tuple(fault for fault in self._together(shapes, arguments) if fault.certain)
        if faults:
            return faults
        firsts = [next(f for f in self._shaped(each, arguments)[0] if f.certain) for each in shapes]
        return (max(firsts, key=lambda fault: fault.place),)

    def _wanted(self, shapes: Several[Function], place: int) -> Type:
        types = [filled(param_of(shape, place), {}) for shape in shapes]
        return types[0] if len(types) == 1 else self.joining.all(types)

    # ---- lookup in maps

    def _lookup(self, keyword: Keyword, arguments: Several[Type]) -> Outcome:
        """`(:k m)` and `(:k m default)`"""
        if not 1 <= len(arguments) <= 2:
            return Outcome(ANY, (Fault("arity", counts=((1, 1), (2, 2))),))
        subject, default = arguments[0], arguments[1] if len(arguments) == 2 else NIL
        result = self.looked_up(subject, Constant((keyword,), None), default)
        verdict = self.overlap.verdict(subject, _MAPS)
        if verdict == FITS:
            return Outcome(result)
        return Outcome(result, (Fault("argument", verdict == NEVER_FITS, 0, _MAPS, subject),))

    def looked_up(self, subject: Type, key: Type, default: Type) -> Type:
        """What is under a key of a map; `default` when it is absent."""
        node = target(subject)
        if isinstance(node, Union):
            return self.joining.all(self.looked_up(member, key, default) for member in node.members)
        if isinstance(node, Record):
            return self._field(node, key, default)
        if isinstance(node, MapOf):
            return self.joining.join(node.value, default)
        if isinstance(node, Primitive) and node.name == "nil":
            return default
        if isinstance(node, Constant) and node.value is None:
            return default
        if isinstance(node, Intersection):
            records = [member for member in node.members if isinstance(target(member), (Record, MapOf))]
            return self.looked_up(records[0], key, default) if records else ANY
        return ANY

    def _field(self, record: Record, key: Type, default: Type) -> Type:
        if not isinstance(key, Constant):
            value = entry(record, self.joining)[1]
            return ANY if is_any(value) else self.joining.join(value, default)
        for field in record.fields:
            if field.key == key.value and type(field.key) is type(key.value):
                return self.joining.join(field.type, default) if field.optional else field.type
        return ANY if record.others is None else self.joining.join(record.others, default)


def _count(shape: Function) -> tuple[int, int | None]:
    """Least and greatest argument count; None: any."""
    return len(shape.params), None if shape.rest is not None else len(shape.params)
