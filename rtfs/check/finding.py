"""What the checker may find: a closed list of codes, each with its severity, and findings as values."""

from __future__ import annotations

from typing import Any, NamedTuple

from rtfs.lang.errors import RtfsError
from rtfs.lang.source import Span

ERROR, WARNING, NOTE = "error", "warning", "note"

# Everything else that is reported is an error of the language itself, with its own code (language.md §8.5).
CODES: dict[str, tuple[str, str, str]] = {
    "RTFS-W101": (ERROR, "TypeMismatch", "a value is of a type that cannot be right at its place"),
    "RTFS-W102": (ERROR, "NotCallable", "what is called is no function"),
    "RTFS-W103": (ERROR, "WrongArity", "a known function is called with another number of arguments than it takes"),
    "RTFS-W104": (ERROR, "UndefinedName", "a name is not defined"),
    "RTFS-W201": (WARNING, "UnreachableClause", "a clause of match can never be chosen"),
    "RTFS-W202": (WARNING, "UnreachableCatch", "a catch clause can never be chosen"),
    "RTFS-W203": (WARNING, "UnknownType", "a name in a type names no type"),
    "RTFS-W204": (WARNING, "UnknownCapability", "a capability of a built-in family does not exist"),
    "RTFS-W205": (WARNING, "UsedTooEarly", "a name is used before it is defined"),
    "RTFS-W301": (NOTE, "PossibleMismatch", "a value may be of a type that is wrong at its place"),
    "RTFS-W302": (NOTE, "UnusedBinding", "a binding is not used"),
    "RTFS-W303": (NOTE, "UnusedImport", "an import is not used"),
    "RTFS-W304": (NOTE, "HidesLibrary", "a name hides a library function or macro"),
    "RTFS-W305": (NOTE, "HidesSpecialForm", "a name is that of a special form, which still wins at the head of a list"),
    "RTFS-W306": (NOTE, "RepeatedKey", "a key stands twice in a map literal"),
    "RTFS-W307": (NOTE, "RepeatedName", "a pattern binds a name twice"),
    "RTFS-W308": (NOTE, "IgnoredMetadata", "metadata has no effect at its place"),
    "RTFS-W309": (NOTE, "CapturingTemplate", "a macro's template binds a plain name, which may capture names"),
    "RTFS-W310": (NOTE, "ForeignCapability", "a capability is not built in: the host must provide it"),
    "RTFS-W311": (NOTE, "NotChecked", "a form was not checked: expanding it needs the program to run"),
}


class Finding(NamedTuple):
    """One thing found. `span` is None only for what has no place, such as a file that cannot be read as a module."""

    code: str
    severity: str
    span: Span | None
    text: str
    notes: tuple[str, ...] = ()

    def place(self) -> tuple[Any, ...]:
        """What findings are ordered by: source and position, then weight."""
        span = self.span
        where = ("", 0, 0) if span is None else (span.source.name, span.line, span.column)
        return (*where, (ERROR, WARNING, NOTE).index(self.severity), self.code, self.text)


def finding(code: str, span: Span | None, text: str, notes: tuple[str, ...] = ()) -> Finding:
    """A finding of the list, with the severity that its code has."""
    return Finding(code, CODES[code][0], span, text, notes)


def of_error(error: RtfsError) -> Finding:
    """An error of the language that stands in the text already: nothing needs to run to see it."""
    return Finding(error.code, ERROR, error.span, f"{error.kind}: {error.message}", tuple(error.notes))
