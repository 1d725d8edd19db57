"""Metered code: what counts as a step, and that the count is exact and the same everywhere (language.md §15)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import rtfs
from rtfs import Limits
from rtfs.lang import signal

PLENTY = 10_000_000


def spent(text: str, *args: object) -> tuple[int, int]:
    """The ticks and cells that a program uses; with arguments, those of a call of its value."""
    session = rtfs.Session(limits=Limits(steps=PLENTY, cells=PLENTY), cache=False)
    runs = []
    begin = session.new_run
    session.new_run = lambda *args: runs.append(begin(*args)) or runs[-1]  # type: ignore[method-assign]
    value = session.run(text, name="spent.rtfs")
    if args:
        session.call(value, *args)
    left = runs[-1].share.allowance
    return PLENTY - left.ticks_left, PLENTY - left.cells_left


def steps(text: str) -> int:
    return spent(text)[0]


def cells(text: str) -> int:
    return spent(text)[1]


def ends(text: str, limits: Limits) -> str | None:
    """The kind of the limit error that a program ends with."""
    try:
        rtfs.Session(limits=limits, cache=False).run(text)
    except rtfs.RtfsError as error:
        return error.kind
    return None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", 0),
        ("(inc 1)", 1),
        ("(+ 1 (inc 2))", 2),
        ("(:a {:a 1})", 1),
        ("({:a 1} :a)", 1),
        ("((fn [x] x) 1)", 1),
        ("((fn [x] (inc x)) 1)", 2),
        ("(defn f [x] (inc (inc x))) (f 1)", 3),
        ("(if (pos? 1) (inc 1) (inc (inc 1)))", 2),
        ("(if (neg? 1) (inc 1) (inc (inc 1)))", 3),
        ("[(if (pos? 1) (inc 1)) (if (neg? 1) (inc (inc 1)))]", 3),
        ("(and (pos? 1) (neg? 1) (inc (inc 1)))", 2),
        ("(or (pos? 1) (inc 1))", 1),
        ("(let [x (inc 1)] (if (= x 1) (inc (inc x)) (if (= x 2) (inc x) x)))", 4),
        ("(match (inc 1) 1 (inc 2) 2 (inc (inc 3)))", 3),
        ("(loop [i 0] (if (< i 10) (recur (inc i)) i))", 11 + 11 + 10),
        ("(loop [i 0] (if (< i 10) (do (inc 1) (recur (inc i)))))", 11 + 11 + 10 + 10),
        ("(try (throw 1) (catch e (inc 1)))", 1),
        ("(try (inc 1) (finally (inc 2)))", 2),
    ],
)
def test_each_call_and_each_turn_is_a_step(text: str, expected: int) -> None:
    assert steps(text) == expected


def test_the_count_of_a_recursion_is_exact() -> None:
    text = "(defn fib [n] (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2))))) (fib 10)"
    calls, inner = 177, 88  # of fib(10): all, and those that recur
    assert steps(text) == calls + calls + 3 * inner  # a step per call and test, and - - + of those that recur


def test_a_program_that_was_compiled_before_costs_the_same() -> None:
    text = "(defmacro twice [x] (list '+ x x)) (twice (when true (inc 1)))"
    session = rtfs.Session(limits=Limits(steps=steps(text)))
    session.run(text, name="again.rtfs")
    again = rtfs.Session(limits=Limits(steps=steps(text)))
    again.run(text, name="again.rtfs")
    with pytest.raises(rtfs.RtfsError, match="Step limit exceeded"):
        rtfs.Session(limits=Limits(steps=steps(text) - 1)).run(text, name="again.rtfs")


def test_a_call_of_a_macro_is_a_step() -> None:
    assert steps("(defmacro m [x] x) (m 1)") == 1
    assert steps("(defmacro m [x] x) (m (m (m 1)))") == 3


def test_the_work_of_macros_counts() -> None:
    text = "(defmacro slow [] (loop [i 0] (if (< i 100) (recur (inc i)) nil))) (slow)"
    assert steps(text) == 1 + 101 + 101 + 100


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1 2 3]", 0),  # made once, with the program
        ("((fn [x] [x x x]) 1)", 3),
        ("((fn [x] {:a x :b x}) 1)", 2),
        ("((fn [x] (list x x)) 1)", 2),
        ("(map (fn [x] x) [1 2 3])", 3),
        ("(loop [i 0 v nil] (if (< i 10) (recur (inc i) [i v]) v))", 20),
    ],
)
def test_each_element_is_a_cell(text: str, expected: int) -> None:
    assert cells(text) == expected


PROGRAMS = {
    "recursion": "(defn fib [n] (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2))))) (fib 12)",
    "loop": "(loop [i 0 sum 0] (if (< i 500) (recur (inc i) (+ sum i)) sum))",
    "pipeline": "(reduce + 0 (filter (fn [y] (even? y)) (map (fn [x] (* x x)) (range 300))))",
    "named callbacks": "(defn sq [x] (* x x)) (reduce + (filter even? (map sq (range 300))))",
    "sorting": "(sort-by (fn [x] (- x)) (map (fn [i] (mod (* i 7919) 1009)) (range 400)))",
    "own order": "(sort (fn [a b] (> a b)) (map (fn [i] (mod (* i 7919) 1009)) (range 200)))",
    "mixed kinds": '(sort [1 "a" :b nil [2 1] {:z 1 :a 2} 2.5 true (quote s)])',
    "maps": "(reduce (fn [m i] (assoc m (str i) [i {:n i}])) {} (range 150))",
    "groups": '(group-by (fn [w] (count w)) (words "the count is the same in every process of this program"))',
    "strings": '(join ", " (map (fn [i] (str "n" i)) (range 200)))',
    "equality": "(= (map (fn [i] [i {:a i}]) (range 100)) (map (fn [i] [i {:a i}]) (range 100)))",
    "regex": '(re-replace "[aeiou]" (string/repeat "some text with vowels " 50) "")',
    "json": "(parse-json (serialize-json {:a (range 100) :b {:c (range 50)}}))",
    "macros": "(cond (pos? -1) 1 :else (-> 5 inc (* 2)))",
    "large integers": "(loop [i 0 x 1] (if (< i 200) (recur (inc i) (* x 1234567)) (mod x 97)))",
    "errors": "(map (fn [x] (try (/ 10 x) (catch e (ex-message e)))) [1 0 5])",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_limit_is_met_exactly(name: str) -> None:
    text = PROGRAMS[name]
    ticks, used = spent(text)
    assert ends(text, Limits(steps=ticks, cells=max(used, 1))) is None
    assert ends(text, Limits(steps=ticks - 1)) == "StepLimitExceeded"
    assert used < 2 or ends(text, Limits(cells=used - 1)) == "MemoryLimitExceeded"


# These numbers belong to the language: they are the same on every version of Python and in every process.
COUNTS = {
    "recursion": (1_626, 0),
    "loop": (2_002, 0),
    "pipeline": (1_390, 300),
    "named callbacks": (1_126, 600),
    "sorting": (2_353, 1_200),
    "own order": (3_363, 600),
    "mixed kinds": (3, 18),
    "maps": (740, 5_550),
    "groups": (24, 33),
    "strings": (459, 536),
    "equality": (247, 1_000),
    "regex": (317, 237),
    "json": (37, 418),
    "macros": (32, 22),
    "large integers": (1_101, 6_240),
    "errors": (8, 3),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_count_is_the_same_everywhere(name: str) -> None:
    assert spent(PROGRAMS[name]) == COUNTS[name]


def test_the_count_does_not_depend_on_the_hash_seed() -> None:
    code = "import sys; sys.path[:0] = sys.argv[1:]; from test_metering import PROGRAMS, spent"
    code += "; print([spent(text) for text in PROGRAMS.values()])"
    found = set()
    for seed in ("0", "1", "4711"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", code, os.path.dirname(__file__)]
        found.add(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
    assert len(found) == 1


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("(map f xs)", 320 + 20 + 20),
        ("(filter f xs)", 320 + 20 + 20),
        ("(reduce g 0 xs)", 320 + 20),
        ("(some (fn [x] (f x)) xs)", 1 + 1),  # the first one is truthy
        ("(every? f xs)", 320),
        ("(reverse xs)", 20),
        ("(into [1] xs)", 20),
        ("(vec (list 1))", 1),
        ("(contains? xs -1)", 20),
        ("(range 320)", 20),
        ('(string/repeat "ab" 640)', 10),
        ("(apply h xs)", 1 + 20),
        ("((comp f f) 1)", 1 + 2),
        ("((partial g 1) 2)", 1 + 1),
        ('(re-find "z" s)', 5),
        ("(= xs (mapv f xs))", 320 + 20 + 20 + 1 + 20),
    ],
)
def test_builtins_are_charged_for_what_they_visit_and_call(text: str, more: int) -> None:
    names = '(def xs (range 320)) (def s (string/repeat "ab" 640)) (defn f [x] x) (defn g [a x] x) (defn h [& xs] nil) '
    assert steps(names + text) - steps(names) == 1 + more


def test_untrusted_code_has_bounded_steps_cells_and_time() -> None:
    limits = Limits.untrusted()
    assert (limits.steps, limits.cells, limits.seconds) == (10_000_000, 200_000_000, 30.0)


def test_an_endless_loop_ends_at_the_step_limit() -> None:
    with pytest.raises(rtfs.RtfsError, match="Step limit exceeded: 5000") as raised:
        rtfs.Session(limits=Limits(steps=5000), cache=False).run("(loop [] (recur))")
    assert raised.value.kind == "StepLimitExceeded"


def test_large_integers_cost_by_their_size() -> None:
    double = "(loop [i 0 x 3] (if (< i 3000) (recur (inc i) (+ x x)) (count [x])))"
    small = "(loop [i 0 x 3] (if (< i 3000) (recur (inc i) (+ 3 3)) (count [x])))"
    assert steps(double) - steps(small) == sum((bits + 3) >> 10 for bits in range(3000))
    assert cells(double) - cells(small) == sum((bits + 3) >> 6 for bits in range(3000) if bits + 3 > 1023)


def test_sums_with_literals_are_charged_when_they_are_large() -> None:
    large = "(def x (pow 2 2000)) (defn f [n] (inc n)) (f x)"
    assert steps(large) - steps("(def x (pow 2 20)) (defn f [n] (inc n)) (f x)") >= 1


def test_products_cost_the_product_of_the_sizes() -> None:
    text = "(defn f [a b] (* a b)) (f {a} {b})"
    small = steps(text.format(a=3, b=5))
    assert steps(text.format(a=1 << 3000, b=5)) - small == 2
    assert steps(text.format(a=1 << 3000, b=1 << 5000)) - small == 3 * 5 - 1


HUGE = "1" + "0" * 400


@pytest.fixture
def nothing_large() -> None:
    """As in a process that has not met a large integer yet."""
    signal.LARGE.clear()
    for names in signal._names:
        names["#large"] = False


@pytest.mark.parametrize(
    "source",
    [
        HUGE,
        f"(first [{HUGE}])",
        f'(parse-json "{HUGE}")',
        f'(first (vals (parse-json "{{\\"a\\": {HUGE}}}")))',
        f'(int "{HUGE}")',
        f'(read-string "{HUGE}")',
        "(pow 2 1100)",
        "(bit-shift-left 1 1100)",
        "(apply * (repeat 1100 2))",
        *[f"({name} 1.7e308)" for name in ("int", "floor", "ceil", "trunc", "round")],
        "(reduce (fn [a b] (+ a a)) 1 (range 1100))",
        "(loop [x 1 i 0] (if (< i 1100) (recur (* x 3) (inc i)) x))",
    ],
)
@pytest.mark.usefixtures("nothing_large")
def test_the_first_large_integer_of_a_process_is_charged_like_all_others(source: str) -> None:
    text = f"(defn f [x] [(inc x) (mod x 7) (+ x x)]) (f {source})"
    assert spent(text) == spent(text)


@pytest.mark.usefixtures("nothing_large")
def test_a_large_integer_of_the_embedder_is_charged() -> None:
    assert spent("(fn [x] (mod x 7))", 1 << 5000)[0] == 1 + (5001 >> 10)
    assert spent("(fn [[x]] (inc x))", [1 << 5000])[0] == 1 + (5001 >> 10)


@pytest.mark.usefixtures("nothing_large")
def test_a_large_integer_of_a_cached_program_is_charged(tmp_path: Path) -> None:
    text = f"(inc {HUGE})"
    command = [sys.executable, "-m", "rtfs", "run", "--limit", "steps=1", str(tmp_path / "a.rtfs")]
    (tmp_path / "a.rtfs").write_text(text)
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    found = [subprocess.run(command, env=environment, capture_output=True, text=True) for _ in range(2)]
    assert [run.returncode for run in found] == [found[0].returncode] * 2
    assert found[0].stderr == found[1].stderr != ""
