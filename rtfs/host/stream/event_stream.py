"""Server-sent events out of bytes (streaming.md §3.5, §3.8).

The reader of httpx2 ends the connection at an event over its limit and replaces what is not UTF-8; here such an event
is told and dropped, and the next one is read.
"""

from __future__ import annotations

from typing import Any

from rtfs.host.stream.split import Line, Splitter

Frame = dict[str, Any]


class EventStream:
    """Frames `{"event" "data" "id" "retry"}`, `{"oversize" n}` or `{"malformed" why}`.

    most: bytes of one event. last_id: the id of the last event, which those without one of their own have as well.
    """

    def __init__(self, most: int, last_id: str = "") -> None:
        self._most = most
        self._splitter = Splitter(most)
        self._last_id = last_id
        self._first = True
        self._after_return = False
        self._reset()

    def _reset(self) -> None:
        self._event = ""
        self._data: list[str] = []
        self._retry: int | None = None
        self._size = 0
        self._told = False  # the event is bad, which was said
        self._said = False  # the event says something

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes."""
        frames: list[Frame] = []
        for line in self._splitter.feed(self._with_line_feeds(data)):
            self._take(line, frames)
        return frames

    def _with_line_feeds(self, data: bytes) -> bytes:
        """The same lines, all ended by line feeds; `\\r` and `\\r\\n` end lines as well."""
        if self._after_return and data:
            data = data.removeprefix(b"\n")
        self._after_return = data.endswith(b"\r") if data else self._after_return
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data

    def _take(self, line: Line, frames: list[Frame]) -> None:
        content = line.content
        if content is None:
            self._refuse({"oversize": self._size + line.size}, frames)
        elif not content:
            if self._said and not self._told:
                frames.append(self._finished())
            self._reset()
        else:
            if self._first:
                content = content.removeprefix(b"\xef\xbb\xbf")
            self._size += len(content)
            if content[:1] == b":" or self._told:
                self._size -= len(content)
            elif self._size > self._most:
                self._refuse({"oversize": self._size}, frames)
            else:
                self._field(content, frames)
        self._first = False

    def _refuse(self, frame: Frame, frames: list[Frame]) -> None:
        if not self._told:
            frames.append(frame)
        self._told = True
        self._data.clear()

    def _field(self, content: bytes, frames: list[Frame]) -> None:
        try:
            name, _, value = content.decode().partition(":")
        except UnicodeDecodeError:
            self._refuse({"malformed": "a line that is not UTF-8"}, frames)
            return
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._last_id = value
        elif name == "retry" and value.isascii() and value.isdigit() and len(value) <= 15:
            self._retry = int(value)
        else:
            return
        self._said = True

    def _finished(self) -> Frame:
        data = "\n".join(self._data)
        return {"event": self._event or "message", "data": data, "id": self._last_id, "retry": self._retry}
