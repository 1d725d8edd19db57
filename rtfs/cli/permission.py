"""What a script may do: the flags of the command line and the project file of the working folder (host.md §4)."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from rtfs.host.policy import CLI_ALLOWED, CLI_DEFAULT
from rtfs.lang.outcome import RuntimeContext

if TYPE_CHECKING:
    from rtfs.cli.project import Project
    from rtfs.cli.script import Settings
    from rtfs.session import Session

PROJECT = "rtfs.toml"


class Malformed(Exception):
    """A file that the run was told to use cannot be used; the text says why."""


def rights(settings: Settings) -> dict[str, Any]:
    """The options of a Session that say what its programs may do."""
    project = find_project(settings.file if settings.file != "-" else None)
    options: dict[str, Any] = {"context": _context(settings, project)}
    if sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty():
        from rtfs.cli.consent import Consent

        options["on_refusal"] = Consent()
    if project is not None and project.approve:
        options["approvals"] = _approvals(settings)
        options["must_approve"] = project.approve
    return options


def load_capabilities(settings: Settings, session: Session) -> None:
    """Enter what the files of the project and of the command line define. Malformed for one that cannot be used."""
    project = find_project(settings.file if settings.file != "-" else None)
    for path in (*(() if project is None else project.files), *settings.capabilities):
        try:
            session.host.load_capabilities(path)
        except OSError as error:
            raise Malformed(f"{path}: {error.strerror}") from error
    for name, options in ({} if project is None else project.apis).items():
        try:
            session.host.load_openapi(name, **options)
        except OSError as error:
            raise Malformed(f"{options['document']}: {error.strerror}") from error
        except ValueError as error:
            raise Malformed(str(error)) from error


def find_project(script: str | None) -> Project | None:
    """The project file of the working folder or the nearest one above, for a script inside its folder only.

    A script from elsewhere brings no rights with it and gets none from here. None: a text without a file.
    """
    folder = os.getcwd()
    while not os.path.exists(os.path.join(folder, PROJECT)):
        folder, below = os.path.dirname(folder), folder
        if folder == below:
            return None
    if script is not None:
        top = os.path.realpath(folder)
        if os.path.commonpath([os.path.realpath(script), top]) != top:
            return None
    from rtfs.cli.project import read_project  # deferred: most folders have no such file

    return read_project(folder)


def _context(settings: Settings, project: Project | None) -> RuntimeContext:
    """`controlled` with what the flags and the project allow; its denials hold under --allow-all too."""
    denied = () if project is None else project.deny
    if settings.allow_all:
        return RuntimeContext("full", denied=denied)
    kinds = {kind: getattr(settings, f"allow_{kind}") for kind in ("read", "write", "net", "env", "run")}
    allowed = settings.allow
    if project is not None:
        allowed = (*project.allow, *allowed)
        kinds = {kind: (*getattr(project, kind), *values) for kind, values in kinds.items()}
    grants = [(kind, value) for kind, values in kinds.items() for value in values]
    if not grants and not allowed and not denied:
        return CLI_DEFAULT
    return RuntimeContext.controlled([*CLI_ALLOWED, *allowed], denied, grants=grants)


def _approvals(settings: Settings) -> Any:
    """The queue of what must be approved. Malformed when its file cannot be used."""
    import sqlite3

    from rtfs.cli.approvals import queue_path
    from rtfs.host.approval import Approvals

    path = queue_path(None if (settings.state or "").startswith("redis") else settings.state)
    try:
        return Approvals(path)
    except (OSError, sqlite3.Error) as error:
        raise Malformed(f"{path}: {error}") from error
