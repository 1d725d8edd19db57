"""What goes through the pipe to a worker: values, requests and answers as bytes, each behind its length."""

from __future__ import annotations

import io
import pickle
import struct
from types import FunctionType
from typing import IO, Any

from rtfs.lang import error_data
from rtfs.lang.errors import RtfsError
from rtfs.lang.source import Source

_LENGTH = struct.Struct("<Q")
_HOMES = ("rtfs.lang.", "rtfs.host.stream.partition")


class _Writer(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, RtfsError):
            return _error, (error_data.error_data(value),)
        if type(value) is FunctionType and value is not _error:
            raise RtfsError("TypeError", "a function cannot go from one partition's process to another as an item")
        return NotImplemented


def _error(stored: Any) -> RtfsError:
    return error_data.error_from(stored, lambda name: Source(name, ""))


class _Reader(pickle.Unpickler):
    """Makes values of rtfs, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if not module.startswith(_HOMES) and (module, name) != (__name__, "_error"):
            raise pickle.UnpicklingError(f"{module}.{name} is no value of rtfs")
        return super().find_class(module, name)


def write_frame(out: IO[bytes], value: Any) -> None:
    """Write a value. RtfsError for a function among the items."""
    buffer = io.BytesIO()
    _Writer(buffer, protocol=5).dump(value)
    body = buffer.getbuffer()
    out.write(_LENGTH.pack(len(body)))
    out.write(body)
    out.flush()


def read_frame(source: IO[bytes]) -> Any:
    """The next value. EOFError at the end."""
    head = source.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    body = source.read(length)
    if len(body) < length:
        raise EOFError
    return _Reader(io.BytesIO(body)).load()
