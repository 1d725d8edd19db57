"""Values with functions as text for another process: texts of functions, captured values, and what they name.

What a function names of its own module goes with it: other functions and macros as their texts, values as values. What
the library has is there as well. A function without a text, such as one that an embedder wrote in Python, stays here.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from rtfs.identity import function_from, identity_of, text_of_code
from rtfs.lang.codec import NotStorable, decode, encode
from rtfs.lang.collections import EMPTY_MAP, List, Map, vector
from rtfs.lang.errors import RtfsError
from rtfs.lang.evaluator import NotPortable
from rtfs.lang.limits import Limits
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.outcome import HostCall
from rtfs.lang.printer import show
from rtfs.lang.source import Source
from rtfs.lang.values import function_name, is_vector
from rtfs.tools import read_forms

if TYPE_CHECKING:
    from rtfs.eval.module import Module
    from rtfs.session import Session

LIBRARY, GLOBAL, LITERAL = "library", "global", "literal"
_LITERALS = ("(fn ", "(letrec ", "#(")  # what the text of a function begins with that no definition made
MODULES, LITERALS, VALUE, LIMITS = map(Keyword, ("modules", "literals", "value", "limits"))


def pack(session: Session, value: Any) -> str:
    """The text of a value and of all that its functions need. NotPortable when there is none."""
    packing = _Packing(session)
    text = packing.text(value)
    limits = {Keyword(name): getattr(session.limits, name) for name in Limits.__slots__}
    parts = {
        MODULES: vector(packing.modules()),
        LITERALS: vector(packing.literals),
        VALUE: text,
        LIMITS: Map.of(limits.items()),
    }
    return encode(Map.of(parts.items()))


class _Packing:
    """Names that functions use, by module, in the order in which they were met, and literals."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.literals: list[Any] = []
        self._numbers: dict[int, tuple[int, Any]] = {}  # by identity: the number of a literal, and the function
        self._entries: dict[str, dict[str, tuple[str, ...]]] = {}
        self._open: list[Any] = []  # literals whose captures are being written

    def modules(self) -> Iterator[Any]:
        """Each module as its name and its entries, in the order of their definitions."""
        for name, entries in self._entries.items():
            order = {key: at for at, key in enumerate(self._session.world.modules[name].definitions)}
            named = sorted(entries.items(), key=lambda entry: order.get(entry[0], -1))
            yield vector([name, vector([vector([key, *entry]) for key, entry in named])])

    def text(self, value: Any) -> str:
        try:
            return encode(value, self._stand_in)
        except NotStorable as problem:
            raise NotPortable(f"a {problem.kind} cannot go to another process") from None

    def _stand_in(self, value: Any) -> Any:
        """What stands for a function."""
        if type(value) is not FunctionType:
            raise KeyError
        if any(value is each for each in self._open):
            raise NotPortable(f"{function_name(value) or value.__name__} captures itself")
        if id(value) in self._numbers:
            return vector([LITERAL, self._numbers[id(value)][0]])
        spelled = self._spelled(value)
        if spelled is not None:
            return vector([LIBRARY, spelled])
        if "~" not in value.__code__.co_name:
            raise NotPortable(f"{function_name(value) or value.__name__} has no text that another process could read")
        known = identity_of(self._session, value)
        if not known.text:
            raise NotPortable(f"the text of {known.name or 'a function'} is gone")
        home = self._session.world.modules[known.module]
        if known.name is not None and self._is_definition(home, known.name, value):
            self._define(home, known.name)
            return vector([GLOBAL, known.module, known.name])
        if not known.text.startswith(_LITERALS):
            raise NotPortable(f"{known.name} was defined within another form")
        number = len(self.literals)
        self._numbers[id(value)] = number, value
        self.literals.append(None)
        self._needs(home, value.__code__, known.text)
        self._open.append(value)
        captures = self.text(Map.of(known.captures.items()))
        self._open.pop()
        self.literals[number] = vector([known.module, known.text, captures])
        return vector([LITERAL, number])

    def _spelled(self, value: Any) -> str | None:
        name, library = function_name(value), self._session.world.library.globals
        return name if name is not None and library.get(f":{name}") is value else None

    def _needs(self, module: Module, code: CodeType, text: str) -> None:
        """What a function names of its module: what its code looks up, and the macros in its text."""
        for name in dict.fromkeys(_names(code)):
            if module.shadows(name):
                self._define(module, name)
        if module.macros or any(module.macro(name) for name in module.imported):
            for name in dict.fromkeys(_symbols(read_forms(text)[0])):
                if module.macro(name) is not None:
                    self._define(module, name)

    def _define(self, module: Module, name: str) -> None:
        """Have a name of a module go along."""
        entries = self._entries.setdefault(module.name, {})
        if name in entries:
            return
        if name not in module.definitions:
            home, original = module.imported[name]
            entries[name] = ("import", home.name, original)
            self._define(home, original)
            return
        macro = module.macros.get(name)
        value = macro.function if macro is not None else module.globals[f":{name}"]
        own = type(value) is FunctionType and (macro is not None or self._is_definition(module, name, value))
        if not own:
            entries[name] = ("value", "")  # for what names itself
            entries[name] = ("value", self.text(value))
            return
        text = text_of_code(value.__code__) if macro is None else _macro_text(module, name)
        if not text:
            raise NotPortable(f"the text of {name} is gone")
        entries[name] = ("text", text)
        self._needs(module, value.__code__, text)

    def _is_definition(self, module: Module, name: str, value: Any) -> bool:
        """Is it a function of the module that the text of its definition makes again?"""
        if value.__closure__ is not None or value.__globals__ is not module.globals or function_name(value) != name:
            return False
        return not text_of_code(value.__code__).startswith(_LITERALS)


def _macro_text(module: Module, name: str) -> str:
    """The definition of a macro in one of the texts of its module; empty when it is not written there."""
    wanted = (Symbol("defmacro"), Symbol(name))
    for text in reversed(module.texts):
        for form in _top(read_forms(text.source.text)):
            if tuple(form[:2]) == wanted:
                return show(form)
    return ""


def _top(forms: Any) -> Iterator[List]:
    """The forms that a text consists of, those of module forms and blocks included."""
    for form in forms:
        if type(form) is List and form:
            yield form
            if form[0] in (Symbol("module"), Symbol("do")):
                yield from _top(form[1:])


def _names(code: CodeType) -> Iterator[str]:
    """The names of modules and library that a code looks up."""
    yield from (name[1:] for name in code.co_names if name[:1] in (":", "("))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _symbols(form: Any) -> Iterator[str]:
    if type(form) is Symbol:
        yield form.name
    elif type(form) is Map:
        for entry in form.entries():
            for part in entry:
                yield from _symbols(part)
    elif type(form) is List or is_vector(form):
        for part in form:
            yield from _symbols(part)


# ---- the other process


def limits_of(packed: str) -> Limits:
    """The limits of the session that packed a value."""
    return Limits(**{key.name: value for key, value in decode(packed)[LIMITS].entries()})


def unpack(session: Session, packed: str) -> Any:
    """The value, in a session that is used for nothing else."""
    stored = decode(packed)
    world = session.world
    modules = {name: world.user if name == "user" else world.new_module(name) for name, _ in stored[MODULES]}
    for module in modules.values():
        world.modules.add(module)

    def found(parts: Any) -> Any:
        kind, *rest = parts
        if kind == LIBRARY:
            return session.lookup(rest[0])
        if kind == GLOBAL:
            return modules[rest[0]].globals[f":{rest[1]}"]
        return literal(rest[0])

    made: dict[int, Any] = {}

    def literal(number: int) -> Any:
        if number not in made:
            home, text, captures = stored[LITERALS][number]
            made[number] = function_from(session, text, home, dict(decode(captures, found).entries()))
        return made[number]

    listed = [(modules[name], *entry) for name, entries in reversed(stored[MODULES]) for entry in entries]
    for module, name, kind, *rest in listed:  # so that no text takes a name of the library for it
        if kind == "import":
            module.imported[name] = (modules[rest[0]], rest[1])
        else:
            module.definitions[name] = EMPTY_MAP
    for module, name, kind, *rest in listed:
        if kind == "text":
            source = Source(f"<{module.name}/{name}>", rest[0])
            session.run_with(_refuse, lambda source=source, module=module: world.run(source, module))  # type: ignore[misc]
    for module, name, kind, *rest in listed:
        if kind == "value":
            module.define(name, decode(rest[0], found))
    for module, name, kind, *rest in listed:
        if kind == "import":
            module.bring(modules[rest[0]], rest[1], name)
    return decode(stored[VALUE], found)


def _refuse(call: HostCall) -> Any:
    raise RtfsError("HostError", f"host call {call.capability_id} while a function is brought to another process")
