"""The files that name MCP servers and streams (streaming.md §3.4)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from rtfs.host.stream import credential
from rtfs.host.stream.configuration import Configuration
from rtfs.host.stream.endpoint import Directory
from rtfs.host.stream.settings import read_settings
from rtfs.lang.collections import Map
from rtfs.lang.errors import StreamError
from rtfs.lang.names import Keyword as K


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of a project."""
    place = tmp_path / "project"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def configuration(folder: Path, **environment: str) -> Configuration:
    return Configuration(None, {"XDG_CONFIG_HOME": str(folder.parent / "config"), **environment})


def write(path: Path, **content: Any) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(json.dumps(content))


def command(found: dict[str, Any] | None) -> Any:
    return None if found is None else found["command"]


def test_the_first_file_counts_and_the_project_adds_what_it_does_not_say(folder: Path) -> None:
    user = folder.parent / "config" / "rtfs" / "mcp.json"
    write(user, mcpServers={"s": {"command": "of-the-user"}, "u": {"command": "u"}})
    assert command(configuration(folder).server("s")) == "of-the-user"
    write(folder / ".mcp.json", servers={"s": {"command": "of-the-project"}})
    (folder / "rtfs.toml").write_text('[servers.s]\ncommand = "toml"\n[servers.t]\ncommand = "toml"\nargs = ["a"]\n')
    found = configuration(folder)
    assert [command(found.server(name)) for name in ("s", "t", "u")] == ["of-the-project", "toml", None]
    write(folder / "named.json", mcpServers={"s": {"command": "of-the-variable"}})
    found = configuration(folder, RTFS_MCP_CONFIG=str(folder / "named.json"))
    assert [command(found.server(name)) for name in ("s", "t")] == ["of-the-variable", None]
    write(folder / "flag.json", mcpServers={"s": {"command": "of-the-flag"}})
    found = Configuration(str(folder / "flag.json"), {"RTFS_MCP_CONFIG": str(folder / "named.json")})
    assert command(found.server("s")) == "of-the-flag"


def test_the_project_file_of_a_folder_above_counts_and_names_streams(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "rtfs.toml").write_text('[streams.gauge]\nendpoint = "s/watch"\nqueue-capacity = 5\n')
    below = folder / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    found = configuration(folder).stream("gauge")
    assert found == Map.of([(K("endpoint"), "s/watch"), (K("queue-capacity"), 5)])


def test_a_project_file_that_others_may_write_names_no_server(folder: Path) -> None:
    (folder / "rtfs.toml").write_text('[servers.s]\ncommand = "x"\n')
    os.chmod(folder / "rtfs.toml", 0o666)
    with pytest.raises(StreamError, match="expected file that only its owner, you, may write"):
        configuration(folder).server("s")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("x", "'server 's''.*expected map, got str"),
        ({}, "expected entry with url or command, got neither"),
        ({"command": ["a"]}, "server 's' command'.*expected text"),
        ({"command": "a", "args": "bc"}, "server 's' args'.*expected list of texts, got another value"),
        ({"command": "a", "env": ["X=1"]}, "server 's' env'.*expected map of texts, got another value"),
        ({"url": "example.org/mcp"}, "server 's' url'.*expected URL of http, https, ws or wss"),
        ({"url": "http://x", "type": "grpc"}, "expected one of stdio http .*, got 'grpc'"),
        ({"url": "http://x", "headers": "secret"}, "server 's' headers'.*expected map of texts, got another value$"),
        ({"command": "a", "disabled": "yes"}, "expected true or false, got 'yes'"),
        ({"command": "a", "timeout": 0}, "expected milliseconds > 0, got 0"),
        ({"command": "a", "timeout": True}, "expected milliseconds > 0, got True"),
    ],
)
def test_an_entry_of_the_wrong_kind_is_named_before_it_is_used(folder: Path, entry: Any, message: str) -> None:
    write(folder / ".mcp.json", mcpServers={"s": entry, "other": {"command": "x"}})
    found = configuration(folder)
    with pytest.raises(StreamError, match=message) as caught:
        found.server("s")
    assert caught.value.code == "RTFS-S003"
    assert command(found.server("other")) == "x"


def test_names_that_are_no_map_are_an_error_of_the_file(folder: Path) -> None:
    write(folder / ".mcp.json", mcpServers=[])
    with pytest.raises(StreamError, match=r"\.mcp\.json: mcpServers': expected map from names to entries, got list"):
        configuration(folder).server_names()


def test_variables_are_filled_in_wherever_a_text_stands(folder: Path) -> None:
    entry = {"command": "${RUN:-python}", "args": ["${A}", "${env:A}b"], "env": {"B": "${B:-}"}, "cwd": "${A:-x}"}
    write(folder / ".mcp.json", mcpServers={"s": entry})
    assert configuration(folder, A="a").server("s") == {
        "command": "python",
        "args": ["a", "ab"],
        "env": {"B": ""},
        "cwd": "a",
    }
    with pytest.raises(StreamError, match="Parameter 'server 's'': expected value for the variable A, got unset"):
        configuration(folder).server("s")


def test_the_timeout_of_a_server_is_how_long_its_answers_may_take(folder: Path) -> None:
    write(folder / ".mcp.json", mcpServers={"s": {"command": "x", "timeout": 2500}})
    directory = Directory(configuration(folder), {}, {})
    for given, expected in (({}, 2500), ({"read-timeout-ms": 7}, 7)):
        settings = read_settings(Map.of([(K("endpoint"), "s/tool"), *((K(k), v) for k, v in given.items())]))
        assert directory.resolve(settings) is not None
        assert settings["read-timeout-ms"] == expected


def test_what_is_shown_of_a_url_holds_no_key() -> None:
    url = "https://user:word@example.org/mcp?key=s3cret&x#y=1"
    assert credential.shown(url) == "https://example.org/mcp?key=…&x#y=1"
