"""What is known of a program without running it: its text and modules are read and expanded, then checked."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from rtfs.bundled import load_all
from rtfs.check.finding import Finding, finding, of_error
from rtfs.check.kind import ANY, all_of, function
from rtfs.check.program import Library, Program
from rtfs.check.signature import parse_signature
from rtfs.eval.library import NAMES, library_of
from rtfs.eval.module import function_metadata
from rtfs.eval.registry import PRIMARY, TYPES
from rtfs.lang.errors import LimitError
from rtfs.lang.limits import Limits
from rtfs.lang.names import Keyword
from rtfs.lang.schema import parse_type
from rtfs.lang.source import Source
from rtfs.lang.types import Field, Record, Type
from rtfs.loader import Lookup
from rtfs.loader import library as library_folder
from rtfs.survey import Survey
from rtfs.tools import Tools, deepen, read_forms

if TYPE_CHECKING:
    from rtfs.host.marketplace import Marketplace
    from rtfs.host.provider import Provider

S = TypeVar("S", bound=Survey)

_TYPE = Keyword("type")
_VARIANT = "metered"  # of code that runs while a program is analysed: its macros


def check(
    source: Source,
    lookup: Lookup,
    *,
    predefined: Iterable[str] = (),
    marketplace: Marketplace | None = None,
    limits: Limits | None = None,
) -> list[Finding]:
    """Everything found in a program and the modules it imports, in the order of the texts (language.md §13).

    `predefined`: names that whoever runs the program defines. `marketplace`: what host calls are checked against;
    without one they are not. `limits`: of the macros of the program. Of the bundled library nothing is told.
    """
    from rtfs.check.examine import examine, tidy

    deepen()
    survey = _surveyed([source], lookup, limits or Limits.untrusted())
    survey.finish()
    found = [of_error(error) for error in survey.problems]
    found += [finding("RTFS-W311", span, f"not checked: {why}") for span, why in survey.unchecked]
    found += examine(Program(survey.spaces, library(marketplace), predefined))
    return tidy(each for each in found if each.span is None or not _is_bundled(each.span.source, source))


def _is_bundled(found: Source, checked: Source) -> bool:
    """Does a text come with rtfs, while another one is checked?"""
    return found.name != checked.name and found.name.startswith(os.path.join(library_folder(), ""))


def _surveyed(sources: list[Source], lookup: Lookup, limits: Limits) -> Survey:
    return surveyed(Survey(lookup), sources, lookup, limits)


def surveyed(survey: S, sources: list[Source], lookup: Lookup, limits: Limits) -> S:
    """The program, its macros run as code that nobody has read: purely, and not for ever."""
    from rtfs.session import Session

    session = Session(lookup=lookup, cache=False, limits=limits)
    session.world = survey
    session.tools = Tools(survey, limits)
    try:
        session.start_call(lambda: [survey.run(source, survey.user) for source in sources])
    except LimitError as error:
        if not any(isinstance(known, LimitError) for known in survey.problems):
            survey.problems.append(error)
    return survey


def library(marketplace: Marketplace | None = None) -> Library:
    """The library, and what a marketplace offers, as the checker knows them."""
    from rtfs.macros.walk import WALKERS

    bundled = library_of(_VARIANT)
    load_all(bundled)
    special = frozenset(name for name in WALKERS if not name.startswith("rtfs/") and name != "=>")
    names = frozenset({*NAMES, *bundled.macros})
    if marketplace is None:
        return Library(library_type, names, special)
    known = cache(lambda id: capability_type(marketplace.find(id)))
    return Library(library_type, names, special, frozenset(marketplace.ids()), known)


def capability_type(provider: Provider | None) -> Type | None:
    """What a capability takes, as arguments in order or as one map, and what it gives; None when nobody says."""
    from rtfs.host.adapt import chosen, parameters
    from rtfs.host.shape import type_form

    def read(text: str) -> Any:
        return read_forms(text)[0]

    if provider is None or provider.vacant:
        return None
    fields = parameters(provider, read)
    if fields is None:
        return None
    types = {field.key: ANY if field.form is None else parse_type(field.form) for field in fields}
    result = ANY if provider.output is None else parse_type(type_form(provider.output, read))
    required = sum(field.required for field in fields)
    shapes = [
        function([types[field.key] for field in chosen(fields, extra)], None, result)
        for extra in range(len(fields) - required + 1)
    ]
    record = Record(tuple(Field(field.key, types[field.key], not field.required) for field in fields), None, None)
    return all_of([*shapes, function([record], None, result)])


@cache
def library_type(name: str) -> Type | None:
    """The declared type of a library function or constant; None when there is none of that name."""
    from rtfs.parser.reader import read

    bundled = library_of(_VARIANT)
    load_all(bundled)
    text = TYPES.get(PRIMARY.get(name, ""))
    if text is None:
        text = (function_metadata(bundled.globals.get(f":{name}")) or {}).get(_TYPE)
    return None if text is None else parse_signature(read(Source(name, text)).forms)


def type_of(source: Source, before: Iterable[Source], lookup: Lookup, *, predefined: Iterable[str] = ()) -> Type:
    """The type of the last form of a text that follows others. Raises the first error that stands in the text.

    predefined: names that exist though no text defines them.
    """
    from rtfs.check.examine import infer_definitions
    from rtfs.check.infer import Inference

    deepen()
    survey = _surveyed([*before, source], lookup, Limits.untrusted())
    survey.finish()
    for problem in survey.problems:
        if problem.span is not None and problem.span.source is source:
            raise problem
    program = Program(survey.spaces, library(), predefined)
    x = Inference(program)
    infer_definitions(x, program)
    types = [x.run(part) for part in survey.spaces["user"].parts if part.spans.source is source]
    return types[-1] if types else ANY
