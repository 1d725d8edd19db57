"""Run one script from its text to its exit code. Imports no option parser: plain runs come here directly."""

from __future__ import annotations

import gc
import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from rtfs.cli.interrupt import Interrupts, Terminated
from rtfs.cli.output import Hangup, Output, Unwritable, detach, flush, lenient
from rtfs.cli.permission import Malformed
from rtfs.lang.errors import RtfsError
from rtfs.lang.source import Source

if TYPE_CHECKING:
    from rtfs.session import Session

DONE, FAILED, USAGE, REFUSED, LIMITED, HANGUP, INTERRUPTED = 0, 1, 2, 3, 4, 141, 130


LEVELS = ("off", "basic", "standard", "strict")  # of --check


class Settings(NamedTuple):
    """What the command line said. One of `file` (`-`: standard input), `expression` and `each` is given, or a tape."""

    file: str | None = None
    expression: str | None = None
    arguments: tuple[str, ...] = ()
    quiet: bool = False
    allow: tuple[str, ...] = ()
    allow_read: tuple[str, ...] = ()
    allow_write: tuple[str, ...] = ()
    allow_net: tuple[str, ...] = ()
    allow_env: tuple[str, ...] = ()
    allow_run: tuple[str, ...] = ()
    allow_all: bool = False
    capabilities: tuple[str, ...] = ()
    limits: dict[str, Any] | None = None
    state: str | None = None
    journal: str | None = None
    durable: str | None = None
    retry_call: bool = False
    skip_call: str | None = None
    record: str | None = None
    replay: str | None = None
    mcp_config: str | None = None
    progress: str = "auto"
    check: str = "standard"
    control: bool = True
    metrics: str | None = None
    trace: bool = False
    profile: bool = False
    each: str | None = None
    jsonl: bool = False
    as_json: bool = False


def run(settings: Settings) -> int:
    """Run a script; the exit code of experience.md §2."""
    lenient()
    try:
        code = _reported(settings)
        flush()
        return code
    except Hangup:
        detach()
        return HANGUP
    except Unwritable as error:
        detach()
        sys.stderr.write(f"error: cannot write to standard output: {error}\n")
        return FAILED


def _reported(settings: Settings) -> int:
    """Run a script and say on standard error what ended it, if anything did."""
    try:
        if settings.replay is not None:
            from rtfs.cli.tape import replay

            return replay(settings)
        source = read_program(settings)
        return USAGE if source is None else _execution(settings)(settings, source).run()
    except Malformed as error:
        sys.stderr.write(f"error: {error}\n")
        return USAGE
    except RtfsError as error:
        from rtfs.cli.report import report

        flush()
        report(error, as_json=settings.as_json, python_frames=settings.trace)
        return exit_code(error)
    except KeyboardInterrupt:
        flush()
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except Terminated as terminated:
        flush()
        return terminated.die()
    except Unwritable:
        raise
    except Exception as error:
        from rtfs.cli.report import defect

        flush()
        defect(error)
        return FAILED


def exit_code(error: RtfsError) -> int:
    """What an error makes of the run: 3 refused, 4 a limit or budget, 130 cancelled, else 1."""
    if error.kind in ("SecurityViolation", "ApprovalRequired"):
        return REFUSED
    if error.kind == "Cancelled":
        return INTERRUPTED
    limited = error.kind == "BudgetExhausted" or error.code.startswith("RTFS-E7")
    return LIMITED if limited or (error.code.startswith("RTFS-S") and not error.catchable) else FAILED


class Execution:
    """One script from its session to its exit code, with the streams it started."""

    def __init__(self, settings: Settings, source: Source, **options: Any) -> None:
        """options: of the session, beside those that the settings say."""
        self.settings = settings
        self.source = source
        self.interrupts = Interrupts()
        self.progress: Any = None  # made with the first stream
        self.session = self.interrupts.session = make_session(
            settings, source, {"on_streams": self._streams_begin, **options}
        )

    def run(self) -> int:
        """The exit code; raises what ended the program."""
        try:
            with self.interrupts:
                return self.interrupts.code(self._program())
        except BaseException as ending:
            if self.interrupts.caused(ending):
                self.interrupts.end()
            raise
        finally:
            self._close_progress()
            self.session.shutdown(timeout=5.0, strategy="immediate")

    def _program(self) -> int:
        session = self.session
        session.define("args", list(self.settings.arguments))
        gc.enable()  # `__main__` let it rest while rtfs was imported
        value = self._value()
        self._show("" if value is None else shown(value))
        if session.host_made and session.host.busy:
            return self._await_streams()
        return DONE

    def _value(self) -> Any:
        """What the program gives."""
        if not self.settings.profile:
            return self._evaluated()
        from rtfs.cli.profile import Profile

        profile = Profile(self.session)
        try:
            with profile:
                return self._evaluated()
        finally:
            flush()
            profile.tell()

    def _evaluated(self) -> Any:
        return self.session.run(self.source.text, name=self.source.name)

    def _show(self, text: str) -> None:
        """Print the last value."""
        self._print(text)

    def _print(self, text: str) -> None:
        if text and not self.settings.quiet:
            flush(text + "\n")

    def _streams_begin(self, registry: Any) -> None:
        from rtfs.cli.events import follow
        from rtfs.cli.progress import Progress

        follow(registry)
        self.interrupts.registry = registry
        self.progress = Progress(registry, self.settings.progress)
        if self.settings.control:
            self._open_socket(registry)
        self._open_metrics(registry)

    def _open_metrics(self, registry: Any) -> None:
        """Metrics for Prometheus, where the command line or the project says."""
        from rtfs.cli.permission import find_project
        from rtfs.cli.report import warn

        settings = self.settings
        project = find_project(settings.file if settings.file != "-" else None)
        place = settings.metrics or (None if project is None else project.metrics)
        if place is None:
            return
        from rtfs.host.stream.exposition import Endpoint, parse_address

        try:
            endpoint = registry.host.part("metrics", lambda: Endpoint(registry, *parse_address(place)))
        except (OSError, ValueError, RtfsError) as error:
            warn(f"no metrics at {place}: {error.message if isinstance(error, RtfsError) else error}")
        else:
            if settings.metrics is not None:
                host, port = endpoint.address
                warn(f"metrics are at http://{f'[{host}]' if ':' in host else host}:{port}/metrics", kind="note")

    def _open_socket(self, registry: Any) -> None:
        """Let `rtfs stream` in, for as long as the host lives."""
        from rtfs.host.stream.control import Control

        try:
            registry.host.part("control", lambda: Control(registry, {"script": self.source.name}))
        except OSError as error:
            from rtfs.cli.report import warn

            warn(f"`rtfs stream` cannot reach this run: {error}")

    def _await_streams(self) -> int:
        """Wait for what the program started; the exit code that failed streams give."""
        registry = self.interrupts.registry
        if registry is not None:
            from rtfs.cli.report import warn

            for id in registry.program_ended():
                warn(f"stream {id} is connected to nothing: not waiting for it")
            for id in registry.streams:
                self._tell_paused(registry, id)
            registry.on_event(partial(self._met, registry))
        self.session.join()
        return DONE if registry is None else self._stream_errors(registry)

    def _met(self, registry: Any, event: Any) -> None:
        from asyncio import get_running_loop

        if event.event == "paused":  # by whom is known when the move is over
            get_running_loop().call_soon(self._tell_paused, registry, event.stream_id)

    def _tell_paused(self, registry: Any, id: str) -> None:
        """Say of a stream which the run waits for that nobody but a callback may let it go on."""
        from rtfs.cli.report import warn
        from rtfs.host.stream.lifecycle import PAUSED

        stream = registry.streams.get(id)
        held = stream is not None and stream.status is PAUSED and stream.owner.paused_by == "call"
        if held and stream.awaited:
            warn(f"stream {id} is paused, and the run waits for it: `rtfs stream resume {id}` lets it go on")

    def _stream_errors(self, registry: Any) -> int:
        from rtfs.cli.report import report

        self._close_progress()
        flush()
        codes = []
        for stream in registry.streams.values():
            if stream.owner.failure is not None:
                report(stream.owner.failure, as_json=self.settings.as_json, python_frames=self.settings.trace)
                codes.append(exit_code(stream.owner.failure))
        return codes[0] if codes else DONE

    def _close_progress(self) -> None:
        if self.progress is not None:
            self.progress.close()


def read_program(settings: Settings) -> Source | None:
    """The text to run; None, with a message, when the file or an argument cannot be read."""
    from rtfs.loader import decode, read_source

    for number, word in enumerate(settings.arguments, 1):
        if not word.isascii() and any("\ud800" <= character <= "\udfff" for character in word):
            sys.stderr.write(f"error: argument {number} is not valid text: {word!a}\n")
            return None
    if settings.expression is not None or settings.each is not None:
        return Source("<eval>", settings.expression or settings.each or "")
    file = settings.file or "-"
    try:
        return decode(sys.stdin.buffer.read(), "<stdin>") if file == "-" else read_source(file)
    except OSError as error:
        from rtfs.cli.report import unreadable

        unreadable(file, error)
        return None


def _execution(settings: Settings) -> type[Execution]:
    if settings.each is not None:
        from rtfs.cli.filter import FilterExecution

        return FilterExecution
    if settings.durable is not None:
        from rtfs.cli.lasting import LastingExecution

        return LastingExecution
    if settings.record is not None:
        from rtfs.cli.tape import RecordedExecution

        return RecordedExecution
    return Execution


def folder_of(settings: Settings, source: Source) -> str:
    """Where the modules of a script are looked for first."""
    return os.path.dirname(os.path.abspath(source.name)) if settings.file not in (None, "-") else os.getcwd()


def shown(value: Any) -> str:
    from rtfs.lang.printer import show  # deferred: many programs end with nil

    return show(value)


def make_session(settings: Settings, source: Source, more: dict[str, Any]) -> Session:
    """The session of a run; `more`: options that count more than what the command line says."""
    from rtfs.cli.permission import load_capabilities, rights
    from rtfs.session import Session

    if settings.mcp_config is not None:
        os.environ["RTFS_MCP_CONFIG"] = os.path.abspath(settings.mcp_config)
    folder = folder_of(settings, source)
    options: dict[str, Any] = {"folder": folder, "state_dir": settings.state, "console": Output(), **rights(settings)}
    options["check"] = settings.check
    if settings.trace:
        from rtfs.cli.report import trace

        options["trace"] = trace
    if settings.journal is not None:
        options["journal"] = _journal(settings.journal)
    budget = _budget(settings.limits or {})
    session = Session(**{"limits": limits(settings), "budget": budget, **options, **more})
    load_capabilities(settings, session)
    return session


def limits(settings: Settings) -> Any:
    from rtfs.lang.limits import Limits

    chosen = settings.limits or {}
    return Limits(steps=chosen.get("steps"), cells=chosen.get("cells"), seconds=chosen.get("time"))


def _budget(chosen: dict[str, Any]) -> Any:
    """What the run may spend; None when nothing is limited."""
    if not chosen.keys() - {"steps", "time"}:
        return None
    from rtfs.cli.allowance import ask, warn
    from rtfs.cli.limit import BUDGET
    from rtfs.host.budget import Budget

    limits = {BUDGET[key][0]: value for key, value in chosen.items() if key in BUDGET}
    return Budget(on_warning=warn, ask=ask, **limits)


def _journal(path: str) -> Any:
    """The journal that a run adds to. Malformed when its file or key cannot be used."""
    import sqlite3

    from rtfs.cli.journal import open_ledger
    from rtfs.host.journal import Journal

    try:
        return Journal(open_ledger(path))
    except (OSError, sqlite3.Error) as error:
        raise Malformed(f"{path}: {error}") from error
