"""Whole programs: modules, macros, shadowing, odd texts; and that size and depth cost no more than they must."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Findings = Callable[..., list[str]]


# ---- modules


def test_a_module_is_known_with_its_types(findings: Findings) -> None:
    module = "(defstruct P :x :int) (defn f [p : P] : :int (:x p)) (defn- hidden [] 1)"
    assert findings(
        '(import m :as q :only [f])\n(f {:x 1})\n(q/f {:x "a"})\n(upper (f {:x 1}))\n(m/hidden)', m=module
    ) == [
        "3:10-3:13 error W101 argument 1 of q/f at .x: expected :int, got :string",
        "4:8-4:18 error W101 argument 1 of upper: expected :string, got :int",
        "5:2-5:10 error W104 undefined symbol m/hidden",
    ]


def test_what_is_wrong_in_a_module_stands_in_its_own_text(findings: Findings) -> None:
    assert findings("(import m)\n(m/f 1)", m="(defn f [x]\n  (inc :a))") == [
        "2:8-2:10 error W101 argument 1 of inc: expected :number, got :keyword"
    ]


def test_a_module_form_is_checked_like_a_file(findings: Findings) -> None:
    text = "(module geo (:exports [area gone]) (defn area [r] (* 3 r)))\n(import geo :as g)\n(g/area :a)\n(g/gone)"
    assert findings(text) == [
        "1:29-1:33 error E302 ModuleError: Module error: exported name 'gone' is not defined in module 'geo'",
        "4:2-4:8 error W104 undefined symbol g/gone",
    ]


def test_imports_that_nothing_uses_are_noted(findings: Findings) -> None:
    module = "(defn f [x] x) (defn g [x] x) (defmacro m [x] x)"
    assert findings(
        "(import a :as q)\n(import b :only [f g])\n(f 1)\n(import c :as z)\n(z/m 1)", a=module, b=module, c=module
    ) == [
        "1:1-1:17 note W303 import of a is not used",
        "2:20-2:21 note W303 import of g is not used",
    ]


def test_an_import_that_is_named_by_a_stream_is_used(findings: Findings) -> None:
    assert findings('(import p :as q)\n(mcp-stream "a" q/fold)', p="(defn fold [s c m] {:state s})") == []


def test_a_cycle_is_reported_where_it_closes(findings: Findings) -> None:
    a, b = "(import b) (defn f [x] (b/g x))", "(import a) (defn g [x] (a/f x))"
    assert findings("(import a)\n(a/f 1)", a=a, b=b) == [
        "1:9-1:10 error E302 ModuleError: Module error: import cycle: a -> b -> a"
    ]


def test_nothing_is_said_about_names_of_a_module_that_cannot_be_read(findings: Findings) -> None:
    found = findings("(import m :as q :only [f])\n(f 1)\n(q/g 2)\n(h 3)", m="(defn f [x")
    assert found == ["1:9-1:10 error E102 ParseError: unterminated vector", "4:2-4:3 error W104 undefined symbol h"]


def test_an_export_that_is_missing_is_reported_at_its_name(findings: Findings) -> None:
    assert findings("(import m :only [f g])\n(f 1)\n(g 2)", m="(defn f [x] x)") == [
        "1:20-1:21 error E302 ModuleError: Module error: symbol 'g' not exported by module 'm'"
    ]


# ---- macros


def test_macros_may_call_functions_of_the_program(findings: Findings) -> None:
    text = "(defn pairs [xs] (partition 2 xs))\n(defmacro sums [& xs] `[~@(map (fn [[a b]] `(+ ~a ~b)) (pairs xs))])\n"
    assert findings(text + '(sums 1 2 3 "a")', notes=False) == [
        "3:13-3:16 error W101 argument 2 of +: expected :number, got :string"
    ]


def test_what_a_macro_makes_is_checked_where_it_was_called(findings: Findings) -> None:
    assert findings("(defmacro bad [x] `(inc :a ~x))\n(defn f [] (bad 1))") == [
        "2:12-2:19 error W103 wrong number of arguments for inc: expected 1, got 2"
    ]


def test_what_a_macro_drops_is_not_checked(findings: Findings) -> None:
    assert findings("(comment (inc :a) (nothing))\n(defmacro never [x] nil)\n(never (inc :a))") == []


def test_a_copied_form_is_reported_once(findings: Findings) -> None:
    assert findings("(defmacro twice [x] `(do ~x ~x))\n(twice (let [a 1] (inc :a)))") == [
        "2:14-2:15 note W302 a is not used; write _ if it need not be",
        "2:24-2:26 error W101 argument 1 of inc: expected :number, got :keyword",
    ]


def test_a_macro_that_fails_hides_nothing_but_its_own_form(findings: Findings) -> None:
    text = '(defmacro m [x] (throw "no"))\n(defn f [] (m 1))\n(f)\n(inc :a)'
    assert findings(text) == [
        "2:12-2:17 error E201 MacroError: Macro m: no",
        "4:6-4:8 error W101 argument 1 of inc: expected :number, got :keyword",
    ]


def test_a_macro_that_cannot_be_made_is_reported_once(findings: Findings) -> None:
    assert findings("(defmacro m [x] (let [y] y))\n(m 1)\n(defn f [] (m 2))\n(f)") == [
        "1:23-1:24 error E301 SyntaxError: let: binding y has no value"
    ]


def test_top_level_forms_do_not_run_for_a_macro(findings: Findings) -> None:
    """Only the definitions that a macro mentions do, and none of those may call the host."""
    endless = "(def n (loop [i 0] (if (< i 1000000000) (recur (inc i)) i)))"
    text = f'(call :ccos.io.println "no")\n{endless}\n(defmacro m [] 1)\n(m)'
    assert findings(text) == []


# ---- names


def test_a_definition_of_the_program_hides_the_library(findings: Findings) -> None:
    assert findings('(defn + [a b] (str a b))\n(+ "a" "b")', notes=False) == []


def test_a_local_hides_a_definition(findings: Findings) -> None:
    assert findings('(defn f [x :int] x)\n(let [f upper] (f "a"))', notes=False) == []


def test_functions_see_what_is_defined_later(findings: Findings) -> None:
    assert findings("(defn f [n] (g n))\n(defn g [n :int] (if (= n 0) 0 (f (dec n))))\n(f 3)") == []
    assert findings("(let [a (fn [n] (b n)) b (fn [n] n)] (a 1))") == []
    assert findings("(defn f [] (def a 1) (defn b [] (c)) (defn c [] a) (b))\n(f)") == []


def test_what_is_declared_exists(findings: Findings) -> None:
    assert findings("(declare given)\n(given 1)") == []


def test_what_is_redefined_may_be_either(findings: Findings) -> None:
    assert findings("(def x 1)\n(inc x)\n(def x :a)\n(name x)\n(defn f [] 1)\n(defn f [a] a)\n(f) (f 1)") == []


def test_templates_mean_the_names_of_their_module(findings: Findings) -> None:
    module = "(defn- square [x :int] (* x x)) (defmacro area [s] `(square ~s))"
    assert findings('(import m :as q)\n(q/area 2)\n(q/area "a")', m=f"(module m (:exports [area]) {module})") == [
        "3:9-3:12 error W101 argument 1 of square: expected :int, got :string"
    ]


# ---- tests narrow


@pytest.mark.parametrize(
    "text",
    [
        "(defn f [x : [:union :int :string]] (if (int? x) (inc x) (upper x)))",
        "(defn f [x :int?] (if (nil? x) 0 (inc x)))",
        "(defn f [x :int?] (when x (inc x)))",
        "(defn f [x :int?] (if (and x (> x 1)) (inc x) 0))",
        "(defn f [x :int?] (or (nil? x) (inc x)))",
        "(defn f [x :int?] (if-let [y x] (inc y) 0))",
        "(defn f [x : [:union :int :string :nil]] (cond (nil? x) 0 (string? x) (upper x) :else (inc x)))",
        "(defn f [x : [:union :int :string]] (match x (:int n) (inc n) (:string s) (upper s)))",
        "(defn f [x :int?] (if (not (some? x)) 0 (inc x)))",
    ],
)
def test_a_test_tells_what_a_name_is(text: str, findings: Findings) -> None:
    assert findings(text) == []


def test_what_a_clause_catches_by_name_is_only_noted(findings: Findings) -> None:
    assert findings('(try (inc "a") (catch TypeError e 1))') == [
        "1:11-1:14 note W101 argument 1 of inc: expected :number, got :string"
    ]
    assert findings('(try (inc "a") (catch e 1))')[0].split()[1] == "error"


# ---- odd texts, size and depth


def test_places_count_characters(findings: Findings) -> None:
    assert findings('(defn größe [ä :int] ä)\r\n\t(größe "\U0001f600")') == [
        "2:9-2:12 error W101 argument 1 of größe: expected :int, got :string"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "", "; nothing", "\ufeff1", "#!/usr/bin/env rtfs\n1",
        f"(def v [{' '.join(map(str, range(20_000)))}])",
        f"(def v [{' '.join(f'{{:k{i} {i}}}' for i in range(2_000))}])",
        "[" * 490 + "]" * 490,
        "(inc " * 490 + "1" + ")" * 490,
        f"(-> 1 {'inc ' * 1_000})",
        f"(defn f [x] (cond {' '.join(f'(= x {i}) {i}' for i in range(500))}))",
        f"(defn f [x] (match x {' '.join(f'{i} :k' for i in range(500))}))",
        "\n".join(f"(defn f{i} [x] (f{i + 1} x))" for i in range(800)) + "(defn f800 [x] x)",
        "\n".join(f"(defn f{i} [x] (f{(i + 1) % 500} x))" for i in range(500)),
        "\n".join(f"(defn f{i} [x] {{:a x :b (f{max(i - 1, 0)} x)}})" for i in range(500)),
    ],
    ids=lambda text: f"{text[:30]}…",
)  # fmt: skip
def test_large_and_deep_programs_are_checked(text: str, findings: Findings) -> None:
    assert findings(text, notes=False) == []


BRANCHES = [f"a{i + 1} (if c [a{i} a{i}] {{:x a{i}}})" for i in range(60)]
DOUBLED = [f"a{i + 1} [a{i} a{i}] b{i + 1} {{:l b{i} :r b{i}}}" for i in range(60)]


@pytest.mark.parametrize(
    "text",
    [
        f"(defn f [c] (let [a0 1 b0 2 {' '.join(DOUBLED)}] (if c a60 b60)))",
        f"(defn f [c] (let [a0 1 b0 2 {' '.join(DOUBLED)}] (f [a60 b60])))",
        f"(defn f [c] (let [a0 1 {' '.join(BRANCHES)}] (inc a60)))",
        "(defn f [x] " + '(loop [a 0 b ""] (if (> a 3) b (recur "x" ' * 10 + "[]" + ")))" * 10 + ")",
        "(deftype T [:union :int [:vector T]]) (deftype U [:union :string [:vector U]]) (defn f [x : T] x)\n"
        "(defn g [x : U] (f x))",
    ],
    ids=["join", "argument", "branches", "loops", "recursive types"],
)
def test_types_that_share_their_parts_take_no_exponential_time(text: str, findings: Findings) -> None:
    assert len(findings(text, notes=False)) <= 1
