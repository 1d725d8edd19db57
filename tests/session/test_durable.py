"""Durable runs: killed at any point and started again they go on, and no answered call is made twice (host.md §2)."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import rtfs
from rtfs.durable import Durable
from rtfs.host.history import History
from rtfs.host.stream.lock import take_lock

LIVES = Path(__file__).parent / "programs" / "lives.py"
MOST = 300  # lives of one program

Life = Callable[[Path, int, str], "str | None"]


@pytest.fixture(scope="module")
def life() -> Iterator[Life]:
    """`life(folder, number, fuse)` is one life of a generated program: its end, None when it was killed."""
    with subprocess.Popen(
        [sys.executable, str(LIVES)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as nursery:
        stdin, stdout = nursery.stdin, nursery.stdout
        assert stdin is not None
        assert stdout is not None

        def one_life(folder: Path, number: int, fuse: str) -> str | None:
            stdin.write(json.dumps([str(folder), number, fuse]) + "\n")
            stdin.flush()
            report = json.loads(stdout.readline())
            assert report["repeated"] == [], f"answered calls made again by program {number} under {fuse}"
            assert report["code"] in (0, -signal.SIGKILL, -signal.SIGALRM)
            if report["code"] == 0:
                assert report["end"] == report["expected"], f"program {number} under {fuse}"
            end: str | None = report["end"]
            return end

        yield one_life
        stdin.close()


def lives(life: Life, folder: Path, number: int, fuse: Callable[[int], str]) -> int:
    """Live until a life is not killed; how many it took."""
    for count in range(1, MOST):
        if life(folder, number, fuse(count) if count < MOST - 1 else "never") is not None:
            return count
    raise AssertionError("always killed")


def any_place(chance: random.Random) -> str:
    place, most = chance.choice([("time", 60), ("write", 9), ("written", 9), ("made", 9)])
    return f"{place}:{chance.randint(1, most)}"


@pytest.mark.fuzz
def test_killed_anywhere_a_program_ends_as_undisturbed_and_makes_no_answered_call_twice(
    tmp_path: Path, life: Life, fuzz: Any, tell: Callable[[str], None]
) -> None:
    total = 0
    for number in range(fuzz.seed, fuzz.seed + (300 if fuzz.long else 8)):
        chance = random.Random(number)
        folder = tmp_path / str(number)
        folder.mkdir()
        total += lives(life, folder, number, lambda _, chance=chance: any_place(chance))  # type: ignore[misc]
    tell(f"durable runs killed anywhere: {total} lives of programs from {fuzz.seed} on")


@pytest.mark.fuzz
@pytest.mark.parametrize("fuse", ["written:1", "write:2", "made:2"])
def test_killed_at_every_answer_a_program_ends_as_undisturbed(
    tmp_path: Path, life: Life, fuzz: Any, tell: Callable[[str], None], fuse: str
) -> None:
    """Each life gets one answer further than the one before."""
    numbers = range(60) if fuzz.long else (5,)
    total = 0
    for number in numbers:
        folder = tmp_path / str(number)
        folder.mkdir()
        total += lives(life, folder, number, lambda _: fuse)
    assert total > 5 * len(numbers)
    tell(f"durable runs killed at every {fuse}: {total} lives of {len(numbers)} programs")


# ---- one process ------------------------------------------------------------------------------------------------


class Place:
    """A directory in which one run lives, process after process, and what its capabilities were asked."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.made: list[str] = []
        self.files: list[str] = []  # of capabilities
        self.fails = True
        self.market = rtfs.Marketplace()

        def note(ctx: Any, *args: Any) -> Any:
            self.made.append(f"{ctx.capability_id} {' '.join(map(str, args))}".strip())
            return args[0] if args else None

        @self.market.capability("t.weak", effects=[":t"], idempotent=True)
        def weak(ctx: Any) -> int:
            note(ctx)
            if self.fails:
                raise OSError("out of order")
            return 7

        @self.market.capability("t.wait", effects=[":t"], idempotent=True)
        async def wait(ctx: Any) -> None:
            note(ctx)
            await asyncio.sleep(0)

        for name, idempotent in (("safe", True), ("mail", False)):
            self.market.capability(f"t.{name}", effects=[":t"], idempotent=idempotent)(note)

    def session(self) -> tuple[rtfs.Session, History]:
        """A process of the run."""
        history = History(str(self.directory))
        if history.get("id") is None:
            history.put(id="run")
        context = rtfs.RuntimeContext.full()
        session = rtfs.Session(
            marketplace=self.market, context=context, id=history.get("id"), state_dir=str(self.directory), cache=False
        )
        Durable(session, history)
        for file in self.files:
            session.host.load_capabilities(file)
        return session, history

    def run(self, text: str, modules: dict[str, str] | None = None) -> str:
        """One process, to its end: the printed value, or the error."""
        session, history = self.session()
        if modules is not None:
            from rtfs.loader import Texts

            session.reading.lookup._lookup = Texts(modules)  # type: ignore[attr-defined]
        try:
            return rtfs.show(session.run(text))
        except rtfs.RtfsError as error:
            return f"{error.kind} {error.message}"
        finally:
            session.shutdown(strategy="immediate")
            history.close()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "run")


def test_answers_of_every_kind_come_again_in_the_next_process(place: Place) -> None:
    text = """
    (def e (try (call :t.weak) (catch HostError e e)))
    (def f ((call :ccos.echo (fn [x] (* 2 x))) 21))
    (call :t.safe [1 2.5 "ä" :k 'sym nil {:a (range 3)}])
    [(:message e) (:type e) (:data e) (:span e) f (call :ccos.state.counter.inc "n") (call :ccos.random.int 1000000)]
    """
    first = place.run(text)
    place.fails = False
    made = list(place.made)
    assert place.run(text) == first
    assert place.made == made
    assert first.startswith('["out of order" :host-error {:capability "t.weak"}')
    assert first.split()[-2] == "1"


def test_what_the_host_ran_for_an_answered_call_counts_as_before(place: Place) -> None:
    text = """
    (def r (step-parallel (do (context/set :a 1) (call :t.safe 1)) (call :t.safe 2)))
    (def t (call :ccos.async/spawn (fn [] (call :t.safe 3) (call :t.safe 4))))
    [r @a (call :ccos.async/await t)]
    """
    assert place.run(text) == place.run(text) == "[[1 2] 1 4]"
    assert sorted(place.made) == ["t.safe 1", "t.safe 2", "t.safe 3", "t.safe 4"]


def test_programs_beside_each_other_see_definitions_as_they_did(place: Place) -> None:
    """The task uses `f` before and after it is defined anew, since it went on in between."""
    text = """
    (defn f [] :old)
    (def t (call :ccos.async/spawn (fn [] [(do (call :t.wait) (f)) (do (call :t.wait) (call :t.wait) (f))])))
    (call :t.wait)
    (def r (call :t.wait))
    (defn f [] :new)
    [(call :ccos.async/await t) (call :t.safe 1)]
    """
    assert place.run(text) == place.run(text) == "[[:old :new] 1]"


def test_a_task_that_a_parallel_branch_started_goes_on_after_the_branch(place: Place) -> None:
    text = """
    (def t (first (step-parallel (call :ccos.async/spawn (fn [] (call :t.safe 1) (call :t.safe 2))) 0)))
    [(call :t.safe 3) (call :ccos.async/await t)]
    """
    assert place.run(text) == "[3 2]"
    session, history = place.session()
    history._do("DELETE FROM call WHERE call LIKE '%t.safe\" [2]%' OR call LIKE '%async/await%'")  # as if killed there
    history.close()
    session.close()
    assert place.run(text) == "[3 2]"
    assert sorted(place.made) == ["t.safe 1", "t.safe 2", "t.safe 2", "t.safe 3"]


def test_what_a_capability_of_a_file_called_counts_when_it_is_called_again(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "shop.rtfs"
    file.write_text(
        '(capability "shop/order" :effects [:t] :implementation (fn [n] (+ (call :t.safe n) (call :t.mail 10))))'
    )
    place.files = [str(file)]
    assert place.run("(call :shop/order 2)") == "12"
    session, history = place.session()
    history._do("UPDATE call SET state = 'made' WHERE key = 'run/0/0'")  # as if killed before its answer was written
    history.close()
    session.close()
    assert place.run("(call :shop/order 2)") == "12"
    assert place.made == ["t.safe 2", "t.mail 10"]


def test_a_recorded_call_that_nobody_makes_again_is_named_instead_of_waited_for(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtfs.turns.PATIENCE", 0.01)
    place.run("(call :t.safe 1) (call :t.safe 2)")
    session, history = place.session()
    history._do("UPDATE call SET key = 'run/9/9' WHERE number = 1")
    history.close()
    session.close()
    expected = "Replay mismatch: recorded (call :t.safe 1), which is not made again"
    assert place.run("(call :t.safe 5) (call :t.safe 2)") == f"ReplayMismatch {expected}"


def test_only_the_owner_can_read_a_history(place: Place) -> None:
    place.directory.mkdir(mode=0o755)
    place.run("(call :t.safe 1)")
    modes = {path.name: path.stat().st_mode & 0o077 for path in place.directory.glob("run.db*")}
    assert modes == {"run.db": 0, "run.db.lock": 0}


def test_functions_that_a_call_answers_come_from_running_it_again(place: Place) -> None:
    text = """
    (def fs (step-parallel (let [n (call :t.safe 5)] (fn [] n)) inc))
    (def g (call :ccos.async/await (call :ccos.async/spawn (fn [] dec))))
    [((first fs)) ((second fs) 1) (g (call :t.safe 9))]
    """
    assert place.run(text) == place.run(text) == "[5 2 8]"
    assert place.made == ["t.safe 5", "t.safe 9"]


def test_a_call_that_may_do_harm_must_not_answer_a_function(place: Place) -> None:
    place.market.capability("t.give", effects=[":t"])(lambda: len)
    expected = "Durable run: the answer of 't.give' holds a function, which cannot be stored"
    assert place.run("(call :t.give) (call :t.safe 1)") == f"HostError {expected}"
    assert place.made == []


def test_a_program_that_makes_another_call_is_a_mismatch_and_calls_nothing_any_more(place: Place) -> None:
    place.run("(call :t.safe 1) (call :t.safe 2)")
    text = "(try (call :t.safe 1) (call :t.safe 3) (catch e (call :t.mail 1)) (finally (call :t.mail 2)))"
    expected = "Replay mismatch: recorded (call :t.safe 2), but the program made (call :t.safe 3)"
    assert place.run(text) == f"ReplayMismatch {expected}"
    assert place.made == ["t.safe 1", "t.safe 2"]


def test_a_module_that_changed_is_named_with_its_line(place: Place) -> None:
    text = "(import m :as m) (m/f)"
    assert place.run(text, {"m": "(def a 1)\n(defn f [] a)"}) == "1"
    changed = place.run(text, {"m": "(def a 1)\n(defn f [] 2)"})
    expected = "module 'm' is not what it was: line 2 was `(defn f [] a)`, is `(defn f [] 2)`"
    assert changed == f"ReplayMismatch Replay mismatch: {expected}"


def test_a_damaged_history_is_said_and_nothing_is_called(place: Place) -> None:
    place.run("(call :t.safe 1)")
    session, history = place.session()
    history._do("UPDATE call SET answer = '(1'")
    history.close()
    session.close()
    assert "the answer to (call :t.safe 1)" in place.run("(call :t.safe 1) (call :t.safe 2)")
    (place.directory / "run.db").write_bytes(b"no database at all, but long enough to look like one" * 100)
    with pytest.raises(rtfs.RtfsError) as raised:
        place.session()
    assert raised.value.message.startswith(f"Durable run: the history of the run in '{place.directory}' cannot be used")
    assert place.made == ["t.safe 1"]


def test_a_full_disk_ends_the_run_before_the_program_sees_the_answer(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rtfs.host.history import history_error

    def full(history: History, entry: Any) -> None:
        raise history_error("disk is full")

    text = "(try (call :t.safe 1) (catch e 2) (finally (call :t.safe 3)))"
    with monkeypatch.context() as patch:
        patch.setattr(History, "answer", full)
        assert place.run(text) == "HostError Durable run: disk is full"
    assert place.made == ["t.safe 1"]
    assert place.run(text) == "1"
    assert place.made == ["t.safe 1", "t.safe 1", "t.safe 3"]


def test_one_process_at_a_time(place: Place) -> None:
    place.run("1")
    lock = take_lock(place.directory / "run.db.lock")
    try:
        with pytest.raises(rtfs.RtfsError, match="goes on in process"):
            place.session()
    finally:
        lock.release()
    assert place.run("1") == "1"


def test_only_the_last_answer_of_a_sequence_is_kept_for_its_idempotency_key(place: Place) -> None:
    import sqlite3
    from contextlib import closing

    place.run('(dotimes [i 50] (call :ccos.state.counter.inc "c")) (call :ccos.state.counter.inc "c")')
    with closing(sqlite3.connect(place.directory / "state.db", isolation_level=None)) as connection:
        rows = connection.execute("SELECT key, value FROM state WHERE space = 'answer'").fetchall()
    assert rows == [("run/0/", '["inc" "50" 51]')]
