"""The catalogue of error codes: it is complete, and every example provokes the code it is about."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import rtfs
from rtfs.check.finding import CODES as FINDINGS
from rtfs.documentation.codes import Code, codes, families, find, names
from rtfs.lang.errors import KINDS
from tests.documentation.test_pages import build

CODES = codes()
EXAMPLES = [code for code in CODES if code.console]
BUILD = build()

# language.md §8.5 and streaming.md §0.1
ERRORS = [*range(101, 108), 201, 202, 301, 302, 303, *range(401, 413), *range(501, 507), *range(701, 707), 901]
STREAMS = [*range(1, 9), *range(10, 36), 40, 41, 42, 50, 51, 52, 53, 60]
# of these no place of this version raises any
NOT_RAISED: set[str] = set()


def names_of(found: list[Code]) -> list[str]:
    return [code.code for code in found]


def test_the_catalogue_has_every_code_once_and_in_order() -> None:
    expected = [f"RTFS-E{number}" for number in ERRORS] + [f"RTFS-S{number:03}" for number in STREAMS]
    assert names_of(CODES) == expected + list(FINDINGS)


def test_a_code_has_the_kind_of_the_language() -> None:
    by_code = {code.code: code.kind for code in CODES}
    for kind, (code, _) in KINDS.items():
        assert by_code[code] == kind
    assert {code.kind for code in CODES if code.code not in FINDINGS} == set(KINDS)


def test_a_finding_has_the_name_that_the_checker_gives_it() -> None:
    assert {code.code: code.kind for code in CODES if code.code in FINDINGS} == {
        code: name for code, (_, name, _) in FINDINGS.items()
    }


@pytest.mark.parametrize("code", EXAMPLES, ids=names_of(EXAMPLES))
def test_an_example_provokes_its_code_and_prints_what_it_says(code: Code, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    found = BUILD.play(code)
    assert BUILD.console.matches(found, code.console), found
    severity = FINDINGS[code.code][0] if code.code in FINDINGS else "error"
    heads = (f"error[{code.code}] {code.kind}: ", f'"{code.code}" ', f": {severity}[{code.code}]: ")
    assert any(head in found for head in heads)


def test_only_what_is_never_raised_and_what_is_a_defect_has_no_example() -> None:
    assert {code.code for code in CODES if not code.console} == {*NOT_RAISED, "RTFS-E901"}


def test_the_list_of_codes_that_are_not_raised_is_true() -> None:
    assert {code.code for code in CODES if not code.raised} == NOT_RAISED
    texts = "".join(path.read_text(encoding="utf-8") for path in Path(rtfs.__file__).parent.rglob("*.py"))
    numbers = re.findall(r"\b(?:fault|StreamError)\(\s*(\d+)\b", texts)
    raised = {f"RTFS-S{int(number):03}" for number in numbers}
    assert not raised & NOT_RAISED
    assert {code.code for code in CODES if code.code.startswith("RTFS-S")} - raised == {*NOT_RAISED, "RTFS-S060"}


@pytest.mark.parametrize("code", CODES, ids=names_of(CODES))
def test_an_entry_is_complete(code: Code) -> None:
    assert code.meaning.endswith((".", "`"))
    assert code.cure.endswith((".", "`", ")"))


def test_a_family_has_a_title_and_says_what_it_is_about() -> None:
    for family in families():
        assert family.title and family.text.endswith(".")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("E403", ["RTFS-E403"]),
        ("RTFS-E403", ["RTFS-E403"]),
        ("rtfs-s010", ["RTFS-S010"]),
        ("S10", ["RTFS-S010"]),
        ("TypeError", ["RTFS-E403"]),
        ("W101", ["RTFS-W101"]),
        ("UnusedImport", ["RTFS-W303"]),
        (":type-error", ["RTFS-E403"]),
        ("MacroError", ["RTFS-E201", "RTFS-E202"]),
        ("E999", []),
        ("", []),
    ],
)
def test_a_code_is_found_by_its_spellings_and_its_kind(name: str, found: list[str]) -> None:
    assert names_of(find(name)) == found


def test_every_name_is_found() -> None:
    assert all(find(name) for name in names())
