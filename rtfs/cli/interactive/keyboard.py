"""The terminal as prompt_toolkit reads it, but for Ctrl-C, which stays a signal: a busy loop can be stopped."""

from __future__ import annotations

import os
import termios
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TextIO

from prompt_toolkit.input.vt100 import Vt100Input, raw_mode


class _Raw(raw_mode):
    """Raw mode in which only the interrupt key makes a signal, and what was typed before it is kept."""

    def __enter__(self) -> None:
        super().__enter__()
        try:
            attributes: list[Any] = termios.tcgetattr(self.fileno)
        except termios.error:
            return
        attributes[3] |= termios.ISIG | termios.NOFLSH
        off = bytes([os.fpathconf(self.fileno, "PC_VDISABLE")])
        for key in (termios.VQUIT, termios.VSUSP):
            attributes[6][key] = off
        _set(self.fileno, attributes)


class Keyboard(Vt100Input):
    """Keys of a terminal."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._first = _get(self.fileno())

    def raw_mode(self) -> AbstractContextManager[None]:
        return _Raw(self.fileno())

    def cooked_mode(self) -> AbstractContextManager[None]:
        """The terminal as it was found, for a while."""
        return self._as_found()

    @contextmanager
    def _as_found(self) -> Iterator[None]:
        now = _get(self.fileno())
        self.give_back()
        try:
            yield
        finally:
            _set(self.fileno(), now)

    def give_back(self) -> None:
        """Leave the terminal as it was found."""
        _set(self.fileno(), self._first)

    def take(self) -> None:
        """Have the terminal raw again, whoever changed it."""
        self.raw_mode().__enter__()


def _get(descriptor: int) -> list[Any] | None:
    try:
        return termios.tcgetattr(descriptor)
    except termios.error:  # it hung up
        return None


def _set(descriptor: int, attributes: list[Any] | None) -> None:
    if attributes is not None:
        try:
            termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
        except termios.error:
            pass
