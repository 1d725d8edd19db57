"""What a script may do: the project file, the question on a terminal, and the queue of approvals, as processes."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

Run = Any


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text("inside")
    (tmp_path / "secret.txt").write_text("outside")
    (tmp_path / "read.rtfs").write_text("(read-file (first args))")
    return tmp_path


def table(folder: Path, text: str) -> None:
    path = folder / "rtfs.toml"
    path.write_text(f"[capabilities]\n{text}\n")
    path.chmod(0o644)


# ---- the project file


def test_without_a_project_file_a_file_is_refused(rtfs: Run, project: Path) -> None:
    assert rtfs("read.rtfs", "data/a.txt", cwd=project).returncode == 3


def test_the_project_file_grants_what_it_names_and_no_more(rtfs: Run, project: Path) -> None:
    table(project, 'read = ["data"]')
    done = rtfs("read.rtfs", "data/a.txt", cwd=project)
    assert (done.stdout, done.returncode) == ('"inside"\n', 0)
    assert rtfs("read.rtfs", "secret.txt", cwd=project).returncode == 3
    assert rtfs("read.rtfs", "data/../secret.txt", cwd=project).returncode == 3


def test_paths_are_relative_to_the_project_file(rtfs: Run, project: Path) -> None:
    table(project, 'read = ["data"]')
    assert rtfs("../read.rtfs", "a.txt", cwd=project / "data").stdout == '"inside"\n'


def test_a_denial_wins_over_every_flag(rtfs: Run, project: Path) -> None:
    table(project, 'deny = ["ccos.io.read-file"]')
    for flag in (["--allow-all"], ["--allow-read", "data"], ["--allow", "ccos.io.*"]):
        done = rtfs("run", *flag, "read.rtfs", "data/a.txt", cwd=project)
        assert done.returncode == 3 and "a deny rule wins over every flag" in done.stderr


def test_a_script_from_elsewhere_brings_and_gets_no_rights(rtfs: Run, project: Path, tmp_path_factory: Any) -> None:
    table(project, 'read = ["data"]')
    foreign = tmp_path_factory.mktemp("foreign")
    (foreign / "x.rtfs").write_text("(read-file (first args))")
    table(foreign, 'read = ["/"]')
    secret = str(project / "secret.txt")
    assert rtfs(str(foreign / "x.rtfs"), "data/a.txt", cwd=project).returncode == 3
    assert rtfs(str(foreign / "x.rtfs"), secret, cwd=project).returncode == 3
    assert rtfs("x.rtfs", secret, cwd=foreign).stdout == '"outside"\n'  # its own folder, entered on purpose


def test_a_script_that_a_link_leads_out_to_is_from_elsewhere(rtfs: Run, project: Path, tmp_path_factory: Any) -> None:
    table(project, 'read = ["data"]')
    foreign = tmp_path_factory.mktemp("foreign") / "x.rtfs"
    foreign.write_text("(read-file (first args))")
    (project / "inside.rtfs").symlink_to(foreign)
    assert rtfs("inside.rtfs", "data/a.txt", cwd=project).returncode == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("allow = 5", "allow must be a list of strings"),
        ('alow = ["x"]', "unknown key 'alow' in [capabilities]; did you mean 'allow'?"),
        ("allow = [", "rtfs.toml: "),
    ],
)
def test_a_project_file_that_cannot_be_used_stops_the_run(rtfs: Run, project: Path, text: str, message: str) -> None:
    table(project, text)
    done = rtfs("read.rtfs", "data/a.txt", cwd=project)
    assert done.returncode == 2 and message in done.stderr and done.stderr.startswith("error: ")


def test_a_project_file_that_others_may_write_is_refused(rtfs: Run, project: Path) -> None:
    table(project, 'read = ["data"]')
    (project / "rtfs.toml").chmod(0o666)
    done = rtfs("read.rtfs", "data/a.txt", cwd=project)
    assert done.returncode == 2 and "others may write it" in done.stderr


# ---- the question on a terminal


def ask(environment: dict[str, str], folder: Path, answers: str, *words: str) -> tuple[int, str]:
    """Run in a pseudo-terminal, type the answers; exit code and everything the person saw."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "rtfs", *words], stdin=slave, stdout=slave, stderr=slave, cwd=folder, env=environment
    )
    os.close(slave)
    os.write(master, answers.encode())
    seen = b""
    while True:
        try:
            part = os.read(master, 4096)
        except OSError:
            break
        if not part:
            break
        seen += part
    os.close(master)
    return process.wait(timeout=30), seen.decode().replace("\r\n", "\n")


def test_on_a_terminal_a_yes_allows_it_for_the_run(environment: dict[str, str], project: Path) -> None:
    (project / "twice.rtfs").write_text('[(read-file "data/a.txt") (read-file "data/a.txt")]')
    code, seen = ask(environment, project, "y\n", "twice.rtfs")
    assert (code, seen.count("[y/N]")) == (0, 1)
    assert "ccos.io.read-file is not allowed. Allow it for this run, as --allow-read" in seen
    assert '["inside" "inside"]' in seen


def test_a_yes_covers_the_folder_it_was_asked_for_and_no_other(environment: dict[str, str], project: Path) -> None:
    (project / "both.rtfs").write_text('(do (read-file "data/a.txt") (read-file "secret.txt"))')
    code, seen = ask(environment, project, "y\nn\n", "both.rtfs")
    assert (code, seen.count("[y/N]")) == (3, 2)


def test_a_no_is_asked_for_once(environment: dict[str, str], project: Path) -> None:
    (project / "retry.rtfs").write_text('(map (fn [_] (try (read-file "data/a.txt") (catch e :no))) [1 2 3])')
    code, seen = ask(environment, project, "\n", "retry.rtfs")
    assert (code, seen.count("[y/N]")) == (0, 1)
    assert "[:no :no :no]" in seen


def test_in_a_pipe_nobody_is_asked(rtfs: Run, project: Path) -> None:
    done = rtfs("read.rtfs", "data/a.txt", stdin="y\n", cwd=project)
    assert done.returncode == 3 and "[y/N]" not in done.stderr


# ---- approvals


def test_a_capability_that_must_be_approved_waits_in_the_queue(rtfs: Run, project: Path) -> None:
    table(project, 'approve = ["ccos.math.*"]')
    words = ("run", "--state", "kept", "-e", "(call :ccos.math.add 1 2)")
    done = rtfs(*words, cwd=project)
    assert done.returncode == 3 and "error[RTFS-E504] ApprovalRequired" in done.stderr
    listed = rtfs("approvals", "ls", "--state", "kept", "--json", cwd=project)
    row = json.loads(listed.stdout)
    assert (row["capability"], row["state"], row["arguments"]) == ("ccos.math.add", "pending", "1 2")
    assert rtfs("approvals", "approve", "ccos.math.add", "--state", "kept", cwd=project).returncode == 0
    assert rtfs(*words, cwd=project).stdout == "3\n"
    rtfs("approvals", "reject", "ccos.math.add", "--state", "kept", "--reason", "no sums", cwd=project)
    done = rtfs(*words, cwd=project)
    assert done.returncode == 3 and "it was rejected: no sums" in done.stderr
    assert "rejected  ccos.math.add (no sums)" in rtfs("approvals", "ls", "--state", "kept", cwd=project).stdout


# ---- capabilities of files

TOOLS = '(capability "t/double" :effects [] :implementation (fn [x] (* 2 x)))'


def test_files_of_capabilities_come_from_the_command_line_and_the_project(rtfs: Run, project: Path) -> None:
    (project / "tools.rtfs").write_text(TOOLS)
    call = ["-e", "(call :t/double 21)"]
    assert rtfs("run", "--capabilities", "tools.rtfs", "--allow", "t/*", *call, cwd=project).stdout == "42\n"
    refused = rtfs("run", "--capabilities", "tools.rtfs", *call, cwd=project)
    assert refused.returncode == 3 and "allow it with --allow 't/*'" in refused.stderr
    table(project, 'files = ["tools.rtfs"]\nallow = ["t/*"]')
    assert rtfs("run", *call, cwd=project / "data").stdout == "42\n"


def test_a_file_of_capabilities_that_is_wrong_ends_the_run(rtfs: Run, project: Path) -> None:
    missing = rtfs("run", "--capabilities", "nowhere.rtfs", "-e", "1", cwd=project)
    assert (missing.returncode, missing.stderr) == (2, "error: nowhere.rtfs: No such file or directory\n")
    (project / "tools.rtfs").write_text(TOOLS.replace(":effects", ":efects"))
    wrong = rtfs("run", "--capabilities", "tools.rtfs", "-e", "1", cwd=project)
    assert wrong.returncode == 1 and "tools.rtfs:1:13" in wrong.stderr and "did you mean :effects?" in wrong.stderr


# ---- APIs

PETS = """
openapi: 3.1.0
info: {title: t, version: 1.0.0}
paths: {/pets: {get: {operationId: list, security: [{t: []}]}}}
components: {securitySchemes: {t: {type: http, scheme: bearer}}}
"""


def test_apis_of_the_project_are_capabilities(rtfs: Run, project: Path) -> None:
    (project / "pets.yaml").write_text(PETS)
    table(project, '[apis.pets]\ndocument = "pets.yaml"\nserver = "http://127.0.0.1:1"\ncredentials = {t = "T_TOKEN"}')
    call = ["run", "-e", "(call :api.pets.list)"]
    refused = rtfs(*call, cwd=project / "data")
    assert refused.returncode == 3 and "--allow-net 127.0.0.1:1" in refused.stderr
    unset = rtfs("run", "--allow-net", "127.0.0.1:1", *call[1:], cwd=project)
    assert unset.returncode == 1 and "the environment variable T_TOKEN" in unset.stderr
    down = rtfs("run", "--allow-net", "127.0.0.1:1", *call[1:], cwd=project, T_TOKEN="s3cret")
    assert down.returncode == 1 and "RTFS-E501" in down.stderr and "s3cret" not in down.stderr


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[apis.p]", "[apis.p] names no document"),
        ("[apis]\np = 1", "[apis] holds a table for each API"),
        (
            '[apis.p]\ndocument = "d.yaml"\nserver = 1',
            "[apis.p] has document, server (texts) and credentials (a table)",
        ),
        ('[apis.p]\ndocument = "d.yaml"', "d.yaml: No such file or directory"),
        ('[apis.p]\ndocument = "rtfs.toml"', "rtfs.toml: "),
    ],
)
def test_an_api_that_cannot_be_used_ends_the_run(rtfs: Run, project: Path, text: str, reason: str) -> None:
    table(project, text)
    done = rtfs("run", "-e", "1", cwd=project)
    assert done.returncode == 2 and reason in done.stderr


def test_a_queue_that_is_no_database_is_one_clear_error(rtfs: Run, project: Path) -> None:
    table(project, 'approve = ["ccos.math.*"]')
    (project / "kept").mkdir()
    (project / "kept" / "approvals.db").write_bytes(b"garbage" * 1000)
    for words in (("approvals", "ls", "--state", "kept"), ("run", "--state", "kept", "-e", "(+ 1 2)")):
        done = rtfs(*words, cwd=project)
        assert done.returncode in (1, 2) and "approvals.db: file is not a database" in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
