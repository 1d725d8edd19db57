"""Deadlines: one daemon thread that tells runs when their time is up."""

from __future__ import annotations

import heapq
import threading
import time
from itertools import count
from typing import Any, Protocol

from rtfs.lang.errors import LimitError


class Interruptible(Protocol):
    def interrupt(self, error: LimitError) -> None: ...


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


WATCH = Watch()


class Deadline:
    """The evaluation time of one run; it stands still while the run waits for its host."""

    def __init__(self, run: Any, seconds: float) -> None:
        self._run = run
        self._limit = self._left = seconds
        self._since = 0.0
        self._entry: list[Any] | None = None

    def go_on(self) -> None:
        self._since = time.monotonic()
        self._entry = WATCH.add(self._run, max(self._left, 0.0), self._limit)

    def pause(self) -> None:
        if self._entry is not None:
            WATCH.drop(self._entry)
            self._entry = None
            self._left -= time.monotonic() - self._since

    def __enter__(self) -> None:
        self._run.deadline = self
        self.go_on()

    def __exit__(self, *raised: object) -> None:
        self.pause()
        self._run.deadline = None
