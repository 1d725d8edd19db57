"""What a run with streams shows: a live line per stream on a terminal, JSON lines for machines."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any, Protocol

INTERVAL = 0.125  # seconds between two looks at the streams
JSON_EVERY = 8  # looks between two JSON lines: one a second


class Figures(Protocol):
    """One stream at one moment; `rtfs.host.stream.inspection.Progress` is one. rate: chunks per second."""

    @property
    def name(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def received(self) -> int: ...
    @property
    def outputs(self) -> int: ...
    @property
    def rate(self) -> float: ...
    @property
    def depth(self) -> int: ...
    @property
    def capacity(self) -> int: ...
    @property
    def status(self) -> str: ...
    @property
    def transport(self) -> str: ...
    @property
    def checkpoint_age_ms(self) -> int | None: ...


class Display(Protocol):
    """Where progress is shown. `close` shows the last figures and gives the place back.

    most: of how many streams it wants the figures, None for all. more: how many there are beside those given.
    """

    @property
    def most(self) -> int | None: ...
    def show(self, streams: Sequence[Figures], more: int = 0) -> None: ...
    def close(self, streams: Sequence[Figures], more: int = 0) -> None: ...


def line(stream: Figures) -> str:
    """`weather 12,401 in · 11,998 out · 1.2k/s · queue 3/32 · open · ckpt 2 s ago`."""
    parts = [f"{stream.received:,} in", f"{stream.outputs:,} out"]
    if stream.status == "active":
        parts += [f"{short(stream.rate)}/s", f"queue {stream.depth}/{stream.capacity}", stream.transport]
    elif stream.status == "paused":
        parts += [f"queue {stream.depth}/{stream.capacity}", "paused"]
    else:
        parts.append(stream.status)
    if stream.checkpoint_age_ms is not None:
        parts.append(f"ckpt {age(stream.checkpoint_age_ms)} ago")
    return f"{plain(stream.name)} {' · '.join(parts)}"


def plain(text: str) -> str:
    """Text without what a terminal takes for commands."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in text)


def short(number: float) -> str:
    """`7.5`, `842`, `1.2k`, `3.4M`."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if number >= 0.9995 * size:
            return f"{number / size:.1f}{unit}"
    return f"{number:.1f}" if 0 < number < 10 else f"{number:.0f}"


def age(milliseconds: int) -> str:
    """`0 s`, `59 s`, `2 min`, `3 h`."""
    seconds = max(0, milliseconds) // 1000
    if seconds < 60:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 3600 else f"{seconds // 3600} h"


class Screen:
    """Live lines at the foot of a terminal; what the program prints appears above them."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        console = Console(stderr=True, soft_wrap=True, highlight=False)
        self._console = console
        self._live = Live(console=console, auto_refresh=False, redirect_stdout=sys.stdout.isatty())

    @property
    def most(self) -> int:
        """As many as the terminal has lines, but for the program's own and for the rest."""
        return max(1, self._console.height - 3)

    def show(self, streams: Sequence[Figures], more: int = 0) -> None:
        from rich.text import Text

        if not self._live.is_started:
            self._live.start()
        lines = [line(stream) for stream in streams] + ([f"… and {more:,} more"] if more else [])
        self._live.update(Text("\n".join(lines), no_wrap=True, overflow="ellipsis"), refresh=True)

    def close(self, streams: Sequence[Figures], more: int = 0) -> None:
        self.show(streams, more)
        sys.stdout.flush()
        self._live.stop()


class JsonLines:
    """One JSON object per stream and second on standard error."""

    most = None

    def __init__(self) -> None:
        self._looks = 0

    def show(self, streams: Sequence[Figures], more: int = 0) -> None:
        if self._looks % JSON_EVERY == 0:
            self.close(streams)
        self._looks += 1

    def close(self, streams: Sequence[Figures], more: int = 0) -> None:
        for stream in streams:
            sys.stderr.write(json.dumps(as_data(stream), ensure_ascii=False) + "\n")
        sys.stderr.flush()


class Nothing:
    """No progress: in a pipe, or switched off."""

    most = 0

    def show(self, streams: Sequence[Figures], more: int = 0) -> None:
        pass

    def close(self, streams: Sequence[Figures], more: int = 0) -> None:
        pass


def as_data(stream: Figures) -> dict[str, Any]:
    """The figures of one stream as a JSON object."""
    return {
        "stream": stream.name,
        "id": stream.id,
        "in": stream.received,
        "out": stream.outputs,
        "per_second": stream.rate,
        "queue": stream.depth,
        "capacity": stream.capacity,
        "status": stream.status,
        "transport": stream.transport,
        "checkpoint_age_ms": stream.checkpoint_age_ms,
    }


class Progress:
    """Looks at the streams of a run a few times a second and has them shown."""

    def __init__(self, registry: Any, mode: str) -> None:
        """`mode`: `auto` (live lines if standard error is a terminal), `json` or `off`. Needs a running event loop."""
        self._registry = registry
        terminal = mode == "auto" and sys.stderr.isatty()
        self._display: Display = Screen() if terminal else JsonLines() if mode == "json" else Nothing()
        self._task = asyncio.get_running_loop().create_task(self._look())
        self._closed = False

    async def _look(self) -> None:
        while not self._closed:
            figures = self._registry.progress(self._display.most)
            if figures:
                self._display.show(figures, len(self._registry.streams) - len(figures))
            sys.stdout.flush()  # a reader at the other end of a pipe sees what a stream printed while it runs
            await asyncio.sleep(INTERVAL)

    def close(self) -> None:
        """Show how the streams ended. Callable when the loop no longer runs."""
        if not self._closed:
            self._closed = True
            figures = self._registry.progress(self._display.most)
            self._display.close(figures, len(self._registry.streams) - len(figures))
