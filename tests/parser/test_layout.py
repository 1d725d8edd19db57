"""The canonical layout: what it looks like, that it changes no form and no comment, and that twice is once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtfs.lang.errors import ReadError
from rtfs.lang.printer import show
from rtfs.lang.source import Source
from rtfs.parser.layout import WIDTH, formatted
from rtfs.parser.reader import read
from tests.strategies import values

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(
    path for path in ROOT.rglob("*.rtfs") if not {".venv", "node_modules"} & set(path.relative_to(ROOT).parts)
)
COMMENT = re.compile(r'"(?:[^"\\]|\\.)*"|;[^\n]*', re.DOTALL)

CASES = {
    "spaces and commas": ("( +  1,2 )[ 1 , 2 ]{ :a 1,:b 2 }", "(+ 1 2) [1 2] {:a 1 :b 2}\n"),
    "a body is indented by two": ("(defn f [x]\n(let [y 1]\n(+ x y)))", "(defn f [x]\n  (let [y 1]\n    (+ x y)))\n"),
    "arguments under the first": ("(f a\nb\n c)", "(f a\n   b\n   c)\n"),
    "no argument beside the head": ("(f\na\nb)", "(f\n a\n b)\n"),
    "what comes before a body is indented by four": ("(when\nready\ngo)", "(when\n    ready\n  go)\n"),
    "elements under the first": ("[1\n2]\n{:a 1\n:b 2}", "[1\n 2]\n{:a 1\n :b 2}\n"),
    "function literals": ("#(+ %\n1)", "#(+ %\n    1)\n"),
    "prefixes": ("' x `( ~ a ~@ b ) @ c", "'x `(~a ~@b) @c\n"),
    "metadata": ('^ {:doc "d"}\n(def x 1)', '^{:doc "d"}\n(def x 1)\n'),
    "discarded forms": ("[1 #_ 2 3 #_ #_ a b c]", "[1 #_2 3 #_#_a b c]\n"),
    "empty lines": ("(def a 1)\n\n\n\n(def b 2)\n(def c 3)", "(def a 1)\n\n(def b 2)\n(def c 3)\n"),
    "empty lines inside": ("(do\n\n\n(a)\n\n\n(b)\n\n)", "(do\n\n  (a)\n\n  (b))\n"),
    "comments before forms": ("; one\n;two\n\n(do ; three\n; four\na)", "; one\n;two\n\n(do ; three\n  ; four\n  a)\n"),
    "a comment before the bracket": ("(do a ; last\n)", "(do a ; last\n  )\n"),
    "a comment in nothing": ("(\n; empty\n)", "(\n ; empty\n )\n"),
    "block comments": ("#| one\n two |#\n(a #| b |# c)", "#| one\n two |#\n(a #| b |# c)\n"),
    "the end": ("(a)\n\n\n; end\n\n\n", "(a)\n\n; end\n"),
    "nothing": ("  \n\n", ""),
    "a shebang": ("#!/usr/bin/env rtfs\n\n(a)", "#!/usr/bin/env rtfs\n\n(a)\n"),
    "line ends of other systems": ("(do a\r\nb) ; c\r\n", "(do a\n  b) ; c\n"),
    "strings of several lines": ('(f "a\n   b"\nc)', '(f "a\n   b"\n   c)\n'),
    "typed parameters": ("(fn [x:int y : [:vector :int]] x)", "(fn [x :int y : [:vector :int]] x)\n"),
}


@pytest.mark.parametrize("name", CASES)
def test_layout(name: str) -> None:
    text, expected = CASES[name]
    assert formatted(text) == expected
    assert formatted(expected) == expected


def numbers(first: int, end: int) -> str:
    return " ".join(str(n) for n in range(first, end))


LONG = "a-name-of-thirty-letters-or-so"
WIDE = {
    "arguments": (f"(f {LONG} {LONG} {LONG} {LONG})", f"(f {LONG}\n   {LONG}\n   {LONG}\n   {LONG})\n"),
    "a body": (f"(let [x {LONG}] (f {LONG}) (g {LONG} {LONG}))",
               f"(let [x {LONG}]\n  (f {LONG})\n  (g {LONG} {LONG}))\n"),
    "bindings": (f"(let [a {LONG} b {LONG} c {LONG}] a)", f"(let [a {LONG}\n      b {LONG}\n      c {LONG}]\n  a)\n"),
    "bindings with types": (f"(let [a : [:vector :int] {LONG} b {LONG} c : :int {LONG}] a)",
                            f"(let [a : [:vector :int] {LONG}\n      b {LONG}\n      c : :int {LONG}]\n  a)\n"),
    "pairs of a map": (f"{{:a {LONG} :b {LONG} :c {LONG}}}", f"{{:a {LONG}\n :b {LONG}\n :c {LONG}}}\n"),
    "clauses": (f"(cond (a? x) {LONG} (b? x) {LONG} :else {LONG})",
                f"(cond\n  (a? x) {LONG}\n  (b? x) {LONG}\n  :else {LONG})\n"),
    "atoms fill lines": (f"[{numbers(100, 130)}]", f"[{numbers(100, 124)}\n {numbers(124, 130)}]\n"),
    "a definition": (f'(defn f "{LONG} {LONG} {LONG}" {{:since 1}} [x] x)',
                     f'(defn f\n  "{LONG} {LONG} {LONG}"\n  {{:since 1}}\n  [x]\n  x)\n'),
}  # fmt: skip


@pytest.mark.parametrize("name", WIDE)
def test_what_is_too_wide_is_broken(name: str) -> None:
    text, expected = WIDE[name]
    assert formatted(text) == expected
    assert formatted(expected) == expected
    assert max(map(len, expected.split("\n"))) <= WIDTH


def test_all_errors_of_a_text_are_reported() -> None:
    with pytest.raises(ReadError) as caught:
        formatted('(a]\n"\\q"')
    assert [error.code for error in caught.value.errors] == ["RTFS-E102", "RTFS-E101", "RTFS-E104"]


def comments(text: str) -> list[str]:
    return [found.rstrip() for found in COMMENT.findall(text) if found.startswith(";")]


def check(text: str) -> None:
    laid = formatted(text)
    assert formatted(laid) == laid
    assert comments(laid) == comments(text)


@pytest.mark.parametrize("path", SOURCES, ids=[str(path.relative_to(ROOT)) for path in SOURCES])
def test_every_source_of_the_repository_keeps_its_forms_and_comments(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    try:
        read(Source("x", text))
    except ReadError:
        return  # a case that shows a syntax error
    check(text)


PROGRAMS = [path for path in SOURCES if "tests" not in path.relative_to(ROOT).parts[:1] or path.parts[-3] == "stdlib"]


@pytest.mark.parametrize("path", PROGRAMS, ids=[str(path.relative_to(ROOT)) for path in PROGRAMS])
def test_every_program_of_the_repository_is_laid_out(path: Path) -> None:
    """Language cases are not: how they are written is what they are about."""
    text = path.read_text(encoding="utf-8")
    assert formatted(text) == text, f"rtfs fmt {path.relative_to(ROOT)}"


FORMS = st.recursive(
    st.sampled_from(["a", ":k", "1.5", '"s\\n"', '"two\nlines"', "%", "nil", LONG, "when", "&"]),
    lambda inner: st.one_of(
        st.builds(lambda mark, form: f"{mark}{form}", st.sampled_from(["'", "`", "~", "@", "#_1 ", "^:k "]), inner),
        st.builds(
            lambda head, parts, gaps, ends: (
                head + "".join(f"{gap}{part}" for gap, part in zip(gaps, parts, strict=False)) + ends
            ),
            st.sampled_from(["(f", "(let", "(defn g", "(cond", "(", "(fn", "#_[", "(match"]),
            st.lists(inner, max_size=5),
            st.lists(st.sampled_from([" ", "\n", "\n\n", " ; why\n", "\n\n; so\n", ", ", " #| x |# "]), min_size=5),
            st.just(""),
        ).map(lambda text: text + ("]" if text.startswith("#_[") else ")")),
        st.lists(inner, max_size=6).map(lambda parts: f"[{' '.join(parts)}]"),
        st.lists(inner, max_size=4).map(lambda parts: f"{{{' '.join(part + ' 1' for part in parts)}}}"),
    ),
    max_leaves=25,
)


@settings(max_examples=200)
@given(st.lists(FORMS, max_size=4).map("\n".join))
def test_random_texts_keep_their_forms_and_comments_and_twice_is_once(text: str) -> None:
    try:
        read(Source("x", text))
    except ReadError:
        return
    check(text)


@given(values())
def test_printed_values_keep_what_they_say(value: object) -> None:
    text = show(value)
    try:
        forms = read(Source("x", text)).forms
    except ReadError:
        return  # functions and errors print as what nobody can read
    assert show(read(Source("x", formatted(text))).forms[0]) == show(forms[0])
