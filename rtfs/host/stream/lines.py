"""Lines of a child process as the SDK reads them, with a bound that the SDK has not (streaming.md §3.8).

The SDK keeps an unfinished line for ever and gives up at the first byte that is not UTF-8. What it lets us choose is
the encoding, so the encoding is where lines are bounded: `encoding(most)` names one that hands on whole lines only.
"""

from __future__ import annotations

import codecs
import json
from functools import partial

OVERSIZE = "rtfs/oversize"
_NOTICE = json.dumps({"jsonrpc": "2.0", "method": OVERSIZE}) + "\n"
_PREFIX = "rtfs_lines_"


def encoding(most: int) -> str:
    """The name of the encoding of UTF-8 lines of at most `most` bytes."""
    return f"{_PREFIX}{most}"


class Lines(codecs.IncrementalDecoder):
    """Text of whole lines. A line that is not UTF-8 becomes an empty one, which is no message and counts as malformed.

    Of a line longer than `most` bytes nothing is kept; in its place comes the notification `OVERSIZE`.
    """

    def __init__(self, errors: str = "strict", *, most: int) -> None:
        super().__init__(errors)
        self._most = most
        self._parts: list[bytes] = []
        self._size = 0

    def decode(self, data: bytes, final: bool = False) -> str:  # type: ignore[override]
        *ended, rest = bytes(data).split(b"\n")
        return "".join([self._add(part, end=True) for part in ended]) + self._add(rest, end=False)

    def _add(self, part: bytes, *, end: bool) -> str:
        before, self._size = self._size, self._size + len(part)
        if self._size > self._most:
            self._parts.clear()
            said = _NOTICE if before <= self._most else ""
        else:
            self._parts.append(part)
            said = _text(b"".join(self._parts)) if end else ""
        if end:
            self.reset()
        return said

    def reset(self) -> None:
        self._parts.clear()
        self._size = 0


def _text(line: bytes) -> str:
    try:
        return line.decode() + "\n"
    except UnicodeDecodeError:
        return "\n"


def _found(name: str) -> codecs.CodecInfo | None:
    """The codec of a name that `encoding` has made."""
    most = name.removeprefix(_PREFIX)
    if most == name or not most.isdecimal():
        return None
    utf8 = codecs.lookup("utf-8")
    decoder = partial(Lines, most=int(most))
    return codecs.CodecInfo(utf8.encode, utf8.decode, incrementaldecoder=decoder, name=name)


codecs.register(_found)
