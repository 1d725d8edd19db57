"""Bytes cut into chunks: text, bytes, lines, JSON lines, CSV, with the position behind each (streaming.md §6.2)."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.chunk import NotJson, key_of, parse_json
from rtfs.host.stream.split import Line, Splitter
from rtfs.lang.collections import Map, vector
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.intake import Intake
    from rtfs.host.stream.settings import Settings

WAITING, FEWEST = 1 << 22, 4  # bytes in chunks, and chunks, that may wait
MODES = ("text", "bytes", "lines", "json-lines", "csv")
Chunks = Iterator[tuple[Any, int]]
_MARKS = {
    "utf-16": ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")),
    "utf-32": ((codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be")),
    "utf-8-sig": ((codecs.BOM_UTF8, "utf-8"),),
}
_PLAIN = {"utf-16": "utf-16-le", "utf-32": "utf-32-le", "utf-8-sig": "utf-8"}


class Cutter:
    """Bytes as they are, `size` of them at a time. position: bytes before what is held back.

    columns: of CSV, once they are known; growing: what has no end yet may still get one; marked: does a mark at the
    beginning say how characters are stored?
    """

    columns: Any = None
    growing = False

    def __init__(self, codec: str, size: int, position: int) -> None:
        self.codec = codec
        self.size = size
        self.position = position
        self._held = b""

    @property
    def marked(self) -> bool:
        return self.codec in _MARKS

    def begin(self, head: bytes) -> None:
        """The first bytes of the file, wherever the reading begins."""
        for mark, codec in _MARKS.get(self.codec, ()):
            if head.startswith(mark):
                self.codec = codec
                return
        self.codec = _PLAIN.get(self.codec, self.codec)

    def feed(self, data: bytes, intake: Intake) -> Chunks:
        """The chunks that `data` completes, each with the position behind it."""
        held = self._held + data
        at = 0
        while len(held) - at >= self.size or (self.growing and at < len(held)):
            part = held[at : at + self.size]
            used, value = self.cut(part, final=False)
            at += used
            self.position += used
            if not used:
                break
            yield value, self.position
        self._held = held[at:]

    def rest(self, intake: Intake) -> Chunks:
        """What is held back at the end."""
        while self._held:
            used, value = self.cut(self._held[: self.size], final=len(self._held) <= self.size)
            self._held = self._held[used:]
            self.position += used
            yield value, self.position

    def cut(self, part: bytes, *, final: bool) -> tuple[int, Any]:
        """How many bytes of a part make a chunk, and the chunk."""
        return len(part), vector(list(part))


class Text(Cutter):
    """Text that ends between two characters. S026 at a byte that is none of the encoding."""

    def __init__(self, codec: str, size: int, position: int) -> None:
        super().__init__(codec, max(size, 8), position)  # a character has room, whatever the encoding

    def cut(self, part: bytes, *, final: bool) -> tuple[int, str]:
        decoder = codecs.getincrementaldecoder(self.codec)()
        try:
            text = decoder.decode(part, final)
        except UnicodeDecodeError as problem:
            raise fault(26, why=f"no {self.codec} at byte {self.position + problem.start}") from None
        used = len(part) - len(decoder.getstate()[0])
        if self.position == 0 and text.startswith("\ufeff") and self.codec.startswith("utf"):
            text = text[1:]
        return used, text


class Lines(Cutter):
    """Lines without what ends them; one that is too long or no text is counted and left out (§3.8)."""

    def __init__(self, codec: str, most: int, position: int, keywords: bool) -> None:
        super().__init__(codec, most, position)
        if "\n".encode(codec) != b"\n":
            raise fault(3, p="encoding", kind="an encoding whose lines end in byte 10", value=codec)
        self._splitter = Splitter(most, position)
        self.keywords = keywords

    def feed(self, data: bytes, intake: Intake) -> Chunks:
        for line in self._splitter.feed(data):
            yield from self._line(line, intake)

    def rest(self, intake: Intake) -> Chunks:
        last = self._splitter.rest()
        if last is not None:
            yield from self._line(last, intake)

    def _line(self, line: Line, intake: Intake) -> Chunks:
        if line.content is None:
            intake.oversize(line.size)
            return
        try:
            text = line.content.removesuffix(b"\r").decode(self.codec)
        except UnicodeDecodeError:
            intake.malformed(f"a line that is not {self.codec}, before byte {line.end}")
            return
        yield from self.values(text, line.end, intake)

    def values(self, text: str, end: int, intake: Intake) -> Chunks:
        """The chunks of a line."""
        yield text, end


class JsonLines(Lines):
    """The value in each line that is not blank."""

    def values(self, text: str, end: int, intake: Intake) -> Chunks:
        if not text.strip():
            return
        try:
            value = parse_json(text, self.keywords)
        except NotJson as problem:
            intake.malformed(f"a line that is no JSON, before byte {end}: {problem}")
            return
        yield value, end


class Csv(Lines):
    """Maps from the names in the first line to the fields, which are strings; a field in quotes may have line ends."""

    def __init__(self, codec: str, most: int, position: int, keywords: bool) -> None:
        super().__init__(codec, most, position, keywords)
        self._open = ""

    def values(self, text: str, end: int, intake: Intake) -> Chunks:
        record = self._open + text
        if record.count('"') % 2:
            self._open = record + "\n"
            if len(record) > self.size:
                self._open = ""
                intake.oversize(len(record))
            return
        self._open = ""
        if not record.strip():
            return
        fields = next(csv.reader([record]))
        if self.columns is None:
            self.columns = vector([key_of(name) if self.keywords else name for name in fields])
        elif len(fields) != len(self.columns):
            intake.malformed(f"a row of {len(fields)} fields under {len(self.columns)} names, before byte {end}")
        else:
            yield Map.of(zip(self.columns, fields, strict=True)), end

    def rest(self, intake: Intake) -> Chunks:
        yield from super().rest(intake)
        if self._open:
            intake.malformed("a field in quotes has no end")


def bound(params: Map, settings: Settings) -> None:
    """Let no more than some bytes of text wait in front of a chain and behind it, however large its chunks are."""
    if params.get(Keyword("mode")).name not in ("text", "bytes") or "high-water-mark" in settings.given:
        return
    most = max(FEWEST, WAITING // params.get(Keyword("chunk-size")))
    for name in ("queue-capacity", "output-capacity"):
        settings[name] = min(settings[name], most)


def cutter(params: Map, codec: str, settings: Settings, position: int) -> Cutter:
    """What `:mode`, `:chunk-size` and the size limit of a message say."""
    mode = params.get(Keyword("mode")).name
    size = params.get(Keyword("chunk-size"))
    if mode in ("text", "bytes"):
        return (Text if mode == "text" else Cutter)(codec, size, position)
    kinds = {"lines": Lines, "json-lines": JsonLines, "csv": Csv}
    keywords = settings["key-style"] is Keyword("keyword")
    return kinds[mode](_PLAIN.get(codec, codec), settings["max-message-bytes"], position, keywords)
