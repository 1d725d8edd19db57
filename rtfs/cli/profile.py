"""`rtfs run --profile`: which functions of a program the time went to, and which host calls took how long.

A timer looks at the running code a thousand times per second of processor time, so that a profile costs little and
stays true while programs wait and switch.
"""

from __future__ import annotations

import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Coroutine
from types import FrameType
from typing import TYPE_CHECKING, Any

from rtfs.eval.fault import UNITS

if TYPE_CHECKING:
    from rtfs.lang.outcome import HostCall
    from rtfs.session import Session

INTERVAL = 0.001  # seconds of processor time
ROWS = 20  # functions that are told

Place = tuple[str, str, int]  # function, file, line


class Profile:
    """Watches a session from `with` on until its end."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._dispatch = session.dispatch
        self._samples = 0
        self._own: Counter[Place] = Counter()
        self._total: Counter[Place] = Counter()
        self._calls: dict[str, list[float]] = defaultdict(list)
        self._started = self._used = 0.0
        self._previous: Any = None

    def __enter__(self) -> Profile:
        self._started, self._used = time.perf_counter(), time.process_time()
        self._session.dispatch = self._timed
        self._previous = signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, self._previous)
        self._session.dispatch = self._dispatch
        self._started, self._used = time.perf_counter() - self._started, time.process_time() - self._used

    def _sample(self, number: int, frame: FrameType | None) -> None:
        self._samples += 1
        seen: set[Place] = set()
        while frame is not None:
            place = _place(frame)
            if place is not None and place not in seen:
                if not seen:
                    self._own[place] += 1
                seen.add(place)
                self._total[place] += 1
            frame = frame.f_back

    def _timed(self, call: HostCall) -> Any:
        start = time.perf_counter()
        try:
            answer = self._dispatch(call)
        except BaseException:
            self._calls[call.capability_id].append(time.perf_counter() - start)
            raise
        if isinstance(answer, Coroutine):
            return self._awaited(call.capability_id, answer, start)
        self._calls[call.capability_id].append(time.perf_counter() - start)
        return answer

    async def _awaited(self, id: str, answer: Coroutine[Any, Any, Any], start: float) -> Any:
        try:
            return await answer
        finally:
            self._calls[id].append(time.perf_counter() - start)

    def tell(self) -> None:
        """Say on standard error what was seen."""
        lines = [f"profile: {self._started:.3f} s, of which {self._used:.3f} s computing"]
        if self._own:
            lines.append("    own   total  function")
            for place, count in sorted(self._total.items(), key=lambda each: (-self._own[each[0]], -each[1]))[:ROWS]:
                name, file, line = place
                lines.append(f"{self._share(self._own[place])} {self._share(count)}  {name}, {file}:{line}")
        if self._calls:
            lines.append("  calls  seconds  capability")
            for id, took in sorted(self._calls.items(), key=lambda each: -sum(each[1])):
                lines.append(f"{len(took):7} {sum(took):8.3f}  {id}")
        sys.stderr.write("\n".join(lines) + "\n")

    def _share(self, count: int) -> str:
        return f"{100 * count / self._samples:5.1f} %"


def _place(frame: FrameType) -> Place | None:
    """The function of the program that a frame runs; None for other code."""
    unit = UNITS.get(frame.f_code.co_filename)
    if unit is None or unit.library:
        return None
    name = frame.f_code.co_name
    shown = "top level" if name.startswith("#") else name.partition("~")[0] or "fn"
    return shown, unit.source.name, frame.f_code.co_firstlineno
