"""A pseudo-terminal with `rtfs repl` in it: types keys, waits for states, never sleeps."""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

PATIENCE = 60.0  # seconds until what does not come is a failure; nothing waits that long when it does
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\x1b[=>78]|\r")

ROOT = Path(__file__).resolve().parents[3]
SERVER = f"stdio:{sys.executable} {ROOT / 'examples' / 'servers' / 'weather.py'}"
COUNTER = (
    "(defn on-reading [state reading metadata] "
    "(if (:n reading) {:state (update state :count inc) :output (:n reading)} {:state state}))"
)
STREAM = (
    f'(def stream (mcp-stream "{SERVER}" on-reading {{:count 0}} {{:stream-id "count" :tool "watch" '
    ':args {:interval_ms 10} :since-arg "since" :since-path [:n] :reissue true}))'
)
COUNT = '(:count (:state (call :mcp.stream.inspect "count")))'
BUSY = "(loop [] (recur))"
_READY = b"\x1b[?2004h"  # a prompt stands, and takes pastes
_WHERE = b"\x1b[6n"

UP, DOWN, TAB, ENTER, ESCAPE = "\x1b[A", "\x1b[B", "\t", "\r", "\x1b"
CTRL_A, CTRL_C, CTRL_D, CTRL_E, CTRL_R, CTRL_Z = "\x01", "\x03", "\x04", "\x05", "\x12", "\x1a"


def pasted(text: str) -> str:
    """What a terminal sends for a paste."""
    return f"\x1b[200~{text}\x1b[201~"


def _begin() -> None:
    """The terminal is the new process's own, and ends it when it hangs up: also if the tests run under nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """One process on a pseudo-terminal of its own."""

    def __init__(self, words: list[str], environment: dict[str, str], folder: Path, size: tuple[int, int]) -> None:
        self.folder = folder
        self.master, slave = os.openpty()
        self.resize(*size)
        self.process = subprocess.Popen(
            words,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=folder,
            env=environment,
            start_new_session=True,
            preexec_fn=_begin,
        )
        os.close(slave)
        self.output = ""
        self._seen = 0  # what was waited for already
        self._bytes = b""
        self._at = 0  # what came before the last line was typed
        self._sign = b"rtfs> " if environment.get("TERM") == "dumb" else _READY

    # ---- what is typed

    def type(self, keys: str) -> None:
        data = keys.encode()
        while data:  # a terminal holds only so much
            self._read(0)
            _, ready, _ = select.select([], [self.master], [], 1)
            if ready:
                data = data[os.write(self.master, data[:512]) :]

    def press(self, keys: str) -> None:
        """Keys after which another prompt comes."""
        self._at = len(self._bytes)
        self.type(keys)

    def line(self, text: str) -> None:
        """An input, typed at the next prompt."""
        self.prompt()
        self.type(text)
        self.press(ENTER)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    # ---- what is seen

    def until(self, text: str) -> str:
        """Wait until a text appears after what was waited for before; everything up to its end."""
        deadline = time.monotonic() + PATIENCE
        while (found := self.plain.find(text, self._seen)) < 0:
            if not self._read(0.5) and time.monotonic() > deadline:
                raise AssertionError(f"{text!r} does not come after {self.plain[self._seen :]!r}")
            if self.process.poll() is not None and not self._read(0.1) and self.plain.find(text, self._seen) < 0:
                raise AssertionError(f"ended before {text!r}: {self.plain[self._seen :]!r}")
        before, self._seen = self.plain[self._seen : found + len(text)], found + len(text)
        return before

    def prompt(self) -> None:
        """Wait until a prompt stands again after the last line."""
        self.wait_for(lambda: self._sign in self._bytes[self._at :], "a prompt")

    @property
    def plain(self) -> str:
        """Everything so far without what steers the terminal."""
        return _CONTROL.sub("", self.output)

    def _read(self, wait: float) -> bool:
        ready, _, _ = select.select([self.master], [], [], wait)
        if not ready:
            return False
        try:
            data = os.read(self.master, 65_536)
        except OSError:  # the other side is closed
            return False
        self._bytes += data
        for _ in range(data.count(_WHERE)):  # as every terminal answers who asks where the cursor is
            os.write(self.master, b"\x1b[1;1R")
        self.output = self._bytes.decode("utf-8", "replace")
        return bool(data)

    # ---- what happens in the session

    def tell(self, expression: str) -> str:
        """What an expression is in the session: it writes its value to a file, which is read here."""
        path = self.folder / f"told-{time.monotonic_ns()}"
        self.line(f'(call :ccos.io.write-file "{path}" (str "=" {expression} "."))')
        return self.file(path)

    def begin(self, work: str) -> None:
        """Type an expression, and wait until its evaluation is under way."""
        path = self.folder / f"begun-{time.monotonic_ns()}"
        self.line(f'(do (call :ccos.io.write-file "{path}" "=.") {work})')
        self.file(path)

    def file(self, path: Path) -> str:
        """What a program writes to a file, between `=` and `.`."""
        deadline = time.monotonic() + PATIENCE
        while not (path.exists() and (text := path.read_text(encoding="utf-8")).endswith(".")):
            self._read(0.02)
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise AssertionError(f"nothing is told: {self.plain[-2000:]!r}")
        return text[1:-1]

    def wait_for(self, state: object, what: str) -> None:
        """Wait until `state()` is true."""
        deadline = time.monotonic() + PATIENCE
        while not state():  # type: ignore[operator]
            self._read(0.02)
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} does not come: {self.plain[-2000:]!r}")

    # ---- the end

    def end(self) -> int:
        """Wait for the end of the process; its exit code."""
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            self._read(0.05)
            if time.monotonic() > deadline:
                raise AssertionError(f"it does not end: {self.plain[-2000:]!r}")
        while self._read(0.05):
            pass
        return self.process.returncode

    def hang_up(self) -> None:
        """The terminal goes away."""
        os.close(self.master)
        self.master = os.open(os.devnull, os.O_RDWR)

    def close(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self.master)
