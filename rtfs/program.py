"""From text to running code: reads, expands, compiles and runs one top-level form after another; keeps the code.

A program becomes a list of operations. A fresh text produces each operation and performs it at once; a text that was
compiled before only performs them. `World` holds the modules of one session.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rtfs import __version__
from rtfs.eval import code as coding
from rtfs.eval import library
from rtfs.eval.fault import Unit, translate
from rtfs.eval.machine import RUN
from rtfs.eval.module import Module, module_error
from rtfs.lang.collections import EMPTY_MAP, List, Map
from rtfs.lang.errors import ExpansionError, RtfsError, syntax_error
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.source import Source, SpanTable
from rtfs.loader import Cache, Lookup, cache_key, fingerprint
from rtfs.toplevel import defined_names, import_specs, module_head

if TYPE_CHECKING:
    from rtfs.macros.expander import Expander

Operation = tuple[Any, ...]
_MEMORY: dict[str, Any] = {}  # programs compiled by this process, shared by its sessions
_MEMORY_LIMIT = 256


def build() -> str:
    """The fingerprint of this rtfs, taken once per process."""
    if not _BUILD:
        _BUILD.append(fingerprint())
    return _BUILD[0]


_BUILD: list[str] = []


class Macro:
    """A macro as the expander calls it: a function over forms, its home, its arity and what is said about it."""

    __slots__ = ("name", "module", "function", "library", "params", "metadata")

    def __init__(self, name: str, module: str, function: Any, *, library: bool, metadata: Map) -> None:
        self.name = name
        self.module = module
        self.function = function
        self.library = library
        self.metadata = metadata
        code = function.__code__
        self.params = (code.co_argcount, None if code.co_flags & 4 else code.co_argcount)


class Text:
    """One source on its way to code: its forms' places, its unit, the operations recorded so far."""

    __slots__ = ("source", "spans", "unit", "uid", "operations", "depends", "used", "defined")

    def __init__(self, source: Source, uid: str, *, is_library: bool) -> None:
        self.source = source
        self.spans: SpanTable | None = None
        self.uid = uid
        self.unit = Unit(f"<rtfs:{uid}:{source.name}>", source, library=is_library)
        self.operations: list[Operation] | None = []
        self.depends: list[tuple[str, str]] = []
        self.used: set[str] = set()
        self.defined: frozenset[str] = frozenset()


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
        self.lookup = lookup
        self.cache = cache
        self.variant = variant
        self.level = level
        self.is_library = is_library
        self.user = Module("user")
        self.modules: dict[str, Module] = {"user": self.user}
        self.loading: list[str] = []  # modules whose body is running, outermost first
        self._expander: Expander | None = None
        self._gensyms = 0
        self._pristine = True

    # ---- running a text -----------------------------------------------------------------------------------------

    def run(self, source: Source, module: Module) -> Any:
        """Run a text in a module and give the value of its last form. Nothing runs if any part of it cannot be read."""
        key = cache_key(
            __version__,
            build(),
            source.name,
            source.text,
            module.name,
            self.variant,
            self.level,
            *sorted(module.definitions),
        )
        stored = self._stored(key) if self._pristine else None
        text = Text(source, key[:12], is_library=self.is_library)
        module.units.append(text.unit)
        if stored is not None:
            return self._play(stored, text, module)
        library_loaded()
        value = self._fresh(text, module)
        self._remember(key, text)
        self._pristine = self._pristine and module is not self.user
        return value

    def _fresh(self, text: Text, module: Module) -> Any:
        from rtfs.parser.reader import read

        reading = read(text.source)
        text.spans = reading.spans
        text.defined = defined_names(reading.forms)
        return self._forms(reading.forms, text, module)

    def compile_library(self, text: Text, module: Module) -> None:
        """Compile one file of the library; its operations stay in `text`."""
        self.modules[module.name] = module
        self._fresh(text, module)

    def _stored(self, key: str) -> Any:
        """The operations of a text that was compiled before, if what it imports has not changed."""
        found: Any = _MEMORY.get(key)
        if found is None and self.cache is not None:
            payload = self.cache.load(key)
            if payload is not None:
                found = coding.load(payload)
        if found is None:
            return None
        depends, topics, homes, operations = found
        for name, digest in depends:
            source = self.lookup.find(name)
            if source is None or cache_key(source.text) != digest:
                return None
        library_parts(topics, homes)
        return operations

    def _remember(self, key: str, text: Text) -> None:
        if text.operations is None:
            return
        homes = {library.NAMES[name] for name in text.used if name in library.NAMES}
        topics = sorted(home for home in homes if not home.startswith("stdlib:"))
        modules = sorted(home for home in homes if home.startswith("stdlib:"))
        entry: Any = (text.depends, topics, modules, text.operations)
        if len(_MEMORY) >= _MEMORY_LIMIT:
            _MEMORY.clear()
        _MEMORY[key] = entry
        if self.cache is not None:
            self.cache.store(key, coding.dump(entry))

    def _play(self, operations: list[Operation], text: Text, module: Module) -> Any:
        value: Any = None
        stack = [module]
        for operation in operations:
            value = self._perform(operation, text, stack)
        return value

    # ---- operations ---------------------------------------------------------------------------------------------

    def _perform(self, operation: Operation, text: Text, stack: list[Module]) -> Any:
        """Do one operation; `stack` holds the module at its end."""
        kind = operation[0]
        module = stack[-1]
        if kind == "run":
            constants = coding.decode_constants(operation[2])
            return coding.run(operation[1], constants, module, text.source, self.modules)
        if kind == "macro":
            constants = coding.decode_constants(operation[3])
            function = coding.run(operation[2], constants, module, text.source, self.modules)
            metadata = operation_metadata(operation[4])
            macro = Macro(operation[1], module.name, function, library=self.is_library, metadata=metadata)
            module.define_macro(operation[1], macro, metadata)
            return None
        if kind == "import":
            for name, alias, only in operation[1]:
                home = self.module(name)
                module.import_all(home, alias, only)
            return None
        if kind == "module":
            _, name, documentation, exports = operation
            stack.append(self._open(name, documentation, exports, text))
            return None
        if kind == "end":
            self._close(stack.pop())
            return None
        module.exported = [*(module.exported or ()), *operation[1]]  # "export"
        return None

    def _do(self, operation: Operation, text: Text, module: Module) -> Any:
        """Record an operation, then perform it."""
        if text.operations is not None:
            text.operations.append(operation)
        return self._perform(operation, text, [module])

    def _open(self, name: str, documentation: str | None, exports: list[str] | None, text: Text) -> Module:
        module = Module(name)
        module.documentation = documentation
        module.exported = exports
        module.units.append(text.unit)
        self.loading.append(name)
        self._running[name] = module
        return module

    def _close(self, module: Module) -> None:
        self.loading.remove(module.name)
        self._running.pop(module.name, None)
        module.check_exports()
        self.modules[module.name] = module

    @property
    def _running(self) -> dict[str, Module]:
        return self.modules

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
            if error.span is None and not error.located and text.spans is not None:
                error.span = text.spans.of(form)
            raise

    def _top_form(self, form: Any, text: Text, module: Module) -> Any:
        expander = self.expander
        form = expander.expand_head(form, module.name, text.spans)
        head = form[0].name if type(form) is List and form and type(form[0]) is Symbol else None
        if head == "do":
            return self._forms(form[1:], text, module)
        handler = _TOP.get(head or "")
        if handler is not None:
            return handler(self, form, text, module)
        return self._run_form(expander.expand_top(form, module.name, text.spans), text, module)

    def _run_form(self, core: Any, text: Text, module: Module) -> Any:
        code, constants = self._compiled(core, text, module)
        try:
            self_contained = coding.encode_constants(constants)
        except coding.Unstorable:
            text.operations = None
            return coding.run(code, constants, module, text.source, self.modules)
        return self._do(("run", code, self_contained), text, module)

    def _compiled(self, core: Any, text: Text, module: Module) -> Any:
        from rtfs.eval.compiler import Target

        target = Target(module.name, text.source, f"{text.uid}.{len(text.operations or ())}", variant=self.variant)
        target.level = self.level
        target.used = text.used
        target.shadowed = lambda name: module.shadows(name) or (name in text.defined and not self.is_library)
        target.library = library.NAMES.__contains__
        target.home = self.home
        assert text.spans is not None
        return coding.compile_form(core, target, text.spans, text.unit.filename)

    def _define_macro(self, form: List, text: Text, module: Module) -> Any:
        from rtfs.macros.define import macro_parts

        core = self.expander.expand_top(form, module.name, text.spans)
        name, metadata, function = macro_parts(core)
        code, constants = self._compiled(function, text, module)
        encoded = coding.encode_constants(constants)
        return self._do(("macro", name, code, encoded, metadata), text, module)

    def _module(self, form: List, text: Text, module: Module) -> Any:
        span = text.spans.of(form) if text.spans is not None else None
        if module.name != "user" and self.loading:
            raise syntax_error("module", "modules do not nest", span)
        name, documentation, exports, start = module_head(form, span)
        if name in self.loading:
            raise cycle([*self.loading, name])
        self._record(("module", name, documentation, exports), text)
        inner = self._open(name, documentation, exports, text)
        previous = self.modules.get(name)
        try:
            self._forms(form[start:], text, inner)
            self._record(("end",), text)
            self._close(inner)
        except BaseException:
            if name in self.loading:
                self.loading.remove(name)
            if previous is inner:
                del self.modules[name]
            raise
        return None

    def _record(self, operation: Operation, text: Text) -> None:
        if text.operations is not None:
            text.operations.append(operation)

    def _import(self, form: List, text: Text, module: Module) -> Any:
        specs = import_specs(form, text.spans)
        for name, _, _ in specs:
            self.module(name)
            source = self.lookup.find(name) if name in self._files else None
            if source is not None:
                text.depends.append((name, cache_key(source.text)))
        return self._do(("import", specs), text, module)

    def _export(self, form: List, text: Text, module: Module) -> Any:
        if module.name == "user" or any(type(name) is not Symbol for name in form[1:]):
            raise syntax_error(
                "export", "expected names, directly in a module", text.spans.of(form) if text.spans else None
            )
        return self._do(("export", [name.name for name in form[1:]]), text, module)

    # ---- modules ------------------------------------------------------------------------------------------------

    @property
    def _files(self) -> set[str]:
        files: set[str] = self.__dict__.setdefault("_file_modules", set())
        return files

    def module(self, name: str) -> Module:
        """The module of that name, running its file if it has not run."""
        if name in self.loading:
            raise cycle([*self.loading[self.loading.index(name) :], name])
        found = self.modules.get(name)
        if found is not None:
            return found
        source = self.lookup.find(name)
        if source is None:
            raise ExpansionError("ModuleNotFound", f"Module not found: {name}")
        return self._load_file(name, source)

    def _load_file(self, name: str, source: Source) -> Module:
        """A file holds one module form of that name, or plain forms that are the module's body."""
        dotted = name.replace("/", ".")
        module = Module(dotted)
        self._files.add(name)
        self.loading.append(name)
        try:
            self.run(source, module)
        finally:
            self.loading.remove(name)
        declared = self.modules.get(dotted)
        self.modules[name] = self.modules[dotted] = declared if declared is not None else module
        return self.modules[name]

    # ---- what macros and compiler ask ---------------------------------------------------------------------------

    @property
    def expander(self) -> Expander:
        if self._expander is None:
            from rtfs.macros.expander import Expander

            self._expander = Expander(modules=self, invoke=self.invoke_macro)
        return self._expander

    def macro(self, name: str, module: str) -> Any:
        """What a name at the head of a form means as a macro in that module; None when it is none."""
        home = self.modules.get(module) or LIBRARY_MODULES.get(module)
        if home is not None:
            found = home.macro(name)
            if found is not None or home.shadows(name):
                return found
        return LIBRARY_MACROS.get(name)

    def home(self, name: str, module: str) -> str | None:
        """Where a template's symbol is found first: `library`, the module that defines it, or nowhere in particular."""
        if module in LIBRARY_MODULES:
            return "library" if name in library.NAMES else None
        found = self.modules.get(module)
        return module if found is not None and found.shadows(name) else None

    def invoke_macro(self, function: Any, args: Any) -> Any:
        """Run a macro's function: pure, whatever the run may do.

        Expanding a text numbers fresh symbols apart, so that the program's own numbers do not tell if it was cached.
        """
        run = RUN.get()
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


def refuse_call(call: Any) -> Any:
    raise ExpansionError("MacroError", f"host call {call.capability_id} during expansion; expansion is pure")


_TOP: dict[str, Callable[[World, List, Text, Module], Any]] = {
    "defmacro": World._define_macro,
    "module": World._module,
    "import": World._import,
    "export": World._export,
}


def cycle(names: list[str]) -> RtfsError:
    return module_error(f"import cycle: {' -> '.join(names)}")


def operation_metadata(pairs: list[tuple[str, Any]]) -> Map:
    return Map.of([(Keyword(name), value) for name, value in pairs]) if pairs else EMPTY_MAP


# ---- the bundled library ----------------------------------------------------------------------------------------

LIBRARY_MODULES: dict[str, Module] = {}
LIBRARY_MACROS: dict[str, Macro] = {}


def library_loaded() -> None:
    """Load the whole library: what compiling needs."""
    from rtfs.bundled import load_all

    load_all()


def library_parts(topics: list[str], homes: list[str]) -> None:
    """Load only what a compiled program names."""
    from rtfs.bundled import load_parts

    load_parts(topics, homes)
