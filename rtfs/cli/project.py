"""The project file `rtfs.toml`: what the person who owns a folder lets its scripts do (host.md §4).

    [capabilities]
    allow = ["ccos.io.*"]            # globs of ids, as --allow
    deny = ["ccos.io.delete-file"]   # wins over every grant and flag
    read = ["data"]                  # folders, relative to this file, as --allow-read; write likewise
    net = ["GET api.example.org"]    # hosts, as --allow-net
    env = ["HOME"]                   # variables, as --allow-env
    run = ["python"]                 # programs behind `stdio:` endpoints, as --allow-run
    approve = ["mail.*"]             # globs of ids that somebody has to approve first: `rtfs approvals`
    files = ["tools.rtfs"]           # RTFS files that define capabilities, as --capabilities

    [test]
    files = ["*_test.rtfs"]          # globs of the files in which `rtfs test` looks for tests

    [apis.shop]                      # an API whose operations are capabilities `api.shop.*`
    document = "shop.yaml"           # OpenAPI, relative to this file
    server = "https://example.org"   # instead of the one in the document
    credentials = {token = "TOKEN"}  # by security scheme: the variable that holds it, or a pair of variables

    [metrics]                        # of streams, for Prometheus, as --metrics
    listen = "127.0.0.1:9464"

The file of the working folder or of the nearest folder above it counts, for scripts inside that folder only: a script
from elsewhere brings no rights with it and gets none from here. A file that others may write is refused.
"""

from __future__ import annotations

import os
import stat
from typing import Any, NamedTuple

from rtfs.cli.permission import PROJECT, Malformed

_LISTS = ("allow", "deny", "read", "write", "net", "env", "run", "approve", "files")
_PATHS = ("read", "write", "files")


class Project(NamedTuple):
    """What the file says; `folder` is where it lies."""

    folder: str
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    net: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    run: tuple[str, ...] = ()
    approve: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    apis: dict[str, dict[str, Any]] = {}  # noqa: RUF012  # never changed
    metrics: str | None = None


def read_project(folder: str) -> Project:
    """The project file of a folder. Malformed, with the reason, when it cannot be used."""
    import tomllib  # deferred: most folders have no such file

    path = os.path.join(folder, PROJECT)
    try:
        with open(path, "rb") as file:
            _own(path, os.fstat(file.fileno()))
            tables = tomllib.load(file)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Malformed(f"{path}: {error}") from error
    project = _project(folder, path, tables.get("capabilities", {}))
    tests = _tests(path, tables.get("test", {}))
    metrics = _listen(path, tables.get("metrics", {}))
    return project._replace(tests=tests, apis=_apis(folder, path, tables.get("apis", {})), metrics=metrics)


def _own(path: str, facts: os.stat_result) -> None:
    """Rights come from the person who runs the script, or the administrator, and from nobody else."""
    if hasattr(os, "getuid") and facts.st_uid not in (os.getuid(), 0):
        raise Malformed(f"{path}: it belongs to somebody else")
    if facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise Malformed(f"{path}: others may write it (chmod go-w {path})")


def _project(folder: str, path: str, table: Any) -> Project:
    if not isinstance(table, dict):
        raise Malformed(f"{path}: [capabilities] must be a table")
    found: dict[str, Any] = {}
    for key, value in table.items():
        if key not in _LISTS:
            from rtfs.lang.suggest import nearest

            near = nearest(key, _LISTS)
            raise Malformed(
                f"{path}: unknown key {key!r} in [capabilities]{f'; did you mean {near[0]!r}?' if near else ''}"
            )
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise Malformed(f"{path}: {key} must be a list of strings")
        found[key] = tuple(os.path.join(folder, item) for item in value) if key in _PATHS else tuple(value)
    return Project(folder, **found)


def _tests(path: str, table: Any) -> tuple[str, ...]:
    """The globs of test files."""
    globs = table.get("files", []) if isinstance(table, dict) and table.keys() <= {"files"} else None
    if not isinstance(globs, list) or not all(isinstance(glob, str) and glob for glob in globs):
        raise Malformed(f"{path}: [test] has files, a list of globs")
    return tuple(globs)


def _listen(path: str, table: Any) -> str | None:
    if not isinstance(table, dict) or table.keys() - {"listen"} or not isinstance(table.get("listen", ""), str):
        raise Malformed(f"{path}: [metrics] has listen, an address such as 127.0.0.1:9464")
    return table.get("listen")


def _apis(folder: str, path: str, table: Any) -> dict[str, dict[str, Any]]:
    """By name, what `Host.load_openapi` takes."""
    if not isinstance(table, dict) or not all(isinstance(entry, dict) for entry in table.values()):
        raise Malformed(f"{path}: [apis] holds a table for each API")
    found = {}
    for name, entry in table.items():
        for key, value in entry.items():
            if key not in _API or not isinstance(value, _API[key]):
                raise Malformed(f"{path}: [apis.{name}] has document, server (texts) and credentials (a table)")
        if "document" not in entry:
            raise Malformed(f"{path}: [apis.{name}] names no document")
        secrets = {scheme: tuple(v) if isinstance(v, list) else v for scheme, v in entry.get("credentials", {}).items()}
        found[name] = {**entry, "document": os.path.join(folder, entry["document"]), "credentials": secrets}
    return found


_API: dict[str, type] = {"document": str, "server": str, "credentials": dict}
