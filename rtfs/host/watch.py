"""Deadlines and turns: daemon threads that tell runs when their time is up, and when others have to run, too."""

from __future__ import annotations

import heapq
import os
import threading
import time
from itertools import count
from typing import Any, Protocol
from weakref import ref

from rtfs.lang.errors import LimitError


class Interruptible(Protocol):
    def interrupt(self, error: LimitError) -> None: ...


class Pausable(Protocol):
    def ask_pause(self) -> None: ...


class Watch:
    """A heap of deadlines and the thread that waits for the earliest; started when first used."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._heap: list[tuple[float, int, list[Any]]] = []
        self._numbers = count()
        self._thread: threading.Thread | None = None

    def add(self, run: Interruptible, seconds: float, limit: float | None = None) -> list[Any]:
        """Interrupt `run` after `seconds`, naming `limit`; gives an entry that `drop` takes back."""
        entry: list[Any] = [run, seconds if limit is None else limit]
        with self._lock:
            earliest = self._heap[0][0] if self._heap else float("inf")
            at = time.monotonic() + seconds
            heapq.heappush(self._heap, (at, next(self._numbers), entry))
            if self._thread is None:
                self._thread = threading.Thread(target=self._wait, name="rtfs-watch", daemon=True)
                self._thread.start()
            elif at < earliest:
                self._lock.notify()
        return entry

    def drop(self, entry: list[Any]) -> None:
        entry[0] = None

    def _wait(self) -> None:
        while True:
            with self._lock:
                while self._heap and self._heap[0][2][0] is None:
                    heapq.heappop(self._heap)
                if not self._heap:
                    self._lock.wait()
                    continue
                rest = self._heap[0][0] - time.monotonic()
                if rest > 0:
                    self._lock.wait(rest)
                    continue
                run, seconds = heapq.heappop(self._heap)[2]
            if run is not None:
                run.interrupt(LimitError("DeadlineExceeded", f"Deadline exceeded: {round(seconds * 1000)} ms"))

    def forked(self) -> None:
        """In the child of a fork, which has this object but none of its threads."""
        self._lock, self._thread = threading.Condition(), None


WATCH = Watch()


class Pulse:
    """Asks the programs that run in event loops to hand them back: each beat all that run just now."""

    BEAT = 0.002  # seconds; the thread may have to wait as long again for the interpreter, and a loop for a poll
    REST = 1.0  # seconds without a program after which the thread sleeps until there is one

    def __init__(self) -> None:
        self._running: dict[Pausable, None] = {}
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, run: Pausable) -> None:
        """The run has the event loop from now on."""
        self._running[run] = None
        if self._thread is None:
            self._thread = threading.Thread(target=self._beat, name="rtfs-pulse", daemon=True)
            self._thread.start()
        elif not self._wake.is_set():
            self._wake.set()

    def end(self, run: Pausable) -> None:
        self._running.pop(run, None)

    def _beat(self) -> None:
        idle = 0.0
        while True:
            time.sleep(self.BEAT)
            for run in tuple(self._running):
                run.ask_pause()
            idle = 0.0 if self._running else idle + self.BEAT
            if idle >= self.REST:
                self._wake.clear()
                if not self._running:  # one that began before the clearing is in it by now
                    self._wake.wait()
                idle = 0.0

    def forked(self) -> None:
        """In the child of a fork."""
        self._wake, self._thread = threading.Event(), None


PULSE = Pulse()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=WATCH.forked)
    os.register_at_fork(after_in_child=PULSE.forked)


class Turn:
    """`with Turn(run):` around the work of a run that has the event loop meanwhile."""

    __slots__ = ("run",)

    def __init__(self, run: Pausable) -> None:
        self.run = run

    def __enter__(self) -> None:
        PULSE.begin(self.run)

    def __exit__(self, *raised: object) -> None:
        PULSE.end(self.run)


class Time:
    """Seconds of evaluation that are left, for runs that share them. One of them evaluates at a time: `running`."""

    __slots__ = ("limit", "left", "running")

    def __init__(self, seconds: float) -> None:
        self.limit = self.left = seconds
        self.running: Deadline | None = None


class Deadline:
    """The evaluation time of one run; it stands still while the run waits for its host, or for a run inside it."""

    def __init__(self, run: Any, time: Time) -> None:
        self._run = run
        self._time = time
        self._since = 0.0
        self._waits = True
        self._entry: list[Any] | None = None  # stays while the run waits, and is put off when it comes too early
        self._outer: Deadline | None = None  # stands still for this one

    def go_on(self) -> None:
        self._outer = self._time.running
        if self._outer is not None:
            self._outer._stop()
        self._start()

    def pause(self) -> None:
        if not self._waits:
            self._stop()
            outer, self._outer = self._outer, None
            if outer is not None:
                outer._start()

    def _start(self) -> None:
        self._time.running = self
        self._since = time.monotonic()
        self._waits = False
        if self._entry is None:
            self._entry = WATCH.add(self, max(self._time.left, 0.0), self._time.limit)

    def _stop(self) -> None:
        if not self._waits:
            self._waits = True
            self._time.left -= time.monotonic() - self._since
            self._time.running = None

    def interrupt(self, error: LimitError) -> None:
        """The time of the entry has come. Called by the watch: in this order, `_start` adds another one if it must."""
        self._entry = None
        if self._waits:
            return
        left = self._time.left - (time.monotonic() - self._since)
        if left > 0:
            self._entry = WATCH.add(self, left, self._time.limit)
        else:
            self._run.interrupt(error)

    def __enter__(self) -> None:
        self._run.deadline = self
        self.go_on()

    def __exit__(self, *raised: object) -> None:
        self.pause()
        entry, self._run.deadline = self._entry, None
        if entry is not None:
            WATCH.drop(entry)


SHORT = 0.005  # seconds after which a turn of pure steps begins no other step


class Vigil:
    """Ends a pure step that takes longer than it may, within half as long again: nobody asks a clock for each step.

    The run counts up when a turn of steps begins and when it ends. A turn that is met again and again is in a step that
    takes long: without one it is over soon (`SHORT`).
    """

    def __init__(self, run: Any, seconds: float) -> None:
        self._run = ref(run)
        self._seconds = seconds
        self._met = self._quarters = 0
        self._quarter = max(seconds / 4, SHORT)
        WATCH.add(self, self._quarter, seconds)

    def interrupt(self, error: LimitError) -> None:
        """A quarter of the time has gone by. Called by the watch."""
        run = self._run()
        if run is None:
            return
        stays = run.turns % 2 == 1 and run.turns == self._met
        self._met, self._quarters = run.turns, self._quarters + 1 if stays else 0
        if self._quarters == 5:  # one for the turn before the step
            self._quarters = 0
            run.interrupt(error)
        del run
        WATCH.add(self, self._quarter, self._seconds)
