"""`rtfs run --durable DIR`: a run that goes on where it was when its process is killed (host.md §2)."""

from __future__ import annotations

import os
from typing import Any

from rtfs.cli.output import Output, flush
from rtfs.cli.script import DONE, Execution, Settings
from rtfs.durable import Durable, first_difference, question, reopen_failure, undecided
from rtfs.host.history import FORMAT, History, history_error
from rtfs.lang.codec import encode
from rtfs.lang.collections import vector
from rtfs.lang.errors import RtfsError, invalid_argument
from rtfs.lang.source import Source
from rtfs.mismatch import mismatch

REFUSED = frozenset({"SecurityViolation", "ApprovalRequired", "BudgetExhausted", "UnknownCapability"})


class Immediate(Output):
    """What is written is out before the call has its answer."""

    def write(self, text: str) -> None:
        super().write(text)
        flush()


class LastingExecution(Execution):
    """One script whose calls are answered once, in however many processes it takes."""

    def __init__(self, settings: Settings, source: Source, **options: Any) -> None:
        assert settings.durable is not None
        self.history = History(settings.durable)
        try:
            source = _begun(self.history, settings, source)
            state = settings.state if settings.state is not None else settings.durable
            options = {"id": self.history.get("id"), "console": Immediate(), "state_dir": state, **options}
            super().__init__(settings, source, **options)
            Durable(self.session, self.history)
        except BaseException:
            self.history.close()
            raise

    def run(self) -> int:
        try:
            return super().run()
        finally:
            self.history.close()

    def _program(self) -> int:
        history = self.history
        if history.get("status") == "done":
            self._print(history.get("value") or "")
            return DONE
        self._decide()
        try:
            code = super()._program()
        except RtfsError as error:
            self._failed(error)
            raise
        if code == DONE and not self.interrupts.signals:
            history.put(status="done")
        return code

    def _show(self, text: str) -> None:
        """Print the last value, in one of the processes only."""
        if self.history.get("value") is None:
            super()._show(text)
            self.history.put(value=text)

    def _decide(self) -> None:
        """What to do about calls of which nobody knows if they were made; asks where it was not said."""
        history, market, settings = self.history, self.session.host.marketplace, self.settings
        if history.get("status") == "failed" and settings.retry_call:
            if not reopen_failure(history, market):
                text = "the call that failed is not made again: calls were made after it that must not be made twice"
                raise history_error(text)
            history.put(status="running")
            return
        waiting = undecided(history, market)
        if waiting and settings.retry_call:
            history.forget(waiting.pop(0).key)
        elif waiting and settings.skip_call is not None:
            history.answer(waiting.pop(0)._replace(state="value", answer=encode(_value(settings.skip_call))))
        elif settings.retry_call or settings.skip_call is not None:
            raise history_error("no call waits for a decision")
        if waiting:
            raise question(waiting[0], len(waiting) - 1)

    def _failed(self, error: RtfsError) -> None:
        """A refusal is no answer to stay with: the next process makes the call again. Any other error is the end."""
        if not error.catchable:
            return
        if error.kind in REFUSED and reopen_failure(self.history, self.session.host.marketplace, error.kind):
            return
        if self.history.get("status") == "failed":
            error.notes.append("the run ended with this error before; --retry-call makes the failed call again")
        self.history.put(status="failed")


def _begun(history: History, settings: Settings, source: Source) -> Source:
    """The program of a run that begins, or goes on. ReplayMismatch when it is another one than it began with."""
    from rtfs import __version__

    arguments = encode(vector(settings.arguments))
    text = history.get("text")
    if text is None:
        facts = {"format": str(FORMAT), "rtfs": __version__, "id": os.urandom(8).hex(), "status": "running"}
        history.put(name=source.name, text=source.text, arguments=arguments, **facts)
        return source
    if int(history.get("format") or 0) > FORMAT:
        raise history_error(f"the run in '{history.directory}' was written by a newer rtfs, {history.get('rtfs')}")
    hint = f"give another directory, or remove '{history.directory}' to start anew"
    if text != source.text:
        what = f"the program is not the one that the run in '{history.directory}' began with"
        raise mismatch(f"{what}: {first_difference(text, source.text)}", notes=(hint,))
    if history.get("arguments") != arguments:
        what = f"the run in '{history.directory}' began with the arguments {history.get('arguments')}, not {arguments}"
        raise mismatch(what, notes=(hint,))
    return Source(history.get("name") or source.name, text)


def _value(text: str) -> Any:
    """The one value that a text of the command line says."""
    from rtfs.session import read_forms

    forms = read_forms(text, "--skip-call")
    if len(forms) != 1:
        raise invalid_argument(f"--skip-call takes one value, got {len(forms)}")
    return forms[0]
