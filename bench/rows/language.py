"""The language against hand-written Python, plain variant: calls, loops, pipelines, a stream processor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.harness import Measured, Row, against
from rtfs import Keyword, Limits, Session, from_python
from rtfs.evaluator import SessionEvaluator
from rtfs.host.stream.processor import read

PROGRAM = """
(defn fib [n] (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))

(defn total [n] (loop [i 0 sum 0] (if (< i n) (recur (inc i) (+ sum i)) sum)))

(defn literal [xs] (reduce + 0 (filter (fn [y] (= 0 (mod y 2))) (map (fn [x] (* x x)) xs))))

(defn square [x] (* x x))
(defn is-even [y] (= 0 (mod y 2)))
(defn named [xs] (reduce + 0 (filter is-even (map square xs))))

(defn process [state chunk metadata]
  (let [value (:value chunk)
        total (+ (:total state) value)]
    {:state (assoc state :count (inc (:count state)) :total total)
     :output {:value value :total total}}))
"""

NUMBERS = list(range(100_000))
CHUNKS = [{"value": number, "unit": "C"} for number in range(1_000)]


def fib(n: int) -> int:
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def total(n: int) -> int:
    i = sum = 0
    while i < n:
        sum += i
        i += 1
    return sum


def pipeline(xs: list[int]) -> int:
    return sum([y for y in [x * x for x in xs] if y % 2 == 0])


def square(x: int) -> int:
    return x * x


def is_even(y: int) -> bool:
    return y % 2 == 0


def named(xs: list[int]) -> int:
    return sum([y for y in [square(x) for x in xs] if is_even(y)])


def process(state: dict[str, Any], chunk: dict[str, Any], metadata: Any) -> dict[str, Any]:
    value = chunk["value"]
    total = state["total"] + value
    return {
        "state": {**state, "count": state["count"] + 1, "total": total},
        "output": {"value": value, "total": total},
    }


def keyed(values: dict[str, Any]) -> Any:
    """A map with keyword keys, as chunks have."""
    return from_python({Keyword(name): value for name, value in values.items()})


def session() -> Session:
    made = Session(limits=Limits.unlimited())
    made.run(PROGRAM, name="bench.rtfs")
    return made


def call(name: str, argument: Any, by_hand: Callable[[Any], Any]) -> Callable[[], Measured]:
    """One call of an RTFS function against one of a Python function."""

    def measure() -> Measured:
        runner = session()
        function, value = runner.lookup(name), from_python(argument)
        return against(lambda: runner.call(function, value), lambda: by_hand(argument))

    return measure


def processor() -> Measured:
    """A thousand steps, each called and read as the owner of a stream does it (rtfs/host/stream/owner.py)."""
    runner = session()
    evaluator = SessionEvaluator(runner)
    step = evaluator.stepper(runner.lookup("process"), 3)
    chunks = [keyed(chunk) for chunk in CHUNKS]
    begin, total_key = keyed({"count": 0, "total": 0}), Keyword("total")

    def ours() -> Any:
        state = begin
        with evaluator.stepping():
            for chunk in chunks:
                new, output, rest = step(state, chunk, None)
                if rest is not None:
                    new, _, _ = read((new, output, rest), state, "process", 10_000)
                state = new
        return state.get(total_key)

    def theirs() -> Any:
        state: dict[str, Any] = {"count": 0, "total": 0}
        for chunk in CHUNKS:
            result = process(state, chunk, None)
            state, _ = result["state"], result["output"]
        return state["total"]

    return against(ours, theirs)


ROWS = [
    Row("fib(25)", 2.0, call("fib", 25, fib)),
    Row("loop of 1,000,000 turns", 1.2, call("total", 1_000_000, total)),
    Row("map, filter, reduce of 100,000, literal", 2.0, call("literal", NUMBERS, pipeline)),
    Row("stream processor", 1.5, processor),
    Row("map, filter, reduce of 100,000, named", 3.0, call("named", NUMBERS, named)),
]
