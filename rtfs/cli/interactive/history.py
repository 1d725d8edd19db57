"""The inputs of earlier sessions, in a file of the user's own that nobody else may read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prompt_toolkit.history import History

MOST = 1 << 20  # bytes of the file, beyond which its older half is dropped
LONGEST = 1 << 16  # characters of an input that is kept


def history_path() -> str:
    """Where the history is."""
    home = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(home, "rtfs", "history")


def open_history() -> History:
    """The history of the user; one in memory when there is no file that is private to the user."""
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    path = history_path()
    if not _prepared(path):
        return InMemoryHistory()

    class Inputs(FileHistory):
        """Inputs in a file. Repeated ones, very long ones and those that begin with a space are not kept."""

        def append_string(self, string: str) -> None:
            last = self._loaded_strings[0] if self._loaded_strings else None
            if string.strip() and string != last and not string.startswith(" "):
                super().append_string(string)

        def store_string(self, string: str) -> None:
            if len(string) > LONGEST:
                return
            try:
                if _prepared(path):  # somebody may have deleted it
                    super().store_string(string)
            except OSError:
                pass  # a full disk must not end the session

    return Inputs(path)


def _prepared(path: str) -> bool:
    """Is there a file, readable by its owner alone? It is made, and made shorter, when needed."""
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0), 0o600)
        with open(handle, "r+b", buffering=0) as file:
            facts = os.fstat(handle)
            if hasattr(os, "getuid") and facts.st_uid != os.getuid():
                return False
            os.fchmod(handle, 0o600)
            if facts.st_size > MOST:
                _shorten(path, file.read())
        return True
    except OSError:
        return False


def _shorten(path: str, data: bytes) -> None:
    """Keep the newer half of the entries, each of which begins with an empty line and a comment."""
    start = data.find(b"\n\n#", len(data) // 2)
    temporary = f"{path}.{os.getpid()}"
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data[start:] if start >= 0 else b"")
    os.replace(temporary, path)
