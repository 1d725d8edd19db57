"""How progress is worded, for people and for machines."""

from __future__ import annotations

import json

import pytest

from rtfs.cli.progress import JsonLines, Screen, age, as_data, line, short
from rtfs.host.stream.inspection import Progress

WEATHER = Progress("weather", "weather-1", 12_401, 11_998, 1_234.5, 3, 32, "active", "open", 2_400)


def test_an_active_stream_is_one_line_of_figures() -> None:
    assert line(WEATHER) == "weather 12,401 in · 11,998 out · 1.2k/s · queue 3/32 · open · ckpt 2 s ago"


def test_without_snapshots_nothing_is_said_about_them() -> None:
    assert line(WEATHER._replace(checkpoint_age_ms=None)).endswith("queue 3/32 · open")


def test_a_paused_stream_shows_its_queue_and_no_rate() -> None:
    shown = line(WEATHER._replace(status="paused", checkpoint_age_ms=None))
    assert shown == "weather 12,401 in · 11,998 out · queue 3/32 · paused"


def test_an_ended_stream_shows_how_it_ended() -> None:
    shown = line(WEATHER._replace(status="completed", checkpoint_age_ms=None))
    assert shown == "weather 12,401 in · 11,998 out · completed"


RATES = [(0, "0"), (0.25, "0.2"), (7.46, "7.5"), (842.4, "842"), (999.7, "1.0k"), (1_234, "1.2k"), (3.4e6, "3.4M")]
AGES = [(-5, "0 s"), (1_999, "1 s"), (59_999, "59 s"), (60_000, "1 min"), (7_200_000, "2 h")]


@pytest.mark.parametrize(("number", "text"), RATES)
def test_rates_are_short(number: float, text: str) -> None:
    assert short(number) == text


@pytest.mark.parametrize(("milliseconds", "text"), AGES)
def test_ages_are_short(milliseconds: int, text: str) -> None:
    assert age(milliseconds) == text


def test_json_lines_come_once_a_second_and_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    display = JsonLines()
    for _ in range(9):
        display.show([WEATHER])
    display.close([WEATHER._replace(status="completed")])
    lines = [json.loads(text) for text in capsys.readouterr().err.splitlines()]
    assert [each["status"] for each in lines] == ["active", "active", "completed"]
    assert lines[0] == as_data(WEATHER) == {
        "stream": "weather",
        "id": "weather-1",
        "in": 12_401,
        "out": 11_998,
        "per_second": 1_234.5,
        "queue": 3,
        "capacity": 32,
        "status": "active",
        "transport": "open",
        "checkpoint_age_ms": 2_400,
    }  # fmt: skip


def test_what_a_terminal_takes_for_commands_is_not_in_a_line() -> None:
    assert line(WEATHER._replace(name="a\x1b[2J\rb")).startswith("a\ufffd[2J\ufffdb ")


def test_a_screen_shows_no_more_lines_than_it_has() -> None:
    assert 1 <= Screen().most < 200
