"""Limits as they are written on the command line: `steps=1_000_000,time=2.5s,calls=100,network=5MB,cost=2:warn`.

`steps`, `cells` (allocated) and `time` bound one evaluation; the others are the budget of the whole run, with a policy
behind a colon.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
SIZES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def parse_limits(text: str) -> dict[str, Any]:
    """Steps as a whole number, time in seconds; of a budget (limit, policy). ValueError says what is wrong."""
    limits: dict[str, Any] = {}
    for part in text.split(","):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or (key not in EVALUATION and key not in BUDGET):
            raise ValueError(
                f"{part.strip()!r} is not one of {', '.join(f'{name}=…' for name in (*EVALUATION, *BUDGET))}"
            )
        if key in limits:
            raise ValueError(f"{key} is given twice")
        limits[key] = EVALUATION[key](key, value) if key in EVALUATION else _budget(key, value)
    return limits


def _budget(key: str, value: str) -> tuple[float, str]:
    from rtfs.host.budget import POLICIES

    amount, colon, policy = value.partition(":")
    if colon and policy not in POLICIES:
        raise ValueError(f"the policy of {key} is one of {', '.join(POLICIES)}, got {policy!r}")
    return BUDGET[key][1](key, amount), policy or "stop"


def _count(key: str, value: str) -> int:
    digits = value.replace("_", "")
    if not (digits.isascii() and digits.isdecimal()) or int(digits) < 1:
        raise ValueError(f"{key} must be a positive whole number, got {value!r}")
    return int(digits)


def _seconds(key: str, value: str) -> float:
    number = value.rstrip("hms")
    unit = value[len(number) :]
    try:
        seconds = float(number) * UNITS[unit]
    except (ValueError, KeyError):
        raise ValueError(f"{key} must be a number of seconds such as 2, 1.5s, 500ms or 3m, got {value!r}") from None
    if not 0 < seconds < float("inf"):
        raise ValueError(f"{key} must be positive, got {value!r}")
    return seconds


def _milliseconds(key: str, value: str) -> int:
    return max(1, round(_seconds(key, value) * 1000))


def _bytes(key: str, value: str) -> int:
    number = value.rstrip("kKmMgGiIbB")
    unit = value[len(number) :].lower()
    if unit not in SIZES or not number.replace("_", "").isdecimal() or not number.isascii():
        raise ValueError(f"{key} must be a size such as 4096, 512KB or 64MiB, got {value!r}")
    return int(number) * SIZES[unit]


def _amount(key: str, value: str) -> float:
    try:
        amount = float(value)
    except ValueError:
        amount = -1.0
    if not 0 <= amount < float("inf"):
        raise ValueError(f"{key} must be a number from 0, got {value!r}")
    return amount


EVALUATION: dict[str, Callable[[str, str], float]] = {"steps": _count, "cells": _count, "time": _seconds}
# key → (keyword of Budget, reader)
BUDGET: dict[str, tuple[str, Callable[[str, str], float]]] = {
    "calls": ("host_calls", _count),
    "wall": ("wall_clock_ms", _milliseconds),
    "tokens": ("tokens", _count),
    "cost": ("cost", _amount),
    "network": ("network_bytes", _bytes),
    "storage": ("storage_bytes", _bytes),
    "streams": ("streams", _count),
}
