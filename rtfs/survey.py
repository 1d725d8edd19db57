"""Reads and expands a program with its modules as a run would, but runs nothing of it save what its macros need.

`Survey` is a `World` whose top-level forms are kept instead of run. A macro's body may call functions of the program:
a definition is run when a macro that mentions it is called, and only then. What fails is a problem of its form alone.
"""

from __future__ import annotations

from typing import Any

from rtfs.check.order import symbols
from rtfs.check.program import Definition, Import, Part, Space, definitions, head, stripped, type_definitions
from rtfs.eval import code as coding
from rtfs.eval.constant import TypeRef
from rtfs.eval.fault import translate
from rtfs.eval.machine import RUN, form_of
from rtfs.eval.module import Module, module_error
from rtfs.lang.collections import EMPTY_MAP, MISSING, List, Map
from rtfs.lang.errors import ExpansionError, LimitError, ReadError, RtfsError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.source import Source, Span
from rtfs.lang.values import is_vector
from rtfs.linker import Dependencies
from rtfs.loader import Lookup, cache_key
from rtfs.program import World, operation_metadata, refuse_call
from rtfs.text import Macro, Text
from rtfs.toplevel import body_of_file, defined_names, dotted, import_specs, module_head

_PRIVATE = Map.of([(Keyword("private"), True)])
Key = tuple[str, str]  # module and name


class Unexpandable(ExpansionError):
    """A call of a macro that could not be made: what is wrong with it was reported where it is defined."""


class Survey(World):
    """A program on its way to the checker. `spaces`: its modules; `problems`: errors, each with the code it has;
    `unchecked`: forms whose expansion needs the program to run, and why."""

    def __init__(self, lookup: Lookup) -> None:
        self.spaces: dict[str, Space] = {}
        self.problems: list[RtfsError] = []
        self.unchecked: list[tuple[Span | None, str]] = []
        self._waiting: dict[Key, tuple[Any, Any, Text, Module]] = {}  # code of definitions that did not run
        self._mentions: dict[Any, tuple[Module, set[str]]] = {}  # function of a macro → names that its code may look up
        self._codes: dict[Key, set[str]] = {}  # definition → names that it mentions
        self._raw: Any = None
        self._stopped = False
        super().__init__(lookup, None, variant="metered")

    def new_module(self, name: str) -> Module:
        self.spaces.setdefault(name, Space(name))
        return super().new_module(name)

    # ---- texts ---------------------------------------------------------------------------------------------------

    def _run(
        self, source: Source, module: Module, *, is_file: bool = False, results: list[Any] | None = None
    ) -> tuple[Any, Dependencies | None]:
        text = Text(source, cache_key(source.text)[:12], is_library=False, results=results)
        module.units.append(text.unit)
        self.load_library()
        from rtfs.parser.reader import read

        try:
            reading = read(source)
            text.spans = reading.spans
            text.defined = defined_names(reading.forms)
            exports, forms = body_of_file(reading.forms, module.name, text.spans) if is_file else (None, reading.forms)
        except RtfsError as error:
            self.problems += error.errors if isinstance(error, ReadError) else [error]
            self.spaces[module.name].unreadable = True
            return None, None
        if exports is not None:
            module.documentation, module.exported = exports
        self._forms(forms, text, module)
        self._check_exports(module, forms, text)
        return None, None

    def _check_exports(self, module: Module, forms: Any, text: Text) -> None:
        """Report exports that nothing defines; the others are still good."""
        space = self.spaces[module.name]
        missing = [
            name for name in module.exported or () if name not in module.definitions and name not in module.types
        ]
        for name in missing:
            if not space.is_opaque(name):
                error = module_error(f"exported name '{name}' is not defined in module '{module.name}'")
                error.span = space.export_spans.get(name) or (text.span(forms[0]) if len(forms) else None)
                self.problems.append(error)
        if module.exported is not None:
            module.exported = [name for name in module.exported if name not in missing]

    # ---- top-level forms -----------------------------------------------------------------------------------------

    def _top(self, form: Any, text: Text, module: Module) -> Any:
        """Keep one top-level form; what is wrong with it is a problem, and what it defines is not known."""
        if self._stopped:
            self._unknown(form, module)
            return
        outer = self._raw
        if outer is None or text.span(form) is not None:
            self._raw = form  # otherwise a macro made it, of the form around
        try:
            self._declared(form, module)
            super()._top(form, text, module)
        except RtfsError as error:
            if isinstance(error.__cause__, Unexpandable):
                self._unknown(form, module)
            else:
                self._failed(error, form, text, module)
            if isinstance(error, LimitError):
                self._stopped = True
        finally:
            self._raw = outer

    def _failed(self, error: RtfsError, form: Any, text: Text, module: Module) -> None:
        cause = error.__cause__
        missing = cause.message.removeprefix("Undefined symbol: ") if isinstance(cause, RtfsError) else ""
        if isinstance(cause, RtfsError) and cause.kind == "UndefinedSymbol" and self._exists(missing, module):
            self.unchecked.append(
                (error.span or text.span(form), f"its macro needs {missing}, which only a run defines")
            )
        else:
            error.span = error.span or text.span(form)
            self.problems.append(error)
        self._unknown(form, module)

    def _exists(self, name: str, module: Module) -> bool:
        return name in module.definitions or name in module.imported or self.spaces[module.name].is_opaque(name)

    def _unknown(self, form: Any, module: Module) -> None:
        """Whatever the form may define exists, and nothing is known of it."""
        space = self.spaces[module.name]
        space.opaque.update(symbol.name for symbol in symbols(form))
        name = stripped(form[1]) if type(form) is List and len(form) > 1 else None
        if head(form) == "defmacro" and type(name) is Symbol:
            macro = Macro(name.name, module.name, _broken, library=False, metadata=EMPTY_MAP)
            module.define_macro(name.name, macro)
            space.macros.add(name.name)
        elif head(form).startswith("def") and type(name) is Symbol:
            module.definitions.setdefault(name.name, EMPTY_MAP)

    def _declared(self, form: Any, module: Module) -> None:
        """`(declare name …)` says that names exist, whoever defines them."""
        if head(form) == "declare" and not module.shadows("declare"):
            self.spaces[module.name].opaque.update(part.name for part in form[1:] if type(part) is Symbol)

    def _run_form(self, core: Any, text: Text, module: Module) -> Any:
        """Keep a form; compiling it tells whether its special forms are well-formed."""
        assert text.spans is not None
        space = self.spaces[module.name]
        part = Part(self._raw, core, module.name, len(space.parts), text.spans)
        found = definitions(core)
        for name, form in type_definitions(core):
            space.types[name] = form
            module.define_type(name, TypeRef(form, self.level, module))
        for symbol, whole, private in found:
            self._define(symbol.name, part, whole, private, module)
        try:
            code, constants = self._compiled(core, text, module)
        except RtfsError as error:
            error.span = error.span or text.span(core)
            self.problems.append(error)
            part.broken, code = True, None
        space.parts.append(part)
        if code is not None and len(found) == 1 and found[0][1] is not MISSING:
            key = (module.name, found[0][0].name)
            self._waiting[key] = (code, constants, text, module)
            self._codes[key] = {symbol.name for symbol in symbols(core)}

    def _define(self, name: str, part: Part, form: Any, private: bool, module: Module) -> None:
        space = self.spaces[module.name]
        before = space.definitions.get(name)
        if before is None:
            space.definitions[name] = Definition(name, part, form, private=private)
        else:
            before.form, before.private = MISSING, private  # it means one thing now and another one later
        space.macros.discard(name)
        module.macros.pop(name, None)
        module.definitions[name] = _PRIVATE if private else EMPTY_MAP

    # ---- macros --------------------------------------------------------------------------------------------------

    def _define_macro(self, form: List, text: Text, module: Module) -> Any:
        from rtfs.macros.define import macro_parts

        assert text.spans is not None
        name, metadata, core = macro_parts(self._counted(text, self.expander.expand_top, form, module))
        code, constants = self._compiled(core, text, module)
        function = coding.run(code, constants, module, text.source, self.modules)
        given = operation_metadata(metadata)
        module.define_macro(name, Macro(name, module.name, function, library=False, metadata=given), given)
        self._mentions[function] = (module, {symbol.name for symbol in symbols(core)})
        space = self.spaces[module.name]
        space.definitions.pop(name, None)
        space.macros.add(name)
        space.parts.append(Part(self._raw, core, module.name, len(space.parts), text.spans))

    def macro(self, name: str, module: str) -> Any:
        found = super().macro(name, module)
        home = self.modules.get(module)
        if found is not None and home is not None and name in home.imported:
            self.spaces[home.name].used.add(name)
        return found

    def invoke_macro(self, function: Any, args: Any) -> Any:
        known = self._mentions.get(function)
        if known is not None:
            self._make(*known)
        return super().invoke_macro(function, args)

    def _make(self, module: Module, names: set[str]) -> None:
        """Run the definitions that code of a module may look up, and those that they mention in turn."""
        pending = [(module, name) for name in names]
        while pending:
            where, name = pending.pop()
            home, original = (where, name) if name in where.definitions else where.imported.get(name, (where, name))
            key = (home.name, original)
            waiting = self._waiting.pop(key, None)
            if waiting is not None:
                self._perform_definition(*waiting)
                pending.extend((home, each) for each in self._codes[key])
                names.update(self._codes[key] if home is module else ())
            if home is not where and f":{original}" in home.globals and f":{name}" not in where.globals:
                where.bring(home, original, name)

    def _perform_definition(self, code: Any, constants: Any, text: Text, module: Module) -> None:
        """Run a definition; without its value a macro that needs it cannot be called, which is told there."""
        run = RUN.get()
        answer, run.answer = run.answer, refuse_call
        kept = dict(module.definitions)
        try:
            with form_of(module is self.user):
                coding.run(code, constants, module, text.source, self.modules)
        except Exception as raised:
            error = translate(raised)
            if error is None or isinstance(error, LimitError):
                raise
        finally:
            run.answer = answer
            module.definitions.update(kept)

    # ---- modules -------------------------------------------------------------------------------------------------

    def _module(self, form: List, text: Text, module: Module) -> Any:
        from rtfs.lang.errors import syntax_error

        span = text.span(form)
        if module is not self.user:
            raise syntax_error("module", "modules do not nest", span)
        name, documentation, exports, start = module_head(form, span)
        if name == self.user.name:
            raise module_error(f"'{name}' is the name of the top level")
        inner = self.new_module(dotted(name))
        inner.units.append(text.unit)
        with form_of(True), self.modules.body(inner):
            inner.documentation, inner.exported = documentation, exports
            self._export_places(inner, [part for clause in form[2:start] if type(clause) is List for part in clause])
            self._forms(form[start:], text, inner)
            self._check_exports(inner, [form], text)

    def _export_places(self, module: Module, parts: Any) -> None:
        places = self.spaces[module.name].export_spans
        for part in parts:
            for symbol in part if is_vector(part) else [part]:
                if type(symbol) is Symbol and symbol.span is not None:
                    places[symbol.name] = symbol.span

    def _export(self, form: List, text: Text, module: Module) -> Any:
        self._export_places(module, form[1:])
        return super()._export(form, text, module)

    def _import(self, form: List, text: Text, module: Module) -> Any:
        space = self.spaces[module.name]
        parts = form[1:]
        specs = import_specs(form, text.spans)
        for place, (name, alias, only) in enumerate(specs):
            clause = parts[place] if is_vector(parts[0]) else form
            prefixes = frozenset({name, alias or name})
            wanted = tuple((each, _place_of(each, clause)) for each in only or ())
            if self._import_one(name, alias, wanted, (clause, prefixes, text, module)):
                space.imports.append(Import(name, text.span(clause), prefixes, wanted))

    def _import_one(self, name: str, alias: str | None, wanted: Any, where: Any) -> bool:
        """Bring in what a module exports; each name that it does not is a problem of its own. Is there a module?"""
        clause, prefixes, text, module = where
        space = self.spaces[module.name]
        try:
            home = self.modules.module(name)
            known = not self.spaces[home.name].unreadable
        except RtfsError as error:
            error.span = error.span or _place_of(name, clause) or text.span(clause)
            self.problems.append(error)
            known = False
        if not known:
            space.opaque.update({f"{prefix}/" for prefix in prefixes} | {each for each, _ in wanted})
            return False
        exports = set(home.exports())
        opaque = self.spaces[home.name].opaque
        for each, span in wanted:
            if each in exports:
                continue
            space.opaque.add(each)
            if each not in opaque:
                problem = module_error(f"symbol '{each}' not exported by module '{home.name}'")
                problem.span = span or text.span(clause)
                self.problems.append(problem)
        if opaque:
            space.opaque.update(f"{prefix}/{each}" for prefix in prefixes for each in opaque)
        module.import_all(home, name, alias, [each for each, _ in wanted if each in exports])
        return True

    def finish(self) -> None:
        """Tell the spaces what their modules see of one another."""
        for name, space in self.spaces.items():
            module = self.modules.get(name)
            if module is not None:
                space.imported = {visible: (home.name, known) for visible, (home, known) in module.imported.items()}


def _place_of(name: str, form: Any) -> Span | None:
    """Where a name stands in an import."""
    found = (symbol.span for symbol in symbols(form) if symbol.name == name and symbol.span is not None)
    return next(found, None)


def _broken(*forms: Any) -> Any:
    raise Unexpandable("MacroError", "the macro could not be made")
