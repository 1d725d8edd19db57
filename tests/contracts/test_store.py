"""Every snapshot store in the folder keeps the same promises (streaming.md §5.3, §5.4, §5.8)."""

from __future__ import annotations

import pkgutil
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rtfs.host.stream import stores
from rtfs.host.stream.stores import (
    NUMBERED,
    Alive,
    Changes,
    Entry,
    Head,
    InUse,
    Letter,
    Part,
    RemoteStore,
    Row,
    Store,
    Taken,
    open_store,
)  # fmt: skip
from rtfs.lang.errors import StreamError

NAMES = sorted(module.name for module in pkgutil.iter_modules(stores.__path__))


LASTING = [name for name in NAMES if name != "memory"]


REMOTE = [name for name in NAMES if name in ("postgresql", "redis")]


@pytest.fixture(params=NAMES)
def opened(request: pytest.FixtureRequest, store_place: Callable[[str], str]) -> Iterator[Callable[[], Store]]:
    """Opens a store of one kind; every call while it is closed opens the same place again."""
    kept: list[Store] = []
    url = store_place(request.param)

    def open_it() -> Store:
        store = open_store(url, "normal")
        kept.append(store)
        return store

    yield open_it
    for store in kept:
        store.close()


lasting = pytest.mark.parametrize("opened", LASTING, indirect=True)
local = pytest.mark.parametrize("opened", [name for name in LASTING if name not in REMOTE], indirect=True)
shared = pytest.mark.parametrize("opened", REMOTE, indirect=True)


@pytest.fixture
def store(opened: Callable[[], Store]) -> Store:
    return opened()


def row(id: str, epoch: int, number: int, body: Any = None, *, status: str = "active", keep: int = 3) -> Row:
    return Row(id, epoch, number, status, body or f"body {number}", f"sum {number}", 1000 + number, keep)


def take_over(store: Store, id: str, epoch: int, owner: str) -> int:
    """Claim a stream whose owner is gone."""
    if store.remote:
        store.leave({id: epoch})  # type: ignore[attr-defined]
    return store.claim(id, epoch, owner)


def numbers(store: Store, id: str) -> list[int]:
    found = store.load(id)
    assert found is not None
    return [saved.number for saved in found[1]]


def test_the_first_claim_gives_epoch_one_and_each_further_one_more(store: Store) -> None:
    assert store.claim("a", None, "me") == 1
    assert take_over(store, "a", 1, "you") == 2
    found = store.load("a")
    assert found is not None
    assert (found[0].epoch, found[0].owner, found[1]) == (2, "you", [])


def test_a_claim_that_saw_an_old_epoch_is_refused_and_names_the_present_one(store: Store) -> None:
    store.claim("a", None, "me")
    take_over(store, "a", 1, "you")
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


def test_parts_of_a_snapshot_come_and_go_with_it(store: Store) -> None:
    store.claim("a", None, "me")
    texts = [{}, {3: "α", 63: "three"}, {63: "{}"}, {1: "x" * 100_000, 3: "four"}, {}]
    for number, parts in enumerate(texts, 1):
        store.commit([row("a", 1, number)._replace(parts=[Part(n, text, "sum") for n, text in parts.items()])])
        found = store.load("a")
        assert found is not None
        assert [dict(saved.parts) for saved in found[1]] == texts[max(0, number - 3) : number][::-1]
    store.delete("a", forget=False)
    store.commit([row("a", 1, 2)])
    found = store.load("a")
    assert found is not None
    assert [dict(saved.parts) for saved in found[1]] == [{}]


def test_a_row_of_a_lower_epoch_is_not_written_while_the_others_of_its_commit_are(store: Store) -> None:
    store.claim("a", None, "me")
    store.claim("b", None, "me")
    store.commit([row("a", 1, 1)])
    take_over(store, "a", 1, "you")
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


# ---- beside the snapshots


def changed(id: str, epoch: int, **changes: Any) -> Row:
    """A row without a snapshot."""
    return Row(id, epoch, 0, "", None, "", 1000, 0, changes=Changes(**changes))


def texts(store: Store, table: str, first: int = 0, most: int = 100) -> list[tuple[int, str]]:
    return [tuple(entry) for entry in store.entries(table, "a", first, most)]  # type: ignore[misc]


@pytest.mark.parametrize("table", NUMBERED)
def test_entries_come_back_in_order_from_a_number_on(store: Store, table: str) -> None:
    store.claim("a", None, "me")
    store.commit([changed("a", 1, **{table: [Entry(10, "ten"), Entry(9, "nine: κ \u0000")]})])
    store.commit([row("a", 1, 1)._replace(changes=Changes(**{table: [Entry(11, ""), Entry(100, "far")]}))])
    assert texts(store, table) == [(9, "nine: κ \u0000"), (10, "ten"), (11, ""), (100, "far")]
    assert texts(store, table, 10, 2) == [(10, "ten"), (11, "")]
    assert store.entries(table, "b", 0, 10) == []


@pytest.mark.parametrize("table", NUMBERED)
def test_an_entry_of_the_same_number_is_replaced_and_old_ones_are_trimmed(store: Store, table: str) -> None:
    store.claim("a", None, "me")
    store.commit([changed("a", 1, **{table: [Entry(number, "old") for number in range(5)]})])
    store.commit([changed("a", 1, **{table: [Entry(4, "new"), Entry(5, "new")], f"{table}_below": 3})])
    assert texts(store, table) == [(3, "old"), (4, "new"), (5, "new")]


def test_outputs_behind_a_number_can_be_taken_back(store: Store) -> None:
    store.claim("a", None, "me")
    store.commit([changed("a", 1, outbox=[Entry(number, "first") for number in range(5)])])
    store.commit([changed("a", 1, outbox=[Entry(2, "again")], outbox_from=2)])
    assert texts(store, "outbox") == [(0, "first"), (1, "first"), (2, "again")]


def test_the_mark_of_each_sink_is_the_last_one_written(store: Store) -> None:
    store.claim("a", None, "me")
    assert store.marks("a") == {}
    store.commit([changed("a", 1, marks={"file": 3, "db κ": 7})])
    store.commit([changed("a", 1, marks={"file": 5})])
    assert store.marks("a") == {"file": 5, "db κ": 7}


def test_letters_are_listed_by_queue_in_the_order_they_came(store: Store) -> None:
    store.claim("a", None, "me")
    letters = [Letter(f"a/{number}", "poison" if number % 2 else "a", "a", f"body {number}") for number in range(6)]
    store.commit([changed("a", 1, letters=letters[:4])])
    store.commit([changed("a", 1, letters=letters[4:])])
    found = store.letters("poison", 0, 2)
    assert [(letter.id, letter.body, letter.redriven_at) for letter in found] == [
        ("a/1", "body 1", 0),
        ("a/3", "body 3", 0),
    ]
    assert [letter.id for letter in store.letters("poison", found[-1].number, 10)] == ["a/5"]
    assert store.letters("none", 0, 10) == []


def test_a_letter_written_again_stays_one_and_a_redriven_one_says_when(store: Store) -> None:
    store.claim("a", None, "me")
    for body in ("first", "second"):
        store.commit([changed("a", 1, letters=[Letter("a/1", "q", "a", body)])])
    store.redriven("q", ["a/1", "unknown"], 77)
    (letter,) = store.letters("q", 0, 10)
    assert (letter.body, letter.redriven_at) == ("second", 77)


def test_nothing_of_a_fenced_row_is_written(store: Store) -> None:
    store.claim("a", None, "me")
    take_over(store, "a", 1, "you")
    late = Changes([Entry(1, "x")], [Entry(1, "x")], [Entry(1, "x")], [Letter("a/1", "q", "a", "x")], {"s": 1})
    late = late._replace(journal=[Entry(1, "x")])
    assert store.commit([row("a", 1, 1)._replace(changes=late)]) == {"a": 2}
    assert store.commit([Row("a", 1, 0, "", None, "", 0, 0, changes=late)]) == {"a": 2}
    assert [store.entries(table, "a", 0, 9) for table in NUMBERED] == [[], [], [], []]
    assert (store.marks("a"), store.letters("q", 0, 9), numbers(store, "a")) == ({}, [], [])


def test_a_row_without_snapshot_leaves_head_and_snapshots_alone(store: Store) -> None:
    store.claim("a", None, "me")
    store.commit([row("a", 1, 1, status="paused")])
    store.commit([changed("a", 1, marks={"s": 1})])
    found = store.load("a")
    assert found is not None
    assert (found[0].status, found[0].updated_at, numbers(store, "a")) == ("paused", 1001, [1])


def test_deleting_takes_everything_of_the_stream_and_letters_only_when_it_is_forgotten(store: Store) -> None:
    everything = Changes([Entry(1, "x")], [Entry(1, "x")], [Entry(1, "x")], [Letter("a/1", "a", "a", "x")], {"s": 1})
    everything = everything._replace(journal=[Entry(1, "x")])
    for id in ("a", "b"):
        store.claim(id, None, "me")
        store.commit([row(id, 1, 1)._replace(changes=everything._replace(letters=[Letter(f"{id}/1", id, id, "x")]))])
    store.delete("a", forget=False)
    assert [store.entries(table, "a", 0, 9) for table in NUMBERED] == [[], [], [], []]
    assert (store.marks("a"), len(store.letters("a", 0, 9))) == ({}, 1)
    store.delete("a")
    assert store.letters("a", 0, 9) == []
    assert [len(store.entries(table, "b", 0, 9)) for table in NUMBERED] == [1, 1, 1, 1]
    assert (store.marks("b"), len(store.letters("b", 0, 9))) == ({"s": 1}, 1)


def test_sweeping_takes_what_is_over_and_nothing_that_was_begun_again(store: Store) -> None:
    for id, expires_at in (("never", 0), ("later", 5001), ("over", 5000), ("again", 4000)):
        store.claim(id, None, "me")
        store.commit([row(id, 1, 1, status="completed")._replace(expires_at=expires_at)])
    store.claim("again", 1, "me")
    assert store.sweep(5000) == 1
    assert {head.stream_id for head in store.heads()} == {"never", "later", "again"}
    assert store.load("over") is None


@lasting
def test_a_durable_store_opened_again_has_everything(opened: Callable[[], Store]) -> None:
    first = opened()
    first.claim("a", None, "me")
    first.commit([row("a", 1, 1, "κόσμε \u0000 \U0001f600")])
    first.close()
    found = opened().load("a")
    assert found is not None
    assert found[1][0].body == "κόσμε \u0000 \U0001f600"


@local
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


# ---- over the network


@shared
def test_a_stream_whose_owner_lives_is_not_given_to_another(opened: Callable[[], RemoteStore]) -> None:
    first, second = opened(), opened()
    first.claim("a", None, "me")
    with pytest.raises(Alive) as caught:
        second.claim("a", 1, "you")
    assert (caught.value.owner, caught.value.epoch) == ("me", 1)
    assert first.claim("a", 1, "me") == 2  # its own owner may begin again


@shared
def test_a_stream_that_was_left_is_free_at_once(opened: Callable[[], RemoteStore]) -> None:
    first, second = opened(), opened()
    first.claim("a", None, "me")
    first.leave({"a": 1})
    assert second.claim("a", 1, "you") == 2
    assert first.beat({"a": 1, "gone": 3}) == {"a": 2, "gone": 0}
    assert second.beat({"a": 2}) == {}


@shared
def test_a_stream_that_ended_is_free(opened: Callable[[], RemoteStore]) -> None:
    first, second = opened(), opened()
    first.claim("a", None, "me")
    first.commit([row("a", 1, 1, status="completed")])
    assert second.claim("a", 1, "you") == 2


@shared
def test_of_two_that_claim_at_once_one_wins(opened: Callable[[], RemoteStore]) -> None:
    opened().claim("a", None, "me")
    opened().leave({"a": 1})
    stores, results, gate = [opened() for _ in range(4)], [], threading.Barrier(4)

    def claim(number: int) -> None:
        gate.wait()
        try:
            results.append(stores[number].claim("a", 1, f"process {number}"))
        except Taken:
            results.append(None)

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results, key=str) == [2, None, None, None]


@shared
def test_a_commit_of_a_stale_owner_changes_nothing(opened: Callable[[], RemoteStore]) -> None:
    first, second = opened(), opened()
    first.claim("a", None, "me")
    first.commit([row("a", 1, 1)])
    first.leave({"a": 1})
    second.claim("a", 1, "you")
    assert first.commit([row("a", 1, 2, status="error")]) == {"a": 2}
    found = second.load("a")
    assert found is not None
    assert (found[0].status, [saved.number for saved in found[1]]) == ("active", [1])


@pytest.mark.parametrize("url", ["postgresql://nobody:s3cret@127.0.0.1:1/none", "redis://:s3cret@127.0.0.1:1/0"])
def test_a_server_that_cannot_be_reached_is_named_without_its_password(url: str) -> None:
    with pytest.raises(StreamError) as caught:
        open_store(url, "normal")
    assert caught.value.code == "RTFS-S003"
    assert "127.0.0.1:1" in caught.value.message and "s3cret" not in caught.value.message
