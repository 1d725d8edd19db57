"""Attempts to exhaust memory or time: each ends with a limit, in a process of bounded memory (language.md §15)."""

from __future__ import annotations

import pytest

import rtfs
from rtfs import Limits
from tests.hostile.conftest import Contained

MEMORY, OUTPUT, STEPS = "MemoryLimitExceeded", "OutputLimitExceeded", "StepLimitExceeded"
LAUGHS = "(reduce (fn [a i] [a a a a a a a a a a]) 1 (range 30))"  # 10^30 elements in 300 places
HUGE = "(pow 10 70000)"

# What says its size is refused before anything is built, in every variant.
AT_ONCE = {
    "range": ("(range 1e18)", MEMORY),
    "range of integers": ("(range 100000000000000000000)", MEMORY),
    "range of small steps": ("(range 0 1 1e-300)", MEMORY),
    "numbers": ("(numbers 0 100000000000)", MEMORY),
    "repeat": ("(repeat 100000000000 :x)", MEMORY),
    "repeatedly": ("(repeatedly 100000000000 (fn [] 1))", MEMORY),
    "iterate": ("(iterate inc 1 100000000000)", MEMORY),
    "string/repeat": ('(string/repeat "ab" 100000000000)', MEMORY),
    "pad-left": ('(pad-left "x" 100000000000)', MEMORY),
    "pad-right": ('(pad-right "x" 100000000000)', MEMORY),
    "pow": ("(pow 10 1000000000)", MEMORY),
    "pow of pow": ("(pow (pow 10 1000) (pow 10 1000))", MEMORY),
    "factorial": ("(factorial 1000000000)", MEMORY),
    "bit-shift-left": ("(bit-shift-left 1 100000000000)", MEMORY),
    "product": ("(reduce * (repeat 20 (pow 10 70000)))", MEMORY),
    "squares": ("(loop [x 3] (recur (* x x)))", MEMORY),
    "lcm": (f"(lcm {HUGE} (inc {HUGE}))", MEMORY),
    "literal": ("(count [" + "9" * 100_000 + "])", MEMORY),
    "parse-int": ('(parse-int (string/repeat "9" 100000))', MEMORY),
    "format": ('(format "%999999999d" 1)', "InvalidArgument"),
    "precision": ('(format "%.999999999f" 1.0)', "InvalidArgument"),
    "round": ("(round 2.5 1000000000000)", "2.5"),
    "replace": ('(replace (string/repeat "a" 1000000) "a" (string/repeat "b" 1000000))', MEMORY),
    "re-replace": ('(re-replace "a" (string/repeat "a" 100000) (string/repeat "b" 100000))', MEMORY),
    "join": ('(join (string/repeat "x" 1000000) (range 100))', MEMORY),
    "partition": ("(partition 1000000 1 (range 1500000))", MEMORY),
    "partition-all": ("(partition-all 1000000 1 (range 1500000))", MEMORY),
    "concat": ("(apply concat (repeat 100 (range 100000)))", MEMORY),
    "interleave": ("(apply interleave (repeat 100 (range 100000)))", MEMORY),
    "zip": ("(apply zip (repeat 100 (range 100000)))", MEMORY),
    "mapcat": ("(mapcat (fn [i] (range 100000)) (range 100))", MEMORY),
    "into itself": ("(loop [v [1 2 3]] (recur (into v v)))", MEMORY),
    "text doubled": ('(loop [s "ab"] (recur (str s s)))', MEMORY),
    "flatten of shared parts": (f"(flatten {LAUGHS})", MEMORY),
    "text of shared parts": (f"(str {LAUGHS})", OUTPUT),
    "printed shared parts": (f"(pr-str {LAUGHS})", OUTPUT),
    "result of shared parts": (LAUGHS, OUTPUT),
    "JSON array": ('(parse-json (str "[" (join "," (repeat 2100000 1)) "]"))', MEMORY),
    "pattern": ('(re-find "((a{1000}){1000}){1000}" "a")', "InvalidArgument"),
}
# What is walked although its parts are shared ends quickly.
WALKED = {
    "equality": (f"(= {LAUGHS} {LAUGHS})", "true"),
    "hash": (f"(count {{{LAUGHS} 1 {LAUGHS} 2}})", "1"),
    "sort": (f"(count (sort [{LAUGHS} {LAUGHS} 1]))", "3"),
    "compare": (f"(compare {LAUGHS} {LAUGHS})", "0"),
    "validation": (f"(valid? [:vector [:vector [:vector :any]]] {LAUGHS})", "true"),
    "distinct": (f"(count (distinct [{LAUGHS} {LAUGHS}]))", "1"),
    "deep-merge": (
        "(let [maps (fn [x] (reduce (fn [a i] {:a a :b a}) x (range 60)))] (count (deep-merge (maps 1) (maps 2))))",
        "2",
    ),
    "an error's text": (f"(try (throw {LAUGHS}) (catch e (count (ex-message e))))", "201"),
    "a type that is none": (f"(try (valid? {LAUGHS} 1) (catch SyntaxError e :refused))", ":refused"),
    "a constant of a macro": (
        "(defmacro m [] (list 'quote (reduce (fn [a i] [a a]) 1 (range 18)))) (count (m))",
        "2",
    ),
    "a catastrophic pattern": ('(re-matches "(a*)*b" (string/repeat "a" 100000))', "nil"),
    "a large key": ("(get {(range 100000) 1} (range 100000))", "1"),
}
# What goes on and on ends at the limit of steps or cells, however little each step seems to do.
ENDLESS = {
    "a loop": "(loop [] (recur))",
    "a vector that grows": "(loop [v []] (recur (conj v v)))",
    "a map that grows": "(loop [m {} i 0] (recur (assoc m i m) (inc i)))",
    "a list that grows": "(loop [v '()] (recur (conj v 1)))",
    "a text that grows": '(loop [s ""] (recur (str s "xxxxxxxx")))',
    "an integer that grows": "(loop [x 3] (recur (+ x x)))",
    "many large integers": f"(loop [v [] x {HUGE}] (recur (conj v (inc x)) x))",
    "many large integers of a function": f"(def x {HUGE}) (count (map (fn [i] (+ i x)) (range 200000)))",
    "many copies": "(loop [v [] xs (range 1000)] (recur (conj v (reverse xs)) xs))",
    "many closures": "(loop [v []] (recur (conj v (let [x [v v]] (fn [] x)))))",
    "nested pairs": "(loop [x nil] (recur [x x]))",
    "divisions of large integers": f"(loop [x {HUGE}] (do (mod x 12345678901234567890) (recur x)))",
    "products of large integers": "(loop [x (pow 3 50000)] (do (* x x) (recur x)))",
    "comparisons of long texts": '(let [s (string/repeat "a" 1000000) t (str s "")] (loop [] (do (= s t) (recur))))',
    "equality of large values": "(let [a (range 100000) b (mapv identity a)] (loop [] (do (= a b) (recur))))",
    "keys of a large map": "(let [m (zipmap (range 50000) (range 50000))] (loop [] (do (keys m) (recur))))",
    "the first entry of a large map": "(let [m (zipmap (range 50000) (range 50000))] (loop [] (do (first m) (recur))))",
    "searching a long text": '(let [s (string/repeat "a" 1000000)] (loop [] (do (index-of s "b") (recur))))',
    "matching a long text": '(let [s (string/repeat "a" 1000000)] (loop [] (do (re-find "b" s) (recur))))',
    "sorting again and again": "(let [xs (vec (reverse (range 50000)))] (loop [] (do (sort xs) (recur))))",
    "printing again and again": "(let [xs (range 50000)] (loop [] (do (str xs) (recur))))",
    "JSON again and again": "(let [xs (range 50000)] (loop [] (do (serialize-json xs) (recur))))",
    "a doubled set of functions": "(loop [f inc] (recur (comp f f)))",
    "tree-seq of shared parts": f"(count (tree-seq vector? identity {LAUGHS}))",
    "a macro that doubles": "(defmacro m [n] (if (= n 0) 1 `(do (m ~(dec n)) (m ~(dec n))))) (m 60)",
    "a macro that loops": "(defmacro m [] (loop [] (recur))) (m)",
    "symbols without end": "(loop [] (do (gensym) (recur)))",
    "loops in loops": "(for [a (range 1000) b (range 1000) c (range 1000)] 1)",
}


def test_enormous_requests_are_refused_at_once(contained: Contained) -> None:
    endings = contained({name: text for name, (text, _) in AT_ONCE.items()})
    assert endings == {name: expected for name, (_, expected) in AT_ONCE.items()}


def test_values_with_shared_parts_are_walked_once(contained: Contained) -> None:
    endings = contained({name: text for name, (text, _) in WALKED.items()}, variant="metered")
    assert endings == {name: expected for name, (_, expected) in WALKED.items()}


def test_what_does_not_end_meets_the_limit_of_steps_or_cells(contained: Contained) -> None:
    endings = contained(ENDLESS, variant="small")
    assert {name: kind for name, kind in endings.items() if kind not in (STEPS, MEMORY)} == {}


@pytest.mark.parametrize("variant", ["interruptible", "metered"])
def test_a_builtin_that_takes_long_notices_the_deadline(variant: str) -> None:
    limits = {
        "interruptible": Limits(seconds=0.2),
        "metered": Limits(seconds=0.2, steps=10**12, cells=10**12),
    }[variant]
    texts = [
        "(count (sort (map (fn [i] (if (even? i) (str i) [i])) (range 300000))))",
        f"(serialize-json {LAUGHS})",
        "(count (map + (range 1900000) (range 1900000)))",
        '(count (re-seq "a" (string/repeat "a" 1900000)))',
    ]
    for text in texts:
        with pytest.raises(rtfs.RtfsError) as raised:
            rtfs.Session(limits=limits, cache=False).run(f"(loop [] (do {text} (recur)))")
        assert raised.value.kind == "DeadlineExceeded", text
