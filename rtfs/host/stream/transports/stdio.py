"""A child process that speaks MCP on its standard input and output."""

from __future__ import annotations

import sys
from typing import Any

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.lines import OVERSIZE, encoding
from rtfs.host.stream.transports import Limits, Tap, TappedLink, Target

EFFECT = ":process"


class StdioLink(TappedLink):
    """Starts the child when entered. The SDK terminates it, then kills it, when it does not end by itself."""

    def __init__(self, target: Target, limits: Limits) -> None:
        from mcp.client.stdio import StdioServerParameters, stdio_client

        parameters = StdioServerParameters(
            command=target.place,
            args=list(target.arguments),
            env=dict(target.environment) or None,
            cwd=target.folder,
            encoding=encoding(limits.frame_bytes),
        )
        super().__init__(_LineTap(stdio_client(parameters, errlog=_error_log()), limits))


class _LineTap(Tap):
    """Ends the connection with S025 at a line too long to be read."""

    def __init__(self, transport: Any, limits: Limits) -> None:
        super().__init__(transport)
        self._limits = limits

    def note(self, message: Any) -> Any:
        if getattr(getattr(message, "message", None), "method", None) == OVERSIZE:
            self.fault = fault(25, n=self._limits.frame_bytes + 1, m=self._limits.message_bytes)
            raise self.fault
        return super().note(message)


def _error_log() -> Any:
    """Where the child's standard error goes: ours, when it is a real file."""
    try:
        sys.stderr.fileno()
    except (OSError, ValueError, AttributeError):
        return sys.__stderr__
    return sys.stderr


def connect(target: Target, limits: Limits) -> StdioLink:
    return StdioLink(target, limits)
