"""One session as a person uses it: inputs go in, results and errors come out, commands look at it and change it."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from rtfs.cli.interactive.names import Names
from rtfs.cli.interactive.past import Input, may_hold_opaques
from rtfs.cli.interactive.result import shown, type_text
from rtfs.cli.output import Unwritable, flush
from rtfs.cli.report import report, trace
from rtfs.cli.script import exit_code
from rtfs.lang.errors import LimitError, RtfsError
from rtfs.lang.values import ErrorValue

if TYPE_CHECKING:
    from rtfs.cli.interactive.commands import Command
    from rtfs.recording import Take
    from rtfs.session import Session

Make = Callable[[dict[str, Any]], "Session"]
Ask = Callable[[str], Coroutine[Any, Any, "str | None"]]
UNNOTICED = 0.05  # seconds after which an interrupt that the program did not notice ends its wait

SWITCHES = ("types", "timing", "trace", "vi")


class Repl:
    """The state of one REPL. `make`: a session with further options. interactive: does a person type?

    inputs: what was evaluated, oldest first. loaded: files that `:load` ran, with their texts. modules: what each
    module depends on, by name, with digests. ask: reads a line for a program. on_leave: called when the session is to
    end. ending: what the end of the session waits for. code: the exit code so far.
    """

    def __init__(self, make: Make, *, interactive: bool) -> None:
        self.interactive = interactive
        self.switches: dict[str, bool] = dict.fromkeys(SWITCHES, False)
        self.session = make({"on_end": self._ended, "record": True, "on_streams": self._streams, "trace": self._trace})
        self.registry: Any = None
        self.inputs: list[Input] = []
        self.loaded: dict[str, str] = {}
        self.modules: dict[str, dict[str, str]] = {}
        self.names = Names(self)
        self.texts: deque[str] = deque(maxlen=200)  # what was typed last, for completion
        self.ask: Ask | None = None
        self.on_leave: Callable[[], None] = lambda: None
        self.ending: asyncio.Task[Any] | None = None
        self.questions: set[Any] = set()  # of programs that wait for a line
        self.broken: BaseException | None = None  # what ended the session by force
        self.struck = False  # did Ctrl-C come before the evaluation that it is for?
        self.draining = False
        self.leaving = False
        self.code = 0
        self.task: asyncio.Task[Any] | None = None  # the evaluation under way
        self.since = 0.0
        self.number = 0
        self._told_to: Any = None  # the run that was interrupted last
        self._waiting: deque[str] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._beside: set[asyncio.Task[Any]] = set()  # commands that run beside an evaluation

    # ---- inputs

    def submit(self, text: str) -> None:
        """Take an input. It is evaluated when those before it are done; commands that only look come at once."""
        if not text.strip():
            return
        self.texts.append(text)
        command = self.command(text)
        if self._worker is not None and command is not None and command.at_once:
            self._run_beside(text)
            return
        self._waiting.append(text)
        if self._worker is None:
            self._worker = asyncio.get_running_loop().create_task(self._work())
            self._worker.add_done_callback(self._worked)

    def _worked(self, worker: asyncio.Task[None]) -> None:
        """What no input may cause ends the session: nobody reads the output any more."""
        self.broken = None if worker.cancelled() else worker.exception()
        if self.broken is not None:
            self.leave()

    @property
    def busy(self) -> bool:
        return self._worker is not None

    async def settle(self, timeout: float | None = None) -> None:
        """Wait until every input is done, at most `timeout` seconds."""
        if self._worker is not None:
            await asyncio.wait([self._worker], timeout=timeout)

    async def _work(self) -> None:
        try:
            while self._waiting and not self.leaving:
                await self._one(self._waiting.popleft())
        finally:
            self._worker = None

    async def _one(self, text: str) -> None:
        command = self.command(text)
        if command is None and not text.lstrip().startswith(":"):
            await self.evaluate(text)
            return
        await self.command_named(text)

    def command(self, text: str) -> Command | None:
        """The command that an input is; None for code."""
        if not text.lstrip().startswith(":"):
            return None
        from rtfs.cli.interactive.commands import find

        return find(text.split()[0][1:])

    def complete(self, text: str) -> bool:
        """Is this a whole input, or could more lines make one of it?"""
        from rtfs.parser.reader import incomplete

        if not text.lstrip().startswith(":"):
            return not incomplete(text)
        found, (_, *rest) = self.command(text), text.split(None, 1)
        return found is None or found.argument != "code" or not rest or not incomplete(rest[0])

    def _run_beside(self, text: str) -> None:
        from rtfs.cli.interactive.commands import perform

        task = asyncio.get_running_loop().create_task(self._told(perform(self, text.strip())))
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    async def command_named(self, text: str) -> None:
        """Do a command; what goes wrong in it is told."""
        from rtfs.cli.interactive.commands import perform

        await self.guarded(perform(self, text.strip()))

    async def guarded(self, work: Coroutine[Any, Any, Any]) -> Any:
        """The result of some work that Ctrl-C may end. Its errors are told, and the result is None then."""
        task = asyncio.get_running_loop().create_task(self._told(work))
        beside, self.task, self.since = self.task, task, time.monotonic()
        if self.struck:
            self.struck = False
            task.cancel()
        try:
            return await task
        except asyncio.CancelledError:
            if not task.cancelled():
                raise
            self.say("interrupted")
            self._failed(130)
        finally:
            work.close()  # if it never began
            self.task = beside

    async def _told(self, work: Coroutine[Any, Any, Any]) -> Any:
        try:
            return await work
        except RtfsError as error:
            self.tell(error)
        except KeyboardInterrupt:
            self.say("interrupted")
            self._failed(130)
        except Unwritable:
            raise
        except OSError as error:
            self.say(f"error: {error.filename}: {error.strerror}" if error.filename else f"error: {error}")
            self._failed(1)
        except Exception as error:
            from rtfs.cli.report import defect

            defect(error)
            self._failed(1)
        return None

    # ---- evaluation

    async def evaluate(self, text: str, name: str | None = None) -> None:
        """Run a text as one input and show its value."""
        self.inputs.append(Input(text))
        self.number += 1
        began = time.perf_counter()
        answer = await self.guarded(self._boxed(text, name or f"<{self.number}>"))
        took = time.perf_counter() - began
        if answer is not None:
            await self.guarded(self._show(answer[0]))
        if self.switches["timing"]:
            self.say(f"; {took * 1000:.1f} ms")

    async def _boxed(self, text: str, name: str) -> tuple[Any]:
        return (await self.run(text, name),)

    async def run(self, text: str, name: str) -> Any:
        """Run a text in the session as part of the last input; its value."""
        return await self.session.run_async(text, name=name)

    async def _show(self, value: Any) -> None:
        if value is None and not self.interactive:
            return
        text = shown(value)
        if self.switches["types"]:
            text = f"{text}\n; {type_text(value)}"
        self.say(text)

    def _ended(self, session: Session, take: Take, value: Any, raised: BaseException | None) -> None:
        """`*1 *2 *3 *e`, live and in a replay: the last values and the last error."""
        if self.inputs and session is getattr(self, "session", session):
            self.inputs[-1].programs += 1
            self.inputs[-1].failed |= raised is not None
        user = session.world.user
        if raised is None:
            earlier = [user.globals.get(f":*{n}") for n in (1, 2)]
            for name, held in zip(("*1", "*2", "*3"), [value, *earlier], strict=True):
                user.define(name, held)
            if not may_hold_opaques(value):
                take.result = None  # only what cannot be written down must be found again
        elif isinstance(raised, RtfsError):
            user.define("*e", ErrorValue.of(raised))

    # ---- what is told

    def say(self, text: str) -> None:
        """A line to the person."""
        flush(f"{text}\n")

    def tell(self, error: RtfsError) -> None:
        """An error, with its place in the input."""
        flush()
        if error.kind == "Cancelled":
            self.say("interrupted")
        else:
            report(error)
        self._failed(exit_code(error))

    def misused(self, text: str) -> None:
        """A command that was not called as it must be."""
        self.say(f"error: {text}")
        self._failed(2)

    def _failed(self, code: int) -> None:
        """In a script the first failure is the end."""
        if not self.interactive and not self.leaving:
            self.code = code
            self.leave()

    def _trace(self, call: Any) -> None:
        if self.switches["trace"]:
            trace(call)

    def _streams(self, registry: Any) -> None:
        from rtfs.cli.events import follow

        self.registry = registry
        follow(registry)
        registry.on_event(self._stream_event)

    def _stream_event(self, event: Any) -> None:
        """A stream that ends in error says so at once: nobody waits for its end here."""
        if event.event == "error" and self.registry is not None:
            stream = self.registry.streams.get(event.stream_id)
            failure = None if stream is None else stream.owner.failure
            if failure is not None and self.interactive:
                sys.stderr.write(f"stream {event.stream_id} ended:\n")
                report(failure)

    def live(self) -> list[Any]:
        """The streams that have not ended."""
        if self.registry is None:
            return []
        return [stream for stream in self.registry.streams.values() if not stream.owner.terminal]

    # ---- stopping

    def interrupt(self) -> bool:
        """Stop the evaluation that executes now, from a handler of signals. False when none does."""
        run = self._told_to = self.session.executing()
        if run is not None:
            run.interrupt(LimitError("Cancelled", "Cancelled"))
        return run is not None

    def stop(self) -> None:
        """Stop the evaluation under way, from the event loop; a program that was interrupted only if it waits."""
        self._waiting.clear()
        for question in tuple(self.questions):
            question.cancel()
        task, run = self.task, self._told_to
        if task is None:
            return
        if run is None:
            task.cancel()
        else:
            asyncio.get_running_loop().call_later(UNNOTICED, self._stop_waiting, task, run)

    def _stop_waiting(self, task: asyncio.Task[Any], run: Any) -> None:
        """A program that waits for its host does not notice an interrupt; one that cleans up has."""
        if run.ending is None and not task.done():
            run.stop = None
            run.release()
            task.cancel()

    async def quiet(self) -> None:
        """End what was submitted and what programs ask."""
        self._waiting.clear()
        for question in tuple(self.questions):
            question.cancel()
        if self.task is not None:
            self.task.cancel()
        if self._worker is not None:
            await asyncio.wait([self._worker])

    def leave(self) -> None:
        """Take no more inputs."""
        self.leaving = True
        self.on_leave()
