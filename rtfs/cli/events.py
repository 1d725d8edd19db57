"""What streams tell while they run, for people: warnings as lines, defects in full; errors are reported at the end."""

from __future__ import annotations

import logging
from typing import Any

from rtfs.cli.report import defect, warn


def follow(registry: Any) -> None:
    """From now on. Without it Python would print every event of the log as it is written for machines."""
    registry.on_event(tell)
    logger = logging.getLogger("rtfs.stream")
    if not any(isinstance(handler, Defects) for handler in logger.handlers):
        logger.addHandler(Defects())


def tell(event: Any) -> None:
    """A warning such as `stream weather: retrying (problem: Connection closed, wait ms: 250)`."""
    if event.level == "warning":
        details = ", ".join(f"{key.replace('_', ' ')}: {value}" for key, value in event.data.items())
        warn(f"stream {event.stream_id}: {event.event}" + (f" ({details})" if details else ""))


class Defects(logging.Handler):
    """Exceptions that no rule of streaming expects are bugs; other records are events, which `tell` shows."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            defect(record.exc_info[1])
