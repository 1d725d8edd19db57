"""A session belongs to one thread; threads and processes have sessions of their own."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

import rtfs

OTHER = "Invalid argument: the session belongs to another thread; give each thread a session of its own, such as a fork"


def elsewhere(work: Callable[[], Any]) -> Any:
    """What `work` gives or raises in another thread."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(work())
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.parametrize(
    "use",
    [
        lambda session, f: session.run("1"),
        lambda session, f: session.start("1"),
        lambda session, f: session.call(f, 1),
        lambda session, f: session.start_call(f, 1),
        lambda session, f: asyncio.run(session.run_async("1")),
        lambda session, f: asyncio.run(session.call_async(f, 1)),
        lambda session, f: session.define("x", 1),
        lambda session, f: session.fork(),
        lambda session, f: session.snapshot(),
    ],
)
def test_a_session_is_refused_in_another_thread_and_goes_on_in_its_own(use: Callable[[Any, Any], Any]) -> None:
    session = rtfs.Session(cache=False)
    function = session.run("(def n 5) (fn [x] (+ x n))")
    error = elsewhere(lambda: use(session, function))
    assert isinstance(error, rtfs.RtfsError), error
    assert (error.kind, error.message) == ("InvalidArgument", OTHER)
    assert session.call(function, 1) == 6


def test_a_session_belongs_to_the_thread_that_uses_it_first_not_to_its_maker() -> None:
    session = rtfs.Session(cache=False)
    assert elsewhere(lambda: session.run("(+ 1 2)")) == 3
    with pytest.raises(rtfs.RtfsError, match="belongs to another thread"):
        session.run("1")


def test_a_waiting_program_can_only_be_answered_in_its_thread() -> None:
    outcome: Any = rtfs.Session(cache=False).start("(+ 1 (call :a))")
    error = elsewhere(lambda: outcome.resume(1))
    assert error.message.startswith("Invalid argument: the program belongs to another thread")
    assert outcome.resume(1).value == 2


def test_a_fork_may_go_to_another_thread() -> None:
    session = rtfs.Session(cache=False)
    session.run("(def n 5)")
    forks = [session.fork() for _ in range(3)]
    assert [elsewhere(lambda fork=fork: fork.run("(def n (+ n 1)) n")) for fork in forks] == [6, 6, 6]
    assert session.run("n") == 5


def test_many_threads_with_sessions_of_their_own_do_not_meet() -> None:
    market = rtfs.Marketplace()
    names: list[str] = []

    @market.capability("thread.name", effects=[])
    def name() -> str:
        names.append(threading.current_thread().name)
        return threading.current_thread().name

    text = "(defn f [n] (if (= n 0) (call :thread.name) (f (dec n)))) [(f 500) (reduce + (map inc (range 2000)))]"
    context = rtfs.RuntimeContext.controlled(allow=["thread.*"])
    found: dict[str, Any] = {}

    def run() -> None:
        session = rtfs.Session(marketplace=market, context=context, limits=rtfs.Limits.untrusted(), cache=False)
        found[threading.current_thread().name] = [session.run(text, name="shared.rtfs") for _ in range(5)]

    threads = [threading.Thread(target=run, name=f"t{number}") for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {f"t{number}": [(f"t{number}", 2001000)] * 5 for number in range(8)}
    assert len(names) == 40


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_deadlines_hold_in_the_child_of_a_fork() -> None:
    rtfs.Session(limits=rtfs.Limits(seconds=30), cache=False).run("1")  # the parent's watcher runs
    child = os.fork()
    if child == 0:
        try:
            rtfs.Session(limits=rtfs.Limits(seconds=0.05), cache=False).run("(loop [] (recur))")
        except rtfs.RtfsError as error:
            os._exit(7 if error.kind == "DeadlineExceeded" else 1)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_session_goes_on_in_both_processes_of_a_fork() -> None:
    session = rtfs.Session(cache=False)
    session.run("(def n 5)")
    child = os.fork()
    if child == 0:
        try:
            os._exit(session.run("(+ n 1)"))
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert (os.waitstatus_to_exitcode(status), session.run("n")) == (6, 5)
