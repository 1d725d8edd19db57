"""The causal chain: what is written down of calls and steps, and what a tampered ledger is caught at (host.md §6)."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtfs import Budget, Keyword, Marketplace, RuntimeContext, Session
from rtfs.host.journal import LONGEST, Journal
from rtfs.host.ledger import FIELDS, Key, Ledger, load_key
from rtfs.lang.errors import HostCallError, RtfsError

KEY = Key(b"k" * 32, None)


@pytest.fixture
def market() -> Marketplace:
    return Marketplace()


def run(source: str, market: Marketplace | None = None, **options: Any) -> list[dict[str, Any]]:
    """The rows that a program leaves."""
    journal = Journal()
    options.setdefault("context", RuntimeContext.full())
    session = Session(marketplace=market, journal=journal, id="s", **options)
    try:
        session.run(source, name="x.rtfs")
    except RtfsError:
        pass
    rows = journal.rows()
    session.close()
    return rows


# ---- what is written


def test_a_call_with_effects_is_written_before_it_is_made_and_when_it_ended() -> None:
    first, started, ended = run('(call :ccos.state.kv.put "k" 5)')
    assert (first["type"], started["type"], ended["type"]) == ("session-started", "call-started", "call")
    assert (started["function"], started["arguments"], started["result"]) == ("ccos.state.kv.put", '["k" 5]', None)
    assert (ended["arguments"], ended["result"], ended["error"]) == ('["k" 5]', "nil", None)
    assert (started["parent"], ended["parent"]) == (first["id"], started["id"])
    assert json.loads(ended["metadata"])["place"] == "x.rtfs:1:1"


def test_a_call_without_effects_has_one_row() -> None:
    assert [row["type"] for row in run("(call :ccos.math.add 1 2)")] == ["session-started", "call"]


def test_failures_refusals_and_unknown_capabilities_are_written_too(market: Marketplace) -> None:
    market.capability("t.fail", effects=[])(lambda: 1 / 0)
    rows = run("(try (call :t.fail) (catch e (try (call :no.such 1) (catch f (call :ccos.io.read-file \"/x\")))))",
               market, context=RuntimeContext.controlled(allow=["t.*"]))  # fmt: skip
    errors = {row["function"]: row["error"] for row in rows if row["type"] == "call"}
    assert errors == {
        "t.fail": "RTFS-E501 HostError :host-error division by zero",
        "no.such": "RTFS-E502 UnknownCapability :unknown-capability Unknown capability: no.such",
        "ccos.io.read-file": "RTFS-E503 SecurityViolation :security-violation Security violation: call operation on "
        "capability 'ccos.io.read-file' not allowed in context: controlled",
    }


def test_steps_are_rows_and_the_parents_of_what_they_do() -> None:
    rows = run('(step "outer" (step "inner" (call :ccos.echo 1)) 2)')
    by_id = {row["id"]: row for row in rows}
    (call,) = (row for row in rows if row["type"] == "call")
    inner = by_id[call["parent"]]
    outer = by_id[inner["parent"]]
    assert (inner["type"], inner["step"], outer["step"]) == ("step-start", "outer/inner", "outer")
    ends = [(row["type"], row["step"], row["result"]) for row in rows if row["type"] == "step-complete"]
    assert ends == [("step-complete", "outer/inner", "1"), ("step-complete", "outer", "2")]


def test_calls_made_for_a_call_have_it_as_their_parent() -> None:
    rows = run("(call :ccos.concurrent/parallel (fn [] (call :ccos.state.kv.get 1)))")
    by_id = {row["id"]: row for row in rows}
    inner = next(row for row in rows if row["type"] == "call-started" and row["function"] == "ccos.state.kv.get")
    assert by_id[inner["parent"]]["function"] == "ccos.concurrent/parallel"


def test_what_a_provider_spends_is_in_its_row(market: Marketplace) -> None:
    market.capability("t.f", effects=[])(lambda ctx: ctx.meter(tokens=5, cost=0.25) or ctx.meter(tokens=2))
    (row,) = (row for row in run("(call :t.f)", market, budget=Budget(tokens=100)) if row["type"] == "call")
    assert row["cost"] == 0.25
    assert json.loads(row["metadata"])["spent"] == {"cost": 0.25, "tokens": 7}


async def test_the_duration_of_a_call_that_waits_is_written(bench: Callable[..., Any]) -> None:
    journal = Journal()
    table = bench(journal=journal)
    waiting = asyncio.ensure_future(table.wait("ccos.system.sleep-ms", 1500))
    await table.clock.advance(2)
    await waiting
    (row,) = journal.rows(type="call")
    assert row["duration_us"] == 1_500_000


def test_long_values_are_kept_as_digests(market: Marketplace) -> None:
    market.capability("t.f", effects=[])(lambda: "x" * (LONGEST + 1))
    (row,) = (row for row in run("(call :t.f)", market) if row["type"] == "call")
    assert row["result"].startswith(f"(rtfs/cut {LONGEST + 3} ")


def test_functions_are_written_as_what_they_print() -> None:
    (row,) = (row for row in run("(call :ccos.echo [inc])") if row["type"] == "call")
    assert row["arguments"] == '[[(rtfs/opaque "#<function inc>")]]'


# ---- secrets

LOGIN = "[:map [:user :string] [:password ^{:secret true} :string] [:note :string ?]]"


@pytest.mark.parametrize(
    "call",
    [
        '(call :t.login {:user "ada" :password "pw-1"})',
        '(call :t.login "ada" "pw-1")',
        '(call :t.login "ada" "pw-1" "hello")',
        '(call :t.login "ada" "pw-1" "hello" "too many")',
        '(call :t.login {:user "ada" :password "pw-1" :more 1})',
        '(call :t.login [{:password "pw-1"}])',
    ],
)
def test_a_secret_argument_is_kept_as_a_keyed_digest_only(market: Marketplace, call: str) -> None:
    market.capability("t.login", input=LOGIN, effects=[":network"])(lambda **fields: None)
    text = json.dumps(run(call, market))
    assert "pw-1" not in text


def test_a_secret_answer_is_kept_as_a_digest(market: Marketplace) -> None:
    market.capability("t.token", output="[:map [:tokens [:vector ^{:secret true} :string]] [:n :int]]", effects=[])(
        lambda: {Keyword("tokens"): ["t-1", "t-2"], Keyword("n"): 2}
    )
    rows = run("(call :t.token)", market)
    (row,) = (row for row in rows if row["type"] == "call")
    assert "t-1" not in json.dumps(rows) and "(rtfs/secret " in row["result"] and ":n 2" in row["result"]


def test_the_digest_of_a_secret_depends_on_the_key() -> None:
    results = []
    for secret in (b"a" * 32, b"b" * 32, b"a" * 32):
        journal = Journal(Ledger(None, Key(secret, None)))
        results.append(journal._hide("pw-1"))
    assert results[0] == results[2] != results[1]


@pytest.mark.parametrize("kind", ["vector", "list", "seq", "maybe", "union", "or", "and", "array"])
def test_secrets_are_found_inside_every_kind_of_type(kind: str) -> None:
    from rtfs.host.secret import hidden, marked
    from rtfs.lang.collections import vector
    from rtfs.session import read_forms

    inner = "^{:secret true} :string"
    text = {"union": f"[:union :int {inner}]", "or": f"[:or :int {inner}]"}.get(kind, f"[:{kind} {inner}]")
    form = read_forms(f"[:map [:a {text}]]")[0]
    value = read_forms('{:a ["pw"]}' if kind in ("vector", "list", "seq", "array") else '{:a "pw"}')[0]
    assert marked(form)
    assert "pw" not in str(hidden(form, value, lambda secret: "hidden").entries())
    assert hidden(form, vector([1]), lambda secret: "hidden") == vector([1])


def test_a_type_may_be_marked_and_still_is_checked(market: Marketplace) -> None:
    market.capability("t.login", input=LOGIN, effects=[])(lambda **fields: None)
    with pytest.raises(HostCallError, match="expected :string"):
        Session(marketplace=market, context=RuntimeContext.full()).run('(call :t.login {:user "ada" :password 5})')


# ---- the chain


def filled(ledger: Ledger, count: int) -> Ledger:
    for n in range(count):
        ledger.append({**dict.fromkeys(FIELDS), "id": f"a{n}", "arguments": f"[{n}]", "cost": n / 3, "type": "call"})
    return ledger


def tampered(path: Path, *statements: str) -> None:
    with sqlite3.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)


COLUMNS = ", ".join((*FIELDS, "previous_hash", "hash"))
SWAP = [
    "CREATE TABLE t AS SELECT * FROM action WHERE seq IN (4, 6)",
    "DELETE FROM action WHERE seq IN (4, 6)",
    f"INSERT INTO action SELECT 10 - seq, {COLUMNS} FROM t",
    "DROP TABLE t",
]
CLOSE_UP = "UPDATE action SET seq = seq - 1 WHERE seq > 5"
ATTACKS: dict[str, tuple[list[str], str]] = {
    "a changed value": (["UPDATE action SET arguments = '[99]' WHERE seq = 5"], "row 5 was changed"),
    "a changed kind": (["UPDATE action SET cost = '1' WHERE seq = 5"], "row 5 was changed"),
    "a value of another type": (["UPDATE action SET result = x'00ff' WHERE seq = 5"], "row 5 was changed"),
    "a removed row": (["DELETE FROM action WHERE seq = 5"], "row 5 was removed"),
    "a removed row closed up": (["DELETE FROM action WHERE seq = 5", CLOSE_UP], "row 5 was removed"),
    "the first row removed": (["DELETE FROM action WHERE seq = 1"], "row 1 was removed"),
    "two rows swapped": (SWAP, "row 4 was reordered: it is row 6 of the chain"),
    "an inserted row": (
        [
            "UPDATE action SET seq = -seq - 1 WHERE seq >= 5",
            "UPDATE action SET seq = -seq WHERE seq < 0",
            f"INSERT INTO action SELECT 5, {COLUMNS} FROM action WHERE seq = 2",
        ],
        "row 5 was reordered: it is row 2 of the chain",
    ),
    "an invented row": (
        [
            "UPDATE action SET seq = -seq - 1 WHERE seq >= 5",
            "UPDATE action SET seq = -seq WHERE seq < 0",
            f"INSERT INTO action SELECT 5, {COLUMNS} FROM action WHERE seq = 2",
            "UPDATE action SET arguments = '[66]' WHERE seq = 5",
        ],
        "row 5 was inserted",
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("key", [KEY, None], ids=["keyed", "unkeyed"])
def test_a_tampered_ledger_is_caught_at_its_first_wrong_row(tmp_path: Path, attack: str, key: Key | None) -> None:
    path = tmp_path / "j.db"
    filled(Ledger(str(path), key), 9).close()
    statements, problem = ATTACKS[attack]
    tampered(path, *statements)
    finding = Ledger(str(path), key).verify()
    assert (finding.problem, finding.keyed) == (problem, key is not None)
    assert finding.row == int(problem.split()[1])


def test_a_whole_ledger_holds(tmp_path: Path) -> None:
    ledger = filled(Ledger(str(tmp_path / "j.db"), Key(b"k" * 32, str(tmp_path / "keys"))), 9)
    assert ledger.verify() == (9, True, None, None)


def test_a_chain_rewritten_without_the_key_is_caught(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    keyed = filled(Ledger(str(path), KEY), 3)
    rows = list(keyed.rows())
    keyed.close()
    forger = Ledger(str(tmp_path / "forged.db"))
    for row in rows:
        forger.append({**{name: row[name] for name in FIELDS}, "arguments": "[0]"})
    forged = list(forger.rows())
    tampered(path, *[f"UPDATE action SET arguments = '[0]', previous_hash = '{row['previous_hash']}', "
                     f"hash = '{row['hash']}' WHERE seq = {row['seq']}" for row in forged])  # fmt: skip
    assert Ledger(str(path), KEY).verify().problem == "row 1 was changed"
    assert Ledger(str(path)).verify().problem is None  # without the key nobody can tell, and the finding says so
    assert not Ledger(str(path)).verify().keyed


@pytest.mark.parametrize(("cut", "problem"), [(8, "row 9 was cut off"), (3, "rows 4 to 9 were cut off")])
def test_a_cut_tail_is_caught_by_the_head_beside_the_key(tmp_path: Path, cut: int, problem: str) -> None:
    path, key = tmp_path / "j.db", Key(b"k" * 32, str(tmp_path / "keys"))
    filled(Ledger(str(path), key), 9).close()
    tampered(path, f"DELETE FROM action WHERE seq > {cut}")
    assert Ledger(str(path), key).verify() == (cut, True, problem, cut + 1)


def test_a_ledger_put_in_the_place_of_another_is_caught(tmp_path: Path) -> None:
    key = Key(b"k" * 32, str(tmp_path / "keys"))
    filled(Ledger(str(tmp_path / "mine.db"), key), 3).close()
    filled(Ledger(str(tmp_path / "other.db"), Key(b"k" * 32, None)), 3).close()
    assert Ledger(str(tmp_path / "other.db"), key).verify().problem == "no head is known for this ledger"


def test_two_writers_of_one_ledger_make_one_chain(tmp_path: Path) -> None:
    first, second = (Ledger(str(tmp_path / "j.db"), KEY) for _ in range(2))
    for n in range(10):
        filled((first, second)[n % 2], 1)
    assert first.verify() == (10, True, None, None)


@settings(max_examples=60)
@given(st.integers(0, 10_000))
def test_whatever_single_field_changes_is_caught(seed: int) -> None:
    chance = random.Random(seed)
    ledger = filled(Ledger(None, KEY), 6)
    seq, name = chance.randint(1, 6), chance.choice([*FIELDS, "previous_hash", "hash"])
    before = ledger._connection.execute(f"SELECT {name} FROM action WHERE seq = ?", (seq,)).fetchone()[0]
    after = chance.choice([None, 0, 1.5, "x", f"{before}0", b"\x00"])
    ledger._connection.execute(f"UPDATE action SET {name} = ? WHERE seq = ?", (after or "", seq))
    finding = ledger.verify()
    assert finding.row is not None and finding.row in (seq, seq + 1)


# ---- the key


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    key = load_key(str(folder))
    assert len(key.secret) == 32 and load_key(str(folder)) == key
    assert (folder / "journal.key").stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in folder.iterdir()] == ["journal.key"]


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    load_key(str(tmp_path))
    (tmp_path / "journal.key").chmod(0o644)
    with pytest.raises(PermissionError, match="chmod 600"):
        load_key(str(tmp_path))


def test_a_key_that_is_too_short_is_refused(tmp_path: Path) -> None:
    load_key(str(tmp_path))
    (tmp_path / "journal.key").write_bytes(b"short")
    with pytest.raises(OSError, match="5 bytes instead of 32"):
        load_key(str(tmp_path))
