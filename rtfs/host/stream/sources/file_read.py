"""`:stream.file.read`: a file as text, bytes, lines, JSON lines or CSV, once or for as long as it grows (§6.2)."""

from __future__ import annotations

import asyncio
import os
import zlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from rtfs.host import files
from rtfs.host.stream.adapters import Plain, Session
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.cutting import MODES, Cutter, bound, cutter
from rtfs.host.stream.guard import Need
from rtfs.host.stream.rendering import codec_of
from rtfs.host.stream.sources import SourceKind
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword
from rtfs.lang.operator import parameter_table

if TYPE_CHECKING:
    from rtfs.host.stream.intake import Intake
    from rtfs.host.stream.registry import Services
    from rtfs.host.stream.settings import Settings

PIECE = 65_536  # bytes that are read at once
LOOK_MS = 200  # how often a file that is followed is looked at
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
INODE, COLUMNS = Keyword("inode"), Keyword("columns")


class FileReadAdapter(Plain):
    """The position is the number of bytes before the next chunk, of a compressed file those of its content."""

    name = "file.read"
    connects = False
    endless = False
    guarantee = "exactly-once"

    def __init__(self, settings: Settings, params: Map, services: Services) -> None:
        super().__init__(settings)
        self._params = params
        self._path: str = params.get(Keyword("path"))
        self._follow: bool = params.get(Keyword("follow"))
        given = params.get(Keyword("compression"))
        self._packed = self._path.endswith(".gz") if given is None else given is Keyword("gzip")
        if self._follow and self._packed:
            raise fault(3, p="follow", kind="false for a compressed file", value="true")
        self._codec = codec_of(params.get(Keyword("encoding")))
        bound(params, settings)
        self._inode: int | None = None
        self._known: Map | None = None
        self._change: str | None = None
        self._cutter = self._cut(0)

    def memory(self) -> Any:
        return Map.of([(INODE, self._inode), (COLUMNS, self._cutter.columns)])

    def remember(self, memory: Any) -> None:
        self._known = memory

    def _cut(self, position: int) -> Cutter:
        made = cutter(self._params, self._codec, self.settings, position)
        made.growing = self._follow
        return made

    async def run(self, session: Session, intake: Intake) -> None:
        position = intake.position if intake.position is not None else self._params.get(Keyword("from"))
        while True:
            descriptor = await asyncio.to_thread(self._opened)
            try:
                position = self._place(descriptor, position, intake)
                change = await self._read(descriptor, session, intake, position)
            finally:
                os.close(descriptor)
            if change is None:
                return
            intake.owner.emit(change, path=self._path)
            position = 0

    def _opened(self) -> int:
        """A descriptor of the file. S003 when it is none, or cannot be read."""
        try:
            resolved = files.real(self._path)
            descriptor = files.open_real(resolved, _FLAGS)
            try:
                files.require_regular(descriptor, self._path)
            except BaseException:
                os.close(descriptor)
                raise
        except (OSError, ValueError) as error:
            found = files.file_error("stream.file.read", self._path, error)
            raise fault(
                3, data={"type": found.type}, p="path", kind="a file that can be read", value=found.message
            ) from None
        return descriptor

    def _place(self, descriptor: int, position: int, intake: Intake) -> int:
        """Where to begin in the file that is there now."""
        status = os.fstat(descriptor)
        known, self._known = self._known, None
        self._inode, self._change = status.st_ino, None
        if self._follow and known is not None and known.get(INODE) not in (None, status.st_ino):
            intake.owner.emit("rotated", path=self._path)
            position, known = 0, None
        elif self._follow and status.st_size < position:
            intake.owner.emit("truncated", path=self._path)
            position, known = 0, None
        self._cutter = self._cut(position)
        begun = known is not None and intake.position is not None  # else the line with the names comes again
        self._cutter.columns = known.get(COLUMNS) if known is not None and begun else None
        return position

    async def _read(self, descriptor: int, session: Session, intake: Intake, position: int) -> str | None:
        """Offer what the file holds. None at its end, or what became of one that is followed."""
        if self._cutter.marked:
            self._cutter.begin(await asyncio.to_thread(os.pread, descriptor, 4, 0) if not self._packed else b"")
        pieces = _unpacked(descriptor, position) if self._packed else self._pieces(descriptor, position, session)
        async with aclosing(pieces):
            async for piece in pieces:
                intake.heard()
                await self._offer(self._cutter.feed(piece, intake), intake)
        if self._change != "truncated":
            self._cutter.growing = False
            await self._offer(self._cutter.rest(intake), intake)
        return self._change

    async def _offer(self, chunks: Any, intake: Intake) -> None:
        for chunk, position in chunks:
            if not intake.open:
                await intake.opened()
            intake.offer(chunk, position)

    async def _pieces(self, descriptor: int, at: int, session: Session) -> AsyncGenerator[bytes, None]:
        """The bytes from there to the end; while it is followed, to where it is replaced or cut."""
        while True:
            piece = await asyncio.to_thread(os.pread, descriptor, PIECE, at)
            if piece:
                at += len(piece)
                yield piece
            elif not self._follow or await asyncio.to_thread(self._replaced, descriptor, at):
                return
            else:
                await session.timers.clock.sleep(LOOK_MS / 1000)

    def _replaced(self, descriptor: int, read: int) -> bool:
        """Is the file cut, or another one in its place and everything of the old one read?"""
        status = os.fstat(descriptor)
        try:
            other = os.stat(self._path).st_ino != status.st_ino
        except OSError:
            other = False  # between two files
        if status.st_size < read:
            self._change = "truncated"
        elif other and status.st_size == read:
            self._change = "rotated"
        return self._change is not None


async def _unpacked(descriptor: int, position: int) -> AsyncGenerator[bytes, None]:
    """The content of a gzip file from `position` on, in pieces of a bounded size. S026 when it is none."""
    at, ahead, packed, inflater, fresh = 0, position, b"", zlib.decompressobj(31), False
    while True:
        if not packed:
            packed = await asyncio.to_thread(os.pread, descriptor, PIECE, at)
            at += len(packed)
            if not packed:
                break
        try:
            piece = await asyncio.to_thread(inflater.decompress, packed, PIECE)
        except zlib.error as error:
            raise fault(26, why=f"no gzip: {error}") from None
        packed = inflater.unconsumed_tail
        if inflater.eof:
            packed, inflater, fresh = inflater.unused_data.lstrip(b"\0"), zlib.decompressobj(31), True
        else:
            fresh = False
        rest, ahead = piece[ahead:], max(0, ahead - len(piece))
        if rest:
            yield rest
    if not fresh:
        raise fault(26, why="the gzip file ends too early")


def _needs(params: Map) -> tuple[Need, ...]:
    return (Need.of("read", params.get(Keyword("path"))),)


SOURCE = SourceKind(
    table=parameter_table(
        "file.read",
        main="path",
        params={
            "path": {"kind": "string", "required": True, "text": "the file"},
            "mode": {
                "kind": "keyword", "one-of": list(MODES), "default": Keyword("text"),
                "text": "what a chunk is; `:csv` gives maps under the names in the first line",
            },
            "chunk-size": {"kind": "int", "min": 1, "default": 65_536, "text": "bytes of a chunk of text or bytes"},
            "encoding": {"kind": "any", "default": Keyword("utf8"), "text": "of the characters"},
            "from": {"kind": "int", "min": 0, "default": 0, "text": "the byte that it begins with"},
            "follow": {"kind": "boolean", "default": False, "text": "wait for what is added, as `tail -F` does"},
            "compression": {
                "kind": "keyword", "one-of": ["none", "gzip"], "text": "`:gzip` for names that end in .gz",
            },
        },
        slots={"on-chunk": ["chunk"]},
    ),
    open=FileReadAdapter,
    finite=lambda params: not params.get(Keyword("follow")),
    effects=(":filesystem", ":filesystem-read"),
    doc="The content of a file.",
    examples=(('(:rtfs/node (call :stream.file.read "data.txt" {:mode :lines}))', ":file.read"),),
    needs=_needs,
)  # fmt: skip
