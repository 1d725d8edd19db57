"""A child process that speaks MCP on its standard input and output."""

from __future__ import annotations

import sys
from typing import Any

from rtfs.host.stream.transports import Limits, Tap, Target

EFFECT = ":process"


class StdioLink:
    """Starts the child when entered. The SDK terminates it, then kills it, when it does not end by itself."""

    status: int | None = None
    retry_after: float | None = None

    def __init__(self, target: Target) -> None:
        from mcp.client.stdio import StdioServerParameters, stdio_client

        parameters = StdioServerParameters(
            command=target.place,
            args=list(target.arguments),
            env=dict(target.environment) or None,
            cwd=target.folder,
        )
        self.tap = Tap(stdio_client(parameters, errlog=_error_log()))
        self.endpoint: Any = self.tap

    @property
    def ended(self) -> bool:
        return self.tap.ended


def _error_log() -> Any:
    """Where the child's standard error goes: ours, when it is a real file."""
    try:
        sys.stderr.fileno()
    except (OSError, ValueError, AttributeError):
        return sys.__stderr__
    return sys.stderr


def connect(target: Target, limits: Limits) -> StdioLink:
    return StdioLink(target)
