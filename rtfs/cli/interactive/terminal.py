"""The REPL on a terminal: a prompt with colours, completion and history, and evaluation beside it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.key_binding.key_processor import KeyPress
from prompt_toolkit.keys import Keys
from prompt_toolkit.output.color_depth import ColorDepth
from prompt_toolkit.shortcuts.prompt import PromptSession

from rtfs.cli.interactive.bindings import key_bindings
from rtfs.cli.interactive.colors import STYLE, Brackets, Colors
from rtfs.cli.interactive.ending import finish
from rtfs.cli.interactive.history import open_history
from rtfs.cli.interactive.keyboard import Keyboard
from rtfs.cli.interactive.screen import Screen
from rtfs.cli.interactive.signals import Signals

if TYPE_CHECKING:
    from rtfs.cli.interactive.repl import Repl

PROMPT, MORE = "rtfs> ", "....> "
PATIENCE = 0.2  # seconds that an evaluation has before the prompt comes back beside it
TICK = 0.5  # seconds between two looks at what runs


class Terminal:
    """Reads inputs at a prompt; the prompt comes back while an evaluation takes its time."""

    def __init__(self, repl: Repl) -> None:
        self.repl = repl
        self.screen = Screen()
        self._keyboard = Keyboard(sys.stdin)
        self._draft = Document()  # what was typed when something else needed the prompt
        self._question: asyncio.Future[str | None] | None = None
        self._asked = ""
        self._note = ""
        self._signature: tuple[str, str] = ("", "")
        self._prompt: PromptSession[str] = PromptSession(
            message=[("class:prompt", PROMPT)],
            lexer=Colors(),
            style=STYLE,
            color_depth=ColorDepth.DEPTH_1_BIT if os.environ.get("NO_COLOR") else None,
            completer=Completions(self),
            complete_while_typing=False,
            history=open_history(),
            enable_history_search=True,
            multiline=True,
            prompt_continuation=self._continuation,
            bottom_toolbar=self._toolbar,
            input_processors=[Brackets()],
            include_default_pygments_style=False,
            key_bindings=key_bindings(repl, self.suspend, self.candidates),
            input=self._keyboard,
            reserve_space_for_menu=4,
        )
        repl.ask = self.ask
        repl.on_leave = self._exit

    async def run(self) -> int:
        """Everything until the person leaves; the exit code."""
        repl = self.repl
        loop = asyncio.get_running_loop()
        ticker = loop.create_task(self._tick())
        with self._keyboard.raw_mode(), self.screen, Signals(repl, self._idle, self._give_back) as self._signals:
            loop.add_signal_handler(signal.SIGCONT, self._continued)
            loop.add_signal_handler(signal.SIGTSTP, lambda: self.suspend(group=False))
            try:
                await self._inputs()
                repl.leaving = True
                return await finish(repl)
            finally:
                loop.remove_signal_handler(signal.SIGCONT)
                loop.remove_signal_handler(signal.SIGTSTP)
                ticker.cancel()

    async def _inputs(self) -> None:
        repl = self.repl
        while not repl.leaving:
            if self._question is not None:
                await self._answer(self._question)
                continue
            text = await self._input()
            if text is None:
                return
            repl.submit(text)
            await self._settled()

    async def _settled(self) -> None:
        """Until the input is done, asks something, or takes so long that the prompt comes back."""
        until = time.monotonic() + PATIENCE
        while self.repl.busy and self._question is None and not self.repl.leaving:
            left = until - time.monotonic()
            if left <= 0:
                return
            await self.repl.settle(min(left, PATIENCE / 10))

    # ---- prompts

    async def _input(self) -> str | None:
        """One input; empty when something else needs the prompt, None when the person leaves."""
        prompt = self._prompt
        prompt.editing_mode = EditingMode.VI if self.repl.switches["vi"] else EditingMode.EMACS
        draft, self._draft = self._draft, Document()
        self.screen.begin(prompt.app)
        self.repl.struck = False
        try:
            return await prompt.prompt_async(default=draft, handle_sigint=False, set_exception_handler=False)
        except KeyboardInterrupt:
            return ""
        except EOFError:
            return None
        finally:
            self.screen.end()

    async def _answer(self, question: asyncio.Future[str | None]) -> None:
        """Let the person answer the question of a program."""
        asking: PromptSession[str] = PromptSession(message=self._asked, input=self._keyboard)
        self.screen.begin(asking.app)
        question.add_done_callback(lambda done: self._exit() if done.cancelled() else None)
        answer: str | None = None
        try:
            answer = await asking.prompt_async(handle_sigint=False, set_exception_handler=False)
        except KeyboardInterrupt:
            self.repl.stop()
        except EOFError:
            pass
        finally:
            self.screen.end()
            self._question = None
            if not question.done():
                question.set_result(answer)

    async def ask(self, prompt: str) -> str | None:
        """A line for a program; the input that is being typed stays for later."""
        while self._question is not None:
            await asyncio.wait([self._question])
        self._asked = prompt
        self._question = asyncio.get_running_loop().create_future()
        self._exit()
        return await self._question

    def _exit(self) -> None:
        """End the prompt that stands, keeping what was typed."""
        app = self.screen.app
        if app is None or not app.is_running or app.future is None or app.future.done():
            return
        if app is self._prompt.app:
            self._draft = self._prompt.default_buffer.document
            app.erase_when_done = True
            app.future.add_done_callback(lambda done: setattr(app, "erase_when_done", False))
        app.exit(result="")

    # ---- keys and signals

    def _idle(self) -> None:
        """Ctrl-C while nothing is evaluated: as the key would do, after the keys that were typed before it."""
        app = self.screen.app
        if app is not None and app.is_running:
            app.key_processor.feed_multiple(app.input.read_keys())
            app.key_processor.process_keys()
            if not app.is_done:  # else the keys were an input, and Ctrl-C is for its evaluation
                self.repl.struck = False
                app.key_processor.feed(KeyPress(Keys.ControlC, "\x03"))
                app.key_processor.process_keys()

    def apart(self, work: Callable[[], Any]) -> Any:
        """Do something with the terminal as shells have it, during which Ctrl-C raises."""
        with self._signals.question():
            return self._cooked(work)

    def _cooked(self, work: Callable[[], Any]) -> Any:
        def cooked() -> Any:
            with self._keyboard.cooked_mode():
                return work()

        return self.screen.apart(cooked)

    def _give_back(self) -> None:
        """The terminal as it was, for a process that ends at once."""
        app = self.screen.app
        if app is not None and app.is_running:
            app.renderer.erase()
        self._keyboard.give_back()

    def suspend(self, group: bool = True) -> None:
        """Stop, as Ctrl-Z does, with the terminal as shells have it. group: with all processes of the pipeline."""

        def stop() -> None:
            handler = signal.getsignal(signal.SIGTSTP)
            signal.signal(signal.SIGTSTP, signal.SIG_DFL)
            os.kill(0 if group else os.getpid(), signal.SIGTSTP)
            signal.signal(signal.SIGTSTP, handler)

        self._cooked(stop)

    def _continued(self) -> None:
        """Somebody else may have changed the terminal while the process stood still."""
        self._keyboard.take()
        app = self.screen.app
        if app is not None and app.is_running:
            app.renderer.reset()
            app.invalidate()

    async def _tick(self) -> None:
        """Keep the figures of what runs fresh, and make the documentation once the person has seen the prompt."""
        await asyncio.sleep(TICK)
        if not self.repl.busy:
            self.repl.names.library()
        while True:
            if self.screen.app is not None and (self.repl.busy or self.repl.live()):
                self.screen.app.invalidate()
            await asyncio.sleep(TICK)

    # ---- what stands around the input

    def _continuation(self, width: int, line: int, wrapped: int) -> StyleAndTextTuples:
        return [("class:continuation", " " * width if wrapped else MORE.rjust(width)[-width:])]

    def _toolbar(self) -> StyleAndTextTuples:
        """One line: the signature at the cursor, else what runs."""
        columns = self._prompt.output.get_size().columns
        text = self._note or self._at_cursor() or self._running()
        return [("", text if len(text) < columns else text[: max(0, columns - 2)] + "…")]

    def _at_cursor(self) -> str:
        from rtfs.cli.interactive.complete import head_at

        before = self._prompt.default_buffer.document.text_before_cursor
        if len(before) > 20_000:
            return ""
        try:
            head = head_at(before)
            if head != self._signature[0] or not self._signature[1]:
                self._signature = head, self.repl.names.signature(head) if head else ""
        except Exception as error:  # whatever is wrong with a name, typing goes on
            self._signature = "", f"no signature: {type(error).__name__}: {error}"
        return self._signature[1]

    def _running(self) -> str:
        parts = []
        if self.repl.busy:
            parts.append(f"evaluating for {time.monotonic() - self.repl.since:.0f} s, Ctrl-C stops it")
        if self.repl.registry is not None and self.repl.live():
            from rtfs.cli.progress import line

            parts += [line(each) for each in self.repl.registry.progress() if each.status in ("active", "paused")]
        return "  |  ".join(parts)

    def candidates(self, text: str) -> tuple[str, list[str]]:
        """The word before the end of a text and its completions. Whatever is wrong with the text, typing goes on."""
        from rtfs.cli.interactive.complete import candidates

        self._note = ""
        try:
            return candidates(self.repl, text)
        except Exception as error:
            self._note = f"no completion: {type(error).__name__}: {error}"
            return "", []


class Completions(Completer):
    """Completions for prompt_toolkit."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        word, found = self._terminal.candidates(document.text_before_cursor)
        for each in found:
            yield Completion(each, start_position=-len(word))
