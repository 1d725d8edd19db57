"""Both sides of every comparison do the same work; how long it takes is for `make bench` to say."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import pytest

import rtfs
from bench import __main__ as table
from bench import rows, stream_peers
from bench.harness import Measured, Row, Skipped, against
from bench.programs import PROGRAMS, Program
from bench.rows import language, peers, programs, reading, streams


@pytest.mark.parametrize("program", PROGRAMS, ids=[program.name for program in PROGRAMS])
def test_a_program_gives_what_its_twin_in_python_gives(program: Program) -> None:
    programs.check(program)


@pytest.mark.parametrize(
    ("name", "argument", "by_hand"),
    [
        ("fib", 10, language.fib),
        ("total", 100, language.total),
        ("literal", list(range(100)), language.pipeline),
        ("named", list(range(100)), language.named),
    ],
)
def test_a_row_gives_what_is_written_by_hand(name: str, argument: object, by_hand: object) -> None:
    runner = language.session()
    ours = runner.call(runner.lookup(name), rtfs.from_python(argument))
    assert ours == by_hand(argument)  # type: ignore[operator]


@pytest.mark.parametrize(("work", "maker"), peers.WORK)
def test_the_rows_beside_peers_give_what_is_written_by_hand(work: str, maker: str | None) -> None:
    session = peers.ours()
    given = 10 if maker is None else session.call(session.lookup(maker), 10)
    by_hand = {"fib": 55, "total": 45, "literal": 120, "steps": 45}
    assert session.call(session.lookup(work), given) == by_hand[work]


@pytest.mark.parametrize(("name", "package"), [("Basilisp", "basilisp.main"), ("Hy", "hy")])
def test_a_peer_that_is_not_installed_is_skipped_in_so_many_words(
    name: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    peers.peer.cache_clear()
    with pytest.raises(Skipped, match=f"^{name} is not installed: pip install"):
        peers.peer(name)


@pytest.mark.parametrize("text", [reading.written, reading.dense, reading.data])
def test_the_texts_that_are_read_are_rtfs(text: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SIZE", 600)
    assert rtfs.read(text())  # type: ignore[operator]


def test_every_group_has_rows_of_distinct_names() -> None:
    names = [row.name for _, entries in table.groups([]) for row in entries]
    groups = [module.name for module in pkgutil.iter_modules(rows.__path__)]
    assert len(set(names)) == len(names)
    assert all(importlib.import_module(f"bench.rows.{group}").ROWS for group in groups)


def test_an_unknown_group_is_named_beside_those_there_are() -> None:
    with pytest.raises(SystemExit, match=r"^no such group: slow; there are host, language, "):
        table.groups(["slow"])


def test_a_line_tells_figure_target_and_whether_it_was_missed() -> None:
    row = Row("work", 2.0, lambda: Measured(2.5, "5 ms, by hand 2 ms"))
    assert " ".join(table.line(row).split()) == "work 2.50 x target <= 2 x (5 ms, by hand 2 ms) MISSED"
    assert table.line(row._replace(least=True)).split()[-1] == "ms)"


def test_a_row_that_cannot_be_measured_says_so() -> None:
    def measure() -> Measured:
        raise Skipped("Hy is not installed")

    assert " ".join(table.line(Row("work", 2.0, measure)).split()) == "work skipped (Hy is not installed)"


def test_sides_that_differ_are_not_measured() -> None:
    with pytest.raises(AssertionError, match="different results: 1 and 2"):
        against(lambda: 1, lambda: 2)


def test_the_stream_of_the_rows_gives_what_is_written_by_hand() -> None:
    total, took = streams.through(100)
    assert total == stream_peers.by_hand([streams.CHUNK] * 100) == 300
    assert took > 0


@pytest.mark.parametrize("name", stream_peers.PEERS)
def test_a_stream_library_does_the_same_work_or_is_skipped_in_so_many_words(name: str) -> None:
    try:
        work = stream_peers.peer(name)
    except Skipped as why:
        assert str(why).startswith(f"{name} is not installed: pip install")
    else:
        assert work([streams.CHUNK] * 100) == 300


def test_windows_hold_every_item_once_on_every_side() -> None:
    assert streams.windowed(5_000) == stream_peers.windows_by_hand(range(5_000)) == 5_000


def test_it_is_noticed_when_the_fused_chain_makes_maps() -> None:
    chain = streams.CHAIN.replace("N", "9")
    assert not streams.builds_maps(chain)
    assert streams.builds_maps(chain.replace("inc", "(fn [x] {:n x})"))
