"""`rtfs doc` as a user meets it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from functools import partial

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Said = Callable[..., tuple[int, str, str]]


@pytest.fixture
def said(in_process: Said) -> Said:
    """What `rtfs doc …` says."""
    return partial(in_process, "doc")


def test_a_function_is_shown_with_its_call_and_an_example(said: Said) -> None:
    assert said("map") == (
        0,
        "map, mapv   function, Sequences\n"
        "\n"
        "  (map f coll & others)\n"
        "\n"
        "  The values of f for the elements; several collections until the shortest ends.\n"
        "\n"
        "  (map + [1 2] [10 20 30])\n"
        "  ;=> [11 22]\n",
        "",
    )


@pytest.mark.parametrize("name", ["-", "->", "->>", "+", "/", "<", "<="])
def test_a_name_of_signs_is_a_name_and_no_option(said: Said, name: str) -> None:
    code, out, err = said(name)
    assert (code, err) == (0, "")
    assert out.startswith(f"{name}   ")


def test_what_looks_like_an_option_and_is_none_is_a_name_that_nothing_has(said: Said) -> None:
    assert said("--nothing") == (1, "", "nothing is called --nothing\n")


def test_an_alias_names_its_primary(said: Said) -> None:
    code, out, _ = said("string/upper")
    assert code == 0
    assert out.startswith("string-upper, upper-case, upper, string/upper, string/upper-case   function, ")
    assert "  string/upper is another name of string-upper.\n" in out


def test_an_example_with_host_calls_shows_their_answers(said: Said) -> None:
    assert said("rand-int")[1].endswith("  (inc (rand-int 6))\n  ;-> ccos.random.int 6 => 4\n  ;=> 5\n")


def test_a_macro_and_a_special_form_are_shown(said: Said) -> None:
    assert said("when")[1].startswith("when   macro, Conditionals, threading, iteration\n\n  (when condition & body)\n")
    code, out, _ = said("catch")
    assert (code, out.splitlines()[0]) == (0, "try, catch, finally   special form")
    assert "  (try body (catch Kind error body) … (finally body)?)\n" in out


def test_a_capability_says_what_it_takes_gives_does_and_needs(said: Said) -> None:
    code, out, _ = said(":ccos.io.read-file")
    assert code == 0
    assert out.startswith("ccos.io.read-file   capability\n\n  (call :ccos.io.read-file path encoding?)\n")
    assert "  takes       [:map [:path :string] [:encoding :any ?]]\n" in out
    assert "  effects     :filesystem :filesystem-read\n" in out
    assert "  permission  --allow-read\n" in out


def test_an_unknown_name_says_what_was_meant_and_ends_with_1(said: Said) -> None:
    assert said("mpa") == (1, "", "nothing is called mpa\n  did you mean map?\n")
    assert said(":ccos.io.prntln")[2].splitlines()[:2] == [
        "nothing is called :ccos.io.prntln",
        "  did you mean ccos.io.println?",
    ]


def test_without_a_name_it_lists_the_topics(said: Said) -> None:
    code, out, _ = said()
    assert code == 0
    assert out.startswith("forms   Special forms\n  and call capability ")
    assert "\ncapabilities   Capabilities\n" in out
    assert "rtfs/" not in out


def test_a_topic_lists_its_names(said: Said) -> None:
    code, out, _ = said("json")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["parse-json", "serialize-json", "serialize-json-pretty"]


def test_search_finds_words_names_first(said: Said) -> None:
    code, out, _ = said("--search", "last")
    assert code == 0
    found = [line.split()[0] for line in out.splitlines()]
    assert found[0] == "last"
    assert found.index("take-last") < found.index("peek")
    assert said("--search", "sorted by nothing at all") == (1, "", "nothing found for 'sorted by nothing at all'\n")


def test_the_same_as_json(said: Said) -> None:
    data = json.loads(said("--json", "kv/conj!")[1])
    assert data["name"] == "kv/conj!"
    assert (data["kind"], data["chapter"], data["arity"]) == ("function", "host", "at least 1")
    assert data["usage"] == ["(kv/conj! key & xs)"]
    assert data["example"]["calls"][0] == 'ccos.state.kv.get "seen" => [1]'
    assert json.loads(said("--json", "json")[1])[0]["name"] == "parse-json"
    assert json.loads(said("--json")[1])[0]["topic"] == "forms"
    assert json.loads(said("--json", "--search", "nowhere at all")[1]) == []


def test_a_name_and_a_search_are_a_usage_error(said: Said) -> None:
    assert said("map", "--search", "x")[0] == 2


def test_help_has_examples(rtfs: Run) -> None:
    done = rtfs("doc", "--help")
    assert done.returncode == 0
    assert 'rtfs doc --search "last element"' in done.stdout
