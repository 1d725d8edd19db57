"""Limits as written on the command line."""

from __future__ import annotations

import pytest

from rtfs.cli.limit import parse_limits

KEYS = "steps=…, cells=…, time=…, calls=…, wall=…, tokens=…, cost=…, network=…, storage=…, streams=…"


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("steps=1000", {"steps": 1000}),
        ("cells=2_000", {"cells": 2_000}),
        ("steps=1_000_000,time=2", {"steps": 1_000_000, "time": 2.0}),
        ("time=500ms", {"time": 0.5}),
        (" time = 1.5s ", {"time": 1.5}),
        ("time=3m", {"time": 180.0}),
        ("time=1h", {"time": 3600.0}),
        ("calls=100,tokens=5_000:warn", {"calls": (100, "stop"), "tokens": (5000, "warn")}),
        ("cost=2.5:ask,wall=2m", {"cost": (2.5, "ask"), "wall": (120_000, "stop")}),
        (
            "network=64MiB,storage=10kB,streams=3",
            {"network": (67_108_864, "stop"), "storage": (10_000, "stop"), "streams": (3, "stop")},
        ),
    ],
)
def test_steps_are_counted_and_time_is_in_seconds(text: str, limits: dict[str, object]) -> None:
    assert parse_limits(text) == limits


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", f"'' is not one of {KEYS}"),
        ("steps", f"'steps' is not one of {KEYS}"),
        ("memory=3", f"'memory=3' is not one of {KEYS}"),
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
        ("calls=0", "calls must be a positive whole number, got '0'"),
        ("calls=5:maybe", "the policy of calls is one of stop, warn, ask, got 'maybe'"),
        ("network=5XB", "network must be a size such as 4096, 512KB or 64MiB, got '5XB'"),
        ("network=-5", "network must be a size such as 4096, 512KB or 64MiB, got '-5'"),
        ("cost=free", "cost must be a number from 0, got 'free'"),
        ("wall=0", "wall must be positive, got '0'"),
    ],
)
def test_anything_else_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_limits(text)
    assert str(caught.value) == message
