"""What is written while a prompt stands appears above it, in whole lines."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

if TYPE_CHECKING:
    from prompt_toolkit.application import Application

T = TypeVar("T")
DELAY = 0.02  # seconds that written lines may wait for others
MOST = 1 << 16  # characters that wait at most


class Writer:
    """Standard output or error while the REPL has the terminal."""

    def __init__(self, screen: Screen, stream: TextIO) -> None:
        self._screen = screen
        self._stream = stream

    def write(self, text: str) -> int:
        self._screen.take(self._stream, text)
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        self._screen.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Screen:
    """The terminal, shared by the prompt and everything that is written. `app`: what shows the prompt, if it stands."""

    def __init__(self) -> None:
        self.app: Application[Any] | None = None
        self._loop = asyncio.get_running_loop()
        self._lock = threading.RLock()
        self._held: list[tuple[TextIO, str]] = []
        self._size = 0
        self._due = False
        self._fresh = True  # does the cursor stand in the first column?
        self._streams: tuple[Any, Any] = (sys.stdout, sys.stderr)

    def __enter__(self) -> Screen:
        self._streams = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = (Writer(self, stream) for stream in self._streams)
        return self

    def __exit__(self, *_: object) -> None:
        self.app = None
        self._write_all()
        sys.stdout, sys.stderr = self._streams

    def take(self, stream: TextIO, text: str) -> None:
        """Take what is to be written; from any thread."""
        with self._lock:
            self._held.append((stream, text))
            self._size += len(text)
            here = self.app is None and threading.current_thread() is threading.main_thread()
            due, self._due = self._due, self._due or not here
        if here:
            self._write_all()
        elif not due:
            self._loop.call_soon_threadsafe(self._later)

    def _later(self) -> None:
        self._loop.call_later(0 if self._size > MOST else DELAY, self._come)

    def _come(self) -> None:
        self._due = False
        self.flush(whole_lines=True)

    def flush(self, *, whole_lines: bool = False) -> None:
        """Write what waits: at once without a prompt, else soon and above it."""
        if threading.current_thread() is not threading.main_thread():
            return
        if self.app is None:
            self._write_all()
        elif whole_lines:
            self._write_above()

    def _write_all(self) -> None:
        with self._lock:
            held, self._held, self._size = self._held, [], 0
        _write(held)
        if held:
            self._fresh = held[-1][1].endswith("\n") or not held[-1][1]

    def _write_above(self) -> None:
        """Write the lines that are complete; the rest waits for its end, or for the end of the prompt."""
        with self._lock:
            whole = [n for n, (_, text) in enumerate(self._held) if "\n" in text]
            if not whole:
                return
            stream, text = self._held[whole[-1]]
            lines, _, rest = text.rpartition("\n")
            held = [*self._held[: whole[-1]], (stream, f"{lines}\n")]
            self._held = [*([(stream, rest)] if rest else []), *self._held[whole[-1] + 1 :]]
            self._size = sum(len(text) for _, text in self._held)
        self.apart(lambda: _write(held))

    def apart(self, work: Callable[[], T]) -> T:
        """Do something with the terminal while the prompt is taken away."""
        app = self.app
        if app is None or not app.is_running:
            return work()
        app.renderer.erase()
        self.app = None
        try:
            return work()
        finally:
            self._write_all()
            self.app = app
            app.renderer.reset()
            app.renderer.request_absolute_cursor_position()
            app.invalidate()

    def begin(self, app: Application[Any]) -> None:
        """A prompt is about to stand, in a line of its own."""
        self._write_all()
        if not self._fresh:
            self._streams[0].write("\n")
            self._streams[0].flush()
            self._fresh = True
        self.app = app

    def end(self) -> None:
        """The prompt is done, and the cursor below it."""
        self.app = None
        self._fresh = True
        self._write_all()


def _write(pieces: list[tuple[TextIO, str]]) -> None:
    """Write pieces in their order, to both streams."""
    for n, (stream, text) in enumerate(pieces):
        stream.write(text)
        if n + 1 == len(pieces) or pieces[n + 1][0] is not stream:
            stream.flush()
