"""Limits as written on the command line."""

from __future__ import annotations

import pytest

from rtfs.cli.limit import parse_limits


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("steps=1000", {"steps": 1000}),
        ("steps=1_000_000,time=2", {"steps": 1_000_000, "time": 2.0}),
        ("time=500ms", {"time": 0.5}),
        (" time = 1.5s ", {"time": 1.5}),
        ("time=3m", {"time": 180.0}),
        ("time=1h", {"time": 3600.0}),
    ],
)
def test_steps_are_counted_and_time_is_in_seconds(text: str, limits: dict[str, float]) -> None:
    assert parse_limits(text) == limits


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is not one of steps=…, time=…"),
        ("steps", "'steps' is not one of steps=…, time=…"),
        ("memory=3", "'memory=3' is not one of steps=…, time=…"),
        ("steps=1.5", "steps must be a positive whole number, got '1.5'"),
        ("steps=0", "steps must be a positive whole number, got '0'"),
        ("steps=٣", "steps must be a positive whole number, got '٣'"),
        ("time=", "time must be a number of seconds such as 2, 1.5s, 500ms or 3m, got ''"),
        ("time=2d", "time must be a number of seconds such as 2, 1.5s, 500ms or 3m, got '2d'"),
        ("time=2sm", "time must be a number of seconds such as 2, 1.5s, 500ms or 3m, got '2sm'"),
        ("time=-1", "time must be positive, got '-1'"),
        ("time=nan", "time must be positive, got 'nan'"),
        ("time=inf", "time must be positive, got 'inf'"),
        ("time=1,time=2", "time is given twice"),
    ],
)
def test_anything_else_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_limits(text)
    assert str(caught.value) == message
