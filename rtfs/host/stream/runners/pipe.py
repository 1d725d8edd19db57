"""The pipe to one worker process: a request, an answer, in a thread of its own, and what ends it."""

from __future__ import annotations

import asyncio
import os
import queue
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any

from rtfs.host.stream.runners.frame import read_frame, write_frame
from rtfs.lang.errors import RtfsError

_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from rtfs.worker import main; main()"
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "XDG_CACHE_HOME", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


class Ended(Exception):
    """The worker ended before it answered: how, in words."""


class Pipe:
    """A worker process, begun at once. Requests are answered in their order."""

    def __init__(self) -> None:
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(__file__)))))
        self._process = subprocess.Popen(
            [sys.executable, "-c", _BOOT, root],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={name: os.environ[name] for name in _KEPT if name in os.environ},
        )
        self.pid = self._process.pid
        self.ended = False
        self._loop = asyncio.get_running_loop()
        self._requests: queue.SimpleQueue[tuple[Any, asyncio.Future[Any]] | None] = queue.SimpleQueue()
        threading.Thread(target=self._serve, name=f"rtfs worker {self.pid}", daemon=True).start()

    async def ask(self, message: Any) -> Any:
        """The answer to a request. Ended when there will be none."""
        if self.ended:
            raise Ended("ended before")
        future: asyncio.Future[Any] = self._loop.create_future()
        self._requests.put((message, future))
        return await future

    def close(self) -> None:
        """End the worker."""
        self.ended = True
        self._requests.put(None)
        self._process.kill()

    # ---- the thread

    def _serve(self) -> None:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        problem: Exception | None = None
        while (entry := self._requests.get()) is not None:
            message, future = entry
            try:
                if problem is not None:
                    raise problem
                write_frame(process.stdin, message)
                answer = read_frame(process.stdout)
            except (EOFError, OSError, ValueError):
                self.ended = True
                problem = Ended(_how(process.wait()))
                self._tell(future, None, problem)
            except Exception as error:  # a value that has no bytes, or its answer
                self._tell(future, None, error)
            else:
                failed = answer if isinstance(answer, RtfsError) else None
                self._tell(future, answer, failed)
        with suppress(OSError):
            process.stdin.close()
        process.stdout.close()
        process.wait()

    def _tell(self, future: asyncio.Future[Any], answer: Any, error: Exception | None) -> None:
        def settle() -> None:
            if future.done():
                return
            if error is None:
                future.set_result(answer)
            else:
                future.set_exception(error)

        with suppress(RuntimeError):  # the loop is closed, and nobody waits
            self._loop.call_soon_threadsafe(settle)


def _how(code: int) -> str:
    return f"by signal {-code}" if code < 0 else f"with exit code {code}"
