"""Everything that can be looked up by name: functions, macros, special forms, constants and capabilities.

The texts stand where the things are defined; this is the one place that knows all of those places.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from rtfs.lang.errors import arity_text
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.capability import Manifest
    from rtfs.host.marketplace import Marketplace

# chapter → its title, and the topics of builtins and files of the library in it
CHAPTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "forms": ("Special forms", ("special",)),
    "control": ("Conditionals, threading, iteration", ("core", "iteration")),
    "numbers": ("Arithmetic", ("number", "math", "bits", "convert")),
    "logic": ("Comparison, logic, predicates", ("comparison", "predicate", "order", "validation")),
    "strings": ("Strings and regex", ("string", "split", "regex", "format")),
    "sequences": ("Sequences", ("sequence", "transform", "construct", "search", "group", "range")),
    "maps": ("Maps", ("map", "merge")),
    "functions": ("Functions, errors, metadata", ("function", "error", "reflection")),
    "json": ("JSON", ("json",)),
    "host": ("Host calls by name", ("host",)),
    "streams": ("Streams", ("stream", "operator", "node")),
    "tests": ("Tests", ("test",)),
    "capabilities": ("Capabilities", ("capability",)),
}


class Example(NamedTuple):
    """A program, the host calls it makes with their answers (`id arguments => answer`), and what it prints."""

    text: str
    result: str
    calls: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """As a language case: the text, `;-> call`, `;=> result`."""
        return [self.text, *(f";-> {call}" for call in self.calls), f";=> {self.result}"]

    @classmethod
    def of(cls, parts: Any) -> Example | None:
        """From text, result and calls in a row; None from anything else."""
        if type(parts) is not tuple or len(parts) < 2 or not all(type(part) is str for part in parts):
            return None
        return cls(parts[0], parts[1], parts[2:])


class Entry(NamedTuple):
    """What is known under a name.

    kind: `function`, `macro`, `special form`, `constant` or `capability`. aliases: its other names. usage: how it is
    called, a line each. arity: as error messages say it, "" where there is none. type: for the checker, "" if unknown.
    facts: of a capability, what it takes, gives, does and needs. run: of a stream operator, what comes of a stream.
    """

    name: str
    kind: str
    topic: str
    aliases: tuple[str, ...]
    usage: tuple[str, ...]
    arity: str
    doc: str
    type: str
    example: Example | None
    facts: tuple[tuple[str, str], ...] = ()
    run: Example | None = None

    @property
    def chapter(self) -> str:
        topic = self.topic.partition("/")[0]  # an operator is a file of the folder `stream`
        return next((key for key, (_, topics) in CHAPTERS.items() if topic in topics), "")

    @property
    def internal(self) -> bool:
        """Is it only there for macros of the library?"""
        return self.name.startswith("rtfs/")

    def data(self) -> dict[str, Any]:
        """As a JSON object."""
        example = None if self.example is None else {**self.example._asdict(), "calls": list(self.example.calls)}
        return {
            **{name: fact for name, fact in self._asdict().items() if name != "run"},
            "aliases": list(self.aliases),
            "usage": list(self.usage),
            "chapter": self.chapter,
            "example": example,
            "facts": dict(self.facts),
        }


class Reference:
    """All entries. `marketplace`: whose capabilities are documented too; without one, the built-in ones."""

    def __init__(self, marketplace: Marketplace | None = None) -> None:
        self._marketplace = marketplace
        found = [*_forms(), *_builtins(), *_library()]
        self._entries = {entry.name: entry for entry in found}
        self._aliases = {alias: entry.name for entry in found for alias in entry.aliases}

    def entries(self) -> list[Entry]:
        """Those of the language, without what only macros use; by chapter, then by name."""
        order = list(CHAPTERS)
        shown = [entry for entry in self._entries.values() if not entry.internal]
        return sorted(shown, key=lambda entry: (order.index(entry.chapter), entry.name))

    def capabilities(self) -> list[Entry]:
        """Those of the marketplace, by id."""
        market = self._market()
        return [self._capability(market.manifest(id)) for id in market.ids()]

    def _capability(self, manifest: Manifest) -> Entry:
        """What a manifest tells; of a stream operator what its form tells."""
        entry, operator = capability_entry(manifest), self._entries.get(manifest.id)
        if operator is None or operator.run is None:
            return entry
        usage = operator.usage[0].replace(f"({manifest.id} ", f"(call :{manifest.id} ", 1)
        return entry._replace(doc=operator.doc, example=operator.run, usage=(usage,))

    def find(self, name: str) -> Entry | None:
        """What a name or capability id means; an alias gives the entry of its primary name."""
        found = self._entries.get(self._aliases.get(name, name))
        if found is not None:
            return found
        market = self._market()
        id = name.removeprefix(":")
        return self._capability(market.manifest(id)) if market.find(id) is not None else None

    def names(self) -> list[str]:
        """Everything that `find` knows."""
        return [*self._entries, *self._aliases, *self._market().ids()]

    def search(self, text: str) -> list[Entry]:
        """The entries in which every word occurs; those first that have it in their names."""
        words = text.lower().split()
        ranked = []
        for number, entry in enumerate([*self.entries(), *self.capabilities()]):
            names = " ".join([entry.name, *entry.aliases]).lower()
            whole = f"{names} {entry.doc} {' '.join(entry.usage)} {entry.chapter}".lower()
            if all(word in whole for word in words):
                exact = text in (entry.name, *entry.aliases)
                ranked.append((not exact, not all(word in names for word in words), number, entry))
        return [entry for *_, entry in sorted(ranked, key=lambda each: each[:3])]

    def _market(self) -> Marketplace:
        if self._marketplace is None:
            from rtfs.host.marketplace import Marketplace
            from rtfs.tools import read_forms

            self._marketplace = Marketplace()
            self._marketplace.read = lambda text: read_forms(text)[0]
        return self._marketplace


# ---- where entries come from


def _forms() -> list[Entry]:
    from rtfs.documentation.forms import FORMS

    return [
        Entry(names[0], "special form", "special", names[1:], usage, "", doc, "", Example.of(example))
        for names, usage, doc, example in FORMS
    ]


def _builtins() -> list[Entry]:
    from rtfs.eval import registry
    from rtfs.eval.special import load

    registry.load_all()
    forms = load()
    entries = []
    for primary, (doc, example) in registry.DOCS.items():
        if primary in forms:
            continue  # `and`, `call` … are functions too, and documented as forms
        aliases = tuple(
            name for name, of in registry.PRIMARY.items() if of == primary != name and not name.startswith("rtfs/")
        )
        value = registry.BUILTINS[primary]
        kind = "function" if callable(value) else "constant"
        usage = (signature(primary, value),) if kind == "function" else ()
        arity = arity_text(*registry.arity_of(primary)) if kind == "function" else ""
        topic, type_ = registry.TOPICS[primary], registry.TYPES[primary]
        entries.append(Entry(primary, kind, topic, aliases, usage, arity, doc, type_, Example(*example)))
    return entries


def signature(name: str, function: Any) -> str:
    """`(get coll key default?)`: the call of a function with Python parameters."""
    code = function.__code__
    names = [_shown(each) for each in code.co_varnames[: code.co_argcount]]
    optional = len(function.__defaults__ or ())
    names = [*names[: len(names) - optional], *(f"{each}?" for each in names[len(names) - optional :])]
    if code.co_flags & 4:
        names.append(f"& {_shown(code.co_varnames[code.co_argcount])}")
    return f"({' '.join([name, *names])})"


def _shown(python: str) -> str:
    return python.partition("~")[0].strip("_").replace("_", "-")


def _library() -> list[Entry]:
    """Functions and macros of the bundled library."""
    from rtfs.bundled import load_all
    from rtfs.eval.library import library_of

    library = library_of("interruptible")
    load_all(library)
    entries: list[Entry] = []
    aliases: dict[str, list[str]] = {}
    for home, module in library.modules.items():
        topic = home.partition(":")[2]
        for name, metadata in module.definitions.items():
            if metadata.get(Keyword("private")):
                continue
            primary = metadata.get(Keyword("alias"))
            if primary is not None:
                aliases.setdefault(primary, []).append(name)
                continue
            entries.append(_of_library(name, topic, module, metadata))
    return [entry._replace(aliases=tuple(aliases.get(entry.name, ()))) for entry in entries]


def _of_library(name: str, topic: str, module: Any, metadata: Any) -> Entry:
    doc = metadata.get(Keyword("doc")) or ""
    example = Example.of(metadata.get(Keyword("example")))
    macro = module.macros.get(name)
    if macro is not None:
        written, arity = signature(name, macro.function), arity_text(*macro.params)
        return Entry(name, "macro", topic, (), (written,), arity, doc, "", example)
    from rtfs.eval.fault import shape_of
    from rtfs.eval.module import function_metadata

    function = module.globals[f":{name}"]
    shape = shape_of(function.__code__.co_name)
    arity = arity_text(*shape[1:]) if shape is not None else ""
    usage = _usage(name, (function_metadata(function) or metadata).get(Keyword("params")))
    shown = Entry(name, "function", topic, (), usage, arity, doc, metadata.get(Keyword("type")) or "", example)
    run = metadata.get(Keyword("run"))
    return shown if run is None else shown._replace(run=Example(f"(call :stream.to-collection {run[0]})", run[1]))


def _usage(name: str, params: Any) -> tuple[str, ...]:
    from rtfs.lang.printer import show

    shapes = params if params and all(type(each) is tuple for each in params) else (params,)
    return tuple(f"({' '.join([name, *map(show, shape)])})" for shape in shapes)


def capability_entry(manifest: Manifest) -> Entry:
    from rtfs.lang.printer import show

    usage = f"(call :{manifest.id}{_arguments(manifest.input_schema)})"
    effects = "unknown" if manifest.effects is None else " ".join(manifest.effects) or "none"
    facts = [
        ("takes", show(manifest.input_schema)),
        ("gives", show(manifest.output_schema)),
        ("effects", effects),
        ("approval", manifest.approval),
    ]
    if manifest.grant is not None:
        facts.append(("permission", f"--allow-{manifest.grant[0]}"))
    if manifest.permissions:
        facts.append(("permissions", " ".join(manifest.permissions)))
    example = Example.of(tuple(manifest.examples[0])) if manifest.examples else None
    text = manifest.description
    return Entry(manifest.id, "capability", "capability", (), (usage,), "", text, "", example, tuple(facts))


def _arguments(schema: Any) -> str:
    """The fields of an input record as arguments."""
    if type(schema) is not tuple or not schema or schema[0] != Keyword("map"):
        return " argument …"
    fields = [field for field in schema[1:] if type(field) is tuple and len(field) > 1 and type(field[0]) is Keyword]
    return "".join(f" {field[0].name}{'?' if len(field) > 2 else ''}" for field in fields)
