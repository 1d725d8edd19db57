"""`ccos.io.*`: the console and the files."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Any, TypeVar

from rtfs.host.provider import CallContext, provides
from rtfs.host.waiting import blocking
from rtfs.lang.collections import vector
from rtfs.lang.names import Keyword

T = TypeVar("T")

_READ: dict[str, Any] = {"effects": [":filesystem", ":filesystem-read"], "grant": ("read", "path"), "idempotent": True}
_WRITE: dict[str, Any] = {"effects": [":filesystem"], "grant": ("write", "path")}
# To print a line twice after a crash is better than to stop and ask.
_CONSOLE: dict[str, Any] = {"effects": [":console"], "idempotent": True}
_LEVELS = ("debug", "info", "warn", "error")
_CHARACTERS = 16_777_216  # of one string (language.md §15)
_ENCODINGS = {
    "utf8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "ascii", "us-ascii", "latin-1",
    "latin1", "iso-8859-1", "iso-8859-15", "cp1252", "windows-1252",
}  # fmt: skip


# ---- console


def _text(value: Any) -> str:
    """As `str` gives it."""
    if type(value) is str:
        return value
    from rtfs.lang.printer import text  # deferred: most output is text already

    return text(value)


@provides("ccos.io.println", input={"text": ":any"}, **_CONSOLE, examples=[('(call :ccos.io.println "n is 4")', "nil")])
def println(ctx: CallContext, text: Any) -> None:
    """Write a line to standard output."""
    ctx.host.console.write(_text(text) + "\n")


@provides("ccos.io.print", input={"text": ":any"}, **_CONSOLE, examples=[('(call :ccos.io.print "n is ")', "nil")])
def print_(ctx: CallContext, text: Any) -> None:
    """Write to standard output."""
    ctx.host.console.write(_text(text))


@provides(
    "ccos.io.log",
    input={"text": ":any", "level?": ":keyword"},
    output=":nil",
    **_CONSOLE,
    examples=[('(call :ccos.io.log "slow" :warn)', "nil")],
)
def log(ctx: CallContext, text: Any, level: Keyword = Keyword("info")) -> None:  # noqa: B008
    """Write a line to standard error with its level: `:debug`, `:info`, `:warn` or `:error`."""
    if level.name not in _LEVELS:
        raise ValueError(f"a level is one of :{' :'.join(_LEVELS)}, got :{level.name}")
    ctx.host.console.log(level.name, _text(text))


@provides(
    "ccos.io.read-line",
    input={"prompt?": ":string"},
    output=":string?",
    **_CONSOLE,
    examples=[('(call :ccos.io.read-line "name> ")', '"Ada"')],
)
def read_line(ctx: CallContext, prompt: str = "") -> Any:
    """The next line of standard input, nil at its end."""
    return blocking(lambda: whole(ctx.host.console.read_line(prompt), "the input"))


def whole(text: str | None, what: str) -> str | None:
    """A text from outside; ValueError when it holds half a character pair, which no string of a program may."""
    if text is not None and not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError(f"{what} is not valid Unicode") from None
    return text


# ---- files


def _with_file(ctx: CallContext, kind: str, path: str, work: Callable[[str], T], *, follow: bool = True) -> T:
    """Resolve a path once, check it against the grants of a kind, and do the work on what was checked."""
    from rtfs.host import files, policy  # deferred: most programs open no file

    try:
        resolved = files.real(path, follow=follow)
        granted = policy.grants_of(ctx.security, kind)
        if granted is not None and not files.inside(resolved, granted):
            raise policy.outside(ctx.security, ctx.host.marketplace.require(ctx.capability_id), path)
        return work(resolved)
    except (OSError, ValueError) as error:
        raise files.file_error(ctx.capability_id, path, error) from error


def _codec(encoding: Any) -> str:
    name = str(encoding.name if type(encoding) is Keyword else encoding).lower().replace("_", "-")
    if name not in _ENCODINGS:
        raise ValueError(f"unknown encoding {name}")
    return name


@provides(
    "ccos.io.read-file",
    input={"path": ":string", "encoding?": ":any"},
    output=":string",
    **_READ,
    examples=[('(call :ccos.io.write-file "a.txt" "text") (call :ccos.io.read-file {:path "a.txt"})', '"text"')],
)
def read_file(ctx: CallContext, path: str, encoding: Any = "utf-8") -> str:
    """The text of a file, at most 16,777,216 characters; the encoding is UTF-8 unless given."""
    from rtfs.host.files import read_bytes

    codec = _codec(encoding)

    def work(resolved: str) -> str:
        text = read_bytes(resolved, 4 * _CHARACTERS).decode(codec)
        if len(text) > _CHARACTERS:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        return text

    return _with_file(ctx, "read", path, work)


@provides(
    "ccos.io.write-file",
    input={"path": ":string", "text": ":string"},
    output=":nil",
    idempotent=True,
    **_WRITE,
    examples=[('(call :ccos.io.write-file "a.txt" "text") (call :ccos.io.read-file "a.txt")', '"text"')],
)
def write_file(ctx: CallContext, path: str, text: str) -> None:
    """Make or replace a file with this text in UTF-8. Its directory must exist."""
    from rtfs.host.files import write_bytes

    _with_file(ctx, "write", path, lambda resolved: write_bytes(resolved, _paid(ctx, text)))


@provides(
    "ccos.io.append-file",
    input={"path": ":string", "text": ":string"},
    output=":nil",
    **_WRITE,
    examples=[
        (
            '(call :ccos.io.append-file "a" "x") (call :ccos.io.append-file "a" "y") (call :ccos.io.read-file "a")',
            '"xy"',
        )
    ],
)
def append_file(ctx: CallContext, path: str, text: str) -> None:
    """Put this text in UTF-8 at the end of a file, which is made when missing."""
    from rtfs.host.files import write_bytes

    _with_file(ctx, "write", path, lambda resolved: write_bytes(resolved, _paid(ctx, text), append=True))


def _paid(ctx: CallContext, text: str) -> bytes:
    """What is written, taken from the budget before it is."""
    content = text.encode()
    ctx.meter(storage_bytes=len(content))
    return content


@provides(
    "ccos.io.list-dir",
    input={"path": ":string"},
    output=[":vector", ":string"],
    **_READ,
    examples=[('(call :ccos.io.write-file "a.txt" "") (call :ccos.io.list-dir ".")', '["a.txt"]')],
)
def list_dir(ctx: CallContext, path: str) -> Any:
    """The names in a directory, sorted."""
    from rtfs.host.files import names

    return vector(sorted(whole(name, "a name") or "" for name in _with_file(ctx, "read", path, names)))


@provides(
    "ccos.io.file-exists",
    input={"path": ":string"},
    output=":boolean",
    **_READ,
    examples=[('(call :ccos.io.file-exists "nowhere.txt")', "false")],
)
def file_exists(ctx: CallContext, path: str) -> bool:
    """Is there a file or directory of this path? A link counts as what it leads to."""
    return _with_file(ctx, "read", path, os.path.lexists)


@provides(
    "ccos.io.delete-file",
    input={"path": ":string"},
    output=":nil",
    **_WRITE,
    examples=[
        (
            '(call :ccos.io.write-file "a" "") (call :ccos.io.delete-file "a") (call :ccos.io.file-exists "a")',
            "false",
        )
    ],
)
def delete_file(ctx: CallContext, path: str) -> None:
    """Remove a file; of a link the link itself. A directory is refused."""
    from rtfs.host.files import delete

    _with_file(ctx, "write", path, delete, follow=False)


@provides(
    "ccos.io.mkdir",
    input={"path": ":string"},
    output=":nil",
    idempotent=True,
    **_WRITE,
    examples=[('(call :ccos.io.mkdir "a/b") (call :ccos.io.file-exists "a/b")', "true")],
)
def mkdir(ctx: CallContext, path: str) -> None:
    """Make a directory and those above it, as far as they are missing."""
    from rtfs.host.files import walk

    _with_file(ctx, "write", path, lambda resolved: os.close(walk(resolved, create=True)))
