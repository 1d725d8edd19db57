"""Whatever a builtin is given, its error has the text of language.md §8.5 and points at the argument it is about."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

import rtfs
from rtfs.eval import registry
from rtfs.eval.registry import DOCS, PRIMARY, arity_of
from rtfs.lang.errors import NOTHING

registry.load_all()

TEXTS = {
    "TypeError": r"Type error in (?P<operation>.+): expected .+, got [a-z-]+( of \d+)?",
    "ArityMismatch": r"Arity mismatch in \S+: expected .+, got \d+",
    "IndexOutOfBounds": r"Index out of bounds: index -?\S+ is not in range \[0, \d+\)",
    "InvalidArgument": r"Invalid argument: .+",
    "DivisionByZero": r"Division by zero",
    "JsonError": r"JSON error: .+",
    "Overflow": r"Overflow in .+: integer too large for a float",
    "MemoryLimitExceeded": r"Memory limit exceeded: .+ of \S+ exceeds \d+",
    "ParseError": r".+",
    "SyntaxError": r"\S+: .+",
    "ApplicationError": r".*",
    "TypeValidationError": r"Type validation error: .+",
    "AssertionError": r"Assertion failed: .+",
    "StreamError": r"Parameter '.+' of stream\.from: expected .+|Parameter '.+': expected .+, got .+",
    "MatchError": r"Match error: No matching clause for .+",
}
VALUES = ["nil", "true", "-5", "2.5", '"x"', ":k", "'sym", '[1 "a"]', "'(7)", "{:a 1}", "inc"]
CALLBACKS = {"inc", "keyword lookup", "nth", "function call", "+"}  # what a function that was passed says


def functions() -> Iterator[tuple[str, int]]:
    """Names of builtins, each with a number of arguments it takes."""
    for name in sorted(DOCS):
        if not name.startswith("rtfs/") and callable(registry.BUILTINS[name]):
            low, high = arity_of(name)
            yield name, max(low, 1 if high is None or high else 0)


def calls(name: str, count: int) -> Iterator[str]:
    """Calls with every value at every place, the values of one call being different."""
    for turn in range(0, len(VALUES) if count else 1, 2):
        chosen = [VALUES[(turn + 4 * place) % len(VALUES)] for place in range(count)]
        yield f"({' '.join([name, *chosen])})"


@pytest.fixture(scope="module")
def session() -> rtfs.Session:
    return rtfs.Session(cache=False)


@pytest.mark.parametrize(("name", "count"), list(functions()), ids=[name for name, _ in functions()])
def test_an_error_of_a_builtin_has_the_text_and_the_place_it_should(
    name: str, count: int, session: rtfs.Session
) -> None:
    for text in calls(name, count):
        try:
            session.start(text, name="t.rtfs")
        except rtfs.RtfsError as error:
            found = re.fullmatch(TEXTS[error.kind], error.message, re.DOTALL)
            assert found, f"{text}: {error.kind}: {error.message}"
            assert error.span is not None
            if error.kind != "TypeError":
                continue
            own = PRIMARY.get(found["operation"]) == PRIMARY[name]
            assert own or found["operation"] in CALLBACKS, f"{text}: {error.message}"
            if own and error.subject is not NOTHING and rtfs.show(error.subject) in VALUES:
                assert error.span.text() == rtfs.show(error.subject), f"{text}: {error.span.text()}"
