"""Streams for callers without an event loop (streaming.md §3.11)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword as K
from rtfs.lang.outcome import RuntimeContext
from rtfs.session import Session

START = {"endpoint": "room", "stream-id": "s", "processor": "total", "initial-state": 0}


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    session = Session(context=RuntimeContext.full(), state_dir=str(tmp_path))
    session.run("(defn total [state chunk] {:state (+ state (:n chunk)) :output (* 10 (:n chunk))})")
    yield session
    session.shutdown(timeout=5.0, strategy="immediate")


def test_a_stream_is_started_fed_looked_at_and_stopped(session: Session) -> None:
    host = session.host
    handle = host.start_stream(START)
    assert (handle[K("stream-id")], handle[K("status")]) == ("s", K("active"))
    assert host.process_chunk(handle, {K("n"): 2})[K("seq")] == 0
    assert host.process_chunk("s", {K("n"): 3}, {"key": "k"})[K("accepted")] is True
    assert (host.get_current_state("s"), host.get_status(handle)) == (5, K("active"))
    inspected = host.inspect("s")
    assert inspected is not None and inspected[K("stats")][K("processed")] == 2
    assert host.stop_stream("s") is True
    assert host.stop_stream("s") is False
    assert host.get_status("s") is K("stopped")


def test_what_is_unknown_has_no_state_and_takes_no_chunk(session: Session) -> None:
    host = session.host
    assert (host.get_current_state("x"), host.get_status("x"), host.inspect("x")) == (None, None, None)
    with pytest.raises(RtfsError) as found:
        host.process_chunk("x", 1)
    assert (found.value.code, found.value.message) == ("RTFS-S005", "No processor registered for stream: x")
    with pytest.raises(RtfsError, match="No stream with id: x"):
        host.stop_stream("x")


def test_a_step_that_fails_is_raised_where_the_chunk_was_given(session: Session) -> None:
    session.host.start_stream(START)
    with pytest.raises(RtfsError) as found:
        session.host.process_chunk("s", {K("n"): None})
    assert found.value.code == "RTFS-S010"


def test_outputs_are_iterated_until_the_end(session: Session) -> None:
    host = session.host
    host.start_stream(START)
    for number in range(3):
        host.process_chunk("s", {K("n"): number})
    host.stop_stream("s")
    assert list(host.outputs("s")) == [0, 10, 20]
    outputs = host.outputs("s")
    assert next(outputs) == 0
    outputs.close()  # type: ignore[attr-defined]


def test_mock_chunks_are_counted(session: Session) -> None:
    host = session.host
    host.start_stream({":endpoint": "room", ":stream_id": "m", ":processor": K("collect")})
    assert host.run_mock_stream_loop("m", 3) == 3
    last = host.get_current_state("m")[K("items")][2]
    assert (last[K("seq")], last[K("payload")]) == (2, "mock-2")


def test_a_paused_stream_and_one_of_an_earlier_process_are_resumed(session: Session, tmp_path: Path) -> None:
    host = session.host
    host.start_stream(START)
    host.process_chunk("s", {K("n"): 4})
    session.run('(call :mcp.stream.pause "s")')
    assert host.resume_stream("s")[K("status")] is K("active")
    session.shutdown(strategy="immediate")
    later = Session(context=RuntimeContext.full(), state_dir=str(tmp_path))
    try:
        later.run("(defn total [state chunk] {:state (+ state (:n chunk))})")
        assert later.host.resume_stream("s")[K("resumed")] is True
        assert later.host.get_current_state("s") == 4
    finally:
        later.shutdown(strategy="immediate")


def test_a_registered_processor_is_named_by_a_keyword(session: Session) -> None:
    session.host.register_processor("double", lambda state, chunk: {"state": state, "output": chunk * 2})
    session.host.start_stream({"endpoint": "room", "stream-id": "d", "processor": K("double")})
    session.host.process_chunk("d", 4)
    session.host.stop_stream("d")
    assert list(session.host.outputs("d")) == [8]


def test_the_configuration_hides_its_secrets(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCOS_MCP_STREAM_ENDPOINT", "https://user:pass@mcp.example.org/mcp")
    monkeypatch.setenv("CCOS_MCP_STREAM_BEARER_TOKEN", "s3cret")
    found = session.host.client_config()
    assert found["bearer_token"] == "***" and "s3cret" not in str(found) and "pass" not in str(found)
    assert found["server_url"].endswith("@mcp.example.org/mcp") or found["server_url"].endswith("mcp.example.org/mcp")


async def test_inside_the_loop_the_calls_refuse_and_join_and_shutdown_are_awaited() -> None:
    session = Session(context=RuntimeContext.full())
    with pytest.raises(RtfsError, match=r"inside its event loop use host\.streams"):
        session.host.start_stream({"endpoint": "room"})
    stream = await session.host.streams.start("room")
    await stream.send(1)
    await session.host.join()
    await session.host.shutdown()


def test_outside_the_loop_join_and_shutdown_do_what_they_say(session: Session) -> None:
    session.host.start_stream(START)
    assert session.host.join(5) is None
    session.host.shutdown()


def test_calls_go_on_while_something_of_the_session_still_waits(session: Session) -> None:
    session.run("(def t (call :ccos.async/spawn (fn [] (call :ccos.system.sleep-ms 50) 5)))")
    assert session.run("(+ 1 2)") == 3
    assert session.run("(call :ccos.async/await t)") == 5


def test_a_host_without_a_session_says_so() -> None:
    from rtfs.host.host import Host
    from rtfs.host.marketplace import Marketplace

    with pytest.raises(RtfsError, match=r"no session to run in; await host\.streams"):
        Host(marketplace=Marketplace(), context=RuntimeContext.full()).start_stream({"endpoint": "x"})
