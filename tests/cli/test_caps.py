"""`rtfs caps`: list, search and show capabilities."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

Run = Any


def test_capabilities_are_listed_a_line_each(rtfs: Run) -> None:
    done = rtfs("caps", "ls", "ccos.json.*")
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["ccos.json.parse", "ccos.json.stringify"]
    everything = rtfs("caps", "ls", "--json").stdout.splitlines()
    assert len(everything) > 50
    assert {"id", "effects", "input", "output", "approval"} <= json.loads(everything[0]).keys()


def test_a_search_finds_words_and_effects(rtfs: Run) -> None:
    first = rtfs("caps", "search", "random", "uuid").stdout
    assert first.startswith("ccos.random.uuid  ")
    found = [json.loads(line) for line in rtfs("caps", "search", "--effect", "network", "--json").stdout.splitlines()]
    assert found and all("network" in each["effects"] for each in found)
    assert len(rtfs("caps", "search", "--limit", "2").stdout.splitlines()) == 2


def test_nothing_found_is_1(rtfs: Run) -> None:
    for words in (("ls", "no.*"), ("search", "zzz")):
        done = rtfs("caps", *words)
        assert (done.stdout, done.stderr, done.returncode) == ("", "no capability found\n", 1)


def test_one_capability_is_shown_whole(rtfs: Run) -> None:
    done = rtfs("caps", "show", ":ccos.io.read-file")
    assert "  permission  --allow-read\n" in done.stdout
    assert json.loads(rtfs("caps", "show", "--json", "ccos.io.read-file").stdout)["grant"] == "--allow-read"
    done = rtfs("caps", "show", "ccos.io.readfile")
    assert done.returncode == 1
    assert "  = hint: did you mean `ccos.io.read-file`?" in done.stderr.splitlines()


def test_the_capabilities_of_files_count_too(rtfs: Run, tmp_path: Path) -> None:
    text = '(capability "shop.price" :input-schema [:map [:sku :string]] :implementation (fn [x] 5))'
    (tmp_path / "shop.rtfs").write_text(text)
    assert rtfs("caps", "show", "shop.price", "--capabilities", "shop.rtfs").stdout.startswith(
        "shop.price   capability"
    )
    (tmp_path / "rtfs.toml").write_text('[capabilities]\nfiles = ["shop.rtfs"]\n')
    assert rtfs("caps", "ls", "shop.*").stdout.startswith("shop.price")
    (tmp_path / "shop.rtfs").write_text("(]")
    assert rtfs("caps", "ls").returncode == 1


def test_the_tools_of_a_server_count_too(rtfs: Run, tmp_path: Path) -> None:
    weather = str(ROOT / "examples" / "servers" / "weather.py")
    (tmp_path / "mcp.json").write_text(
        json.dumps({"mcpServers": {"w": {"command": sys.executable, "args": [weather]}}})
    )
    done = rtfs("caps", "ls", "mcp.**", "--server", "w", RTFS_MCP_CONFIG="mcp.json")
    assert "mcp.w.watch" in [line.split()[0] for line in done.stdout.splitlines()], done.stderr
    done = rtfs("caps", "ls", "--server", "nowhere")
    assert (done.returncode, "no MCP server 'nowhere' is configured" in done.stderr) == (1, True)
