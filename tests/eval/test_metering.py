"""Metered code: what counts as a step, and that the count is exact and the same everywhere (language.md §15)."""

from __future__ import annotations

import pytest

import rtfs
from rtfs import Limits

PLENTY = 1_000_000


def steps(text: str) -> int:
    """The least step limit that the program stays within."""
    low, high = 0, PLENTY
    while low < high:
        middle = (low + high) // 2
        if within(text, Limits(steps=middle)):
            high = middle
        else:
            low = middle + 1
    return low


def cells(text: str) -> int:
    """The least cell limit that the program stays within."""
    low, high = 0, PLENTY
    while low < high:
        middle = (low + high) // 2
        if within(text, Limits(cells=middle)):
            high = middle
        else:
            low = middle + 1
    return low


def within(text: str, limits: Limits) -> bool:
    try:
        rtfs.Session(limits=limits, cache=False).run(text)
    except rtfs.RtfsError as error:
        assert error.kind in ("StepLimitExceeded", "MemoryLimitExceeded"), error
        return False
    return True


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
