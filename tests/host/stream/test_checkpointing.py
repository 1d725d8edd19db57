"""`:stream.with-checkpointing`: how often a graph is stored, where, and what the program hears of it (§6.7)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rtfs
from rtfs.lang.names import Keyword as K
from rtfs.session import Session

FULL = rtfs.RuntimeContext.full()
SUM = "(stream.stateful (range {count}) (fn [sum n] [(+ sum n) n]) {{:initial-state 0}})"

INTERVAL = "S003 Parameter 'checkpoint-interval': expected integer >= 1, or map of :every-chunks and :every-ms, got"


class Told:
    """A session, and what its program told."""

    def __init__(self, state_dir: Path | None = None) -> None:
        self.session = Session(context=FULL, state_dir=None if state_dir is None else str(state_dir))
        self.values: list[Any] = []
        self.session.define("tell", self._tell)

    def _tell(self, *values: Any) -> None:
        self.values.append(values if len(values) > 1 else values[0])

    def run(self, text: str) -> Any:
        return self.session.run(text)

    def refused(self, text: str) -> str:
        with pytest.raises(rtfs.RtfsError) as found:
            self.session.run(text)
        return f"{found.value.code[5:]} {found.value.message}"

    def close(self) -> None:
        self.session.shutdown(timeout=5.0, strategy="immediate")


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    with closing(Told(tmp_path / "state")) as told:
        yield told


@pytest.fixture(scope="module")
def unstored() -> Iterator[Told]:
    with closing(Told()) as told:
        yield told


def checkpointed(count: int, interval: str, more: str = "") -> str:
    """A run over so many items, which is waited for."""
    slots = ":on-checkpoint (fn [state info] (tell state info)) :on-item (fn [n] n)"
    graph = SUM.format(count=count)
    return f"(call :stream.wait (call :stream.with-checkpointing {graph} {interval} {{{slots} {more}}}))"


@pytest.mark.parametrize("stored", [True, False])
def test_two_and_a_half_thousand_items_are_two_checkpoints_and_the_last_one(stored: bool, tmp_path: Path) -> None:
    with closing(Told(tmp_path if stored else None)) as told:
        told.run(checkpointed(2500, "1000", ':stream-id "sum"'))
        assert [(state[K("stages")][0], info[K("seq")]) for state, info in told.values] == [
            (sum(range(1000)), 1000), (sum(range(2000)), 2000), (sum(range(2500)), 2500),
        ]  # fmt: skip
        assert [info[K("status")] for _, info in told.values] == [K("active"), K("active"), K("completed")]
    if stored:
        with closing(sqlite3.connect(tmp_path / "streams.db")) as connection:
            kept = connection.execute("SELECT number FROM snapshot WHERE stream_id = 'sum' ORDER BY number").fetchall()
        assert len(kept) == 3


@settings(max_examples=25)
@given(st.integers(0, 700), st.integers(1, 400))
def test_there_is_a_checkpoint_after_exactly_so_many_items(unstored: Told, count: int, interval: int) -> None:
    unstored.values.clear()
    unstored.run(checkpointed(count, str(interval)))
    assert [info[K("seq")] for _, info in unstored.values] == [*range(interval, count + 1, interval), count]
    assert [state[K("stages")][0] for state, _ in unstored.values] == [
        sum(range(info[K("seq")])) for _, info in unstored.values
    ]


def test_the_program_hears_of_a_checkpoint_when_it_is_in_the_store(tmp_path: Path) -> None:
    def stored(_: Any, info: Any) -> None:
        with closing(sqlite3.connect(f"file:{tmp_path}/streams.db?mode=ro", uri=True)) as connection:
            newest = connection.execute("SELECT max(number) FROM snapshot WHERE stream_id = 's'").fetchone()
        seen.append((info[K("number")], *newest))

    seen: list[tuple[int, int]] = []
    with closing(Told(tmp_path)) as told:
        told.session.define("stored", stored)
        text = checkpointed(300, "50", ':stream-id "s"').replace("(tell state info)", "(stored state info)")
        told.run(text)
    assert seen == [(number, number) for number in range(2, 9)]


@pytest.mark.parametrize("given", ["{:every-chunks 100}", "{:checkpoint-interval {:every-chunks 100}}"])
def test_a_cadence_is_the_main_argument_and_a_map_of_options_holds_it(given: str, told: Told) -> None:
    graph = f"(stream.with-checkpointing {SUM.format(count=250)} {given})"
    run = f"(call :stream.wait (call :stream.create {graph}))"
    assert told.run(f"(:status {run})") is K("completed")


def test_a_callback_that_fails_is_an_event_and_the_run_goes_on(told: Told) -> None:
    events: list[Any] = []
    told.session.host.streams.on_event(events.append)
    answer = told.run(checkpointed(300, "100").replace("(tell state info)", '(throw "no")'))
    assert answer[K("status")] is K("completed")
    failed = [event for event in events if event.event == "callback-failed"]
    assert [event.data["slot"] for event in failed] == ["on-checkpoint"] * 4


def test_a_callback_may_steer_its_own_run(told: Told) -> None:
    told.run("""
      (call :stream.with-checkpointing (range 500)
            {:checkpoint-interval 100 :stream-id "s" :on-item (fn [n] n)
             :on-checkpoint (fn [state info] (do (tell (:seq info)) (call :stream.pause "s")))})
      (call :stream.wait "s" {:status :paused})
      (tell :paused)
      (call :stream.resume "s")
      (call :stream.wait "s" {:status :paused})""")
    assert told.values[:2] == [100, K("paused")]
    assert [value for value in told.values if value != K("paused")][:2] == [100, 200]


def test_moments_of_a_stage_do_not_count_towards_an_exact_interval(told: Told) -> None:
    """Going on after a pause is such a moment for a batch that waits."""
    told.run("""
      (call :stream.with-checkpointing (stream.batch (range 500) {:size 7 :max-wait-ms 60000})
            {:checkpoint-interval 100 :stream-id "s" :on-item (fn [n] n)
             :on-checkpoint (fn [state info] (do (tell (:seq info)) (call :stream.pause "s")))})
      (call :stream.wait "s" {:status :paused})
      (call :stream.resume "s")
      (call :stream.wait "s" {:status :paused})""")
    assert told.values[:2] == [100, 200]


def test_all_runs_of_a_graph_are_stored_in_its_store(told: Told, tmp_path: Path) -> None:
    other = f"sqlite:{tmp_path}/other"
    told.run(f"""(call :stream.wait
      (call :stream.tap (stream.with-checkpointing (stream.tap (range 10) identity)
                          {{:checkpoint-store "{other}" :stream-id "g"}}) identity {{:on-item (fn [n] n)}}))""")
    with closing(sqlite3.connect(tmp_path / "other" / "streams.db")) as connection:
        found = {id for (id,) in connection.execute("SELECT DISTINCT stream_id FROM snapshot")}
    assert found == {"g", "g/0", "g/0/0"}


@pytest.mark.parametrize("kind", ["redis", "postgres"])
def test_a_store_may_be_named_by_its_kind(
    kind: str, told: Told, services: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = services.redis() if kind == "redis" else services.postgresql()
    run = checkpointed(3, "1", f":checkpoint-store :{kind}")
    monkeypatch.delenv(f"RTFS_{kind.upper()}_URL", raising=False)
    assert told.refused(run) == "S030 Stream persistence backend not configured"
    monkeypatch.setenv(f"RTFS_{kind.upper()}_URL", url)
    told.run(run)
    assert [info[K("seq")] for _, info in told.values] == [1, 2, 3, 3]
    store = told.run("(:store (:checkpoint (call :stream.inspect (:stream-id (first (call :stream.list))))))")
    assert store.partition(":")[0] == url.partition(":")[0]


def test_what_is_nearer_to_the_end_of_the_graph_and_what_the_call_says_counts_more(unstored: Told) -> None:
    inner = "(stream.with-checkpointing (range 10) 2 {:on-checkpoint (fn [s i] (tell :inner (:seq i)))})"
    unstored.values.clear()
    unstored.run(f"(call :stream.wait (call :stream.with-checkpointing (stream.map {inner} inc) 5 {{:on-item inc}}))")
    assert [seq for _, seq in unstored.values] == [5, 10, 10]
    unstored.values.clear()
    unstored.run(
        f"(call :stream.wait (call :stream.map {inner} inc {{:on-chunk inc :checkpoint {{:every_chunks 4}}}}))"
    )
    assert [seq for _, seq in unstored.values] == [4, 8, 10]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("0", f"{INTERVAL} 0"),
        ("{:every-chunks 0}", f"{INTERVAL} {{:every-chunks 0}}"),
        ("{:every-chunks 7 :every 5}", f"{INTERVAL} {{:every-chunks 7 :every 5}}"),
        ("{:checkpoint-interval {:every 5}}", f"{INTERVAL} {{:every 5}}"),
        (
            "{:checkpoint-store :mysql}",
            "S003 Parameter 'checkpoint-store': expected URL of a store, or one of :memory :sqlite :redis :postgres,"
            " got :mysql",
        ),
        ("{:checkpoint-store \"mysql:x\"}", "S003 Parameter 'checkpoint :store': expected URL with one of the schemes"
         " memory postgresql redis sqlite, got mysql:x"),
        ("{:keep 0}", "S003 Parameter 'keep': expected integer >= 1, got 0"),
        ("10 {:intervall 3}", "S006 Unknown option ':intervall' for stream.with-checkpointing; did you mean"
         " ':checkpoint-interval'?"),
        ("{:on-checkpoint (fn [a b c] a)}", "S015 Callback 'fn' takes 3 arguments; :on-checkpoint gives 2"),
        ("{:checkpoint-store :sqlite}", "S030 Stream persistence backend not configured"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_by_name(unstored: Told, parameters: str, message: str) -> None:
    assert unstored.refused(f"(call :stream.to-collection (stream.with-checkpointing [1] {parameters}))") == message
    assert unstored.run("(count (call :stream.list {:status :active}))") == 0


@pytest.mark.parametrize("call", [":stream.create {}", ':stream.file.write "out" {{:data-source {}}}'])
@pytest.mark.parametrize("store", ['"redis://127.0.0.1:1/0"', ":redis"])
def test_a60_a_store_in_the_network_is_asked_for_before_it_is_opened(
    call: str, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RTFS_REDIS_URL", "redis://127.0.0.1:1/0")  # nobody listens there
    session = Session(context=FULL.replace(denied_effects=(":network",)))
    with pytest.raises(rtfs.RtfsError) as found:
        session.run(f"(call {call.format(f'(stream.with-checkpointing [1] {{:checkpoint-store {store}}})')})")
    session.shutdown()
    assert f"{found.value.code[5:]} {found.value.message}" == "S053 Effect :network denied for mcp.stream.start"
