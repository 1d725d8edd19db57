"""What is known of a text that is still being typed: tokens, brackets, locals, completions, colours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.cli.interactive.colors import fragments
from rtfs.cli.interactive.complete import candidates, head_at
from rtfs.cli.interactive.scope import names_around
from rtfs.cli.interactive.tokens import indentation, partner, pieces
from tests.cli.interactive.conftest import Typing

TEXTS = st.text(alphabet="()[]{}\"\\;#|:'`~@^ \n\tabλ1.-/%&_é日", max_size=40)


def test_pieces_have_kinds_and_places() -> None:
    text = '(f :k "s" 1.5 nil) ; note'
    assert [(piece.kind, piece.text) for piece in pieces(text)] == [
        ("open", "("),
        ("symbol", "f"),
        ("keyword", ":k"),
        ("string", '"s"'),
        ("number", "1.5"),
        ("constant", "nil"),
        ("close", ")"),
        ("comment", "; note"),
    ]


@pytest.mark.parametrize(("text", "kind"), [('(f "abc', "string"), ("(f #| note", "comment"), ("(f \\a)", "broken")])
def test_what_has_no_end_or_is_no_rtfs_is_a_piece_too(text: str, kind: str) -> None:
    assert kind in [piece.kind for piece in pieces(text)]


@given(TEXTS)
def test_pieces_are_stretches_of_the_text_in_order(text: str) -> None:
    last = 0
    for piece in pieces(text):
        assert last <= piece.begin < piece.end <= len(text)
        assert text[piece.begin : piece.end] == piece.text
        last = piece.end


@given(TEXTS)
def test_colours_never_change_the_text(text: str) -> None:
    assert "".join(part for _, part, *_ in fragments(text)) == text


@given(TEXTS, st.integers(0, 40))
def test_any_text_may_be_completed_and_indented(text: str, offset: int) -> None:
    head_at(text[:offset])
    names_around(text, min(offset, len(text)))
    assert indentation(text, min(offset, len(text))) >= 0


def test_brackets_find_their_partners_but_not_in_strings() -> None:
    text = '(f ")" [x])'
    assert partner(text, 0) == (0, 10)
    assert partner(text, 10) == (0, 10)
    assert partner(text, 7) == (7, 9)
    assert partner(text, 4) is None
    assert partner("(]", 0) is None


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("(let [a 1 b 2] ", ["a", "b"]),
        ("(let [a 1 b ", ["a"]),
        ("(let [{:keys [a b]} m [c & d] v] (", ["a", "b", "c", "d"]),
        ("(fn [x & more] (let [y 1] ", ["y", "x", "more"]),
        ("(defn f [x] (", ["x"]),
        ("(defn f [x] x) (", []),
        ("(for [x xs y ys] ", ["x", "y"]),
        ("(fn self [x] ", ["self", "x"]),
    ],
)
def test_locals_around_a_place(text: str, names: list[str]) -> None:
    assert names_around(text, len(text)) == names


@pytest.mark.parametrize(
    ("text", "indent"),
    [("(defn f", 2), ("[1", 1), ("(let [a 1", 6), ('(str "a', 0), ("(f) ", 0), ("(f\n  (g", 4), ("((f)", 1)],
)
def test_a_new_line_is_indented(text: str, indent: int) -> None:
    assert indentation(text, len(text)) == indent


@pytest.mark.parametrize(
    ("text", "head"),
    [("(map inc ", "map"), ("(f (g 1) ", "f"), ("(call :a.b ", ":a.b"), ("(f [1 ", "f"), (":doc f", ""), ("x", "")],
)
def test_the_call_whose_signature_is_shown(text: str, head: str) -> None:
    assert head_at(text) == head


def test_completions_by_what_stands_around(typing: Typing) -> None:
    typing("(def remarkable {:temperature 1})")
    repl = typing.repl
    assert candidates(repl, "(inc remark") == ("remark", ["remarkable"])
    assert candidates(repl, "(let [locale 1] local")[1][0] == "locale"
    assert "when-not" in candidates(repl, "(when-")[1]
    assert "letrec" in candidates(repl, "(let")[1]
    assert candidates(repl, "(get m :temp") == (":temp", [":temperature"])
    assert ":ccos.io.println" in candidates(repl, "(call :ccos.io.prin")[1]
    assert candidates(repl, '(str "remark') == ("", [])
    assert candidates(repl, ":undo") == (":undo", [])
    assert ":undo" in candidates(repl, ":un")[1]
    assert candidates(repl, ":doc remark") == ("remark", ["remarkable"])
    assert candidates(repl, ":set ti") == ("ti", ["timing"])
    assert candidates(repl, ":set timing o") == ("o", ["on", "off"])
    assert candidates(repl, ":type (inc remark") == ("remark", ["remarkable"])
    assert candidates(repl, ":explain E40")[1]


def test_paths_are_completed(typing: Typing) -> None:
    from pathlib import Path

    Path("folder").mkdir()
    Path("folder/script.rtfs").touch()
    assert candidates(typing.repl, ":load fol") == ("fol", ["folder/"])
    assert candidates(typing.repl, ":load folder/s") == ("folder/s", ["folder/script.rtfs"])
    assert candidates(typing.repl, ":load nowhere/s") == ("nowhere/s", [])
