"""Lines that a person types at a terminal."""

from __future__ import annotations

import os
import pty
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from rtfs.cli import allowance
from rtfs.cli.consent import Consent
from rtfs.host.console import Console
from rtfs.lang.errors import HostCallError
from rtfs.lang.outcome import HostCall, RuntimeContext


@contextmanager
def terminal() -> Iterator[int]:
    """Standard input and error are a terminal, at which is typed what is written to the descriptor."""
    master, slave = pty.openpty()
    with (
        pytest.MonkeyPatch.context() as patch,
        open(slave) as typed,
        open(os.dup(slave), "w") as shown,
    ):
        patch.setattr(sys, "stdin", typed)
        patch.setattr(sys, "stderr", shown)
        yield master
    os.close(master)


def refused() -> Any:
    call = HostCall("t.f", (), RuntimeContext.full())
    return Consent()(call, HostCallError("SecurityViolation", "t.f is not allowed"))


WAITS: dict[str, Callable[[], Any]] = {
    "a program": lambda: Console().read_line(),
    "a right": refused,
    "a budget": lambda: allowance.ask("calls", 1, 1, None),
}


@pytest.mark.parametrize("wait", WAITS)
def test_ctrl_c_ends_the_wait_for_a_line_also_if_another_thread_gets_the_signal(wait: str) -> None:
    waiting, noticed, late = threading.Event(), threading.Event(), []

    def strike() -> None:
        waiting.wait()
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        if not noticed.wait(10):
            late.append(wait)
            os.write(keys, b"\n")

    thread = threading.Thread(target=strike)
    interval = sys.getswitchinterval()
    with terminal() as keys:
        thread.start()
        sys.setswitchinterval(60)  # the other thread runs as soon as this one waits, and not before
        try:
            waiting.set()
            with pytest.raises(KeyboardInterrupt):
                WAITS[wait]()
        finally:
            sys.setswitchinterval(interval)
            noticed.set()
            thread.join()
    assert late == []


@pytest.mark.parametrize(("typed", "lines"), [(b"one\ntwo\n", ["one", "two"]), (b"\n", [""]), (b"\x04", [None])])
def test_a_line_is_what_was_typed_up_to_its_end(typed: bytes, lines: list[str | None]) -> None:
    with terminal() as keys:
        os.write(keys, typed)
        assert [Console().read_line() for _ in lines] == lines
