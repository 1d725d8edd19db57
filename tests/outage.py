"""Servers of a test's own, on a free port and with data of their own, that can be killed and started again."""

from __future__ import annotations

import glob
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import missing

STARTING_S = 90


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


class Server:
    """One server process. url: of it; `kill` is SIGKILL, after which `start` goes on with the same data."""

    def __init__(
        self,
        command: list[str],
        url: str,
        folder: Path,
        *,
        user: str | None = None,
        ready: Callable[[str], bool] = lambda url: True,
        **env: str,
    ) -> None:
        """ready: whether it serves who has its URL; asked once its port is open."""
        self.url = url
        self.folder = folder
        self._command = command
        self._user = user
        self._ready = ready
        self._env = {**os.environ, **env}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        return int(self.url.split("/")[2].rpartition(":")[2])

    def start(self) -> None:
        """Returns when it takes connections."""
        with (self.folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                self._command, stdout=output, stderr=output, cwd=self.folder, env=self._env, user=self._user,
                start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + STARTING_S
        while not (self._answers() and self._ready(self.url)):
            if self._process.poll() is not None or time.monotonic() > end:
                raise AssertionError(
                    f"{self._command[0]} did not start:\n{(self.folder / 'output').read_text()[-2000:]}"
                )
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """At once, with all its processes; the data stays."""
        process, self._process = self._process, None
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        end = time.monotonic() + STARTING_S
        while self._answers() and time.monotonic() < end:  # processes of the group may take a moment to be gone
            time.sleep(0.01)

    def restart(self) -> None:
        self.kill()
        self.start()


def _program(name: str, *places: str) -> str:
    found = shutil.which(name) or next((path for place in places for path in sorted(glob.glob(place))), None)
    if found is None:
        missing(f"needs {name}")
    assert found is not None
    return found


def redis(folder: Path) -> Server:
    port = free_port()
    command = [_program("redis-server"), "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--save", ""]
    return Server([*command, "--appendonly", "yes", "--appendfsync", "always"], f"redis://127.0.0.1:{port}/0", folder)


def nats(folder: Path) -> Server:
    port = free_port()
    command = [_program("nats-server"), "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(folder)]
    return Server(command, f"nats://127.0.0.1:{port}", folder)


def postgresql(folder: Path) -> Server:
    """It refuses to run as root, and then runs as the user `postgres`."""
    initdb = _program("initdb", "/usr/lib/postgresql/*/bin/initdb")
    user = "postgres" if os.geteuid() == 0 else None
    data, port = folder / "data", free_port()
    make = [initdb, "-D", str(data), "-A", "trust", "-U", "postgres", "-N", "--locale=C", "-E", "UTF8"]
    subprocess.run(make, check=True, stdout=subprocess.DEVNULL, cwd=folder, user=user)
    settings = (
        "listen_addresses=127.0.0.1",
        f"port={port}",
        f"unix_socket_directories={folder}",
        "shared_buffers=16MB",
    )
    command = [str(Path(initdb).parent / "postgres"), "-D", str(data)]
    return Server(
        [*command, *(part for setting in settings for part in ("-c", setting))],
        f"postgresql://postgres@127.0.0.1:{port}/postgres", folder, user=user, ready=_serves,
    )  # fmt: skip


def _serves(url: str) -> bool:
    """PostgreSQL opens its port before it has recovered."""
    import psycopg

    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def rabbitmq(folder: Path) -> Server:
    port = free_port()
    places = ("/usr/lib/rabbitmq/bin/rabbitmq-server", "/usr/lib/rabbitmq/lib/*/sbin/rabbitmq-server")
    command = next((path for place in places for path in glob.glob(place)), None) or _program("rabbitmq-server")
    (folder / "plugins").write_text("[].")
    return Server(
        [command], f"amqp://guest:guest@127.0.0.1:{port}", folder,
        HOME=str(folder), RABBITMQ_NODENAME=f"rtfs{port}@localhost", RABBITMQ_NODE_PORT=str(port),
        RABBITMQ_NODE_IP_ADDRESS="127.0.0.1", RABBITMQ_DIST_PORT=str(free_port()),
        RABBITMQ_MNESIA_BASE=str(folder / "mnesia"), RABBITMQ_LOG_BASE=str(folder / "log"), RABBITMQ_LOGS="-",
        RABBITMQ_PID_FILE=str(folder / "pid"), RABBITMQ_ENABLED_PLUGINS_FILE=str(folder / "plugins"),
        RABBITMQ_CONFIG_FILE=str(folder / "none"), RABBITMQ_CONF_ENV_FILE=str(folder / "none"),
    )  # fmt: skip


KINDS: dict[str, Callable[[Path], Server]] = {
    "redis": redis, "nats": nats, "postgresql": postgresql, "amqp": rabbitmq,
}  # fmt: skip


@contextmanager
def running(kind: str) -> Iterator[Server]:
    """A server that runs; afterwards neither it nor its data is left. Skips without its program."""
    folder = Path(tempfile.mkdtemp(prefix=f"rtfs-{kind}-"))  # short: the path of a socket has a limit
    if kind == "postgresql" and os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    try:
        server = KINDS[kind](folder)
        try:
            server.start()
            yield server
        finally:
            server.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
