"""What is known of a program without running it: its text and modules are read and expanded, then checked."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from rtfs.bundled import load_all
from rtfs.check.finding import Finding, finding, of_error
from rtfs.check.program import Library, Program
from rtfs.check.signature import parse_signature
from rtfs.eval.library import NAMES, library_of
from rtfs.eval.module import function_metadata
from rtfs.eval.registry import PRIMARY, TYPES
from rtfs.lang.errors import LimitError
from rtfs.lang.limits import Limits
from rtfs.lang.names import Keyword
from rtfs.lang.source import Source
from rtfs.lang.types import Type
from rtfs.loader import Lookup
from rtfs.survey import Survey
from rtfs.tools import Tools, deepen

_TYPE = Keyword("type")
_VARIANT = "metered"  # of code that runs while a program is analysed: its macros


def check(
    source: Source,
    lookup: Lookup,
    *,
    predefined: Iterable[str] = (),
    capabilities: Iterable[str] = (),
    limits: Limits | None = None,
) -> list[Finding]:
    """Everything found in a program and the modules it imports, in the order of the texts (language.md §13).

    `predefined`: names that whoever runs the program defines. `capabilities`: ids of what hosts provide by themselves;
    without any, no capability is said to be unknown. `limits`: of the macros of the program.
    """
    from rtfs.check.examine import examine, tidy

    deepen()
    survey = _surveyed(source, lookup, limits or Limits.untrusted())
    survey.finish()
    found = [of_error(error) for error in survey.problems]
    found += [finding("RTFS-W311", span, f"not checked: {why}") for span, why in survey.unchecked]
    program = Program(survey.spaces, library(frozenset(capabilities)), predefined)
    return tidy([*found, *examine(program)])


def _surveyed(source: Source, lookup: Lookup, limits: Limits) -> Survey:
    """The program, its macros run as code that nobody has read: purely, and not for ever."""
    from rtfs.session import Session

    session = Session(lookup=lookup, cache=False, limits=limits)
    session.world = survey = Survey(lookup)
    session.tools = Tools(survey, limits)
    try:
        session.start_call(lambda: survey.run(source, survey.user))
    except LimitError as error:
        if not any(isinstance(known, LimitError) for known in survey.problems):
            survey.problems.append(error)
    return survey


def library(capabilities: frozenset[str] = frozenset()) -> Library:
    """The library as the checker knows it."""
    from rtfs.macros.walk import WALKERS

    bundled = library_of(_VARIANT)
    load_all(bundled)
    special = frozenset(name for name in WALKERS if not name.startswith("rtfs/") and name != "=>")
    return Library(library_type, frozenset({*NAMES, *bundled.macros}), special, capabilities)


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
