"""Whatever forms a text holds: they compile and run, or end in an error of the language that is no defect."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rtfs
from rtfs.lang.errors import RtfsError
from tests.differential.program import program, text_of
from tests.fuzz.test_reader_fuzz import damaged
from tests.strategies import examples

ROOT = Path(__file__).parent.parent.parent
LIMITS = rtfs.Limits(seconds=None, steps=20_000, elements=20_000, characters=50_000, bits=4_000, printed=50_000)
SOURCES = [
    path.read_text(encoding="utf-8")
    for folder in ("tests", "stdlib", "examples")
    for path in sorted((ROOT / folder).rglob("*.rtfs"))
]
_HEADS = """
    quote quasiquote unquote unquote-splicing
    def defn defn- defmacro defstruct deftype fn lambda λ let letrec loop recur
    if do and or try catch finally throw match module import export call context/get meta doc step step-if step-loop
    step-parallel plan capability resource intent action when if-let when-some cond condp case for doseq dotimes -> ->>
    some-> cond-> as-> assert declare comment with-resource parallel llm-execute map reduce str + = inc user-macro
"""
_WORDS = """
    x y & _ : :int :keys :or :as :when :while :let :else :params :body :exports :only "text" 1 -2.5 nil true x#
    % %1 .f .
    TypeError e => rtfs/map rtfs/with-meta ##NaN <who> ^ ' ` ~ ~@ @ #(
"""
HEADS, WORDS = _HEADS.split(), _WORDS.split()

atoms = st.sampled_from([*HEADS, *WORDS])


def nested(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(parts, max_size=4).map(" ".join)
    headed = st.builds("({} {})".format, st.sampled_from(HEADS), several)
    return st.one_of(
        headed, headed, several.map("[{}]".format), several.map("{{{}}}".format), several.map("({})".format)
    )


forms = st.recursive(atoms, nested, max_leaves=25)


@pytest.fixture(scope="module", autouse=True)
def deep_recursion() -> None:
    """A session raises Python's recursion limit for good; Hypothesis wants it done before its tests begin."""
    rtfs.Session(cache=False)


def ends_well(text: str) -> None:
    """Run a text as its own host; what it asks is answered with nil."""
    try:
        outcome = rtfs.Session(cache=False, limits=LIMITS).start(text, name="fuzz.rtfs")
        for _ in range(50):
            if isinstance(outcome, rtfs.Complete):
                break
            outcome = outcome.resume(None)
    except RtfsError as error:
        assert error.kind != "InternalError", (text, error.message)
        lines = text.split("\n")
        if error.span is not None and error.span.source.name == "fuzz.rtfs":
            span = error.span
            assert (span.line, span.column) <= (span.end_line, span.end_column), text
            assert 1 <= span.line <= span.end_line <= len(lines), text
            assert 1 <= span.column <= len(lines[span.line - 1]) + 1, text
        error.rendered()


@examples(300)
@given(st.lists(forms, min_size=1, max_size=3))
def test_any_forms_compile_or_are_an_error(several: list[str]) -> None:
    ends_well("(defmacro user-macro [a & b] `(let [a# ~a] ~@b))\n" + "\n".join(several))


def leaves_changed(form: object, rng: random.Random, words: list[str]) -> object:
    """A form of a generated program with some of its parts dropped, doubled, exchanged or replaced."""
    if type(form) is not list:
        return rng.choice(words) if rng.random() < 0.03 else form
    parts = [leaves_changed(part, rng, words) for part in form[1:]]
    if parts and rng.random() < 0.06:
        place = rng.randrange(len(parts))
        change = rng.randrange(4)
        if change == 0:
            del parts[place]
        elif change == 1:
            parts.insert(place, parts[rng.randrange(len(parts))])
        elif change == 2:
            rng.shuffle(parts)
        else:
            parts[place] = rng.choice(words)
    if (form[0] in ("'", "`", "~", "~@") and len(parts) != 1) or (form[0] == "^" and len(parts) != 2):
        return "nil"
    return [form[0], *parts]


@examples(150)
@given(st.integers(0, 10**6))
def test_a_damaged_program_compiles_or_is_an_error(seed: int) -> None:
    rng = random.Random(seed)
    words = [*HEADS, *[word for word in WORDS if word[0] not in "^'`~@#"]]
    ends_well(text_of([leaves_changed(form, rng, words) for form in program(seed)]))


@examples(100)
@given(st.sampled_from(SOURCES), st.randoms(use_true_random=False), st.integers(1, 4))
def test_a_damaged_source_compiles_or_is_an_error(source: str, rng: random.Random, times: int) -> None:
    for _ in range(times):
        source = damaged(source, rng)
    ends_well(source)
