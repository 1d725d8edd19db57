"""A pure function that the host calls, such as the processor of a stream, ends at the limits of its session, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import rtfs
from rtfs import Limits
from rtfs.evaluator import SessionEvaluator
from rtfs.host.watch import Vigil
from rtfs.lang.errors import LimitError

PROGRAM = "(defn endless [state chunk] (loop [] (recur))) (defn quick [state chunk] (+ state chunk))"


def evaluator(limits: Limits) -> tuple[SessionEvaluator, Callable[[str], Any]]:
    session = rtfs.Session(limits=limits, cache=False)
    session.run(PROGRAM)
    return SessionEvaluator(session), session.lookup


@pytest.mark.parametrize(
    ("limits", "kind"),
    [
        (Limits(seconds=0.2), "DeadlineExceeded"),
        (Limits(seconds=0.2, steps=10**12), "DeadlineExceeded"),
        (Limits(steps=5_000), "StepLimitExceeded"),
    ],
)
def test_an_endless_step_meets_its_limit_and_the_next_one_works(limits: Limits, kind: str) -> None:
    steps, lookup = evaluator(limits)
    endless, quick = steps.stepper(lookup("endless"), 2), steps.stepper(lookup("quick"), 2)
    for _ in range(2):
        with steps.stepping():
            assert quick(1, 2)[0] == 3
            with pytest.raises(rtfs.RtfsError) as raised:
                endless(0, 1)
            assert raised.value.kind == kind
            assert quick(3, 4)[0] == 7


@pytest.mark.parametrize("limits", [Limits(seconds=0.2), Limits(steps=5_000)])
def test_an_endless_pure_call_meets_its_limit(limits: Limits) -> None:
    steps, lookup = evaluator(limits)
    with pytest.raises(rtfs.RtfsError, match="exceeded"):
        steps.pure(lookup("endless"), 0, 1)
    assert steps.pure(lookup("quick"), 1, 2) == 3


def test_a_turn_ends_only_after_more_than_the_time_of_a_step_went_by_in_it() -> None:
    class Steps:
        turns = 0
        ended = 0

        def interrupt(self, error: LimitError) -> None:
            self.ended += 1

    steps, over = Steps(), LimitError("DeadlineExceeded", "over")
    vigil = Vigil(steps, 1_000.0)
    for _ in range(10):  # between turns, and in another turn each time
        vigil.interrupt(over)
    for steps.turns in range(1, 21, 2):
        vigil.interrupt(over)
    for _ in range(4):
        vigil.interrupt(over)
    assert steps.ended == 0
    vigil.interrupt(over)
    assert steps.ended == 1


def test_each_step_may_use_what_a_run_may() -> None:
    steps, lookup = evaluator(Limits(steps=10))
    quick = steps.stepper(lookup("quick"), 2)
    with steps.stepping():
        assert [quick(0, number)[0] for number in range(100)] == list(range(100))


def test_a_run_that_waits_often_leaves_one_entry_in_the_watch() -> None:
    from rtfs.host.watch import WATCH

    session = rtfs.Session(limits=Limits(seconds=1_000.0), cache=False)
    outcome = session.start("(loop [i 0] (if (< i 200) (do (call :a i) (recur (inc i))) i))")
    before = len(WATCH._heap)
    while isinstance(outcome, rtfs.RequiresHost):
        outcome = outcome.resume(None)
    assert isinstance(outcome, rtfs.Complete)
    assert len(WATCH._heap) <= before + 2
