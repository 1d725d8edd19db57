"""Running a cached one-line script imports nothing heavy, whatever Python does about bytecode."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "ast", "asyncio", "attr", "attrs", "click", "dis", "hashlib", "httpx2", "immutables", "inspect", "json", "lark",
    "logging", "mcp", "multiprocessing", "pathlib", "prompt_toolkit", "pydantic", "pyrsistent", "random", "re2", "rich",
    "socket", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "uuid",
}  # fmt: skip

# Runs the command line as `python -m rtfs` does and tells on the last line which modules that imported.
PROBE = """
import json, sys
before = set(sys.modules)
sys.argv = ["rtfs", *sys.argv[1:]]
from rtfs.__main__ import main
code = main()
print("\\n" + json.dumps([code, sorted(set(sys.modules) - before)]))
"""


def modules_of(*words: str, environment: dict[str, str]) -> tuple[int, set[str]]:
    """Exit code of a run, and what it imported beyond bare Python."""
    command = [sys.executable, "-c", PROBE, *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    code, modules = json.loads(done.stdout.splitlines()[-1])
    return code, set(modules)


@pytest.fixture(params=["pyc", "no-pyc"])
def bytecode(request: pytest.FixtureRequest, environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    if request.param == "no-pyc":
        return {**environment, "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**environment, "PYTHONPYCACHEPREFIX": str(tmp_path / "pyc")}


@pytest.mark.parametrize("text", ["(+ 1 2)", '(println (str "a" 1))', "(map (fn [x] (* x x)) (range 5))"])
def test_a_cached_script_imports_nothing_heavy(text: str, bytecode: dict[str, str], tmp_path: Path) -> None:
    script = tmp_path / "one.rtfs"
    script.write_text(text)
    modules_of(str(script), environment=bytecode)
    code, modules = modules_of(str(script), environment=bytecode)
    assert (code, modules & HEAVY) == (0, set())
    assert not {name for name in modules if name.startswith(("rtfs.parser.", "rtfs.macros.", "rtfs.eval.special"))}


def test_the_door_imports_nothing_by_itself(environment: dict[str, str]) -> None:
    program = "import sys, rtfs; print([name for name in sys.modules if name.startswith('rtfs.')])"
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n"


def test_a_host_without_streams_never_imports_asyncio(environment: dict[str, str]) -> None:
    program = "\n".join([
        "import sys, rtfs",
        "market = rtfs.Marketplace()",
        "market.capability('a.b', effects=[])(lambda: 42)",
        "session = rtfs.Session(marketplace=market, context=rtfs.RuntimeContext.full())",
        "assert session.run('(call :a.b)') == 42",
        "assert session.run('(println (call :ccos.math.add 1 2))') is None",
        "print('asyncio' in sys.modules)",
    ])  # fmt: skip
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("3\nFalse\n", "")
