"""What arrived and what was sent, a JSON line per frame, without credentials: `:record "file"` (streaming.md §3.9)."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from rtfs.host.clock import Clock
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.transports import Side, Tap

ROTATE_BYTES = 64 * 2**20
HIDDEN = "***"
SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"})
_SHORTEST = 6  # a shorter value of a header is no secret, and part of too many other texts


class Redaction:
    """What a recording must not show: values under the names of headers, and the values of headers anywhere."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        names = SECRET_HEADERS | {name.lower() for name in headers}
        values = {part for value in headers.values() for part in (value, value.rpartition(" ")[2])}
        found = sorted((part for part in values if len(part) >= _SHORTEST), key=len, reverse=True)
        spelled = {json.dumps(part)[1:-1]: None for part in found} | dict.fromkeys(found)
        self._names = names
        self._values = re.compile("|".join(map(re.escape, spelled)) or r"(?!)")
        keys = "|".join(map(re.escape, sorted(names)))
        self._entries = re.compile(rf'("(?:{keys})"\s*:\s*)(?:"(?:[^"\\]|\\.)*"|[^\s,}}\]"]+)', re.IGNORECASE)

    def text(self, text: str) -> str:
        """The text without secrets; entries of JSON in it lose their values by name."""
        return self._entries.sub(rf'\1"{HIDDEN}"', self._values.sub(HIDDEN, text))

    def clean(self, value: Any) -> Any:
        """JSON data without secrets."""
        if type(value) is str:
            return self.text(value)
        if type(value) in (int, float):
            return HIDDEN if self._values.search(json.dumps(value)) else value
        if type(value) is list:
            return [self.clean(item) for item in value]
        if type(value) is dict:
            return {
                self.text(key): HIDDEN if key.lower() in self._names else self.clean(item)
                for key, item in value.items()
            }
        return value


class Recorder:
    """Appends frames to a file that only its owner may read; `file.1`, `file.2` … are the full ones before it.

    S003 when the file cannot be written, S024 when that turns out later.
    """

    def __init__(self, path: str, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._connection = 0
        self._redaction = Redaction({})
        self._file: Any = None
        try:
            _opened(path).close()
        except OSError as problem:
            raise fault(3, p="record", kind="file that can be written", value=f"{path}: {problem}") from None

    def connect(self, headers: Mapping[str, str], about: dict[str, Any]) -> None:
        """A connection begins. headers: those with credentials; about: what a replay has to know."""
        if self._file is None:
            self._file = self._writable(lambda: _opened(self._path))
        self._connection += 1
        self._redaction = Redaction(headers)
        self.frame("-", "open", about)

    def frame(self, direction: str, kind: str, data: Any) -> None:
        """One frame: `in` or `out`, and JSON data."""
        if self._file is None:
            return  # a connection may outlive its stream for a while
        line = {
            "at": self._clock.now_ms(),
            "direction": direction,
            "connection": self._connection,
            "kind": kind,
            "data": self._redaction.clean(data),
        }
        encoded = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass") + b"\n"
        self._writable(lambda: self._write(encoded))

    def _write(self, line: bytes) -> None:
        if self._file.tell() and self._file.tell() + len(line) > ROTATE_BYTES:
            self._file.close()
            number = 1
            while os.path.exists(f"{self._path}.{number}"):
                number += 1
            os.rename(self._path, f"{self._path}.{number}")
            self._file = _opened(self._path)
        self._file.write(line)

    def _writable(self, write: Callable[[], Any]) -> Any:
        try:
            return write()
        except OSError as problem:
            raise fault(24, a=":record", endpoint=self._path, why=f"it cannot be written: {problem}") from None

    def carrying(self, transport: Any) -> Any:
        """The same MCP transport, or server of this process, with all its messages recorded."""
        if not hasattr(transport, "__aenter__"):
            from mcp.client._memory import InMemoryTransport  # what the SDK itself puts around a server object

            transport = InMemoryTransport(transport)
        return _Carried(transport, self)

    def close(self) -> None:
        """Nothing more is written."""
        if self._file is not None:
            self._file.close()
            self._file = None


class _Carried(Tap):
    """A transport whose messages go into a recording on their way."""

    def __init__(self, transport: Any, recorder: Recorder) -> None:
        super().__init__(transport)
        self._recorder = recorder

    async def __aenter__(self) -> tuple[Any, Any]:
        read, write = await super().__aenter__()
        return read, _Sending(write, self._recorder)

    def note(self, message: Any) -> Any:
        data = {"malformed": "no JSON-RPC message"} if isinstance(message, Exception) else _data(message)
        self._recorder.frame("in", "json", data)
        return message


class _Sending(Side):
    """The write side of a transport as the SDK wants it."""

    def __init__(self, inner: Any, recorder: Recorder) -> None:
        super().__init__(inner)
        self._recorder = recorder

    async def send(self, message: Any) -> None:
        self._recorder.frame("out", "json", _data(message))
        await self._inner.send(message)


def _data(message: Any) -> Any:
    return message.message.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _opened(path: str) -> Any:
    """The file at its end, where the half line of a killed process is cut off."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    file = os.fdopen(descriptor, "r+b", buffering=0)
    end = start = file.seek(0, os.SEEK_END)
    while start:
        start = max(0, start - 65_536)
        file.seek(start)
        place = file.read(min(65_536, end - start)).rfind(b"\n")
        if place >= 0:
            start += place + 1
            break
    if start != end:
        file.truncate(start)
    file.seek(0, os.SEEK_END)
    return file
