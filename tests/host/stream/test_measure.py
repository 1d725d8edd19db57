"""`:stream.with-metrics`: what it counts, when it reports, and that the host's metrics say the same (§6.8)."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rtfs
from rtfs.host.stream.meter import measured
from tests.host.stream.timed import Timed

SESSION = rtfs.Session(limits=rtfs.Limits.unlimited(), context=rtfs.RuntimeContext.full())
KEYS = {
    "throughput": {"in", "out", "in-per-s", "out-per-s"},
    "latency": {"p50", "p95", "p99", "max", "count"},
    "errors": {"failed", "skipped", "dead-lettered", "retried"},
    "backpressure": {"queue-depth", "capacity", "gate-shut-ms", "dropped", "spilled"},
}


def plain(value: Any) -> Any:
    """Maps of keywords as dicts of names."""
    if isinstance(value, rtfs.lang.collections.Map):
        return {key.name: plain(each) for key, each in value.entries()}
    return value


def last(graph: str, options: str = "", run: str = "{:on-error :skip}", **names: Any) -> dict[str, Any]:
    """The last report of a graph that runs to its end."""
    told: list[Any] = []
    SESSION.define("tell", told.append)
    for name, value in names.items():
        SESSION.define(name, rtfs.from_python(value))
    SESSION.run(f"""(call :stream.to-collection
      (stream.with-metrics {graph} {{:metrics-name "m" :on-metrics (fn [m] (tell m)) {options}}}) {run})""")
    found: dict[str, Any] = plain(told[-1])
    return found


def test_a_hundred_items_two_of_which_fail() -> None:
    """The acceptance of `:stream.with-metrics` in streaming.md §6.8."""
    found = last('(stream.map (range 100) (fn [n] (if (= 9 (mod n 50)) (throw "nine") n)))')
    assert (found["name"], found["interval-ms"]) == ("m", 10_000)
    assert (found["throughput"]["in"], found["throughput"]["out"]) == (100, 98)
    assert found["errors"] == {"failed": 2, "skipped": 2, "dead-lettered": 0, "retried": 0}
    assert found["latency"]["count"] == 98
    assert {group: set(found[group]) for group in KEYS} == KEYS


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 9), max_size=60), st.booleans())
def test_totals_are_exact(items: list[int], tapped: bool) -> None:
    graph = '(stream.map xs (fn [n] (if (> n 7) (throw "much") n)))'
    if tapped:
        graph = f'(stream.filter (stream.tap {graph} (fn [n] (if (= n 7) (throw "seven")))) odd?)'
    found = last(graph, run="{:on-error {:retry 1 :then :skip}}", xs=items)
    failed = sum(n > 7 or (tapped and n == 7) for n in items)
    assert found["throughput"]["in"] == len(items)
    assert found["throughput"]["out"] == sum(n < 8 and (not tapped or (n % 2 == 1 and n != 7)) for n in items)
    assert found["errors"] == {"failed": failed, "skipped": failed, "dead-lettered": 0, "retried": failed}


def test_reports_come_at_a_fixed_rate_and_once_at_the_end() -> None:
    timed = Timed()
    timed.run("""(call :stream.wait (call :stream.with-metrics (stream.rate-limit (range 26) {:rate 10 :burst 1}) "slow"
                   {:interval-ms 1000 :collect {:latency false :errors false :backpressure false}
                    :on-metrics (fn [m] (tell m)) :on-item (fn [n] n)}))""")
    reports = [(round(time / 100), plain(found)) for time, found in timed.told]
    assert [time for time, _ in reports] == [10, 20, 25]
    assert [set(found) for _, found in reports] == [{"name", "at", "interval-ms", "throughput"}] * 3
    assert [found["throughput"]["out"] for _, found in reports[:2]] == pytest.approx([10, 20], abs=1)
    assert reports[1][1]["throughput"]["out-per-s"] == pytest.approx(10, abs=1)
    assert reports[2][1]["throughput"]["out"] == 26


def test_the_latency_of_an_item_is_that_of_all_its_way() -> None:
    timed = Timed()
    timed.run("""(call :stream.wait (call :stream.with-metrics
                   (-> [1 2 3 4] (stream.map inc) (stream.rate-limit {:rate 2 :burst 1}) (stream.map inc)
                       (stream.tap identity))
                   "slow" {:on-metrics (fn [m] (tell m)) :on-item (fn [n] n)}))""")
    latency = plain(timed.values[-1])["latency"]
    assert latency["max"] == pytest.approx(1500, abs=60)
    assert latency["p50"] == pytest.approx(1000, abs=60)


def test_the_metrics_of_the_host_say_the_same_under_the_name() -> None:
    with closing(rtfs.Session(limits=rtfs.Limits.unlimited(), context=rtfs.RuntimeContext.full())) as session:
        meter = measured(session.host.streams)
        told: list[Any] = []
        session.define("tell", told.append)
        session.run("""(call :stream.to-collection (stream.with-metrics
          (stream.with-dead-letter (stream.tap (stream.map (range 20) (fn [n] (/ 9 (mod n 10)))) identity))
          "orders" {:on-metrics (fn [m] (tell m))}))""")
        found = plain(told[-1])
        values = {name: {labels: value for labels, value in row.items() if labels[0] == "orders"}
                  for name, row in meter.values().items()}  # fmt: skip
        assert found["errors"] == {"failed": 2, "skipped": 0, "dead-lettered": 2, "retried": 6}
        assert values["chunks_received_total"] == {("orders",): found["throughput"]["in"]} == {("orders",): 20}
        assert values["outputs_total"] == {("orders",): found["throughput"]["out"]} == {("orders",): 18}
        assert values["chunks_failed_total"] == {("orders", "RTFS-S010"): 2}
        assert (values["dead_letters_total"], values["retries_total"]) == ({("orders",): 2}, {("orders",): 6})
        assert sum(meter.histograms["end_to_end_seconds", ("orders",)].counts) == 18


def test_of_two_the_nearer_one_measures() -> None:
    told: list[Any] = []
    SESSION.define("tell", lambda m: told.append(plain(m)))
    SESSION.run("""(call :stream.to-collection
      (-> (range 10) (stream.filter even?) (stream.with-metrics "near" {:on-metrics (fn [m] (tell m))})
          (stream.filter (fn [n] (> n 5))) (stream.with-metrics "far" {:on-metrics (fn [m] (tell m))})))""")
    counts = {found["name"]: (found["throughput"]["in"], found["throughput"]["out"]) for found in told}
    assert counts == {"near": (10, 5), "far": (5, 2)}


def test_a_run_that_fails_has_a_last_report_and_a_failing_callback_fails_nothing() -> None:
    told: list[Any] = []
    SESSION.define("tell", lambda m: told.append(plain(m)))
    with pytest.raises(rtfs.RtfsError, match="Division by zero"):
        SESSION.run("""(call :stream.to-collection (stream.with-metrics
          (stream.map [1 0 2] (fn [n] (/ 1 n))) "m" {:on-metrics (fn [m] (tell m))}))""")
    assert (told[-1]["throughput"]["out"], told[-1]["errors"]["failed"]) == (1, 1)
    found = SESSION.run("""(call :stream.to-collection (stream.with-metrics [1 2] "m"
                             {:on-metrics (fn [m] (throw "no pager"))}))""")
    assert list(found) == [1, 2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("{:interval-ms 0}", "S003 Parameter 'interval-ms': expected integer >= 1, got 0"),
        ("7", "S003 Parameter 'metrics-name': expected string, got 7"),
        ("{:collect {:troughput true}}",
         "S003 Parameter 'collect': expected map of :throughput :latency :errors :backpressure to booleans,"
         " got {:troughput true}"),
        ("{:collect {:latency 1}}",
         "S003 Parameter 'collect': expected map of :throughput :latency :errors :backpressure to booleans,"
         " got {:latency 1}"),
        ("{:on-metrics (fn [a b] a)}", "S015 Callback 'fn' takes 2 arguments; :on-metrics gives 1"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_by_name(options: str, message: str) -> None:
    with pytest.raises(rtfs.RtfsError) as caught:
        SESSION.run(f"(call :stream.to-collection (stream.with-metrics [1] {options}))")
    assert f"{caught.value.code[5:]} {caught.value.message}" == message
