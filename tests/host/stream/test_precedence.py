"""A26: every source of a URL and of credentials, alone and in pairs, against the table of streaming.md §3.4."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from rtfs.host.stream.configuration import DEFAULT_URL, HEADER_VARIABLE, TOKEN_VARIABLE, URL_VARIABLES, Configuration
from rtfs.host.stream.endpoint import Directory
from rtfs.host.stream.settings import read_settings
from rtfs.host.stream.transports import Target
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword as K

URL_SOURCES = ("server-url", "entry", "provider", *URL_VARIABLES, "default")
AUTH_SOURCES = ("auth", "headers", "entry", HEADER_VARIABLE, TOKEN_VARIABLE)


def alone_and_in_pairs(sources: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [*combinations(sources, 1), *combinations(sources, 2)]


def place(source: str) -> str:
    return DEFAULT_URL if source == "default" else f"https://{source.lower().replace('_', '-')}.example/mcp"


def resolved(
    folder: Path,
    options: dict[str, Any],
    entry: dict[str, Any] | None,
    environment: dict[str, str],
    provider: Any = None,
) -> Target | None:
    """Where a stream on `gauge` connects to."""
    (folder / "mcp.json").write_text(json.dumps({"mcpServers": {} if entry is None else {"gauge": entry}}))
    directory = Directory(Configuration(str(folder / "mcp.json"), environment), {}, {})
    directory.provider_url = provider
    parameters = {"endpoint": "gauge", "tool": "t", **options}
    found = directory.resolve(read_settings(Map.of([(K(name), value) for name, value in parameters.items()])))
    return None if found is None else found.target


@pytest.mark.parametrize("blank", [False, True], ids=["others unset", "others blank"])
@pytest.mark.parametrize("sources", alone_and_in_pairs(URL_SOURCES), ids="+".join)
def test_a26_of_the_sources_of_a_url_the_first_of_the_table_counts(
    tmp_path: Path, sources: tuple[str, ...], blank: bool
) -> None:
    environment = {name: place(name) if name in sources else "  " for name in URL_VARIABLES if blank or name in sources}
    options: dict[str, Any] = {"server-url": place("server-url")} if "server-url" in sources else {}
    if "default" in sources:
        options["auto-connect"] = True
    entry = {"url": place("entry")} if "entry" in sources else None
    provider = place("provider") if "provider" in sources else None
    found = resolved(tmp_path, options, entry, environment, provider)
    assert found is not None
    assert found.place == place(min(sources, key=URL_SOURCES.index))


@pytest.mark.parametrize("blank", [False, True], ids=["others unset", "others blank"])
@pytest.mark.parametrize("sources", alone_and_in_pairs(AUTH_SOURCES), ids="+".join)
def test_a26_of_the_sources_of_credentials_the_first_of_the_table_counts(
    tmp_path: Path, sources: tuple[str, ...], blank: bool
) -> None:
    environment = {URL_VARIABLES[0]: "https://a.example/mcp"}
    for name in (HEADER_VARIABLE, TOKEN_VARIABLE):
        if blank or name in sources:
            environment[name] = f" \t{name}" if name in sources else " \t"
    options: dict[str, Any] = {"auth": Map.of([(K("header"), "auth")])} if "auth" in sources else {}
    if "headers" in sources:
        options["headers"] = Map.of([("Authorization", "headers")])
    entry: dict[str, Any] | None = None
    if "entry" in sources:
        entry = {"url": "https://a.example/mcp", "headers": {"Authorization": "entry"}}
    found = resolved(tmp_path, options, entry, environment)
    assert found is not None
    first = min(sources, key=AUTH_SOURCES.index)
    assert found.headers() == {"Authorization": f"Bearer {first}" if first == TOKEN_VARIABLE else first}


def test_a26_with_no_source_at_all_there_is_no_connection_and_with_a_url_alone_no_credentials(tmp_path: Path) -> None:
    assert resolved(tmp_path, {}, None, {}) is None
    found = resolved(tmp_path, {}, {"url": "https://a.example/mcp"}, {})
    assert found is not None and found.headers() == {}
