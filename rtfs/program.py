"""From text to running code: reads, expands, compiles and runs one top-level form after another; keeps the code.

A program becomes a list of operations. A fresh text produces each operation and performs it at once; a text that was
compiled before only performs them. `World` holds the modules of one session.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rtfs import __version__, compiled
from rtfs.eval import code as coding
from rtfs.eval.fault import translate
from rtfs.eval.library import NAMES, library_of
from rtfs.eval.machine import RUN, form_of
from rtfs.eval.meter import Meter
from rtfs.eval.module import Module, module_error
from rtfs.lang.collections import EMPTY_MAP, List, Map
from rtfs.lang.errors import ExpansionError, syntax_error
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.signal import METERS, charge
from rtfs.lang.source import Source, Span
from rtfs.lang.values import is_vector
from rtfs.linker import Dependencies, Linker
from rtfs.loader import Cache, Lookup, cache_key
from rtfs.text import Macro, Operation, Text
from rtfs.toplevel import body_of_file, defined_names, dotted, import_specs, module_head

if TYPE_CHECKING:
    from rtfs.macros.expander import Expander


class World:
    """The modules of one session (or of the library itself), and how texts become code in them."""

    def __init__(
        self,
        lookup: Lookup,
        cache: Cache | None,
        *,
        variant: str = "plain",
        level: str = "standard",
        is_library: bool = False,
    ) -> None:
        self.cache = cache
        self.variant = variant
        self.level = level
        self.is_library = is_library
        self.library = library_of(variant)
        self.meter = Meter() if variant == "metered" and not is_library else None
        self.modules = Linker(lookup, self.new_module, self._load_file)
        self.user = self.modules.user
        self._expander: Expander | None = None
        self._gensyms = 0
        self._runs = 0

    def new_module(self, name: str) -> Module:
        module = Module(name, self.library, self.meter)
        if not self.is_library:
            module.hides = lambda hidden: self._renew(module, hidden)
        return module

    def _renew(self, module: Module, hidden: str) -> None:
        """A name of the library means something else in the module from now on."""
        from rtfs.redefinition import renew

        renew(self, module, hidden)

    # ---- running a text -----------------------------------------------------------------------------------------

    def run(self, source: Source, module: Module) -> Any:
        """Run a text in a module and give the value of its last form. Nothing runs if any part of it cannot be read."""
        return self._run(source, module)[0]

    def run_module(self, source: Source, name: str) -> list[Any]:
        """Run a text as the body of a new module; what its top-level forms gave, in order."""
        module = self.new_module(name)
        results: list[Any] = []
        with self.modules.body(module):
            self._run(source, module, results=results)
        return results

    def _load_file(self, source: Source, module: Module) -> Dependencies | None:
        return self._run(source, module, is_file=True)[1]

    def _run(
        self, source: Source, module: Module, *, is_file: bool = False, results: list[Any] | None = None
    ) -> tuple[Any, Dependencies | None]:
        """Run a text; its value, and the files that its code depends on. results: gets the value of each form."""
        self._runs += 1
        surroundings = self.modules.surroundings(module)
        apart = (
            [f"run {self._runs}"] if surroundings is None else surroundings
        )  # names of code must not be those of other
        key = cache_key(__version__, compiled.build(), source.name, source.text, self.variant, self.level, *apart)
        text = Text(source, key[:12], is_library=self.is_library, results=results)
        stored = self._stored(key, text) if surroundings is not None else None
        text.is_file = is_file
        module.units.append(text.unit)
        module.texts.append(text)
        if stored is not None:
            text.operations = stored
            return self._play(stored, text, module), text.needs
        self.load_library()
        outer, self._gensyms = self._gensyms, 0
        value = self._fresh(text, module, is_file=is_file)
        self._gensyms, text.spans = outer, None
        if surroundings is not None:
            compiled.remember(key, text, self.cache)
        return value, text.needs

    def _fresh(self, text: Text, module: Module, *, is_file: bool = False) -> Any:
        from rtfs.parser.reader import read

        reading = read(text.source)
        text.spans = reading.spans
        text.defined = defined_names(reading.forms)
        if not is_file:
            return self._forms(reading.forms, text, module)
        head, forms = body_of_file(reading.forms, module.name, text.spans)
        if head is not None:
            self._do(("head", *head), text, module)
        return self._forms(forms, text, module)

    def compile_library(self, text: Text, module: Module) -> None:
        """Compile one file of the library; its operations stay in `text`."""
        self.modules.add(module)
        self._fresh(text, module)

    def _stored(self, key: str, text: Text) -> Any:
        """The operations of a text that was compiled before, if what it imports has not changed."""
        found = compiled.recall(key, self.cache)
        if found is None:
            return None
        needs, topics, homes, operations, assumed, defined = found
        if not self.modules.current(needs):
            return None
        text.needs, text.assumed, text.defined = needs, set(assumed), frozenset(defined)
        from rtfs.bundled import load_parts

        load_parts(self.library, topics, homes)
        return operations

    def interruptible(self) -> None:
        """From now on compile code that can be interrupted: an event loop depends on it."""
        if self.variant == "plain":
            self.variant = "interruptible"

    def count(self) -> None:
        """Compile code that counts its steps. Code that was compiled before cannot: then nothing changes."""
        if self.meter is None and self._runs == 0:
            self.variant, self.meter = "metered", Meter()
            self.library = library_of(self.variant)
            self.user.stand_on(self.library, self.meter)

    def load_library(self) -> None:
        """Load the whole library: what compiling needs."""
        from rtfs.bundled import load_all

        load_all(self.library)

    def _play(self, operations: list[Operation], text: Text, module: Module) -> Any:
        value: Any = None
        for operation in operations:
            value = self._perform(operation, text, module)
        return value

    # ---- operations ---------------------------------------------------------------------------------------------

    def _perform(self, operation: Operation, text: Text, module: Module) -> Any:
        with form_of(module is self.user):
            return self._performed(operation, text, module)

    def _performed(self, operation: Operation, text: Text, module: Module) -> Any:
        kind = operation[0]
        if kind == "run":
            constants = coding.decode_constants(operation[2])
            return text.gave(coding.run(operation[1], constants, module, text.source, self.modules))
        if kind == "macro":
            constants = coding.decode_constants(operation[3])
            function = coding.run(operation[2], constants, module, text.source, self.modules)
            metadata = operation_metadata(operation[4])
            macro = Macro(operation[1], module.name, function, library=self.is_library, metadata=metadata)
            module.define_macro(operation[1], macro, metadata)
        elif kind == "import":
            for name, alias, only in operation[1]:
                module.import_all(self.modules.module(name), name, alias, only)
        elif kind == "module":
            inner = self.new_module(operation[1])
            inner.units.append(text.unit)
            with self.modules.body(inner):
                self._play(operation[2], text, inner)
        elif kind == "spend":
            self.meter.charge(operation[1], operation[2])  # type: ignore[union-attr]  # only metered code has such
        elif kind == "head":
            module.documentation, module.exported = operation[1:]
        else:
            module.exported = [*(module.exported or ()), *operation[1]]  # "export"
        return None

    def _do(self, operation: Operation, text: Text, module: Module) -> Any:
        """Record an operation, then perform it."""
        text.operations.append(operation)
        return self._perform(operation, text, module)

    # ---- top-level forms ----------------------------------------------------------------------------------------

    def _forms(self, forms: Any, text: Text, module: Module) -> Any:
        value: Any = None
        for form in forms:
            value = self._top(form, text, module)
        return value

    def _top(self, form: Any, text: Text, module: Module) -> Any:
        """Expand, compile and run one top-level form (language.md §3.1)."""
        try:
            return self._top_form(form, text, module)
        except ExpansionError as error:
            if error.span is None and not error.located:
                error.span = _span_of_name(form, error.name) or text.span(form)
            raise

    def _top_form(self, form: Any, text: Text, module: Module) -> Any:
        expander = self.expander
        form = self._counted(text, expander.expand_head, form, module)
        head = form[0].name if type(form) is List and form and type(form[0]) is Symbol else None
        if head == "do":
            return self._forms(form[1:], text, module)
        handler = _TOP.get(head or "")
        if handler is not None:
            return getattr(self, handler)(form, text, module)
        return self._run_form(self._counted(text, expander.expand_top, form, module), text, module)

    def _counted(self, text: Text, expand: Callable[..., Any], form: Any, module: Module) -> Any:
        """Expand a form. What that costs is charged again when the stored code is run: a run costs what it costs."""
        if self.meter is None:
            return expand(form, module.name, text.spans)
        before = self.meter.rest()
        expanded = expand(form, module.name, text.spans)
        after = self.meter.rest()
        if before != after:
            text.operations.append(("spend", before[0] - after[0], before[1] - after[1]))
        return expanded

    def _run_form(self, core: Any, text: Text, module: Module) -> Any:
        code, constants = self._compiled(core, text, module)
        try:
            self_contained = coding.encode_constants(constants)
        except coding.Unstorable:
            text.needs = None
            with form_of(module is self.user):
                return text.gave(coding.run(code, constants, module, text.source, self.modules))
        return self._do(("run", code, self_contained), text, module)

    def _compiled(self, core: Any, text: Text, module: Module) -> Any:
        from rtfs.eval.target import Target

        target = Target(module.name, text.source, f"{text.uid}.{text.forms}", variant=self.variant)
        text.forms += 1
        target.level = self.level
        target.used, target.assumed = text.used, text.assumed
        target.shadowed = lambda name: (
            module.shadows(name) or name in module.types or (name in text.defined and not self.is_library)
        )
        target.library = NAMES.__contains__
        target.shared = self.is_library
        target.home = self.home
        assert text.spans is not None
        return coding.compile_form(core, target, text.spans, text.unit.filename)

    def _define_macro(self, form: List, text: Text, module: Module) -> Any:
        from rtfs.macros.define import macro_parts

        core = self._counted(text, self.expander.expand_top, form, module)
        name, metadata, function = macro_parts(core)
        code, constants = self._compiled(function, text, module)
        encoded = coding.encode_constants(constants)
        return self._do(("macro", name, code, encoded, metadata), text, module)

    def _module(self, form: List, text: Text, module: Module) -> Any:
        span = text.span(form)
        if module is not self.user:
            raise syntax_error("module", "modules do not nest", span)
        name, *head, start = module_head(form, span)
        if name == self.user.name:
            raise module_error(f"'{name}' is the name of the top level")
        inner = self.new_module(dotted(name))
        inner.units.append(text.unit)
        outer, text.operations = text.operations, []
        text.inline.add(inner.name)
        with form_of(True), self.modules.body(inner):
            self._do(("head", *head), text, inner)
            self._forms(form[start:], text, inner)
        outer.append(("module", inner.name, text.operations))
        text.operations = outer
        return None

    def _import(self, form: List, text: Text, module: Module) -> Any:
        specs = import_specs(form, text.spans)
        self._do(("import", specs), text, module)
        for name, _, _ in specs:
            if dotted(name) not in text.inline:
                needs = self.modules.dependencies(self.modules[name])
                text.needs = None if needs is None or text.needs is None else {**text.needs, **needs}
        return None

    def _export(self, form: List, text: Text, module: Module) -> Any:
        if module is self.user or any(type(name) is not Symbol for name in form[1:]):
            raise syntax_error("export", "expected names, directly in a module", text.span(form))
        return self._do(("export", [name.name for name in form[1:]]), text, module)

    # ---- what macros and compiler ask ---------------------------------------------------------------------------

    @property
    def expander(self) -> Expander:
        if self._expander is None:
            from rtfs.macros.expander import Expander

            self._expander = Expander(modules=self, invoke=self.invoke_macro)
        return self._expander

    def macro(self, name: str, module: str) -> Any:
        """What a name at the head of a form means as a macro in that module; None when it is none."""
        home = self.modules.get(module) or self.library.modules.get(module)
        if home is not None:
            found = home.macro(name)
            if found is not None or home.shadows(name):
                return found
        return self.library.macros.get(name)

    def home(self, name: str, module: str) -> str | None:
        """Where a template's symbol is found first: `library`, the module that defines it, or nowhere in particular."""
        if module in self.library.modules:
            return "library" if name in NAMES else None
        found = self.modules.get(module)
        return module if found is not None and found.shadows(name) else None

    def invoke_macro(self, function: Any, args: Any) -> Any:
        """Run a macro's function: pure, whatever the run may do.

        Expanding numbers fresh symbols apart, from 1 in each text, so that no number tells what was cached.
        """
        run = RUN.get()
        if METERS:
            charge(1)
        answer, run.answer = run.answer, refuse_call
        apart = self.expander.compiling
        if apart:
            self._gensyms, run.gensyms = run.gensyms, self._gensyms
        try:
            return function(*args)
        except BaseException as raised:
            error = translate(raised)
            if error is None:
                raise
            raise error from None
        finally:
            run.answer = answer
            if apart:
                self._gensyms, run.gensyms = run.gensyms, self._gensyms


def _span_of_name(form: Any, name: str | None) -> Span | None:
    """Where a name was written in a form, first of all outside the body of a module."""
    pending = [form] if name is not None else []
    while pending:
        part = pending.pop(0)
        if type(part) is Symbol and part.name == name and part.span is not None:
            return part.span
        if type(part) is List or is_vector(part):
            pending.extend(part)
    return None


def refuse_call(call: Any) -> Any:
    raise ExpansionError("MacroError", f"host call {call.capability_id} during expansion; expansion is pure")


# heads of forms that stand only at top level → the method that performs them
_TOP = {
    "defmacro": "_define_macro",
    "module": "_module",
    "import": "_import",
    "export": "_export",
}


def operation_metadata(pairs: list[tuple[str, Any]]) -> Map:
    return Map.of([(Keyword(name), value) for name, value in pairs]) if pairs else EMPTY_MAP
