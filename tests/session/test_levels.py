"""The levels of checked annotations (language.md §12.4)."""

from __future__ import annotations

import pytest

import rtfs

LEVELS = ("off", "basic", "standard", "strict")
INVALID = "!TypeValidationError"


def outcome(text: str, level: str) -> str:
    try:
        done = rtfs.Session(cache=False, check=level).start(text, name="t.rtfs")
    except rtfs.RtfsError as error:
        return f"!{error.kind}"
    assert isinstance(done, rtfs.Complete)
    return rtfs.show(done.value)


# text, and what it gives at each level; `*` for as at the level before
TABLE = [
    ('((fn [x :int] x) "a")', ['"a"', INVALID, "*", "*"]),
    ('(defn f [] :int "a") (f)', ['"a"', INVALID, "*", "*"]),
    ('(defn f [& xs :int] xs) (f "a")', ['("a")', INVALID, "*", "*"]),
    ('(def x :int "a")', ['"a"', INVALID, "*", "*"]),
    ('(loop [i : [:vector :int] "a"] i)', ['"a"', INVALID, "*", "*"]),
    ('(letrec [i :int "a"] i)', ['"a"', INVALID, "*", "*"]),
    ('(let [[a] : [:tuple :int] "a"] a)', ['"a"', INVALID, "*", "*"]),
    ("((fn [x : [:and :int [:> 5]]] x) 1)", ["1", "*", INVALID, "*"]),
    ('((fn [x : [:and :int [:> 5]]] x) "a")', ['"a"', INVALID, "*", "*"]),
    ("((fn [x : [:> 5]] x) 1)", ["1", "*", INVALID, "*"]),
    ("(deftype T [:> 5]) ((fn [x : T] x) 1)", ["1", "*", INVALID, "*"]),
    ("((fn [x :float] x) 2)", ["2", "*", "*", INVALID]),
    ("((fn [x :float?] x) 2)", ["2", "*", "*", INVALID]),
    ("((fn [x : [:vector :float]] x) [2])", ["[2]", "*", "*", INVALID]),
    ("((fn [x :float] x) 2.5)", ["2.5", "*", "*", "*"]),
    ("((fn [m : [:map [:a :int]]] m) {:a 1 :b 2})", ["{:a 1 :b 2}", "*", "*", INVALID]),
    ("((fn [m : [:map [:a :int] [:* :any]]] m) {:a 1 :b 2})", ["{:a 1 :b 2}", "*", "*", "*"]),
    ("((fn [x : Bogus] x) 5)", ["5", "*", "*", "!SyntaxError"]),
    ("(let [x : [:vector Bogus] [5]] x)", ["[5]", "*", "*", "!SyntaxError"]),
    # a type that cannot be one is refused at every level
    ("((fn [x :bogus] x) 5)", ["!SyntaxError", "*", "*", "*"]),
    ("((fn [& x : [:bogus 1]] x) 5)", ["!SyntaxError", "*", "*", "*"]),
    ("(let [x : [:vector] 5] x)", ["!SyntaxError", "*", "*", "*"]),
    # never below standard
    ("(defstruct P :x [:and :int [:> 5]]) (P {:x 1})", [INVALID, "*", "*", "*"]),
    ('(defstruct P :x :int) (P {:x "a"})', [INVALID, "*", "*", "*"]),
    ("(defstruct P :x :int) (P {:x 1 :y 2})", ["{:x 1 :y 2}", "*", "*", "*"]),
    ("(defstruct P :x :float) (P {:x 1})", ["{:x 1}", "*", "*", INVALID]),
    ("(validate [:and :int [:> 5]] 1)", [INVALID, "*", "*", "*"]),
    ("(valid? [:map [:a :int]] {:a 1 :b 2})", ["true", "*", "*", "false"]),
    ("(nil? (explain :float 2))", ["true", "*", "*", "false"]),
    ("(valid? 'Bogus 1)", ["true", "*", "*", "!SyntaxError"]),
    ("(match 1 (:type [:and :int [:> 5]]) :y _ :n)", [":n", "*", "*", "*"]),
    ("(match 2 (:type :float) :y _ :n)", [":y", "*", "*", ":n"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), TABLE, ids=[text for text, _ in TABLE])
def test_what_is_checked_depends_on_the_level(text: str, expected: list[str]) -> None:
    found = [outcome(text, level) for level in LEVELS]
    assert ["*" if place and one == found[place - 1] else one for place, one in enumerate(found)] == expected


def test_an_unknown_type_name_is_shown_with_a_suggestion() -> None:
    with pytest.raises(rtfs.RtfsError) as raised:
        rtfs.Session(cache=False, check="strict").start("(defn f [x : Strng] x)\n(f 5)", name="t.rtfs")
    assert (raised.value.message, raised.value.notes) == ("type: unknown type Strng", ["did you mean `:string`?"])


def test_another_level_is_refused() -> None:
    with pytest.raises(ValueError, match="check must be one of off, basic, standard, strict, got 'loose'"):
        rtfs.Session(check="loose")
