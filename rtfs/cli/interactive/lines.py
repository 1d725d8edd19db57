"""A REPL without a screen: lines from a pipe, a file, or a terminal that can do no more."""

from __future__ import annotations

import asyncio
import codecs
import os
import stat
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rtfs.cli.interactive.ending import finish
from rtfs.cli.interactive.signals import Signals

if TYPE_CHECKING:
    from rtfs.cli.interactive.repl import Repl

PROMPT, MORE = "rtfs> ", "....> "
LONG, SELDOM = 2_000, 1024  # characters of an input beyond which only so few of its lines are read to see if it ends
_CHUNK = 65_536


class Lines:
    """The lines of a descriptor, read without keeping the event loop from turning."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._text, self._at = "", 0  # what was read, and where the next line begins in it
        self._ended = False
        mode = os.fstat(descriptor).st_mode
        self._waits = not (stat.S_ISREG(mode) or stat.S_ISBLK(mode))  # a file answers at once, and cannot be watched
        self._arrived: asyncio.Future[None] | None = None
        self._turn = asyncio.Lock()

    async def next(self) -> str | None:
        """The next line without its end; None at the end. Who asks first gets it."""
        async with self._turn:
            return await self._next()

    async def _next(self) -> str | None:
        scanned = self._at
        while (end := self._text.find("\n", scanned)) < 0 and not self._ended:
            self._text, self._at = self._text[self._at :], 0
            scanned = len(self._text)
            if self._waits:
                await self._arrival()
            self._read()
        if end < 0 and self._at == len(self._text):
            return None
        last = len(self._text) if end < 0 else end
        line, self._at = self._text[self._at : last], min(last + 1, len(self._text))
        return line.removesuffix("\r")

    def wake(self) -> None:
        """Let whoever waits for a line see the end."""
        self._ended = True
        self._come()

    def _read(self) -> None:
        if self._ended:
            return
        try:
            data = os.read(self._descriptor, _CHUNK)
        except OSError:  # a terminal that hung up
            data = b""
        self._ended = not data
        self._text += self._decoder.decode(data, final=self._ended)

    async def _arrival(self) -> None:
        """Wait until there is something to read."""
        loop = asyncio.get_running_loop()
        self._arrived = loop.create_future()
        try:
            loop.add_reader(self._descriptor, self._come)
        except PermissionError:  # /dev/null and the like
            self._waits = False
            return
        try:
            await self._arrived
        finally:
            loop.remove_reader(self._descriptor)

    def _come(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)


class Plain:
    """Reads inputs from lines, evaluates one after the other and, when a person types, shows a prompt."""

    def __init__(self, repl: Repl) -> None:
        self.repl = repl
        self._lines = Lines(sys.stdin.fileno())
        self._reading: asyncio.Task[str | None] | None = None
        self._partial: list[str] = []
        repl.ask = self._ask
        repl.on_leave = self._lines.wake

    async def run(self) -> int:
        """Everything until the end of the input; the exit code."""
        repl = self.repl
        with Signals(repl, self._idle) as self._signals:
            while not repl.leaving and (text := await self._input()) is not None:
                repl.submit(text)
                await repl.settle()
            repl.leaving = True
            return await finish(repl)

    async def _input(self) -> str | None:
        """The next input: as many lines as the reader needs; None at the end."""
        self._partial, size, depth = [], 0, 0
        while True:
            line = await self._line(MORE if self._partial else PROMPT)
            if line is None:
                return "\n".join(self._partial) or None
            self._partial.append(line)
            size += len(line)
            depth += sum(map(line.count, "([{")) - sum(map(line.count, ")]}"))
            if size > LONG and depth > 0 and len(self._partial) % SELDOM:
                continue  # reading all of it again after every line would take longer and longer
            text = "\n".join(self._partial)
            if self.repl.complete(text):
                return text

    async def _line(self, prompt: str) -> str | None:
        if self.repl.interactive:
            sys.stdout.write(prompt)
        sys.stdout.flush()
        return await self._lines.next()

    async def _ask(self, prompt: str) -> str | None:
        """A line for a program."""
        sys.stdout.write(prompt)
        sys.stdout.flush()
        return await self._lines.next()

    def apart(self, work: Callable[[], Any]) -> Any:
        """Do something during which Ctrl-C raises."""
        with self._signals.question():
            return work()

    def _idle(self) -> None:
        """Ctrl-C while nothing runs: a person drops what was typed, a script ends."""
        if self.repl.interactive:
            self.repl.struck = False
            self._partial = []
            sys.stdout.write(f"\n{PROMPT}")
            sys.stdout.flush()
        else:
            self.repl.code = 130
            self.repl.leave()
