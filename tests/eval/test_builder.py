"""Folds that collect, against the same folds with a callback that nothing can look into: values, errors, host calls."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import rtfs
from rtfs.eval import builder

Shown = Callable[[str], str]
Played = Callable[..., tuple[list[list[str]], str]]

XS = '[3 1 nil :k 2.5 [1 2] "s" {:k 7} 1 1.0 true 3]'
VECTORS = [
    "(fn [acc x] (conj acc x))",
    "(fn [acc x] (conj acc x [x x] (count acc)))",
    "(fn [acc x] (if (nil? x) acc (conj acc x)))",
    "(fn [acc x] (if (empty? acc) (conj acc :first x) (if (= (last acc) 1) acc (conj acc x (peek acc)))))",
    "(fn [acc x] (let [y [x]] (conj acc y)))",
    "(fn [acc x] (let [n (count acc) x (str x n)] (do n (conj acc x))))",
    "(fn [acc x] (cond (nil? x) acc (number? x) (conj acc (str x)) :else (conj acc :other)))",
    "(fn [acc x] (reduce (fn [inner y] (if (= y x) inner (conj inner [x y]))) acc [1 3 nil]))",
    "(fn [acc x] (reduce (fn [acc y] (conj acc y (count acc))) acc (range (mod (count acc) 3))))",
    "(fn [acc [a b]] (conj acc a b))",
    "(fn [acc x] (conj acc (+ x 1)))",
    "(fn [acc x] (conj acc (:k x)))",
]
MAPS = [
    "(fn [acc x] (assoc acc x (count acc)))",
    "(fn [acc x] (assoc acc x 1 [x] (get acc x :none) :n (count acc)))",
    "(fn [acc x] (update acc x (fn [old] (if old [old] []))))",
    "(fn [acc x] (update acc (str x) str x (count acc)))",
    "(fn [acc x] (if (contains? acc x) (dissoc acc x :k) (assoc acc x (:k acc))))",
    "(fn [acc x] (update acc :sum (fn [s] (+ (or s 0) x))))",
    "(fn [acc x] (reduce (fn [m y] (assoc m [x y] (get m [y x]))) acc [1 3]))",
    "(fn [acc x] (let [k (if (nil? x) :none x)] (if-not false (assoc acc k (empty? acc)) acc)))",
]
# Not linear: another value, another container, kept by a closure, hidden or asked for all of itself.
OTHERS = [
    ("[]", "(fn [acc x] (conj acc acc))"),
    ("[]", "(fn [acc x] (conj acc (fn [] (count acc))))"),
    ("[]", "(fn [acc x] (let [acc [x]] (conj acc x)))"),
    ("[]", "(fn [acc x] (when (number? x) (conj acc x)))"),
    ("[]", "(fn [acc x] (conj (reverse acc) x))"),
    ("[]", "(fn [acc x] (let [conj vector] (conj acc x)))"),
    ("[]", "(fn [acc acc] acc)"),
    ("{}", "(fn [acc x] (assoc acc :self acc))"),
    ("{}", "(fn [acc x] (conj acc [x x]))"),
    ("[1]", "(fn [acc x] (conj acc x))"),
    ("[]", "(fn [acc x] (assoc acc (count acc) x))"),
    ("{}", "(fn [acc x] (assoc acc x))"),
    ("{}", "(fn [acc x] (when-not false (assoc acc x x)))"),
    ("[]", "(fn [acc count] (conj acc (count acc)))"),
    ("[]", "(fn [acc x] (def conj vector) (conj acc x))"),
    ("[]", "(fn [acc x] (let [y x] (do (defn conj [a b] [b]) 1) (conj acc y)))"),
    ("[]", "(fn [acc x] (def acc [x]) (conj acc x))"),
    ("[]", "(fn [acc x] (reduce (fn [conj y] (conj y 1)) acc [1]))"),
]


def outcome(session: rtfs.Session, text: str) -> str:
    try:
        return rtfs.show(session.run(text, name="fold.rtfs"))
    except rtfs.RtfsError as error:
        return f"{error.kind}: {error.message}"


@pytest.fixture(scope="module")
def session() -> rtfs.Session:
    return rtfs.Session(cache=False)


@pytest.mark.parametrize(("start", "callback"), [*(("[]", each) for each in VECTORS), *(("{}", each) for each in MAPS)])
def test_a_fold_that_collects_means_what_the_fold_means(
    session: rtfs.Session, start: str, callback: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folds = []
    real = builder.Collector.__init__
    monkeypatch.setattr(builder.Collector, "__init__", lambda *args: (folds.append(1), real(*args))[1])
    for items in (XS, "[]", "(range 200)", "nil", "5"):
        hidden = outcome(session, f"(reduce (identity {callback}) {start} {items})")
        before = len(folds)
        assert outcome(session, f"(reduce {callback} {start} {items})") == hidden
        assert len(folds) > before


@pytest.mark.parametrize(("start", "callback"), OTHERS)
def test_a_fold_that_does_more_than_collect_is_left_alone(session: rtfs.Session, start: str, callback: str) -> None:
    shown = "(map (fn [v] (if (fn? v) (v) v)) {})"
    texts = [f"(reduce {each} {start} [1 2 3])" for each in (callback, f"(identity {callback})")]
    one, other = (outcome(session, shown.format(text)) for text in texts)
    assert one == other


@pytest.mark.parametrize(
    "text",
    [
        "(for [x (range 4) y (range x)] [x y])",
        "(for [x [1 2 3] :when (odd? x) y [x (inc x)] :let [z (* y y)]] z)",
        "(for [[k v] {:a 1 :b 2} i (range v)] [k i])",
        "(map (fn [f] (f 1)) (for [x [1 2] y [10 20]] (fn [z] (+ x y z))))",
    ],
)
def test_for_gives_what_it_gives_turn_by_turn(session: rtfs.Session, text: str) -> None:
    expected = {
        "(for [x (ran": "[[1 0] [2 0] [2 1] [3 0] [3 1] [3 2]]",
        "(for [x [1 2": "[1 4 9 16]",
        "(for [[k v] ": "[[:a 0] [:b 0] [:b 1]]",
        "(map (fn [f]": "[12 22 13 23]",
    }
    assert outcome(session, text) == expected[text[:12]]


def test_what_was_collected_is_a_value_like_any_other(shown: Shown) -> None:
    text = "(defn f [n] (reduce (fn [acc x] (conj acc x)) [] (range n)))"
    assert shown(f"{text} (let [a (f 100) b (conj a :x)] [(count a) (count b)])") == "[100 101]"
    assert (
        shown("(let [m (reduce (fn [acc x] (assoc acc x x)) {} (range 70))] [(count (assoc m :a 1)) (count m)])")
        == "[71 70]"
    )


def test_the_host_is_called_once_per_element_in_order(played: Played) -> None:
    text = "(reduce (fn [acc x] (if (call :keep x) (conj acc (call :get x)) acc)) [] [1 2])"
    assert played(text, True, "a", False) == ([["keep", "1"], ["get", "1"], ["keep", "2"]], '["a"]')


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(defn conj [& xs] :mine) (reduce (fn [acc x] (conj acc x)) [] [1])", ":mine"),
        ("(defn f [] (reduce (fn [acc x] (assoc acc x x)) {} [1])) (defn assoc [& xs] :mine) (f)", ":mine"),
        ("(let [conj (fn [a b] [b])] (reduce (fn [acc x] (conj acc x)) [] [1 2]))", "[2]"),
        ("(defn reduce [f i xs] [:mine i]) (reduce (fn [acc x] (conj acc x)) [] [1])", "[:mine []]"),
    ],
)
def test_what_shadows_the_functions_takes_effect(shown: Shown, text: str, value: str) -> None:
    assert shown(text) == value


def test_a_container_that_grows_too_large_is_an_error() -> None:
    limits = rtfs.Limits(elements=100)
    for text in ("(reduce (fn [acc x] (conj acc x x)) [] (range 60))", "(for [x (range 20) y (range 20)] x)"):
        with pytest.raises(rtfs.RtfsError) as raised:
            rtfs.Session(cache=False, limits=limits).run(text)
        assert raised.value.kind == "MemoryLimitExceeded"
