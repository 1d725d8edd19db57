"""Find the text of a module by name, and keep compiled code between runs.

A module name may become a file name only after `segments` accepted it: letters, digits, `_` and `-` between dots or
slashes (language.md §10), so no name leaves the folders of the search path.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rtfs.lang.source import Source

try:  # the hash alone: hashlib would load OpenSSL, 5 ms of a 60 ms start-up budget
    from _sha2 import sha256  # type: ignore[import-not-found, unused-ignore]  # CPython 3.12 and later, not in typeshed
except ImportError:
    try:
        from _sha256 import sha256  # type: ignore[import-not-found, unused-ignore]  # CPython 3.11, not in typeshed
    except ImportError:
        from hashlib import sha256  # any other Python

SUFFIX = ".rtfs"
MAX_ENTRIES = 1024  # of one cache folder; storing beyond it drops the older half
_MAGIC = b"rtfs-code-1\n"
_DIGEST = 32


class Lookup(Protocol):
    """Where module texts come from; an embedder may bring another one."""

    def find(self, name: str) -> Source | None:
        """The source of module `name`, None when there is none."""
        ...


class Texts:
    """Modules from a mapping of name (`a.b`) to text: tests, embedders; `Texts({})` disables the lookup."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def find(self, name: str) -> Source | None:
        from rtfs.lang.source import Source

        key = ".".join(segments(name) or ())
        return Source(key + SUFFIX, self._texts[key]) if key in self._texts else None


class Files:
    """Modules from files: `folder` (of the running script), then `path`, then the bundled library.

    `path` defaults to the entries of RTFS_PATH. The first folder that has the file wins.
    """

    def __init__(self, folder: str | None = None, path: Iterable[str] | None = None) -> None:
        entries = os.environ.get("RTFS_PATH", "").split(os.pathsep) if path is None else path
        self.folders = [entry for entry in ((folder or ""), *entries, library()) if entry]

    def names(self) -> list[str]:
        """The modules that there are files for, at most two folders deep: what a wrong name may have meant."""
        from glob import escape, iglob  # deferred: only errors ask
        from itertools import islice

        found = []
        for folder in self.folders:
            for depth in ("*", "*/*", "*/*/*"):
                places = islice(iglob(os.path.join(escape(folder), depth + SUFFIX)), 1000)
                found += [os.path.relpath(place, folder)[: -len(SUFFIX)].replace(os.sep, ".") for place in places]
        return found

    def find(self, name: str) -> Source | None:
        parts = segments(name)
        if parts is None:
            return None
        relative = os.path.join(*parts) + SUFFIX
        for folder in self.folders:
            place = os.path.join(folder, relative)
            if os.path.isfile(place):
                return _module_source(place, name)
        return None


def _module_source(place: str, name: str) -> Source:
    try:
        return read_source(place)
    except OSError as error:
        from rtfs.lang.errors import ExpansionError

        text = f"Module error: the file of module '{name}' cannot be read: {error.strerror}"
        raise ExpansionError("ModuleError", text) from None


def segments(name: str) -> tuple[str, ...] | None:
    """`a.b` and `a/b` as `("a", "b")`; None unless every segment is made of the allowed characters."""
    parts = tuple(name.replace("/", ".").split("."))
    return parts if all(part and all(c.isalpha() or c in "0123456789_-" for c in part) for part in parts) else None


def library() -> str:
    """The folder of the bundled library: inside an installed package, else beside the package in a checkout."""
    package = os.path.dirname(os.path.abspath(__file__))
    installed = os.path.join(package, "stdlib")
    return installed if os.path.isdir(installed) else os.path.join(os.path.dirname(package), "stdlib")


def read_source(place: str, name: str | None = None) -> Source:
    """The file `place` as a Source that errors call `name`. OSError when unreadable, ReadError when not UTF-8."""
    with open(place, "rb") as file:
        return decode(file.read(), name or place)


def decode(data: bytes, name: str) -> Source:
    """UTF-8 bytes as a Source; ReadError at the first byte that is not, otherwise."""
    from rtfs.lang.errors import ReadError
    from rtfs.lang.source import Source, Span  # deferred: the cache is loaded before everything else (cli/bytecode.py)

    try:
        return Source(name, data.decode("utf-8"))
    except UnicodeDecodeError as error:
        source = Source(name, data.decode("utf-8", "replace"))
        before = data[: error.start].decode("utf-8")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        span = Span(source, line, column, line, column + 1)
        raise ReadError(f"byte 0x{data[error.start]:02x} is not UTF-8", span=span) from None


class Cache:
    """Compiled code by key, in a folder of the user's own (performance.md, Cache).

    Anything unexpected (no home, a folder others may enter, a full disk, a damaged entry) means no cache, in silence:
    `load` answers None and `store` does nothing.
    """

    def __init__(self, root: str | None = None) -> None:
        """`root` defaults to `$XDG_CACHE_HOME/rtfs`, or `~/.cache/rtfs`."""
        self._root = root if root is not None else _cache_home()
        self._folder: str | None = None
        self._usable: bool | None = None

    def load(self, key: str) -> bytes | None:
        """The payload stored under `key`, None when it is absent or damaged."""
        folder = self._open(create=False)
        if folder is None:
            return None
        try:
            with open(os.path.join(folder, key), "rb") as file:
                data = file.read()
        except OSError:
            return None
        start = len(_MAGIC) + _DIGEST
        payload = data[start:]
        return payload if data[:start] == _MAGIC + _checksum(key, payload) else None

    def store(self, key: str, payload: bytes) -> None:
        """Keep `payload` under `key`; a reader sees the whole entry or none."""
        folder = self._open(create=True)
        if folder is None:
            return
        temporary = os.path.join(folder, f".{key}.{os.getpid()}.{os.urandom(4).hex()}")
        try:
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(handle, "wb") as file:
                file.write(_MAGIC + _checksum(key, payload) + payload)
            os.replace(temporary, os.path.join(folder, key))
            _prune(folder)
        except OSError:
            _remove(temporary)

    def _open(self, *, create: bool) -> str | None:
        """The folder, once it is known to be the user's own."""
        if self._usable is None and self._root:
            folder = os.path.join(self._root, _python_tag())
            if create:
                _make(self._root, folder)
            elif not os.path.isdir(folder):
                return None  # not decided yet: `store` may create it
            self._usable = _private(self._root) and _private(folder)
            self._folder = folder
        return self._folder if self._usable else None


def cache_key(*parts: str | bytes) -> str:
    """A file name for what `parts` determine: hex SHA-256 over the parts, each with its length."""
    digest = sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(b"%d:" % len(data))
        digest.update(data)
    return str(digest.hexdigest())


def fingerprint() -> str:
    """Changes whenever rtfs itself does: name, size and modification time of every Python file below the package.

    Part of every key, so that an edited compiler never runs what an earlier one made. Costs about a millisecond.
    """
    folders, entries = [os.path.dirname(os.path.abspath(__file__))], []
    while folders:
        with os.scandir(folders.pop()) as found:
            for entry in found:
                if entry.name.endswith(".py"):
                    status = entry.stat()
                    entries.append(f"{entry.path}:{status.st_size}:{status.st_mtime_ns}")
                elif entry.name not in ("__pycache__", "stdlib", "cli", "host") and entry.is_dir():
                    folders.append(entry.path)
    return "\n".join(sorted(entries))


def _cache_home() -> str:
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(chosen):  # the XDG rule: a relative path counts as unset
        home = os.path.expanduser("~")
        chosen = os.path.join(home, ".cache") if os.path.isabs(home) else ""
    return os.path.join(chosen, "rtfs") if chosen else ""


def _python_tag() -> str:
    """`cpython-3.11.7`: code objects of one version mean nothing to another."""
    version = sys.version_info
    level = "" if version.releaselevel == "final" else f"{version.releaselevel}{version.serial}"
    return f"{sys.implementation.name}-{version.major}.{version.minor}.{version.micro}{level}"


def _make(root: str, folder: str) -> None:
    try:
        os.makedirs(os.path.dirname(root), mode=0o700, exist_ok=True)
        for place in (root, folder):
            if not os.path.isdir(place):
                os.mkdir(place, 0o700)
    except OSError:
        pass  # `_private` decides; another process may have been first


def _private(folder: str) -> bool:
    """A real directory of the current user that nobody else can read or write."""
    try:
        status = os.lstat(folder)
    except OSError:
        return False
    is_directory = status.st_mode & 0o170000 == 0o040000  # stat.S_ISDIR without importing stat
    return is_directory and status.st_mode & 0o077 == 0 and status.st_uid == os.geteuid()


def _checksum(key: str, payload: bytes) -> bytes:
    """Over the key too: an entry copied under another name is damaged."""
    return bytes(sha256(key.encode() + b"\n" + payload).digest())


def _prune(folder: str) -> None:
    with os.scandir(folder) as found:
        entries = list(found)
    if len(entries) > MAX_ENTRIES:
        for entry in sorted(entries, key=lambda entry: entry.stat().st_mtime)[: len(entries) // 2]:
            _remove(entry.path)


def _remove(place: str) -> None:
    try:
        os.unlink(place)
    except OSError:
        pass
