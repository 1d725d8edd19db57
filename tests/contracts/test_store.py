"""Every snapshot store in the folder keeps the same promises (streaming.md §5.3, §5.4, §5.8)."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rtfs.host.stream import stores
from rtfs.host.stream.stores import Head, InUse, Row, Store, Taken, open_store

NAMES = sorted(module.name for module in pkgutil.iter_modules(stores.__path__))


LASTING = [name for name in NAMES if name != "memory"]


@pytest.fixture(params=NAMES)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Opens a store of one kind; every call while it is closed opens the same place again."""
    kept: list[Store] = []

    def open_it() -> Store:
        store = open_store(f"{request.param}:{tmp_path / 'place' if request.param == 'sqlite' else ''}", "normal")
        kept.append(store)
        return store

    yield open_it
    for store in kept:
        store.close()


lasting = pytest.mark.parametrize("opened", LASTING, indirect=True)


@pytest.fixture
def store(opened: Callable[[], Store]) -> Store:
    return opened()


def row(id: str, epoch: int, number: int, body: Any = None, *, status: str = "active", keep: int = 3) -> Row:
    return Row(id, epoch, number, status, body or f"body {number}", f"sum {number}", 1000 + number, keep)


def numbers(store: Store, id: str) -> list[int]:
    found = store.load(id)
    assert found is not None
    return [saved.number for saved in found[1]]


def test_the_first_claim_gives_epoch_one_and_each_further_one_more(store: Store) -> None:
    assert store.claim("a", None, "me") == 1
    assert store.claim("a", 1, "you") == 2
    found = store.load("a")
    assert found is not None
    assert (found[0].epoch, found[0].owner, found[1]) == (2, "you", [])


def test_a_claim_that_saw_an_old_epoch_is_refused_and_names_the_present_one(store: Store) -> None:
    store.claim("a", None, "me")
    store.claim("a", 1, "you")
    for seen in (None, 1, 3):
        with pytest.raises(Taken) as caught:
            store.claim("a", seen, "late")
        assert caught.value.epoch == 2


def test_a_claim_of_a_stream_that_is_gone_is_refused(store: Store) -> None:
    with pytest.raises(Taken):
        store.claim("a", 4, "me")


def test_snapshots_come_back_newest_first_and_only_the_last_ones_are_kept(store: Store) -> None:
    store.claim("a", None, "me")
    for number in range(1, 6):
        assert store.commit([row("a", 1, number)]) == {}
    found = store.load("a")
    assert found is not None
    head, saved = found
    assert [(entry.number, entry.epoch, entry.body, entry.checksum) for entry in saved] == [
        (5, 1, "body 5", "sum 5"),
        (4, 1, "body 4", "sum 4"),
        (3, 1, "body 3", "sum 3"),
    ]
    assert head == Head("a", 1, "active", "me", 1005)


def test_a_row_of_a_lower_epoch_is_not_written_while_the_others_of_its_commit_are(store: Store) -> None:
    store.claim("a", None, "me")
    store.claim("b", None, "me")
    store.commit([row("a", 1, 1)])
    store.claim("a", 1, "you")
    assert store.commit([row("a", 1, 2), row("b", 1, 1)]) == {"a": 2}
    assert (numbers(store, "a"), numbers(store, "b")) == ([1], [1])


def test_a_row_of_a_stream_that_nobody_claimed_is_not_written(store: Store) -> None:
    assert store.commit([row("ghost", 1, 1)]) == {"ghost": 0}
    assert store.load("ghost") is None


def test_the_status_of_the_last_commit_is_in_the_head(store: Store) -> None:
    store.claim("a", None, "me")
    store.commit([row("a", 1, 1, status="paused")])
    assert [(head.stream_id, head.status) for head in store.heads()] == [("a", "paused")]


def test_deleting_snapshots_keeps_the_epoch_and_forgetting_does_not(store: Store) -> None:
    store.claim("a", None, "me")
    store.commit([row("a", 1, 1)])
    store.delete("a", forget=False)
    assert store.claim("a", 1, "me") == 2
    assert numbers(store, "a") == []
    store.delete("a")
    assert store.load("a") is None
    assert store.claim("a", None, "me") == 1


@lasting
def test_a_durable_store_opened_again_has_everything(opened: Callable[[], Store]) -> None:
    first = opened()
    first.claim("a", None, "me")
    first.commit([row("a", 1, 1, "κόσμε \u0000 \U0001f600")])
    first.close()
    found = opened().load("a")
    assert found is not None
    assert found[1][0].body == "κόσμε \u0000 \U0001f600"


@lasting
def test_a_local_store_that_one_owner_holds_refuses_another_and_says_what_is_in_it(opened: Callable[[], Store]) -> None:
    first = opened()
    assert first.durable
    first.claim("a", None, "me")
    with pytest.raises(InUse) as caught:
        opened()
    assert caught.value.heads["a"].owner == "me"
    first.close()
    opened()


def test_a_store_says_what_it_raises_when_it_cannot_write(store: Store) -> None:
    assert store.failures
    assert all(issubclass(kind, Exception) for kind in store.failures)
