"""Limits as they are written on the command line: `steps=1_000_000,time=2.5s`."""

from __future__ import annotations

UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
KEYS = ("steps", "time")


def parse_limits(text: str) -> dict[str, float]:
    """Steps as a whole number, time in seconds; ValueError says what is wrong."""
    limits: dict[str, float] = {}
    for part in text.split(","):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if key not in KEYS or not equals:
            raise ValueError(f"{part.strip()!r} is not one of {', '.join(f'{name}=…' for name in KEYS)}")
        if key in limits:
            raise ValueError(f"{key} is given twice")
        limits[key] = _steps(value) if key == "steps" else _seconds(value)
    return limits


def _steps(value: str) -> int:
    digits = value.replace("_", "")
    if not (digits.isascii() and digits.isdecimal()) or int(digits) < 1:
        raise ValueError(f"steps must be a positive whole number, got {value!r}")
    return int(digits)


def _seconds(value: str) -> float:
    number = value.rstrip("hms")
    unit = value[len(number) :]
    try:
        seconds = float(number) * UNITS[unit]
    except (ValueError, KeyError):
        raise ValueError(f"time must be a number of seconds such as 2, 1.5s, 500ms or 3m, got {value!r}") from None
    if not 0 < seconds < float("inf"):
        raise ValueError(f"time must be positive, got {value!r}")
    return seconds
