"""`ccos.io.*` on the console and `ccos.user.ask`."""

from __future__ import annotations

import asyncio
import io
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from rtfs.host.console import Console
from rtfs.lang.collections import Map
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword


@pytest.fixture
def typed(bench: Callable[..., Any], paper: Any) -> Callable[..., Any]:
    """A host at whose console somebody types these lines."""
    return lambda *lines: bench(console=paper(*lines))


def test_text_is_printed_with_and_without_a_line_end(typed: Any) -> None:
    table = typed()
    assert table.do("ccos.io.print", "a") is None
    assert table.do("ccos.io.println", "b") is None
    assert table.paper.text == "ab\n"


def test_other_values_print_as_str_gives_them(typed: Any) -> None:
    table = typed()
    table.do("ccos.io.println", (1, "a", None))
    table.do("ccos.io.println", None)
    assert table.paper.text == '[1 "a" nil]\n\n'


def test_a_log_line_has_a_level(typed: Any) -> None:
    table = typed()
    table.do("ccos.io.log", "a")
    table.do("ccos.io.log", "b", Keyword("warn"))
    table.do("ccos.io.log", Map.of([(Keyword("text"), "c"), (Keyword("level"), Keyword("error"))]))
    assert table.paper.logged == [("info", "a"), ("warn", "b"), ("error", "c")]
    with pytest.raises(RtfsError, match="a level is one of :debug :info :warn :error, got :loud"):
        table.do("ccos.io.log", "d", Keyword("loud"))


def test_a_line_is_read_until_there_is_none(typed: Any) -> None:
    table = typed("one")
    assert table.do("ccos.io.read-line", "name? ") == "one"
    assert table.do("ccos.io.read-line") is None
    assert table.paper.text == "name? "


def test_a_question_gives_the_answer(typed: Any) -> None:
    table = typed("Ada ")
    assert table.do("ccos.user.ask", "Name?") == "Ada "
    assert table.paper.text == "Name? "


def test_a_question_with_choices_is_asked_until_one_is_taken(typed: Any) -> None:
    table = typed("maybe", " yes ")
    assert table.do("ccos.user.ask", "Sure?", ("yes", "no")) == "yes"
    assert table.paper.text == "Sure? (yes/no) Sure? (yes/no) "


def test_a_question_that_nobody_answers_is_an_error(typed: Any) -> None:
    with pytest.raises(RtfsError, match="nobody answered: the input has ended"):
        typed("x").do("ccos.user.ask", "Sure?", ("yes", "no"))


def test_input_that_is_no_unicode_is_an_error(typed: Any) -> None:
    with pytest.raises(RtfsError, match="the input is not valid Unicode"):
        typed("\udcff").do("ccos.io.read-line")


async def test_waiting_for_a_line_leaves_the_event_loop_running(bench: Callable[..., Any], paper: Any) -> None:
    class Slow(paper):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__("typed at last")
            self.key_pressed = threading.Event()

        def read_line(self, prompt: str = "") -> str | None:
            assert self.key_pressed.wait(30)
            return str(super().read_line(prompt))

    table = bench(console=Slow())
    reading = asyncio.ensure_future(table.wait("ccos.io.read-line"))
    await asyncio.sleep(0)
    assert not reading.done()
    table.paper.key_pressed.set()
    assert await reading == "typed at last"


async def test_a_reader_that_fails_beside_the_loop_is_contained(bench: Callable[..., Any], paper: Any) -> None:
    class Broken(paper):  # type: ignore[misc]
        def read_line(self, prompt: str = "") -> str | None:
            raise OSError("terminal gone")

    with pytest.raises(RtfsError, match="terminal gone"):
        await bench(console=Broken()).wait("ccos.io.read-line")


def test_the_console_of_the_process_is_looked_up_at_each_use(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setattr(sys, "stdin", io.StringIO("one\r\ntwo\n\nlast"))
    console = Console()
    console.write("x")
    console.log("warn", "careful")
    assert [console.read_line("? "), *[console.read_line() for _ in range(4)]] == ["one", "two", "", "last", None]
    assert (out.getvalue(), err.getvalue()) == ("x? ", "[warn] careful\n")
