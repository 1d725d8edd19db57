"""`rtfs journal` and `rtfs run --journal`, as processes."""

from __future__ import annotations

import itertools
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

Run = Any
SCRIPT = '(do (kv/put "k" 1) (try (read-file "/etc/passwd") (catch e nil)) (step "sum" (call :ccos.math.add 1 2)))'


@pytest.fixture
def journal(rtfs: Run, tmp_path: Path) -> Path:
    assert rtfs("run", "--journal", "audit.db", "-e", SCRIPT).stdout == "3\n"
    return tmp_path / "audit.db"


def test_a_run_is_listed_call_by_call(rtfs: Run, journal: Path) -> None:
    rows = [json.loads(line) for line in rtfs("journal", "ls", "audit.db", "--json").stdout.splitlines()]
    assert [row["type"] for row in rows] == [
        "session-started", "call-started", "call", "call-started", "call", "step-start", "call", "step-complete",
    ]  # fmt: skip
    text = rtfs("journal", "ls", "audit.db", "--function", "ccos.math.*").stdout
    assert " call            ccos.math.add [1 2] → 3\n" in text and text.count("\n") == 1
    assert rtfs("journal", "ls", "audit.db", "--failed").stdout.count("SecurityViolation") == 1
    assert rtfs("journal", "ls", "audit.db", "--limit", "1").stdout.count("\n") == 1


def test_one_row_is_shown_whole(rtfs: Run, journal: Path) -> None:
    shown = rtfs("journal", "show", "audit.db", "3").stdout
    assert 'arguments     ["k" 1]\n' in shown and "result        nil\n" in shown
    assert rtfs("journal", "show", "audit.db", "99").returncode == 1


def test_runs_add_to_one_chain_that_verifies(rtfs: Run, journal: Path) -> None:
    rtfs("run", "--journal", "audit.db", "-e", SCRIPT)
    done = rtfs("journal", "verify", "audit.db")
    assert (done.stdout, done.stderr, done.returncode) == ("16 rows, the chain holds\n", "", 0)


def test_a_changed_row_is_named(rtfs: Run, journal: Path) -> None:
    with sqlite3.connect(journal) as connection:
        connection.execute("UPDATE action SET arguments = '[1 3]' WHERE function = 'ccos.math.add'")
    done = rtfs("journal", "verify", "audit.db")
    assert (done.stdout, done.returncode) == ("audit.db: row 7 was changed\n", 1)
    assert json.loads(rtfs("journal", "verify", "audit.db", "--json").stdout)["row"] == 7


def test_a_cut_tail_is_named_and_without_the_key_it_says_what_it_cannot_tell(rtfs: Run, journal: Path) -> None:
    with sqlite3.connect(journal) as connection:
        connection.execute("DELETE FROM action WHERE seq > 6")
    assert rtfs("journal", "verify", "audit.db").stdout == "audit.db: rows 7 to 8 were cut off\n"
    done = rtfs("journal", "verify", "audit.db", "--unkeyed")
    assert "without the key a chain that was rewritten as a whole, or cut, looks whole" in done.stderr


def test_export_gives_json_lines_with_hashes(rtfs: Run, journal: Path) -> None:
    rows = [json.loads(line) for line in rtfs("journal", "export", "audit.db").stdout.splitlines()]
    assert [row["seq"] for row in rows] == list(range(1, 9))
    assert all(later["previous_hash"] == row["hash"] for row, later in itertools.pairwise(rows))


def test_a_file_that_is_no_journal_is_a_clear_error(rtfs: Run, tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("this is no database at all, whatever its name says" * 100)
    for words in (("journal", "ls", "x.db"), ("journal", "verify", "x.db"), ("run", "--journal", "x.db", "-e", "1")):
        done = rtfs(*words)
        assert done.returncode in (1, 2) and "x.db: file is not a database" in done.stderr, words


def test_damage_inside_the_file_is_an_error_and_verify_says_from_which_row_on(rtfs: Run, tmp_path: Path) -> None:
    rtfs("run", "--journal", "audit.db", "-e", "(dotimes [n 300] (kv/put n n))")
    journal = tmp_path / "audit.db"
    with sqlite3.connect(journal) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(journal.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 200] = bytes(200)
    journal.write_bytes(bytes(content))
    done = rtfs("journal", "verify", "audit.db")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "cannot be read" in done.stdout or "was removed" in done.stdout or "was changed" in done.stdout
    done = rtfs("journal", "export", "audit.db")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "Error: the journal cannot be read: " in done.stderr
