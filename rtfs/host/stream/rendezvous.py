"""Where running hosts and those who look at them meet: a folder of sockets that only the user may enter."""

from __future__ import annotations

import os
import socket
import stat
import struct
import tempfile
from pathlib import Path

LONGEST = 100  # bytes of a socket's path: the least that systems allow is 104


class Unsafe(OSError):
    """The folder is no place for sockets: somebody else may enter or own it."""


def folder() -> Path:
    """`rtfs` in the user's runtime folder, else `rtfs-UID` in that for temporary files; it need not exist yet."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and os.path.isabs(runtime) and len(os.fsencode(runtime)) < LONGEST - 30:
        return Path(runtime) / "rtfs"
    temporary = tempfile.gettempdir()
    return Path(temporary if len(os.fsencode(temporary)) < LONGEST - 50 else "/tmp") / f"rtfs-{os.getuid()}"


def prepared(place: Path) -> Path:
    """The folder, made if it is missing. Unsafe when it is not the user's own, or open to others."""
    try:
        place.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        pass
    examine(place)
    return place


def examine(place: Path) -> None:
    """Unsafe, with the reason, unless the folder is a real one that belongs to the user alone."""
    facts = os.lstat(place)
    if not stat.S_ISDIR(facts.st_mode):
        raise Unsafe(f"{place} is no folder")
    if facts.st_uid != os.getuid():
        raise Unsafe(f"{place} belongs to somebody else")
    if facts.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Unsafe(f"{place} is open to others (chmod 700 {place})")


def same_user(connection: socket.socket) -> bool:
    """Is the other end of a connection a process of this user, or of the administrator? True where nobody can say."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return True
    _, user, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("3i")))
    return user in (os.getuid(), 0)


def sockets() -> list[Path]:
    """The sockets of hosts that run, or ran and were killed, in the order of their names. Unsafe as in `examine`."""
    place = folder()
    if not place.is_dir() and not place.is_symlink():
        return []
    examine(place)
    return sorted(entry for entry in place.iterdir() if entry.suffix == ".sock" and entry.is_socket())
