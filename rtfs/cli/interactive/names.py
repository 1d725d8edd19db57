"""What is known about names: those of the session, and those of the library and the marketplace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.cli.interactive.repl import Repl
    from rtfs.documentation import Reference

_DOC, _PARAMS, _TYPE = Keyword("doc"), Keyword("params"), Keyword("type")


class Names:
    """Looks names up for commands, completion and the toolbar."""

    def __init__(self, repl: Repl) -> None:
        self._repl = repl
        self._reference: Reference | None = None
        self._library: list[str] = []

    @property
    def reference(self) -> Reference:
        """The documentation of the library and the marketplace, which takes a moment to make."""
        if self._reference is None:
            from rtfs.documentation import Reference

            self._reference = Reference(self._repl.session.host.marketplace)
        return self._reference

    @property
    def ready(self) -> bool:
        """Was the documentation made?"""
        return self._reference is not None

    def library(self) -> list[str]:
        """Functions, macros, special forms and constants of the language."""
        if not self._library:
            entries = self.reference.entries()
            self._library = sorted({name for each in entries for name in (each.name, *each.aliases)})
        return self._library

    def globals(self) -> list[str]:
        """What the session defines and imports."""
        user = self._repl.session.world.user
        return [*user.definitions, *user.imported, *user.types]

    def facts(self, name: str) -> list[tuple[str, str]] | None:
        """What is known of a name of the session; None when it defines none."""
        user = self._repl.session.world.user
        if name in user.types and name not in user.definitions:
            from rtfs.lang.printer import show

            return [("name", name), ("kind", "type"), ("type", show(user.types[name].form))]
        if not user.shadows(name):
            return None
        home, original = user.imported.get(name, (user, name)) if name not in user.definitions else (user, name)
        metadata = user.metadata_of(name)
        value: Any = user.globals.get(f":{name}")
        kind = "macro" if user.macro(name) is not None else "function" if callable(value) else "value"
        rows = [("name", name), ("kind", kind), ("usage", "  ".join(self._usage(name, metadata)))]
        rows += [("doc", _text(metadata, _DOC)), ("type", _text(metadata, _TYPE) or _type_of(kind, value))]
        return [*rows, ("defined", "here" if home is user else f"in module {home.name} as {original}")]

    def own(self, name: str) -> list[str] | None:
        """The documentation of a name of the session as lines."""
        facts = self.facts(name)
        if facts is None:
            return None
        told = dict(facts)
        lines = [f"{name}   {told['kind']}", ""]
        lines += [f"  {told['usage']}", ""] if told.get("usage") else []
        lines.append(f"  {told['doc']}" if told.get("doc") else "  It has no documentation.")
        return lines

    def signature(self, name: str) -> str:
        """One line for the toolbar: how a name is called and what it does; empty when that is not known."""
        facts = self.facts(name)
        if facts is not None:
            told = dict(facts)
            parts = (told.get("usage", "") or told["type"], told.get("doc", ""))
        elif self.ready:
            entry = self.reference.find(name)
            if entry is None:
                return ""
            parts = (entry.usage[0] if entry.usage else entry.name, entry.doc)
        else:
            return ""
        return " — ".join(" ".join(part.split()) for part in parts if part)

    def _usage(self, name: str, metadata: Any) -> list[str]:
        from rtfs.documentation import signature

        macro = self._repl.session.world.user.macro(name)
        if macro is not None:
            return [signature(name, macro.function)]
        params = None if metadata is None else metadata.get(_PARAMS)
        if params is None:
            return []
        from rtfs.lang.printer import show

        shapes = params if params and all(type(each) is tuple for each in params) else (params,)
        return [f"({' '.join([name, *map(show, shape)])})" for shape in shapes]

    def source(self, name: str) -> str | None:
        """The text that defines a name; None when there is none in RTFS."""
        world = self._repl.session.world
        user = world.user
        if name in user.imported and name not in user.definitions:
            home, original = user.imported[name]
            return _defining([text.source.text for text in reversed(home.texts)], original)
        found = _defining([each.text for each in reversed(self._repl.inputs)], name) if user.shadows(name) else None
        if found is not None or user.shadows(name):
            return found
        from rtfs.loader import library, read_source

        world.load_library()
        for home_name, module in world.library.modules.items():
            if name in module.definitions:
                place = f"{library()}/{home_name.partition(':')[2]}.rtfs"
                return _defining([read_source(place).text], name)
        return None


def _text(metadata: Any, key: Keyword) -> str:
    found = None if metadata is None else metadata.get(key)
    return " ".join(found.split()) if type(found) is str else ""


def _type_of(kind: str, value: Any) -> str:
    if kind != "value":
        return ""
    from rtfs.cli.interactive.result import type_text

    return type_text(value)


def _defining(texts: list[str], name: str) -> str | None:
    """The form that defines a name in the first of some texts that has one."""
    from rtfs.lang.errors import RtfsError
    from rtfs.lang.source import Source
    from rtfs.parser.reader import read
    from rtfs.toplevel import defined_names

    for text in texts:
        try:
            reading = read(Source("<text>", text))
        except RtfsError:
            continue
        for number, form in reversed(list(enumerate(reading.forms))):
            span = reading.spans.child(reading.forms, number)
            if span is not None and name in defined_names([form]):
                return span.text()
    return None
