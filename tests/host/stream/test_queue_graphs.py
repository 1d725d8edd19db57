"""`:stream.queue.consume` and `:stream.queue.produce` on the embedded queue (streaming.md §6.2, §6.3)."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import rtfs
from rtfs.host.clock import Clock
from rtfs.host.stream import brokers
from rtfs.host.stream.brokers import Reading
from rtfs.session import Session

FULL = rtfs.RuntimeContext.full()


@pytest.fixture
def session() -> Iterator[Session]:
    session = Session(context=FULL)
    yield session
    session.shutdown(timeout=5.0, strategy="immediate")


def fill(file: Path, name: str, *bodies: Any) -> None:
    async def send() -> None:
        broker = brokers.open_broker(f"sqlite:{file}/{name}", Clock())
        producer = await broker.producer()
        for body in bodies:
            await producer.publish(body)
        await broker.close()

    asyncio.run(send())


def rest(file: Path, name: str) -> list[Any]:
    """What the next reader of the group gets, with how often each was delivered."""

    async def read() -> list[Any]:
        broker = brokers.open_broker(f"sqlite:{file}/{name}", Clock())
        consumer = await broker.consumer(Reading("rtfs", 1_000))
        found = [(message.body, message.deliveries) for message in await consumer.fetch(1_000, 50)]
        await broker.close()
        return found

    return asyncio.run(read())


def consume(file: Path, more: str = "") -> str:
    return f'(call :stream.queue.consume "in" {{:broker "sqlite:{file}" :max-wait-ms 20 {more}}})'


def refused(session: Session, text: str) -> str:
    with pytest.raises(rtfs.RtfsError) as found:
        session.run(text)
    return f"{found.value.code[5:]} {found.value.message}"


def test_what_was_collected_is_acknowledged_and_what_came_along_is_given_back(session: Session, tmp_path: Path) -> None:
    fill(tmp_path / "q.db", "in", *range(6))
    taken = session.run(f"(call :stream.to-collection (stream.map {consume(tmp_path / 'q.db')} :body) {{:limit 3}})")
    assert taken == (0, 1, 2)
    assert [body for body, _ in rest(tmp_path / "q.db", "in")] == [3, 4, 5]


def test_batches_go_to_the_program_before_they_are_acknowledged(session: Session, tmp_path: Path) -> None:
    fill(tmp_path / "q.db", "in", *range(5))
    told: list[Any] = []
    session.define("tell", lambda what, value: told.append((what, value)))
    slots = ":on-batch (fn [ms] (tell :batch (map :body ms))) :on-ack (fn [ids] (tell :ack (count ids)))"
    session.run(f"(call :stream.wait {consume(tmp_path / 'q.db', f':batch-size 5 :max-chunks 1 {slots}')})")
    session.shutdown()
    assert rtfs.show(told[0][1]) == "[0 1 2 3 4]"
    assert told[1:] == [(rtfs.Keyword("ack"), 5)]
    assert rest(tmp_path / "q.db", "in") == []


@pytest.mark.parametrize(("when", "stored"), [(":after-checkpoint", True), (":after-batch", False)])
def test_messages_are_acknowledged_after_the_batch_or_after_a_checkpoint_behind_it(
    when: str, stored: bool, tmp_path: Path
) -> None:
    fill(tmp_path / "q.db", "in", *range(10))
    session = Session(context=FULL, state_dir=str(tmp_path / "state"))
    told: list[Any] = []
    session.host.streams.on_event(lambda event: told.append(event.event))
    session.define("tell", told.append)
    stop = "(call :stream.stop (:stream-id (first (call :stream.list))))"
    slots = f":on-batch (fn [ms] (tell (count ms))) :on-ack (fn [ids] (do (tell ids) {stop}))"
    rare = ":checkpoint {:every-chunks 100000 :every-ms nil}"
    session.run(f"""(def h {consume(tmp_path / "q.db", f":batch-size 10 :ack {when} {slots} {rare}")})
                    (call :stream.wait h)""")
    session.shutdown()
    seen = [what for what in told if what in (10, "checkpoint") or type(what) is tuple]
    batch, ack = seen.index(10), next(at for at, what in enumerate(seen) if type(what) is tuple)
    assert ("checkpoint" in seen[batch:ack]) is stored
    assert batch < ack
    assert rest(tmp_path / "q.db", "in") == []


def test_a_message_that_failed_comes_again_until_it_is_a_dead_letter(tmp_path: Path) -> None:
    file = tmp_path / "q.db"
    fill(file, "in", "poison")
    for _ in range(2):
        session = Session(context=FULL)
        failing = '(fn [ms] (when (= (:body (first ms)) "poison") (throw "no")))'
        session.run(f"(call :stream.wait {consume(file, f':batch-size 1 :on-batch {failing}')})")
        session.shutdown()
    session = Session(context=FULL, state_dir=str(tmp_path / "state"))
    fill(file, "in", "good")
    bodies = f"(stream.map {consume(file, ':max-deliveries 2')} :body)"
    assert session.run(f'(call :stream.to-collection {bodies} {{:limit 1 :stream-id "s"}})') == ("good",)
    letters = session.run('(map (fn [l] (:body (:item l))) (call :stream.dead-letters {:queue "s"}))')
    assert list(letters) == ["poison"]
    session.shutdown()
    assert rest(file, "in") == []


def test_an_unknown_queue_is_made_only_on_request(session: Session, tmp_path: Path) -> None:
    text = f"(call :stream.to-collection {consume(tmp_path / 'q.db', '%s')} {{:limit 0}})"
    unknown = f"(call :stream.to-collection {consume(tmp_path / 'q.db')} {{:limit 1}})"
    assert refused(session, unknown) == (
        "S024 Adapter :queue.consume cannot serve in: there is no such queue; :create true makes it"
    )
    assert session.run(text % ":create true") == ()


@pytest.mark.parametrize(
    ("name", "more", "text"),
    [
        ("a/b", "", "S003 Parameter 'name': expected letters, digits and _ . : -, got"),
        ("q", ':broker "http://x"', "S003 Parameter 'broker': expected URL with one of the schemes"),
        ("q", ":ack :never", "S003 Parameter 'ack': expected one of :after-checkpoint :after-batch, got :never"),
        ("q", ":batch-size 0", "S003 Parameter 'batch-size': expected integer from 1 to 10000, got 0"),
        (
            "q",
            ":visibilty-timeout 1",
            "S006 Unknown option ':visibilty-timeout' for stream.queue.consume; did you mean",
        ),
    ],
)
def test_bad_parameters_are_refused(session: Session, name: str, more: str, text: str) -> None:
    call = f"(call :stream.to-collection (call :stream.queue.consume {rtfs.show(name)} {{{more}}}) {{:limit 1}})"
    assert refused(session, call).startswith(text)


def test_a60_a_queue_is_asked_for_before_it_is_opened(tmp_path: Path) -> None:
    for label, broker in ((":queue", f"sqlite:{tmp_path}/q.db"), (":network", "nats://127.0.0.1:1")):
        session = Session(context=FULL.replace(denied_effects=(label,)))
        text = f'(call :stream.to-collection (call :stream.queue.consume "in" {{:broker "{broker}"}}) {{:limit 1}})'
        assert refused(session, text) == f"S053 Effect {label} denied for stream.queue.consume"
        session.shutdown()
    assert not (tmp_path / "q.db").exists()


WORKER = """
import os, signal, sys
from rtfs import RuntimeContext, Session
from rtfs.host.stream.brokers import sqlite
file, state, lives = sys.argv[1], sys.argv[2], int(sys.argv[3])
forget, count = sqlite.Member._forget, 0
def counted(self, *args):
    global count
    count += 1
    if count == lives:
        os.kill(os.getpid(), signal.SIGKILL)  # processed and stored, not acknowledged
    forget(self, *args)
sqlite.Member._forget = counted
session = Session(context=RuntimeContext.full(), state_dir=state)
session.run('''
  (call :stream.wait (call :stream.queue.produce "out" {:broker "sqlite:%s" :stream-id "pipe" :dedupe true
    :data-stream (stream.take (stream.map (call :stream.queue.consume "in"
        {:broker "sqlite:%s" :visibility-timeout-ms 500 :max-wait-ms 20}) (fn [m] (* 10 (:body m)))) 40)}))
''' % (file, file))
session.shutdown()
"""


def test_a58_killed_between_processing_and_acknowledging_nothing_is_lost_or_there_twice(
    environment: dict[str, str], tmp_path: Path
) -> None:
    fill(tmp_path / "q.db", "in", *range(40))
    for lives, code in ((1, -signal.SIGKILL), (0, 0)):
        worker = [sys.executable, "-c", WORKER, str(tmp_path / "q.db"), str(tmp_path / "state"), str(lives)]
        assert subprocess.run(worker, env=environment, timeout=120).returncode == code
    assert sorted(body for body, _ in rest(tmp_path / "q.db", "out")) == [10 * n for n in range(40)]
