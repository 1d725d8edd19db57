"""What a call gives and what is wrong with it, from the types of callee and arguments (language.md §4.1, §13)."""

from __future__ import annotations

from collections.abc import Sequence as Several
from typing import NamedTuple

from rtfs.check.join import Joining, widened
from rtfs.check.kind import (
    ANY,
    CALLABLE,
    ERROR,
    MAP,
    NEVER,
    NIL,
    Constant,
    Generic,
    callable_view,
    either,
    is_any,
    is_never,
    kinds,
    target,
    unsure,
)
from rtfs.check.overlap import FITS, Overlap
from rtfs.check.overlap import NEVER as NEVER_FITS
from rtfs.check.signature import Binding, element, entry, filled, learn
from rtfs.check.subtype import param_of, takes
from rtfs.lang.names import Keyword
from rtfs.lang.types import Enum, Function, Intersection, MapOf, Primitive, Record, Type, Union

_MAPS = either((NIL, MAP, ERROR))


class Fault(NamedTuple):
    """What is wrong with a call. `kind`: `callee`, `arity` or `argument`; `certain`: it fails whatever the values are.

    argument: `place` from 0, `expected` and `actual` its types. arity: `place` is how many there are, `counts` what the
    callee takes.
    """

    kind: str
    certain: bool = True
    place: int = 0
    expected: Type = ANY
    actual: Type = ANY
    counts: tuple[tuple[int, int | None], ...] = ()
    name: str = ""  # of the callee, if it is not the head of the form


class Outcome(NamedTuple):
    """The type of a call's value, and what is wrong with the call."""

    result: Type
    faults: tuple[Fault, ...] = ()


class Calls:
    """Calls, under one memory of comparisons."""

    def __init__(self) -> None:
        self.overlap = Overlap()
        self.joining = Joining(self.overlap.strict)

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
            return Outcome(ANY, (Fault("arity", place=count, counts=tuple(_count(each) for each in functions)),))
        possible: list[tuple[tuple[Fault, ...], Type]] = []
        exactly = False
        for each in fitting:
            faults, result, exactly = self._shaped(each, arguments)
            if not any(fault.certain for fault in faults):
                possible.append((faults, result))
            if exactly:
                break
        if not possible:
            results = [filled(each.result, {}, self.joining) for each in fitting]
            return Outcome(self.joining.all(results), self._nowhere(fitting, arguments))
        result = self.joining.all(result for _, result in possible)
        if any(not faults for faults, _ in (possible[:-1] if exactly else possible)) and len(possible) > 1:
            result = unsure(result)  # which shape it is depends on arguments of which nothing is known
        if not all(faults for faults, _ in possible):
            return Outcome(result)
        return Outcome(result, possible[0][0] if len(fitting) == 1 else self._together(fitting, arguments))

    def _shaped(self, shape: Function, arguments: Several[Type]) -> tuple[tuple[Fault, ...], Type, bool]:
        """Faults and result of a call of one shape; does every argument fit for certain?"""
        params = [param_of(shape, place) for place in range(len(arguments))]
        generic = isinstance(shape, Generic)
        known = self._learnt(params, arguments) if generic else {}
        faults: list[Fault] = []
        exactly = True
        for place, (param, argument) in enumerate(zip(params, arguments, strict=True)):
            wanted = filled(param, known, self.joining) if generic else param
            exactly = exactly and self.overlap.strict.holds(argument, wanted)
            verdict = self.overlap.verdict(argument, wanted)
            if verdict != FITS:
                faults.append(Fault("argument", verdict == NEVER_FITS, place, wanted, argument))
        return tuple(faults), filled(shape.result, known, self.joining) if generic else shape.result, exactly

    def hints(self, callee: Type, arguments: Several[Type | None]) -> list[list[Type]]:
        """What a library function gives to the functions it is called with, for each argument that is None.

        An empty list where that is not known. The parameters of function literals written there are of these types.
        """
        node = target(callee)
        shapes = node.members if isinstance(node, Intersection) else (node,)
        fitting = [each for each in shapes if isinstance(each, Function) and takes(each, len(arguments), False)]
        if len(fitting) != 1 or not isinstance(fitting[0], Generic):
            return [[] for _ in arguments]
        params = [param_of(fitting[0], place) for place in range(len(arguments))]
        known: Binding = {}
        for param, argument in zip(params, arguments, strict=True):
            if argument is not None and not isinstance(param, Function):
                learn(param, argument, known, self.joining)
        found: list[list[Type]] = []
        for param, argument in zip(params, arguments, strict=True):
            given = param.params if argument is None and isinstance(param, Function) else ()
            found.append([widened(filled(each, known, self.joining)) for each in given])
        return found

    def _learnt(self, params: Several[Type], arguments: Several[Type]) -> Binding:
        """What the arguments say about the variables of a signature: functions last, for their results depend on it."""
        known: Binding = {}
        pairs = list(zip(params, arguments, strict=True))
        for param, argument in pairs:
            if not isinstance(param, Function):
                learn(param, argument, known, self.joining)
        for param, argument in pairs:
            if isinstance(param, Function):
                given = self.call(argument, [filled(each, known, self.joining) for each in param.params])
                learn(param.result, given.result, known, self.joining)
        return known

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
        if len(shapes) == 1:
            return tuple(fault for fault in self._shaped(shapes[0], arguments)[0] if fault.certain)
        faults = tuple(fault for fault in self._together(shapes, arguments) if fault.certain)
        if faults:
            return faults
        firsts = [next(f for f in self._shaped(each, arguments)[0] if f.certain) for each in shapes]
        return (max(firsts, key=lambda fault: fault.place),)

    def _wanted(self, shapes: Several[Function], place: int) -> Type:
        types = [filled(param_of(shape, place), {}, self.joining) for shape in shapes]
        return types[0] if len(types) == 1 else self.joining.all(types)

    # ---- lookup in maps

    def _lookup(self, keyword: Keyword, arguments: Several[Type]) -> Outcome:
        """`(:k m)` and `(:k m default)`"""
        if not 1 <= len(arguments) <= 2:
            return Outcome(ANY, (Fault("arity", place=len(arguments), counts=((1, 1), (2, 2))),))
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
