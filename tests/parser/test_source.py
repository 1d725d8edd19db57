"""Source texts: white space, comments, discards, tokens, nesting (language.md §1.1)."""

from __future__ import annotations

import pytest

from rtfs.lang.collections import List
from rtfs.lang.source import Source
from rtfs.parser.reader import read


@pytest.mark.parametrize(
    "text", ["", " ", "\n\n", "; nothing", "#| nothing |#", "#_ nothing", ",,", "\ufeff", "#!only"]
)
def test_a_text_without_forms_has_none(shown, text):
    assert shown(text) == ""


@pytest.mark.parametrize("space", [" ", "\t", "\r", "\n", "\f", ",", "\r\n", " ,\n\t "])
def test_white_space_separates_forms(shown, space):
    assert shown(f"{space}a{space}b{space}[1{space}2]{space}") == "a b [1 2]"


def test_commas_are_white_space(shown):
    assert shown("[1, 2, 3] {:a 1, :b 2}") == "[1 2 3] {:a 1 :b 2}"


@pytest.mark.parametrize("space", ["\u00a0", "\u2028", "\v", "\u0085", "\u3000"])
def test_other_white_space_is_an_error(problems, space):
    code = f"U+{ord(space):04X}"
    assert problems(f"a{space}b") == [f"E101 1:2-1:3 unexpected character {code} | white space is written as a space"]


def test_a_line_comment_ends_with_its_line(shown):
    assert shown('(+ 1 ; one ( [ " #|\n 2 ;; two )\n);last') == "(+ 1 2)"


def test_block_comments_nest(shown):
    assert shown("#| a #| b |# c |# 7") == "7"
    assert shown("(1 #||# 2 #|#||#|# 3)") == "(1 2 3)"


def test_a_block_comment_spans_lines_and_hides_everything(shown):
    assert shown('1 #| ( "\n ; |\n "|# 2') == "1 2"


def test_an_unterminated_block_comment_is_reported_at_its_beginning(problems):
    assert problems("1\n #| a\n") == ["E102 2:2-2:4 unterminated comment | it begins at 2:2"]
    assert problems("#| #| a |#") == ["E102 1:1-1:3 unterminated comment | it begins at 1:1"]
    assert problems("#| #| a") == ["E102 1:1-1:3 unterminated comment | it begins at 1:1, and 2 comments are open"]


def test_the_end_of_a_comment_without_its_beginning_is_an_error(problems):
    assert problems("a |# b") == ["E101 1:3-1:5 bad symbol |# | no comment is open here: `#|` opens one"]


def test_discard_drops_the_next_form(shown):
    assert shown("(+ 1 #_ 99 2)") == "(+ 1 2)"
    assert shown("#_(a [b]) c") == "c"
    assert shown("(+ 1 #_(ignored 2) 3)") == "(+ 1 3)"
    assert shown("[a #_b]") == "[a]"


def test_stacked_discards_drop_as_many_forms(shown):
    assert shown("#_ #_ a b c") == "c"
    assert shown("[#_#_#_ a b c d]") == "[d]"
    assert shown("#_ #_ a b") == ""


def test_discard_drops_a_whole_prefixed_form(shown):
    assert shown("#_'a b") == "b"
    assert shown("#_^{:k 1} a b") == "b"
    assert shown("#_#(f %) b") == "b"


def test_discard_works_between_a_prefix_and_its_form(shown):
    assert shown("'#_ a b") == "(quote b)"
    assert shown("@#_a b") == '(context/get "b")'
    assert shown("^#_a :k #_b c") == "^{:k true} c"


def test_a_discarded_pair_leaves_the_count_of_a_map_even(shown):
    assert shown("{:a 1 #_#_ :b 2 :c 3}") == "{:a 1 :c 3}"


def test_a_discard_with_nothing_to_drop_is_an_error(problems):
    assert problems("(a #_)") == ["E101 1:4-1:6 nothing to discard after #_"]
    assert problems("(#_ #_ a)") == ["E101 1:2-1:4 nothing to discard after #_"]
    assert problems("#_") == ["E102 1:1-1:3 nothing to discard after #_"]


def test_a_discarded_form_must_be_readable(problems):
    assert [problem[:4] for problem in problems("#_ 12ab #_{:a} c")] == ["E103", "E105"]


def test_a_byte_order_mark_at_the_start_is_skipped(shown):
    assert shown("\ufeff7") == "7"
    assert shown("\ufeff#!/usr/bin/rtfs\n7") == "7"


def test_a_byte_order_mark_elsewhere_is_an_error(problems):
    assert problems("a \ufeff") == ["E101 1:3-1:4 bad symbol \ufeff | a name cannot contain U+FEFF"]


def test_a_first_line_for_the_shell_is_skipped(shown):
    assert shown("#!/usr/bin/env rtfs\n(+ 2 2)") == "(+ 2 2)"


def test_only_the_first_line_may_be_for_the_shell(problems):
    assert problems("1\n#!x")[0] == "E107 2:1-2:4 unsupported syntax #!x | only the first line may begin with #!"


def test_tokens_are_as_long_as_they_can_be(shown):
    assert shown("truex true? nilly true nil false") == "truex true? nilly true nil false"
    assert shown("(let [truex 4] truex)") == "(let [truex 4] truex)"


@pytest.mark.parametrize(
    "text", ["(a)b", "a(b)", "a[b]", "a{b c}", 'a"b"', '"a"b', '"a""b"', "[1]2", "1(2)", "a;b\n c", "{a b}c"]
)
def test_delimiters_end_a_token_without_white_space(shown, text):
    assert len(read(Source("test", text)).forms) == 2


def test_prefixes_need_no_white_space_before_the_form(shown):
    assert shown("''a") == "(quote (quote a))"
    assert shown("(a'b)") == "(a'b)"
    assert shown("(a 'b)") == "(a (quote b))"


@pytest.mark.parametrize(
    ("text", "sign"), [("a~b", "~"), ("a`b", "`"), ("a^b", "^"), ("a#b", "#"), ("a##", "#"), ("a\\b", "\\")]
)
def test_a_prefix_inside_a_token_is_an_error(problems, text, sign):
    note = f"`{sign}` cannot stand inside a name: put a space before it"
    assert problems(text) == [f"E101 1:1-1:{len(text) + 1} bad symbol {text} | {note}"]


@pytest.mark.parametrize(
    "text",
    [
        "(" * 500 + "x" + ")" * 500,
        "[" * 500 + "x" + "]" * 500,
        "{a " * 500 + "x" + "}" * 500,
        "#(" + "(" * 499 + "x" + ")" * 500,
        "'" * 500 + "x",
        "~@" * 500 + "x",
        "^:k " * 500 + "x",
        "#_" * 500 + "x " * 501,
        "('" * 250 + "x" + ")" * 250,
    ],
    ids=lambda text: text[:4],
)
def test_500_collections_and_prefixes_may_be_open(text):
    assert len(read(Source("test", text)).forms) == 1


@pytest.mark.parametrize("sign", ["(", "[", "{a ", "'", "`", "~", "~@", "#_", "^:k ", "['"])
def test_more_than_500_open_collections_and_prefixes_are_an_error(problems, sign):
    found = problems(sign * 501 + "x")
    note = "at most 500 collections and prefixes can be open"
    assert len(found) == 1
    assert found[0].startswith("E106") and found[0].endswith(f"nesting too deep | {note}")


def test_many_forms_side_by_side_are_not_nested(shown):
    assert len(shown("(a)" * 2000).split()) == 2000
    assert len(shown("'a " * 2000).split()) == 4000


def test_the_whole_text_is_read_before_anything_is_given(problems):
    assert problems("(fine) [also fine] )") == ["E101 1:20-1:21 unexpected ')' | nothing is open here"]


def test_half_of_a_surrogate_pair_is_no_text(problems):
    note = "U+D800 is half of a surrogate pair and no character"
    assert problems('a\n "\ud800"') == [f"E101 2:3-2:4 source is not Unicode text | {note}"]


def test_forms_are_ordinary_values():
    first, second = read(Source("test", "(a) (a)")).forms
    assert type(first) is List and first == second and first is not second
