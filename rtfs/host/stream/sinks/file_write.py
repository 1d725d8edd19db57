"""`:stream.file.write`: outputs as the content of a file (streaming.md §6.3).

What a resumed run finds is cut to the length that its snapshot knows, so each item is in the file once. A file that is
replaced is written under another name beside it and takes its place when it is complete.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rtfs.host import files
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.guard import Need
from rtfs.host.stream.operators import Around
from rtfs.host.stream.outputs import Output
from rtfs.host.stream.rendering import FORMATS, Renderer, codec_of, renderer
from rtfs.host.stream.sinks import Outlet, Refused, SinkKind
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword
from rtfs.lang.operator import parameter_table

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "file.write"
BYTES, COLUMNS = Keyword("bytes"), Keyword("columns")
_FLAGS = os.O_RDWR | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)


class FileOutlet(Outlet):
    """`_length`: bytes of the file that are whole batches; behind them is nothing that counts."""

    name = NAME
    size = 1_024
    splits = True

    def __init__(self, params: Map, around: Around, stream_id: str) -> None:
        super().__init__(params, around, stream_id)
        self._path: str = self.param("path")
        self._mode: str = self.param("mode").name
        self._fsync: str = self.param("fsync").name
        given = self.param("atomic")
        self._atomic = self._mode == "replace" if given is None else given
        if self._atomic and self._mode != "replace":
            raise fault(3, p="atomic", kind=f"false, as :mode is :{self._mode}", value="true")
        self._renderer: Renderer = renderer(self.param("format").name, codec_of(self.param("encoding")))
        self._descriptor = -1
        self._target = self._written = ""
        self._length = 0

    # ---- opening

    async def open(self, memory: Any, *, resumed: bool) -> None:
        await asyncio.to_thread(self._failing, lambda: self._open(memory if resumed else None))

    def _open(self, memory: Map | None) -> None:
        self._target = files.real(self._path)
        folder, name = os.path.split(self._target)
        self._written = os.path.join(folder, self._beside(name)) if self._atomic else self._target
        if memory is None:
            self._begin()
        else:
            self._go_on(memory)

    def _beside(self, name: str) -> str:
        """The name of the file until it is complete: known to a later process, and nobody else's."""
        mark = hashlib.blake2b(f"{self.stream_id}\0{name}".encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
        return f".{name[:200]}.{mark}.part"

    def _begin(self) -> None:
        """A new run."""
        if self._atomic:
            self._look_at_target()
            try:
                files.delete(self._written)  # what a run of this name left that nobody goes on with
            except FileNotFoundError:
                pass
        exclusive = os.O_EXCL if self._atomic or self._mode == "create" else 0
        self._descriptor = files.open_real(self._written, _FLAGS | os.O_CREAT | exclusive)
        files.require_regular(self._descriptor, self._target)
        if self._mode == "replace":
            os.ftruncate(self._descriptor, 0)
        self._length = os.fstat(self._descriptor).st_size

    def _look_at_target(self) -> None:
        """What will be replaced must be a regular file, or nothing."""
        try:
            found = files.open_real(self._target, _FLAGS)
        except FileNotFoundError:
            return
        try:
            files.require_regular(found, self._target)
        finally:
            os.close(found)

    def _go_on(self, memory: Map) -> None:
        """A resumed run: what is behind the length it knows was never said to be there."""
        length: int = memory.get(BYTES)
        self._descriptor = files.open_real(self._written, _FLAGS)
        files.require_regular(self._descriptor, self._target)
        found = os.fstat(self._descriptor).st_size
        if found < length:
            raise fault(41, s=NAME, e=f"{self._path} has {found} bytes, but {length} were written")
        os.ftruncate(self._descriptor, length)
        self._length = length
        self._renderer.columns = memory.get(COLUMNS)

    # ---- writing

    async def give(self, batch: Sequence[Output]) -> tuple[Any, ...]:
        content = self._rendered(batch)
        if content and not self._length:
            content = self._renderer.mark + content
        if content:
            await asyncio.to_thread(self._failing, lambda: self._write(content))
            self._length += len(content)
        return ()

    def _rendered(self, batch: Sequence[Output]) -> bytes:
        columns = self._renderer.columns
        try:
            return b"".join([self._renderer.render(output.value) for output in batch])
        except Refused:
            self._renderer.columns = columns  # the line that names them was not written
            raise

    def _write(self, content: bytes) -> None:
        view, at = memoryview(content), self._length
        while view:
            done = os.pwrite(self._descriptor, view, at)
            view, at = view[done:], at + done

    def memory(self) -> Any:
        return Map.of([(BYTES, self._length), (COLUMNS, self._renderer.columns)])

    def _failing(self, work: Callable[[], None]) -> None:
        """What the system says against it, as S041 with the program's own path."""
        try:
            work()
        except (OSError, ValueError) as error:
            found = files.file_error(f"stream.{NAME}", self._path, error)
            raise fault(41, data={"type": found.type, "path": self._path}, s=NAME, e=found.message) from error

    # ---- the end

    async def complete(self, count: int) -> Map:
        await asyncio.to_thread(self._failing, self._complete)
        return Map.of([(Keyword("path"), self._path), (Keyword("items"), count), (BYTES, self._length)])

    def _complete(self) -> None:
        try:
            if self._fsync == "close":
                os.fsync(self._descriptor)
            if self._atomic:
                self._take_its_place()
        finally:
            self._close()

    def _take_its_place(self) -> None:
        folder = files.walk(os.path.dirname(self._target))
        try:
            name, final = os.path.basename(self._written), os.path.basename(self._target)
            try:
                before = os.stat(final, dir_fd=folder, follow_symlinks=False)
                os.fchmod(self._descriptor, stat.S_IMODE(before.st_mode))
            except FileNotFoundError:
                pass
            os.rename(name, final, src_dir_fd=folder, dst_dir_fd=folder)
        finally:
            os.close(folder)
        if self._fsync == "close":
            self._sync_folder()

    def _sync_folder(self) -> None:
        folder = os.open(os.path.dirname(self._target), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    async def end(self, fate: str) -> None:
        self._close()
        if self._atomic and fate != "left":
            try:
                await asyncio.to_thread(files.delete, self._written)
            except OSError:
                pass  # it was never made, or somebody took it away

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _open(params: Map, around: Around, stream_id: str) -> FileOutlet:
    return FileOutlet(params, around, stream_id)


def _needs(params: Map) -> tuple[Need, ...]:
    return (Need.of("write", params.get(Keyword("path"))),)


SINK = SinkKind(
    table=parameter_table(
        NAME,
        main="path",
        params={
            "path": {"kind": "string", "required": True, "text": "the file"},
            "data-source": {"kind": "any", "required": True, "text": "the stream or collection that is written"},
            "mode": {
                "kind": "keyword", "one-of": ["create", "append", "replace"], "default": Keyword("replace"),
                "text": "`:create` wants that there is no such file",
            },
            "format": {
                "kind": "keyword", "one-of": list(FORMATS), "default": Keyword("text"),
                "text": "what an item becomes; `:text` strings as they are, other values as they print",
            },
            "encoding": {"kind": "any", "default": Keyword("utf8"), "text": "of the characters"},
            "atomic": {"kind": "boolean", "text": "is the file written beside its place until it is complete?"},
            "fsync": {
                "kind": "keyword", "one-of": ["close", "never"], "default": Keyword("close"),
                "text": "when the content must have reached the disk",
            },
        },
        slots={"on-complete": ["summary"], "on-error": ["error", "items"]},
    ),
    stream="data-source",
    open=_open,
    effects=(":filesystem",),
    guarantee="effectively-once",
    doc="Writes a stream to a file.",
    examples=(
        (
            '(:result (call :stream.wait (call :stream.file.write "/dev/shm/rtfs-example.txt"'
            ' {:data-source ["one" "two"] :format :lines})))',
            "2",
        ),
    ),
    needs=_needs,
)  # fmt: skip
