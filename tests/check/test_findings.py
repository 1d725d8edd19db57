"""What the checker finds, each kind at its place and with its whole text."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rtfs.check.finding import CODES

Findings = Callable[..., list[str]]

CASES = {
    # mismatches
    '(+ 1 "a")': ["1:6-1:9 error W101 argument 2 of +: expected :number, got :string"],
    "(upper :a)": ["1:8-1:10 error W101 argument 1 of upper: expected :string, got :keyword"],
    "(defn f [x :int] x)\n(f 1.5)": ["2:4-2:7 error W101 argument 1 of f: expected :int, got :float"],
    "(defn f [x : [:enum :a :b]] x)\n(f :c)": ["2:4-2:6 error W101 argument 1 of f: expected [:enum :a :b], got :c"],
    "(defn f [x : [:and :int [:> 0]]] x)\n(f 0)": [
        "2:4-2:5 error W101 argument 1 of f: expected [:and :int [:> 0]], got 0"
    ],
    '(defn f [x] : :int "a")': ["1:20-1:23 error W101 return of f: expected :int, got :string"],
    '(let [x :int "a"] x)': ["1:14-1:17 error W101 let x: expected :int, got :string"],
    '(def x :int "a")': ["1:13-1:16 error W101 def x: expected :int, got :string"],
    '(loop [i :int 0] (if (< i 3) (recur "a") i))': ["1:37-1:40 error W101 loop i: expected :int, got :string"],
    "(defstruct P :x :int)\n(P {:y 1})": ["2:4-2:10 error W101 argument 1 of P: expected P, got [:map [:y :int]]"],
    '(defn f [p : [:map [:x :int]]] (:x p))\n(f {:x "a"})': [
        "2:8-2:11 error W101 argument 1 of f at .x: expected :int, got :string"
    ],
    "(map upper [1 2])": [
        "1:6-1:11 error W101 argument 1 of map: expected [:fn [:int] :string], got [:fn [:string] :string]"
    ],
    "(map (fn [a b] a) [1 2])": [
        "1:6-1:18 error W101 argument 1 of map: expected [:fn [:int] :any], got [:fn [:any :any] :any]"
    ],
    "(:a 5)": ["1:5-1:6 error W101 argument 1 of :a: expected [:union :nil :map :error], got :int"],
    "(let [[a] 5] a)": ["1:7-1:10 error W101 vector destructuring: expected [:union :nil :string :seq], got :int"],
    "(inc (:b {:a 1}))": ["1:6-1:17 error W101 argument 1 of inc: expected :number, got :nil"],
    "(call 5)": ["1:7-1:8 error W101 argument 1 of call: expected [:union :keyword :string], got :int"],
    '(defn f [xs : [:vector [:map [:a [:tuple :int :keyword]]]]] xs)\n(f [{:a [1 :b]} {:a [2 "c"]}])': [
        "2:24-2:27 error W101 argument 1 of f at [1].a[1]: expected :keyword, got :string"
    ],
    '(let [m : [:map-of :string [:or :nil [:vector :int]]] {"a" [1] "b" [:c]}] m)': [
        '1:69-1:71 error W101 let m at ["b"][0]: expected :int, got :keyword'
    ],
    # what may be wrong
    "(defn f [x] (if x 1 nil))\n(inc (f 2))": [
        "2:6-2:11 note W301 argument 1 of inc: expected :number, but this may be something else: :int?"
    ],
    '(defn f [x] : :int (if x 1 "a"))': [
        "1:28-1:31 note W301 return of f: expected :int, but this may be something else: :string"
    ],
    # calls
    "(5 1)": ["1:2-1:3 error W102 call of what is no function: expected function, got :int"],
    '("a" 1)': ["1:2-1:5 error W102 call of what is no function: expected function, got :string"],
    "(let [f 1] (f 2))": ["1:13-1:14 error W102 call of what is no function: expected function, got :int"],
    "(inc 1 2)": ["1:1-1:10 error W103 wrong number of arguments for inc: expected 1, got 2"],
    "(defn f ([] 1) ([a b] a))\n(f 1)": [
        "2:1-2:6 error W103 wrong number of arguments for f: expected between 0 and 2, got 1"
    ],
    "((fn [a & b] a))": ["1:1-1:17 error W103 wrong number of arguments for function: expected at least 1, got 0"],
    "(:a {} 1 2)": ["1:1-1:12 error W103 wrong number of arguments for :a: expected 1 or 2, got 3"],
    # names
    "(prnt 1)": ["1:2-1:6 error W104 undefined symbol prnt"],
    "(defn f [x] (g x))": ["1:14-1:15 error W104 undefined symbol g"],
    "(f 1)\n(defn f [x] x)": ["1:2-1:3 warning W205 f is defined only later on line 2"],
    # clauses
    "(defn f [x] (match x y 1 2 3))": [
        "1:22-1:23 note W302 y is not used; write _ if it need not be",
        "1:26-1:27 warning W201 this clause is never chosen: the ones before fit every value",
    ],
    "(defn f [x] (match x 1 :a 2 :b 1 :c))": [
        "1:32-1:33 warning W201 this clause is never chosen: an earlier one has the same pattern"
    ],
    '(defn f [x :int] (match x 1 :a "b" :c _ :d))': [
        "1:32-1:35 warning W201 this clause is never chosen: no :int fits its pattern"
    ],
    "(defn f [g] (try (g) (catch e 1) (catch TypeError e 2)))": [
        "1:34-1:55 warning W202 this clause is never chosen: everything is caught before"
    ],
    "(defn f [g] (try (g) (catch RuntimeError e 1) (catch :type-error e 2)))": [
        "1:47-1:70 warning W202 this clause is never chosen: RuntimeError is caught before"
    ],
    # types by name, capabilities
    "(defn f [x : Strng] x)": ["1:14-1:19 warning W203 Strng names no type: any value is accepted"],
    '(call :ccos.io.printn "a")': ["1:7-1:22 warning W204 no built-in capability is called ccos.io.printn"],
    "(call :ccos.io.write-file {:path 5 :text nil})": [
        "1:34-1:35 error W101 argument 1 of ccos.io.write-file at .path: expected :string, got :int"
    ],
    "(call :ccos.io.write-file :a nil)": [
        "1:27-1:29 error W101 argument 1 of ccos.io.write-file: expected :string, got :keyword",
        "1:30-1:33 error W101 argument 2 of ccos.io.write-file: expected :string, got :nil",
    ],
    "(call :ccos.io.write-file)": [
        "1:1-1:27 error W103 wrong number of arguments for ccos.io.write-file: expected 1 or 2, got 0"
    ],
    '(inc (call :ccos.io.read-file "a"))': ["1:6-1:35 error W101 argument 1 of inc: expected :number, got :string"],
    '[(call :ccos.io.write-file "a" "b") (call :ccos.io.write-file {:path "a" :text "b"}) (call "ccos.echo" 1)]': [],
    "(call :weather.now)": ["1:7-1:19 note W310 capability weather.now is not built in: the host must provide it"],
    # notes
    "(let [x 1 y 2] y)": ["1:7-1:8 note W302 x is not used; write _ if it need not be"],
    "(defn f [{:keys [a b]}] a)": ["1:20-1:21 note W302 b is not used; write _ if it need not be"],
    "(defn f [count] (count [1]))": ["1:10-1:15 note W304 count hides the library's own, and is called in its place"],
    "(let [count 1] (str count))": [],
    "(defn map [x] x)": ["1:7-1:10 note W304 map hides the library's own"],
    "(let [step 1] (inc step))": ["1:7-1:11 note W305 step is a special form, which wins at the head of a list"],
    "{:a 1 :b 2 :a 3}": ["1:12-1:14 note W306 key :a stands twice: the later value counts"],
    "(defn f [a a] a)": ["1:12-1:13 note W307 a is bound twice: the later value counts"],
    "^{:slow true} (+ 1 2)": [
        "1:2-1:14 note W308 metadata :slow has no effect here: it belongs before a definition or a function"
    ],
    "(defmacro m [x] `(let [y ~x] y))": [
        "1:24-1:25 note W309 the template binds y and may capture the user's: write y#"
    ],
    "(def c (call :ccos.io.log 1))\n(defmacro m [] c)\n(m)": [
        "3:1-3:4 note W311 not checked: its macro needs c, which only a run defines"
    ],
    # errors of the language
    "(let [x] x)": ["1:7-1:8 error E301 SyntaxError: let: binding x has no value"],
    "(when)": ["1:1-1:7 error E301 SyntaxError: when: expected at least 1 argument, got 0"],
    "(import none.such)": ["1:9-1:18 error E303 ModuleNotFound: Module not found: none.such"],
    "12ab": ["1:1-1:5 error E103 ParseError: bad number 12ab"],
}


@pytest.mark.parametrize("text", CASES, ids=lambda text: text.replace("\n", " "))
def test_a_finding(text: str, findings: Findings) -> None:
    assert findings(text) == CASES[text]


def test_every_code_of_the_list_has_a_case() -> None:
    shown = {line.split()[2] for lines in CASES.values() for line in lines} | {"W303"}
    assert {code.removeprefix("RTFS-") for code in CODES} <= shown
