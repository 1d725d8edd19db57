"""Reaching the streams of running hosts over their sockets (rtfs.host.stream.control)."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

PATIENCE = 5.0  # seconds that a host has for the beginning of an answer
LONGEST = 64 * 2**20  # bytes of one line of an answer


class Unreachable(Exception):
    """A host cannot be reached, or does not answer; the text says why."""


class Refused(Exception):
    """A host says no: its error code and message."""


class Peer(NamedTuple):
    """A running host: its socket, process, state directory and script."""

    path: Path
    pid: int
    state: str | None
    script: str | None

    def ask(self, do: str, *, endless: bool = False, **request: Any) -> Iterator[Any]:
        """The values it answers, as they come. Unreachable, Refused."""
        yield from _ask(self.path, {"do": do, **request}, endless=endless)


def peers(
    state: str | None = None, pid: int | None = None, silent: Callable[[str], None] = lambda process: None
) -> list[Peer]:
    """The hosts of this user that run, or those of a state directory or process. Unreachable when nobody can say.

    silent: told which process takes too long to answer, as one that is stopped does.
    """
    from rtfs.host.stream.rendezvous import sockets

    wanted = None if state is None else os.path.realpath(state)
    found = []
    try:
        for path in sockets():
            peer = _hello(path, silent)
            if peer is None or (pid is not None and peer.pid != pid):
                continue
            if wanted is None or (peer.state is not None and os.path.realpath(peer.state) == wanted):
                found.append(peer)
    except OSError as error:
        raise Unreachable(str(error)) from error
    return found


def _hello(path: Path, silent: Callable[[str], None]) -> Peer | None:
    """Who listens at a socket; None for one that does not answer, and one of a dead process, which is removed."""
    from rtfs.lang.names import Keyword

    try:
        (about,) = _ask(path, {"do": "hello"})
        pid, state, script = (about.get(Keyword(name)) for name in ("pid", "state", "script"))
        return Peer(path, pid, state, script) if type(pid) is int else None
    except ConnectionRefusedError:
        with contextlib.suppress(OSError):
            path.unlink()
        return None
    except Unreachable:
        silent(path.name.partition("-")[0])
        return None
    except (OSError, ValueError, AttributeError, Refused):
        return None


def _ask(path: Path, request: dict[str, Any], *, endless: bool = False) -> Iterator[Any]:
    from rtfs.host.stream.rendezvous import same_user

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(os.fspath(path))
        if not same_user(connection):
            raise Unreachable(f"{path} is not yours")
        connection.sendall(json.dumps(request).encode() + b"\n")
        if endless:
            connection.settimeout(None)
        with connection.makefile("rb") as lines:
            try:
                while line := lines.readline(LONGEST):
                    yield _value(line)
            except TimeoutError:
                raise Unreachable(f"the host at {path} does not answer: it is busy, or stopped") from None


def _value(line: bytes) -> Any:
    from rtfs.lang.codec import Unreadable, decode

    try:
        answer = json.loads(line)
        if "error" in answer:
            raise Refused(f"[{answer['error']['code']}] {answer['error']['message']}")
        return decode(answer["value"], lambda text: text)
    except (Unreadable, ValueError, KeyError, TypeError) as error:
        raise Unreachable(f"the answer makes no sense: {error}") from error
