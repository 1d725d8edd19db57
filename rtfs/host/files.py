"""Opening files so that what was checked is what is opened.

A path is resolved once (`real`), compared with the granted roots, and then opened component by component without
following any link: a link that somebody puts in between makes the opening fail instead of leading it away.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable

from rtfs.lang.collections import Map
from rtfs.lang.errors import HostCallError
from rtfs.lang.names import Keyword

_BY_DESCRIPTOR = os.open in os.supports_dir_fd
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_DIRECTORY = getattr(os, "O_DIRECTORY", 0)
_THROUGH = getattr(os, "O_PATH", os.O_RDONLY)  # enough to pass through a directory that may not be listed

_IMPATIENT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)  # pipes are refused, not waited for

_TYPES = {
    errno.ENOENT: "not-found",
    errno.EACCES: "permission-denied",
    errno.EPERM: "permission-denied",
    errno.EEXIST: "already-exists",
    errno.EISDIR: "not-a-file",
    errno.ENOTDIR: "not-a-directory",
    errno.ELOOP: "not-a-file",
    errno.EFBIG: "too-large",
}


def real(path: str, *, follow: bool = True) -> str:
    """The absolute path without links and dots; with `follow` off, the last component itself is not resolved.

    ValueError when it cannot be a path.
    """
    if not path or "\0" in path:
        raise ValueError("a path is text that is not empty and has no NUL character")
    if follow:
        return os.path.realpath(path)
    parent, name = os.path.split(path.rstrip(os.sep) or os.sep)
    if name in ("", ".", ".."):
        raise ValueError(f"not the name of a file: {path}")
    return os.path.join(os.path.realpath(parent or os.curdir), name)


def inside(resolved: str, roots: Iterable[str]) -> bool:
    """Is a resolved path one of the roots or below one? Roots are resolved too; compared by whole components."""
    for root in roots:
        top = os.path.realpath(root)
        if resolved == top or resolved.startswith(top.rstrip(os.sep) + os.sep):
            return True
    return False


def open_real(path: str, flags: int, mode: int = 0o666) -> int:
    """A descriptor of a resolved path; OSError (ELOOP, ENOTDIR) when a component has become a link meanwhile."""
    if not _BY_DESCRIPTOR:
        return os.open(path, flags | _NOFOLLOW, mode)
    parent, name = os.path.split(path)
    if not name:
        return os.open(path, flags | _NOFOLLOW)
    folder = walk(parent)
    try:
        return os.open(name, flags | _NOFOLLOW, mode, dir_fd=folder)
    finally:
        os.close(folder)


def walk(path: str, *, create: bool = False) -> int:
    """A descriptor of a resolved directory, reached without following links; missing ones are made on request."""
    if not _BY_DESCRIPTOR:
        if create:
            os.makedirs(path, exist_ok=True)
        return os.open(path, os.O_RDONLY)
    here = os.open(os.sep, _THROUGH | _DIRECTORY)
    try:
        for name in filter(None, path.split(os.sep)):
            try:
                below = os.open(name, _THROUGH | _DIRECTORY | _NOFOLLOW, dir_fd=here)
            except FileNotFoundError:
                if not create:
                    raise
                os.mkdir(name, dir_fd=here)
                below = os.open(name, _THROUGH | _DIRECTORY | _NOFOLLOW, dir_fd=here)
            os.close(here)
            here = below
    except BaseException:
        os.close(here)
        raise
    return here


def read_bytes(path: str, limit: int) -> bytes:
    """The content of a resolved path, a regular file of at most `limit` bytes."""
    descriptor = open_real(path, os.O_RDONLY | _IMPATIENT)
    with os.fdopen(descriptor, "rb") as file:
        require_regular(descriptor, path)
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
    return content


def write_bytes(path: str, content: bytes, *, append: bool = False) -> None:
    """Replace or extend the content of a resolved path; the file is made when it does not exist."""
    position = os.O_APPEND if append else 0
    descriptor = open_real(path, os.O_WRONLY | os.O_CREAT | position | _IMPATIENT)
    with os.fdopen(descriptor, "ab" if append else "wb") as file:
        require_regular(descriptor, path)
        if not append:
            file.truncate(0)  # only now: what is no regular file stays untouched
        file.write(content)


def names(path: str) -> list[str]:
    """The names in a resolved directory."""
    descriptor = open_real(path, os.O_RDONLY | _DIRECTORY)
    try:
        return os.listdir(descriptor)
    finally:
        os.close(descriptor)


def delete(path: str) -> None:
    """Remove a file whose directory is resolved."""
    parent, name = os.path.split(path)
    if not _BY_DESCRIPTOR:
        os.unlink(path)
        return
    folder = walk(parent)
    try:
        os.unlink(name, dir_fd=folder)
    finally:
        os.close(folder)


def require_regular(descriptor: int, path: str) -> None:
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        code = errno.EISDIR if stat.S_ISDIR(mode) else errno.EPERM
        raise OSError(code, "Not a regular file", path)


def file_error(id: str, path: str, error: OSError | ValueError) -> HostCallError:
    """What a program sees of a failed file operation: its own path and the system's word for the reason."""
    if isinstance(error, OSError):
        reason, kind = error.strerror or str(error), _TYPES.get(error.errno or 0, "io-error")
    elif isinstance(error, UnicodeError):
        encoding = error.encoding if isinstance(error, UnicodeDecodeError) else "Unicode"
        reason, kind = f"not valid {encoding}", "encoding"
    else:
        reason, kind = str(error), "invalid-path"
    data = Map.of([(Keyword("capability"), id), (Keyword("path"), path)])
    shown = path.replace("\0", "\\0")
    return HostCallError("HostError", f"{reason}: {shown}", type=kind, data=data)
