"""What every test may use: profiles of hypothesis, pure programs, the command line as a process, services."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from rtfs import Complete, RtfsError, Session, show

ROOT = Path(__file__).resolve().parent.parent

# CI machines stall: a deadline per example would fail on noise. `derandomize` off: new examples each run.
settings.register_profile("rtfs", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fuzz", parent=settings.get_profile("rtfs"), max_examples=2_000)
settings.load_profile("rtfs")

# A background job of a shell starts with SIGINT ignored, and so would every process under test.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests of other processes, terminals and services meet the pauses of a busy machine.
OUTSIDE = ("cli", "contracts", "host", "session", "test_docs.py", "test_examples.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that reaches outside of this process is tried up to three times; pytest's summary tells of it."""
    for item in items:
        if item.path.relative_to(ROOT / "tests").parts[0] in OUTSIDE:
            item.add_marker(pytest.mark.flaky(reruns=2, reruns_delay=1))


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def shown() -> Callable[[str], str]:
    """The printed value of a program that makes no host call."""

    def run(text: str) -> str:
        outcome = Session(cache=False).start(text, name="t.rtfs")
        assert isinstance(outcome, Complete)
        return show(outcome.value)

    return run


@pytest.fixture
def failing() -> Callable[[str], RtfsError]:
    """The error a program ends with."""

    def run(text: str) -> RtfsError:
        with pytest.raises(RtfsError) as raised:
            Session(cache=False).start(text, name="t.rtfs")
        return raised.value

    return run


@pytest.fixture(scope="session")
def cache_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One compiled-code cache for all processes of this test run, never the user's own."""
    return tmp_path_factory.mktemp("cache-home")


@pytest.fixture
def environment(cache_home: Path) -> dict[str, str]:
    """The environment of a process under test: this checkout, a cache of its own, no settings of the developer."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RTFS_", "CCOS_", "XDG_"))}
    return {**kept, "XDG_CACHE_HOME": str(cache_home), "XDG_CONFIG_HOME": str(cache_home), "PYTHONWARNINGS": "error"}


@pytest.fixture
def rtfs(environment: dict[str, str], tmp_path: Path) -> Run:
    """Run `rtfs ARGUMENTS` to its end in an empty folder (`cwd=` for another); text streams, 60 s at most."""

    def run(*arguments: str, stdin: str = "", cwd: Path = tmp_path, **extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "rtfs", *arguments],
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            cwd=cwd,
            env={**environment, **extra},
            timeout=60,
        )

    return run


@pytest.fixture
def service() -> Callable[[str], str]:
    """`service("redis-server")` gives the program's path, or skips the test saying what is missing.

    Under RTFS_REQUIRE_SERVICES=1, as in CI, a missing service fails the test: nothing is skipped unseen.
    """

    def need(program: str) -> str:
        found = shutil.which(program)
        if found is None:
            missing(f"needs {program}")
        assert found is not None
        return found

    return need


def missing(reason: str) -> None:
    """Skip, or fail where services are required."""
    if os.environ.get("RTFS_REQUIRE_SERVICES") == "1":
        pytest.fail(f"{reason}, and RTFS_REQUIRE_SERVICES=1 allows no skipping", pytrace=False)
    pytest.skip(reason)


class Fuzz:
    """How much to try. `long`: as in `make fuzz`; `seed`: of the first program."""

    def __init__(self) -> None:
        from tests.strategies import LONG  # deferred: the profile is chosen after this file is loaded

        self.long = LONG
        self.seed = int(os.environ.get("RTFS_FUZZ_SEED") or 0)


@pytest.fixture(scope="session")
def fuzz() -> Fuzz:
    """What seeded tests ask about their length."""
    return Fuzz()


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Say a line that `make fuzz` prints at its end, whichever process the test ran in."""
    return lambda line: request.node.user_properties.append(("fuzz", line))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for group in ("passed", "failed") for report in terminalreporter.stats.get(group, [])]
    lines = [line for report in reports for name, line in report.user_properties if name == "fuzz"]
    if lines and os.environ.get("RTFS_FUZZ_SEED"):
        terminalreporter.section("fuzz")
        for line in sorted(lines):
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def services() -> Any:
    """Where the services of the machine are; see tests/services.py."""
    from tests.services import Services

    return Services()


@pytest.fixture
def store_place(tmp_path: Path, services: Any) -> Iterator[Callable[[str], str]]:
    """`store_place(name)` is the URL of an empty place for a store of that kind, emptied again at the end."""
    token = f"rtfs_test_{uuid.uuid4().hex}"
    cleaners: list[Callable[[], None]] = []

    def make(name: str) -> str:
        if name == "sqlite":
            return f"sqlite:{tmp_path / 'place'}"
        if name == "postgresql":
            url = services.postgresql()
            cleaners.append(lambda: services.drop_schema(url, token))
            return f"{url}?rtfs_schema={token}"
        if name == "redis":
            url = services.redis()
            cleaners.append(lambda: services.drop_keys(url, token))
            return f"{url}?rtfs_prefix={token}"
        return f"{name}:"

    yield make
    for clean in cleaners:
        clean()
