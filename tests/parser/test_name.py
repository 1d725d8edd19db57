"""Symbols, keywords and the annotation mark (language.md §1.4)."""

from __future__ import annotations

import pytest

from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.source import Source
from rtfs.parser.reader import read

SYMBOLS = """
    a Ж λx 漢字 ª my-var_2 go! even? $v ->x <= => <path> a.b .name . .. ... * *x* + - / = != -a +a -.5 _ _x x__1 a1
    %x %params % %1 & %& a'b it's x' a@b a@ x# ns/x# my.app/math/add a/1 a/.5 +/- nil/x truex nilly
    com.acme:v1.2/api a/b:v3/c
"""
NAMES = SYMBOLS.split()


@pytest.mark.parametrize("name", NAMES)
def test_symbols(only, name):
    form = only(name)
    assert type(form) is Symbol and form.name == name and form.module is None


@pytest.mark.parametrize("name", [*NAMES, "1", "1a", "12/3", "nil", "true", "λ", "007"])
def test_keywords_have_the_text_of_a_symbol_or_start_with_a_digit(only, name):
    assert only(f":{name}") is Keyword(name)


def test_nil_true_and_false_are_literals(shown):
    forms = read(Source("test", "nil true false")).forms
    assert forms[0] is None and forms[1] is True and forms[2] is False


def test_lambda_as_a_whole_token_means_fn(shown):
    assert shown("(λ [x] x) λ λx :λ ns/λ") == "(fn [x] x) fn λx :λ ns/λ"


def test_a_colon_ends_a_symbol(shown):
    assert shown("x:int") == "x :int"
    assert shown("[x:int y:string]") == "[x :int y :string]"
    assert shown(":a:b") == ":a :b"


def test_a_version_is_part_of_a_name(only):
    assert only("com.acme:v1.2/api").name == "com.acme:v1.2/api"
    assert only(":org.demo:v2.1/part") is Keyword("org.demo:v2.1/part")


@pytest.mark.parametrize("text", ["a:v1", "a:v/b", "a:vx/b", "a:w1/b", "a:v1.x/b"])
def test_what_is_no_version_ends_the_name(text):
    first, second = read(Source("test", text)).forms
    assert first == Symbol("a") and type(second) is Keyword


@pytest.mark.parametrize("text", ["a/", "/a", "a//b", "//", "a/b/", "x//", "/a/b", "a:v1/", "a:v1//b"])
def test_the_segments_of_a_name_are_not_empty(problems, text):
    note = "`/` separates a namespace from a name, and both must be there"
    assert problems(text) == [f"E101 1:1-1:{len(text) + 1} bad symbol {text} | {note}"]
    assert problems(f":{text}") == [f"E101 1:1-1:{len(text) + 2} bad keyword :{text} | {note}"]


@pytest.mark.parametrize("text", ["&rest", "a&b", "&&", "&%", "%&x", "a/&"])
def test_the_ampersand_stands_alone(problems, text):
    note = "`&` stands alone: put a space after it"
    assert problems(text) == [f"E101 1:1-1:{len(text) + 1} bad symbol {text} | {note}"]


@pytest.mark.parametrize(
    ("text", "character"),
    [
        ("a|b", "`|` (U+007C)"),
        ("x²", "`²` (U+00B2)"),
        ("x٣", "`٣` (U+0663)"),
        ("e\u0301", "U+0301"),
        ("a\0", "U+0000"),
        ("→", "`→` (U+2192)"),
    ],
)
def test_a_name_is_of_letters_digits_and_a_few_signs(problems, text, character):
    (problem,) = problems(text)
    if character == "U+0301":
        assert problem.endswith("(U+0301)") and "a name cannot contain" in problem
    else:
        assert problem == f"E101 1:1-1:{len(text) + 1} bad symbol {text} | a name cannot contain {character}"


def test_a_colon_before_white_space_or_an_opening_bracket_is_the_annotation_mark(shown, only):
    assert shown("[x : int]") == "[x : int]"
    assert shown("[x :(f)]") == "[x : (f)]"
    assert shown("[x :[:vector :int] y :{:a 1} z :\n:int]") == "[x : [:vector :int] y : {:a 1} z : :int]"
    assert only(":\n") == Symbol(":")


@pytest.mark.parametrize("text", ["(a :)", ":", ':"a"', ":;a", ":'a", ":@a", ":#(f)", ":~x", "{a :}"])
def test_a_colon_alone_is_an_error(problems, text):
    column = text.index(":") + 1
    note = "a keyword needs a name after its colon; the colon of a type annotation needs a space"
    assert problems(text)[0] == f"E101 1:{column}-1:{column + 1} unexpected ':' | {note}"


def test_a_keyword_has_one_colon(problems):
    assert problems("[::x]") == ["E107 1:2-1:5 unsupported keyword ::x | a keyword has one colon"]
    assert problems("x::y") == ["E107 1:2-1:5 unsupported keyword ::y | a keyword has one colon"]


def test_long_words_are_cut_in_messages(problems):
    assert problems("a/" + "x" * 100 + "/") == [
        "E101 1:1-1:104 bad symbol a/" + "x" * 55 + "… | `/` separates a namespace from a name, and both must be there"
    ]
