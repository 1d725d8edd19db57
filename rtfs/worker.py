"""A worker process of a parallel stream: gets functions and batches of items, gives what the functions make of them.

It has no host: its code is pure, whatever the run that began it may do. It ends when its input does.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rtfs.host.stream.partition import Reply


def main() -> None:
    """Serve the pipe that this process was begun with."""
    from rtfs.host.stream.runners.frame import read_frame, write_frame
    from rtfs.lang.errors import RtfsError

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who began us decides
    source, out = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nothing else may get between the answers
    try:
        worker = Worker(read_frame(source))
        write_frame(out, True)
        while True:
            answer = worker.answer(*read_frame(source))
            try:
                write_frame(out, answer)
            except RtfsError as error:  # something in it has no bytes
                write_frame(out, error)
    except (EOFError, BrokenPipeError):
        os._exit(0)


class Worker:
    """Some partitions of a stream, and where each stands."""

    def __init__(self, packed: str) -> None:
        from rtfs.evaluator import SessionEvaluator
        from rtfs.host.stream.partition import Partition, Plan
        from rtfs.lang.outcome import RuntimeContext
        from rtfs.portable import limits_of, unpack
        from rtfs.session import Session

        session = Session(limits=limits_of(packed), context=RuntimeContext.pure())
        evaluator = SessionEvaluator(session)
        plan = Plan(unpack(session, packed))
        self._partitions = {
            number: Partition(number, plan.made(number, evaluator), evaluator) for number in plan.stages
        }
        self._states: dict[int, Any] = {number: each.begin for number, each in self._partitions.items()}

    def answer(self, partition: int, wanted: bool, kind: str, *more: Any) -> Reply | None:
        """The answer to a request: `state` sets one, `work` and `control` go on from it. wanted: is the new one?"""
        if kind == "state":
            self._states[partition] = more[0]
            return None
        at = self._partitions[partition]
        reply = getattr(at, kind)(self._states[partition], *more)
        self._states[partition] = reply.state
        found: Reply = reply if wanted else reply._replace(state=None)
        return found
