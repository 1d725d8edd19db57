"""The gates are alive: ruff, mypy and import-linter refuse each probe under the configuration of `make check`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROBES = Path(__file__).parent / "probes"
BIN = Path(sys.executable).parent


def probes(tool: str) -> list[Path]:
    return sorted((PROBES / tool).glob("*.py"))


def run(*command: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def ruff_codes() -> dict[str, set[str]]:
    """File stem → codes reported for it."""
    done = run(BIN / "ruff", "check", "--no-cache", "--output-format=json", *probes("ruff"), cwd=ROOT)
    codes: dict[str, set[str]] = {}
    for finding in json.loads(done.stdout):
        codes.setdefault(Path(finding["filename"]).stem, set()).add(finding["code"])
    return codes


@pytest.mark.parametrize("code", [path.stem for path in probes("ruff")])
def test_ruff_refuses(code: str, ruff_codes: dict[str, set[str]]) -> None:
    assert code in ruff_codes.get(code, set())


@pytest.fixture(scope="module")
def mypy_lines(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    cache = tmp_path_factory.mktemp("mypy")
    done = run(BIN / "mypy", "--no-error-summary", f"--cache-dir={cache}", *probes("mypy"), cwd=ROOT)
    return done.stdout.splitlines()


@pytest.mark.parametrize("name", [path.stem for path in probes("mypy")])
def test_mypy_refuses(name: str, mypy_lines: list[str]) -> None:
    code = f"[{name.replace('_', '-')}]"
    assert any(f"/{name}.py:" in line and line.endswith(code) for line in mypy_lines)


@pytest.fixture(scope="module")
def import_report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What import-linter says about a copy of the package into which every probe was put."""
    copy = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "rtfs", copy / "rtfs", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PROBES / "imports" / "rtfs", copy / "rtfs", dirs_exist_ok=True)
    shutil.copy(ROOT / "pyproject.toml", copy)
    return run(BIN / "lint-imports", "--no-cache", cwd=copy).stdout


@pytest.mark.parametrize(
    ("contract", "import_"),
    [
        ("imports point downward", "rtfs.lang.probe_upward -> rtfs.session"),
        ("imports point downward", "rtfs.macros.probe_sideways -> rtfs.eval"),
        ("purity", "rtfs.lang.probe_impure -> asyncio"),
        ("one reader", "rtfs.macros.probe_second_reader -> lark"),
        ("the network", "rtfs.check.probe_network -> mcp"),
        ("the terminal", "rtfs.host.probe_terminal -> rich"),
        ("values and code start fast", "rtfs.eval.probe_slow -> attrs"),
    ],
)
def test_import_linter_refuses(contract: str, import_: str, import_report: str) -> None:
    broken = import_report[import_report.index("Broken contracts") :]
    (section,) = [part for part in broken.split("\n\n\n") if contract in part.split("\n-")[0]] or [broken]
    assert import_ in section


def test_every_contract_has_a_probe_that_breaks_it(import_report: str) -> None:
    verdicts = [line for line in import_report.splitlines() if line.endswith((" KEPT", " BROKEN"))]
    assert verdicts and all(line.endswith(" BROKEN") for line in verdicts)


def test_import_linter_refuses_a_room_that_no_contract_places(import_report: str) -> None:
    assert "rtfs.loose" in import_report
