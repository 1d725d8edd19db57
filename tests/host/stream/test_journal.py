"""`:journal true`: an answered call of a callback is not made again after a crash (streaming.md §5.7)."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rtfs import Marketplace, RuntimeContext, Session
from rtfs.host.stream.answers import Answered, Answers
from rtfs.host.stream.stores import Entry
from rtfs.lang.errors import RtfsError, StreamError

PROGRAM = Path(__file__).parent / "programs" / "pay.py"

Life = Callable[..., int]


@pytest.fixture
def life(tmp_path: Path, environment: dict[str, str]) -> Life:
    """`life(url, place, *options)` is one life of a process; how it ended."""

    def one(url: str, place: str, *options: str) -> int:
        command = [sys.executable, str(PROGRAM), str(tmp_path), url, place, *options]
        return subprocess.run(command, env=environment, timeout=100).returncode

    return one


def calls(folder: Path, name: str) -> list[str]:
    """The lines that calls of one name wrote, without the name."""
    lines = [line.partition(" ") for line in (folder / "calls").read_text().splitlines()]
    return [rest for kind, _, rest in lines if kind == name]


def test_a_killed_callback_goes_on_behind_the_call_that_was_answered(
    store_place: Callable[[str], str], life: Life, tmp_path: Path
) -> None:
    url = store_place("sqlite")
    for number in (3, 9):  # of the twenty and one, as the last of the life before is told again
        assert life(url, f"tell:{number}", ":journal true") == -signal.SIGKILL
    assert life(url, "never", ":journal true") == 0
    paid = calls(tmp_path, "pay")
    assert [line.split()[0] for line in paid] == [str(number) for number in range(20)]
    assert [line.split()[1] for line in paid] == [f"payments/{number}/on-chunk/0" for number in range(20)]
    told = calls(tmp_path, "tell")
    assert len(told) == 22 and len(set(told)) == 20  # the same answer, and the same key, when told again


@pytest.mark.parametrize("store", ["postgresql", "redis"])
def test_answers_are_recorded_in_stores_that_machines_share(
    store: str, store_place: Callable[[str], str], life: Life, tmp_path: Path
) -> None:
    url = store_place(store)
    assert life(url, "tell:3", ":journal true") == -signal.SIGKILL
    leave(url)
    assert life(url, "never", ":journal true") == 0
    assert [line.split()[0] for line in calls(tmp_path, "pay")] == [str(number) for number in range(20)]


def leave(url: str) -> None:
    """What fifteen seconds of silence are for the others."""
    from rtfs.host.stream.stores import RemoteStore, open_store

    store: RemoteStore = open_store(url, "normal")  # type: ignore[assignment]
    store.leave({"payments": 1})
    store.close()


def test_a_call_that_was_not_answered_is_made_again_under_its_key(
    store_place: Callable[[str], str], life: Life, tmp_path: Path
) -> None:
    url = store_place("sqlite")
    assert life(url, "pay:5", ":journal true") == -signal.SIGKILL
    assert life(url, "never", ":journal true") == 0
    paid = calls(tmp_path, "pay")
    assert len(paid) == 21 and paid[4] == paid[5]


def test_without_a_journal_the_calls_of_an_output_are_made_again_under_their_keys(
    store_place: Callable[[str], str], life: Life, tmp_path: Path
) -> None:
    url = store_place("sqlite")
    assert life(url, "tell:3") == -signal.SIGKILL
    assert life(url, "never") == 0
    paid = calls(tmp_path, "pay")
    assert len(paid) > 20 and len(set(paid)) == 20


# ---- within a process


@pytest.fixture
def session(tmp_path: Path) -> Any:
    market = Marketplace()
    market.capability("test.fail", effects=[":none"], idempotent=False)(_fail)
    market.capability("test.function", effects=[":none"], idempotent=False)(lambda ctx: _fail)
    market.capability("test.answer", effects=[":none"], idempotent=False)(lambda ctx: 1)
    session = Session(context=RuntimeContext.full(), marketplace=market, state_dir=str(tmp_path))
    yield session
    session.shutdown(timeout=5.0, strategy="immediate")


def _fail(ctx: Any) -> Any:
    raise RtfsError("no funds", kind="HostError")


def test_a_store_in_memory_cannot_keep_a_journal(session: Session) -> None:
    with pytest.raises(StreamError) as found:
        session.run("""
          (call :mcp.stream.start
            {:endpoint "x" :processor :count :journal true :checkpoint {:store "memory:"}})""")
    assert found.value.code == "RTFS-S030"


def test_answers_are_forgotten_when_their_outputs_are_done(session: Session, tmp_path: Path) -> None:
    session.run("""
      (call :stream.from-collection (vec (range 500))
        {:on-chunk (fn [n] (call :test.answer)) :stream-id "s" :outputs :durable :journal true})""")
    session.join(60)
    ledger = session.host.streams.find("s").owner.checkpoints.ledger
    store = ledger.owner.checkpoints.committer.store
    assert len(store.entries("journal", "s", 0, 1_000)) < 500
    assert ledger.find("s/0/on-chunk/0") is None


def test_an_answer_that_has_no_text_fails_the_stream(session: Session) -> None:
    session.run("""
      (call :stream.from-collection [1]
        {:on-chunk (fn [n] (call :test.function)) :stream-id "s" :outputs :durable :journal true})""")
    session.join(60)
    failure = session.host.streams.find("s").owner.failure
    assert failure.code == "RTFS-S031" and "the answer of 'test.function'" in failure.message


# ---- the book


def key(number: int, slot: str = "on-item") -> str:
    return f"a/b/{number}/{slot}/0"


async def test_a_damaged_answer_is_told_with_its_number() -> None:
    for body in ("[", '["key"]', "7", '["a" "b"]'):
        with pytest.raises(StreamError, match="number 3 of the recorded answers is damaged"):
            Answers().restore([Entry(3, body)])


async def test_what_is_restored_is_found_and_numbered_on() -> None:
    first, second = Answers(), Answers()
    first.add(key(0), Answered("[c]", "value", "1"))
    second.restore(list(first.fresh()))
    assert second.find(key(0)) == Answered("[c]", "value", "1")
    second.add(key(1), Answered("[c]", "value", "2"))
    assert [entry.number for entry in second.fresh()] == [1]


async def test_answers_for_chunks_and_for_outputs_are_forgotten_each_by_their_number() -> None:
    answers = Answers()
    answers.by_chunk.add("look")
    for number in range(3):
        answers.add(key(number, "look"), Answered("", "value", "1"))
    answers.add(key(0), Answered("", "value", "1"))
    answers.done(4, answers.below(seq=2, output_seq=1))
    assert [answers.find(key(number, "look")) is None for number in range(3)] == [True, True, False]


async def test_whoever_waits_for_a_store_that_is_lost_is_told() -> None:
    answers = Answers()
    stored = answers.add(key(0), Answered("", "value", "1"))
    answers.lost("s", 2)
    with pytest.raises(StreamError) as found:
        await stored
    assert found.value.code == "RTFS-S040"
