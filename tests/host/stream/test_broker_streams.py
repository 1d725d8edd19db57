"""Streams and sinks of brokers: acknowledged after processing, delivered again after a crash (§3.10, §5.7)."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rtfs.host.clock import Clock
from rtfs.host.stream import brokers
from rtfs.host.stream.brokers import Reading
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword as K
from rtfs.lang.outcome import RuntimeContext
from rtfs.session import Session

NAMES = ["amqp", "nats", "redis", "sqlite"]
PROGRAM = Path(__file__).parent / "programs" / "counter.py"
NUMBERS = 40

Life = Callable[..., "tuple[int, str]"]


@pytest.fixture(params=NAMES)
def url(request: pytest.FixtureRequest, services: Any, tmp_path: Path) -> Iterator[str]:
    """An empty queue of a broker."""
    token = f"rtfs_test_{uuid.uuid4().hex}"
    if request.param == "redis":
        yield f"{services.redis()}/{token}"
        services.drop_keys(services.redis(), token)
        services.drop_keys(services.redis(), f"{{{token}")
    elif request.param == "amqp":
        yield f"{services.amqp()}/{token}"
        asyncio.run(services.drop_amqp(services.amqp(), token))
    elif request.param == "sqlite":
        yield f"sqlite://{tmp_path}/queue.db/{token}"
    else:
        yield f"{services.nats()}/{token}"
        asyncio.run(services.drop_nats(services.nats(), token))


@pytest.fixture
def session() -> Iterator[Session]:
    session = Session(context=RuntimeContext.full())
    yield session
    session.shutdown(timeout=5.0, strategy="immediate")


def fill(url: str, *bodies: Any) -> None:
    async def send() -> None:
        broker = brokers.open_broker(url, Clock())
        producer = await broker.producer()
        for body in bodies:
            await producer.publish(body)
        await broker.close()

    asyncio.run(send())


def rest(url: str, group: str = "rtfs", visibility_ms: int = 1_000) -> list[Any]:
    """What the next reader of the group gets, each with how often it was delivered."""

    async def read() -> list[Any]:
        broker = brokers.open_broker(url, Clock())
        consumer = await broker.consumer(Reading(group, visibility_ms))
        found: list[Any] = []
        while more := await consumer.fetch(100, 1_500):
            found += [(message.body, message.deliveries) for message in more]
            await consumer.ack(more)
        await broker.close()
        return found

    return asyncio.run(read())


def test_what_a_program_sends_another_one_pulls(session: Session, url: str) -> None:
    session.run(f'(def k (stream-sink "{url}")) (def s (stream-source "{url}"))')
    session.run("(stream-produce k {:n 1 :kind :a}) (stream-produce k nil {:key 'x'})".replace("'x'", '"x"'))
    session.run("(call :marketplace.stream.close {:handle k})")
    pull = "(:item (call :marketplace.stream.next {:handle s :timeout-ms 5000 :envelope true}))"
    assert session.run(f"(let [m {pull}] [(:n m) (:kind m)])") == (1, K("a"))
    assert session.run(pull) is None


def test_a_message_is_acknowledged_when_the_program_comes_back_for_the_next(session: Session, url: str) -> None:
    fill(url, 1, 2, 3)
    session.run(f'(def s (stream-source "{url}" {{:visibility-timeout-ms 1000}}))')
    pull = "(call :marketplace.stream.next {:handle s :timeout-ms 5000})"
    assert [session.run(pull), session.run(pull)] == [1, 2]
    session.shutdown(strategy="immediate")  # the second was handed out, but nobody said that it is processed
    assert {body for body, _ in rest(url)} == {2, 3}


def test_stopping_a_stream_says_that_what_was_pulled_is_processed(session: Session, url: str) -> None:
    fill(url, 1, 2, 3)
    session.run(f'(def s (stream-source "{url}" {{:visibility-timeout-ms 1000}}))')
    pull = "(call :marketplace.stream.next {:handle s :timeout-ms 5000})"
    assert [session.run(pull), session.run(pull)] == [1, 2]
    session.run("(call :marketplace.stream.stop s)")
    session.shutdown(strategy="immediate")
    assert {body for body, _ in rest(url)} == {3}


def test_a_message_whose_callback_fails_is_delivered_again(session: Session, url: str) -> None:
    fill(url, 1, 2, 3)
    session.run(f"""
      (def s (stream-source "{url}" {{:visibility-timeout-ms 1000}}))
      (stream-consume s {{:on-item (fn [n] (when (= n 2) (throw "poison")))}})""")
    session.join(30)
    session.shutdown()
    assert rest(url)[0] == (2, 2)


def test_readers_without_a_group_all_get_what_comes(session: Session, url: str) -> None:
    session.run(f"""
      (def k (stream-sink "{url}"))
      (def a (stream-source "{url}" {{:group nil}})) (def b (stream-source "{url}" {{:group nil}}))
      (call :marketplace.stream.next {{:handle a :timeout-ms 300}})
      (call :marketplace.stream.next {{:handle b :timeout-ms 300}})
      (stream-produce k 7)""")
    pull = "(call :marketplace.stream.next {:handle %s :timeout-ms 5000})"
    assert [session.run(pull % "a"), session.run(pull % "b")] == [7, 7]


WORKER = """
import sys
from rtfs import RuntimeContext, Session
session = Session(context=RuntimeContext.full())
session.run('''
  (def s (stream-source "%s" {:visibility-timeout-ms 1000}))
  (stream-consume s {:on-item (fn [n] (println n))})''')
session.join(60)
"""


def test_a_killed_reader_loses_nothing(url: str, environment: dict[str, str], tmp_path: Path) -> None:
    fill(url, *range(60))
    worker = tmp_path / "worker.py"
    worker.write_text(WORKER % url)
    seen: set[int] = set()
    for most in (3, 17, 60):
        with subprocess.Popen([sys.executable, "-u", str(worker)], stdout=subprocess.PIPE, env=environment) as process:
            assert process.stdout is not None
            for _ in range(most):
                if len(seen) == 60:  # nothing more would come
                    break
                seen.add(int(process.stdout.readline()))
            process.kill()
            seen.update(int(line) for line in process.stdout.read().split(b"\n")[:-1])  # was processed before
    assert seen == set(range(60))


@pytest.mark.parametrize("scheme", ["redis", "nats", "amqp"])
def test_a_broker_that_cannot_be_reached_fails_the_stream_after_its_attempts(session: Session, scheme: str) -> None:
    session.run(f'(def s (stream-source "{scheme}://127.0.0.1:1/x" {{:retry {{:max-attempts 2 :base-ms 1}}}}))')
    with pytest.raises(RtfsError, match="Transport failed after 2 attempts: "):
        session.run("(stream-consume s {x => x} {:until :end})")


@pytest.mark.parametrize("scheme", ["redis", "nats", "amqp"])
def test_a_url_that_names_no_queue_is_refused(session: Session, scheme: str) -> None:
    for form in ("stream-source", "stream-sink"):
        with pytest.raises(RtfsError) as found:
            session.run(f'({form} "{scheme}://127.0.0.1/")')
        assert found.value.code == "RTFS-S003"


@pytest.mark.parametrize(("scheme", "library"), [("redis", "redis"), ("nats", "nats"), ("amqp", "aio_pika")])
def test_a_missing_library_is_named_with_its_extra(
    session: Session, scheme: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(RtfsError, match=rf"needs the extra rtfs\[{scheme}\]") as found:
        session.run(f'(stream-source "{scheme}://127.0.0.1:1/x")')
    assert found.value.code == "RTFS-S007"


# ---- with a store: acknowledged after the commit (§5.2)


@pytest.fixture
def life(url: str, store_place: Callable[[str], str], environment: dict[str, str]) -> Life:
    """`life(place, *options)` is one life of a process: how it ended, and what it printed."""
    store = store_place("sqlite")

    def one(place: str, *options: str) -> tuple[int, str]:
        command = [sys.executable, str(PROGRAM), url, store, place, str(NUMBERS), *options]
        done = subprocess.run(command, env=environment, timeout=100, stdout=subprocess.PIPE, text=True)
        return done.returncode, done.stdout.strip()

    return one


@pytest.mark.parametrize("place", ["commit:2", "acking:1", "ack:2"])
def test_a_killed_reader_loses_nothing_and_counts_once_with_dedupe(url: str, life: Life, place: str) -> None:
    fill(url, *range(NUMBERS))
    assert life(place, ":dedupe true")[0] == -signal.SIGKILL
    assert life("never", ":dedupe true") == (0, f"{NUMBERS} {NUMBERS}")
    assert rest(url) == []  # what came twice is acknowledged as well


def test_without_dedupe_nothing_is_lost_and_what_was_not_acknowledged_counts_again(url: str, life: Life) -> None:
    fill(url, *range(NUMBERS))
    assert life("acking:1")[0] == -signal.SIGKILL
    code, state = life("never")
    count, seen = map(int, state.split())
    assert (code, seen) == (0, NUMBERS) and count > NUMBERS


def test_a_message_whose_step_failed_is_not_acknowledged(session: Session, url: str, tmp_path: Path) -> None:
    fill(url, 1, 2, 3)
    session.run(f"""
      (def s (call :marketplace.stream.start
        {{:id "{url}" :visibility-timeout-ms 1000 :checkpoint {{:store "sqlite:{tmp_path}"}}
         :processor (fn [n x] (if (= x 2) (throw "poison") {{:state x :output x}}))}}))
      (stream-consume s {{:on-item (fn [n] n)}})""")
    session.join(30)
    session.shutdown()
    assert {2, 3} <= {body for body, _ in rest(url)}


def test_what_waits_in_a_cancelled_stream_stays_with_the_broker(session: Session, url: str, tmp_path: Path) -> None:
    fill(url, *range(20))
    session.run(f"""
      (def s (call :marketplace.stream.start
        {{:id "{url}" :visibility-timeout-ms 1000 :checkpoint {{:store "sqlite:{tmp_path}"}} :queue-capacity 4
         :processor (fn [n x] {{:state x :action (when (= x 5) :cancel)}})}}))
      (call :marketplace.stream.next {{:handle s :timeout-ms 10000}})""")
    session.shutdown()
    assert set(range(6, 20)) <= {body for body, _ in rest(url)}
