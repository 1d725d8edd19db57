"""Values as the bytes of a file or a request: text, lines, JSON lines, CSV, bytes (streaming.md §6.3)."""

from __future__ import annotations

import codecs
import csv
import io
import json
from typing import Any

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.chunk import to_json
from rtfs.host.stream.options import shown
from rtfs.host.stream.sinks import Refused
from rtfs.lang.collections import Map, vector
from rtfs.lang.names import Keyword
from rtfs.lang.printer import show
from rtfs.lang.values import is_vector

FORMATS = ("text", "lines", "json-lines", "bytes", "csv")
_MARKED = {
    "utf-16": (codecs.BOM_UTF16_LE, "utf-16-le"),
    "utf-32": (codecs.BOM_UTF32_LE, "utf-32-le"),
    "utf-8-sig": (codecs.BOM_UTF8, "utf-8"),
}


def codec_of(encoding: Any) -> str:
    """The codec of an `:encoding`, a keyword or string. S003 for one that nobody knows, or that is not of text."""
    name = encoding.name if type(encoding) is Keyword else encoding
    try:
        if type(name) is not str:
            raise LookupError
        found = codecs.lookup(name)
        if not getattr(found, "_is_text_encoding", True):
            raise LookupError
    except (LookupError, ValueError):
        raise fault(3, p="encoding", kind="the name of a text encoding", value=shown(encoding)) from None
    return found.name


class Renderer:
    """Makes bytes of one value after the other. columns: of CSV, once they are known; mark: what a file begins with."""

    def __init__(self, codec: str) -> None:
        self.mark, self.codec = _MARKED.get(codec, (b"", codec))
        self.columns: Any = None

    def render(self, value: Any) -> bytes:
        """The bytes of a value. Refused when it has none in this form."""
        try:
            return self.text(value).encode(self.codec)
        except UnicodeEncodeError as problem:
            raise Refused(f"not a character of {self.codec}: {problem.object[problem.start]!r}") from None

    def text(self, value: Any) -> str:
        return value if type(value) is str else show(value)


class Lines(Renderer):
    def text(self, value: Any) -> str:
        return super().text(value) + "\n"


class JsonLines(Renderer):
    def text(self, value: Any) -> str:
        try:
            return json.dumps(to_json(value), ensure_ascii=False, allow_nan=False) + "\n"
        except ValueError as problem:
            raise Refused(f"{shown(value)} has no JSON: {problem}") from None


class Bytes(Renderer):
    def render(self, value: Any) -> bytes:
        if not is_vector(value):
            raise Refused(f"expected a vector of bytes, got {shown(value)}")
        try:
            return bytes(value)
        except (TypeError, ValueError):
            raise Refused(f"expected integers from 0 to 255, got {shown(value)}") from None


class Csv(Renderer):
    """Maps under a line of their keys, those of the first one; vectors as they are."""

    def text(self, value: Any) -> str:
        if is_vector(value):
            return _line(value)
        if type(value) is not Map:
            raise Refused(f"expected a map or a vector of fields, got {shown(value)}")
        head = ""
        if self.columns is None:
            self.columns = vector(list(value.keys()))
            head = _line(self.columns)
        foreign = [key for key in value if key not in self.columns]
        if foreign:
            raise Refused(f"no column {shown(foreign[0])}; the columns are {shown(self.columns)}")
        return head + _line([value.get(key) for key in self.columns])


def _line(fields: Any) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerow([_field(field) for field in fields])
    return written.getvalue()


def _field(value: Any) -> str:
    if value is None:
        return ""
    if type(value) is Keyword:
        return value.name
    return value if type(value) is str else show(value)


_RENDERERS = {"text": Renderer, "lines": Lines, "json-lines": JsonLines, "bytes": Bytes, "csv": Csv}


def renderer(format: str, codec: str) -> Renderer:
    """The renderer of a format."""
    return _RENDERERS[format](codec)
