"""`mcp.stream.*` as programs call them (streaming.md §3.1)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import pytest

from rtfs.lang.collections import Map
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword as K
from rtfs.lang.outcome import RuntimeContext
from rtfs.session import Session
from tests.host.stream.unruly import Peer, unruly

COUNTER = """
(defn total [state chunk] {:state (+ state (:n chunk)) :output (:n chunk)})
(def h (call :mcp.stream.start {:endpoint "room.gauge" :processor total :initial-state 0 :stream-id "s"}))
(defn put [n] (call :mcp.stream.send {:stream h :chunk {:n n} :ack :processed}))
"""


def plain(value: Any) -> Any:
    """Maps as dicts with names for keys, vectors as lists."""
    if type(value) is Map:
        return {key.name if type(key) is K else key: plain(item) for key, item in value.entries()}
    return [plain(item) for item in value] if isinstance(value, tuple) else value


@pytest.fixture
def session() -> Iterator[Session]:
    session = Session(context=RuntimeContext.full())
    yield session
    session.shutdown()


def test_a_program_starts_feeds_reads_and_stops_a_stream(session: Session) -> None:
    session.run(COUNTER)
    assert plain(session.run("(put 5)")) == {"accepted": True, "seq": 0, "status": K("active")}
    session.run("(put 6)")
    both = session.run("[(call :mcp.stream.next h) (call :mcp.stream.next {:stream h :timeout-ms 10})]")
    assert plain(both) == [5, 6]
    assert plain(session.run("(call :mcp.stream.next h {:timeout-ms 1 :envelope true})"))["status"] is K("timeout")
    found = plain(session.run('(call :mcp.stream.pause "s")'))
    assert found == {"stream-id": "s", "status": K("paused"), "changed": True}
    assert plain(session.run('(call :mcp.stream.pause {:handle h :reason "tea"})'))["changed"] is False
    assert plain(session.run("(:reason (call :mcp.stream.inspect h))")) == "tea"
    assert plain(session.run('(call :mcp.stream.resume {:stream-id "s" :wait :drained})'))["status"] is K("active")
    found = plain(session.run("(call :mcp.stream.stop {:stream h :drain true})"))
    assert found == {"stream-id": "s", "status": K("stopped"), "changed": True}
    found = plain(session.run("(call :mcp.stream.await h)"))
    assert (found["state"], found["processed-chunks"], found["outputs"]) == (11, 2, [5, 6])
    assert plain(session.run("(call :mcp.stream.delete h)")) == {"deleted": True}


def test_status_lists_and_outputs(session: Session) -> None:
    session.run(COUNTER + "(put 1) (put 2) (put 3)")
    assert plain(session.run("(call :mcp.stream.status h)")) == {
        "stream-id": "s", "status": K("active"), "transport": K("closed"), "intake": K("open"), "error": None,
        "queue-depth": 0, "seq": 3, "output-seq": 3,
    }  # fmt: skip
    assert [entry["stream-id"] for entry in plain(session.run("(call :mcp.stream.list)"))] == ["s"]
    assert plain(session.run("(call :mcp.stream.list {:status :paused})")) == []
    found = plain(session.run("(call :mcp.stream.outputs {:stream h :after 0 :limit 1})"))
    assert ([entry["value"] for entry in found["outputs"]], found["next"], found["end"]) == ([2], 2, False)
    assert plain(session.run("(call :mcp.stream.inspect)"))["total"] == 1
    assert plain(session.run("(:state (call :mcp.stream.inspect h))")) == 6


GIVEN = ["total", "'total", '"total"', ":total", "(fn [state chunk] (total state chunk))"]


@pytest.mark.parametrize(
    "form", ['(mcp-stream "x" %s 0)', '(call :mcp.stream.start {:endpoint "x" :processor %s :initial-state 0})']
)
def test_a19_a_processor_given_in_five_ways_makes_five_equal_runs(session: Session, form: str) -> None:
    session.run("(defn total [state chunk] {:state (+ state chunk) :output [state chunk]})")
    runs = []
    for given in GIVEN:
        session.run(f"(def h {form % given})")
        for chunk in (4, 5, 6):
            session.run(f"(call :mcp.stream.send {{:stream h :chunk {chunk} :ack :processed}})")
        seen = "[(:state i) (:status i) (:processed (:stats i)) (map :value (:outputs (call :mcp.stream.outputs h)))]"
        runs.append(plain(session.run(f"(let [i (call :mcp.stream.inspect h)] {seen})")))
    assert runs == [[15, K("active"), 3, [[0, 4], [4, 5], [9, 6]]]] * 5


@pytest.mark.parametrize(
    ("program", "code", "message"),
    [
        ("(call :mcp.stream.start 7)", "S001", "start_stream expects a map"),
        ("(call :mcp.stream.next 7)", "S001", ":mcp.stream.next expects a map"),
        ("(call :mcp.stream.pause {:stream 7})", "S004", "Not a stream: 7"),
        ('(call :mcp.stream.pause "nobody")', "S005", "No stream with id: nobody"),
        ('(call :mcp.stream.start {:endpoint "x" :processor "nothing"})', "S014",
         "Processor 'nothing' is not defined"),
        ("(call :mcp.stream.start {:endpoint \"x\" :processor (fn [s] s)})", "S015",
         "Processor 'fn' takes 1 arguments; a stream processor takes 2 or 3"),
        ("(call :mcp.stream.send {:stream h :chunk 1 :to :server})", "S021", "Stream 's' is receive-only"),
        ("(call :mcp.stream.send {:stream h :chunk {:n 1} :ack :durable})", "S030",
         "Stream persistence backend not configured"),
        ("(call :mcp.stream.checkpoint h)", "S030", "Stream persistence backend not configured"),
        ("(call :mcp.stream.delete h)", "S003", "Parameter 'stream': expected terminal stream, got s (active)"),
        ("(call :mcp.stream.next {:stream h :timout-ms 5})", "S006",
         "Unknown option ':timout-ms' for mcp.stream.next; did you mean ':timeout-ms'?"),
        ("(call :mcp.stream.resume \"nobody\")", "S030", "Stream persistence backend not configured"),
        ("(put nil)", "S010", "Processor invocation error: Type error in +: expected number, got nil"),
    ],
)  # fmt: skip
def test_programs_can_catch_what_went_wrong(session: Session, program: str, code: str, message: str) -> None:
    session.run(COUNTER)
    found = session.run(f"(try {program} (catch e [(:code e) (:type e) (:message e)]))")
    assert tuple(found) == (f"RTFS-{code}", K("stream-error"), message)


def test_a14_a_processor_that_calls_the_host_is_not_pure(session: Session) -> None:
    session.run('(def h (call :mcp.stream.start {:endpoint "x" :processor (fn chatty [s c] (println c) {:state c})}))')
    with pytest.raises(RtfsError, match=r"is not pure: it called ccos\.io\.println") as caught:
        session.run("(call :mcp.stream.send {:stream h :chunk 1 :ack :processed})")
    assert caught.value.code == "RTFS-S017"


def test_a_pure_session_has_no_streams() -> None:
    with pytest.raises(RtfsError) as caught:
        Session().run('(call :mcp.stream.start {:endpoint "x"})')
    assert caught.value.kind == "SecurityViolation"


def test_a_durable_stream_of_a_program_goes_on_in_the_next_session(tmp_path: Path) -> None:
    def life(program: str, end: str) -> Any:
        session = Session(context=RuntimeContext.full(), state_dir=str(tmp_path))
        try:
            return session.run(COUNTER + program)
        finally:
            getattr(session, end)()

    assert life("(put 4) (:resumed h)", "close") is None
    assert plain(life("(put 5) [(:resumed h) (:state (call :mcp.stream.inspect h))]", "shutdown")) == [True, 9]
    assert plain(life("(:state (call :mcp.stream.inspect h))", "close")) == 9


def test_a_program_writes_to_the_socket_of_its_stream(session: Session) -> None:
    address: Queue[str] = Queue()

    async def serve() -> None:
        heard = asyncio.Event()

        async def script(peer: Peer) -> None:
            await peer.upgrade()
            await peer.say({"echo": await peer.hear()})
            await peer.hear()
            heard.set()

        async with unruly(script) as server:
            address.put(server.socket_url)
            await asyncio.wait_for(heard.wait(), 60)

    thread = Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    session.run(f'(def s (call :mcp.stream.start {{:endpoint "{address.get()}" :processor :identity}}))')
    sent = session.run("(call :mcp.stream.send {:stream s :chunk {:n 1} :to :server :timeout-ms 30000})")
    assert plain(sent) == {"accepted": True, "seq": None, "status": K("active")}
    assert plain(session.run("(call :mcp.stream.next s {:timeout-ms 30000})")) == {"echo": '{"n": 1}'}
    session.run("(call :mcp.stream.stop s)")
    thread.join(60)
    assert not thread.is_alive()
