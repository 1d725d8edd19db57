"""Ctrl-C, Ctrl-Z, SIGTERM and SIGHUP while a REPL runs."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from rtfs.cli.interactive.ending import hurry

if TYPE_CHECKING:
    from rtfs.cli.interactive.repl import Repl

KILL = 3  # as many Ctrl-C for one evaluation end the process


class Signals:
    """Handles signals as long as the REPL lasts.

    SIGINT stops the evaluation under way: it interrupts the program where it stands, or ends its wait. A second one
    tears a program off that did not notice, a third one ends the process. Streams never notice. Without an evaluation
    `idle` is called. SIGTERM and SIGHUP leave as Ctrl-D does.
    """

    def __init__(self, repl: Repl, idle: Callable[[], None], restore: Callable[[], None] = lambda: None) -> None:
        """restore: gives the terminal back before the process is ended."""
        self.repl = repl
        self._asking = False
        self._idle = idle
        self._restore = restore
        self._loop = asyncio.get_running_loop()
        self._struck: Any = None  # the evaluation that Ctrl-C was for
        self._count = 0
        self._tasks: list[Any] = []
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        for number, handler in (
            (signal.SIGINT, self._interrupt),
            (signal.SIGTERM, self._end),
            (signal.SIGHUP, self._end),
        ):
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._previous[number] = signal.signal(number, handler)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    @contextmanager
    def question(self) -> Iterator[None]:
        """While everything waits for the person Ctrl-C raises where that happens."""
        self._asking = True
        try:
            yield
        finally:
            self._asking = False

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self._asking:
            raise KeyboardInterrupt
        repl = self.repl
        subject = repl.ending or repl.task
        if subject is None or (subject is repl.task and subject.done()):
            self._struck, self._count = None, 0
            repl.struck = True
            self._loop.call_soon_threadsafe(self._idle)
            return
        self._count = self._count + 1 if self._struck is subject else 1
        self._struck = subject
        if self._count >= KILL:
            self._restore()
            os._exit(128 + number)
        if subject is repl.ending:
            self._loop.call_soon_threadsafe(self._hurry)
            return
        if self._count > 1 and repl.session.executing() is not None and _in_program(frame):
            raise KeyboardInterrupt
        repl.interrupt()
        self._loop.call_soon_threadsafe(repl.stop)

    def _hurry(self) -> None:
        self._tasks.append(self._loop.create_task(hurry(self.repl)))

    def _end(self, number: int, frame: FrameType | None) -> None:
        repl = self.repl
        if number == signal.SIGHUP:
            self._hang_up()
            repl.code = 128 + number
        repl.interrupt()
        self._loop.call_soon_threadsafe(self._leave)

    def _leave(self) -> None:
        self.repl.stop()
        self.repl.leave()

    def _hang_up(self) -> None:
        """The terminal is gone: what is still said goes nowhere."""
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (1, 2):
            os.dup2(nowhere, descriptor)
        os.close(nowhere)


def _in_program(frame: FrameType | None) -> bool:
    """Was compiled code interrupted, and not an import or a part of the host that it called?"""
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith("<frozen importlib"):
            return False
        if file.startswith("<rtfs:"):
            return True
        frame = frame.f_back
    return False
