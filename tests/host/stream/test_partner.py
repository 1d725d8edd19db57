"""Sources, sinks and both at once that are Python objects (streaming.md §3.11)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from rtfs.host.marketplace import Marketplace
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword as K
from rtfs.lang.outcome import RuntimeContext
from rtfs.session import Session


@pytest.fixture
def session() -> Iterator[Session]:
    session = Session(marketplace=Marketplace(), context=RuntimeContext.full())
    yield session
    session.shutdown(timeout=5.0, strategy="immediate")


async def up_to(n: int, by: int = 1) -> AsyncIterator[int]:
    for number in range(0, n, by):
        yield number


class Echo:
    """Says back what it hears, with a greeting."""

    def __init__(self, greeting: str = "hello") -> None:
        self.greeting = greeting
        self.heard: asyncio.Queue[Any] = asyncio.Queue()
        self.closed = 0

    async def send(self, item: Any) -> None:
        await self.heard.put(item)

    async def __aiter__(self) -> AsyncIterator[str]:
        while (item := await self.heard.get()) is not None:
            yield f"{self.greeting} {item}"

    async def close(self) -> None:
        self.closed += 1
        await self.heard.put(None)


def register(session: Session, provider: Any, kind: str = "unidirectional", **facts: Any) -> None:
    session.host.register_streaming_capability("acme.it", kind=kind, provider=provider, **facts)


@pytest.mark.parametrize(
    ("provider", "options", "expected"),
    [
        (up_to, '{:n 3}', [0, 1, 2]),
        (up_to, '{:config {:n 5} :by 2}', [0, 2, 4]),
        (lambda: [1, 2], '{}', [1, 2]),
        (lambda: up_to(2), '{}', [0, 1]),
        ([7, 8], '{}', [7, 8]),
        (up_to(2), '{}', [0, 1]),
    ],
    ids=["async generator", "its parameters", "function of a list", "function of an iterator", "list", "iterator"],
)  # fmt: skip
def test_a_source_is_whatever_gives_items(session: Session, provider: Any, options: str, expected: list[int]) -> None:
    register(session, provider)
    session.run(f'(def s (stream-source "acme.it" {options}))')
    program = """(loop [all []] (let [e (call :marketplace.stream.next {:handle s :envelope true})]
                                  (if (= :item (:status e)) (recur (conj all (:item e))) all)))"""
    assert list(session.run(program)) == expected


@pytest.mark.parametrize(
    ("kind", "provider", "error"),
    [
        ("sideways", up_to, ValueError),
        ("unidirectional", 7, TypeError),
        ("bidirectional", [1], TypeError),
        ("unidirectional", None, TypeError),
    ],
)
def test_what_is_no_provider_is_refused(session: Session, kind: str, provider: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        register(session, provider, kind)


def test_the_items_of_a_source_have_the_declared_type(session: Session) -> None:
    register(session, lambda: [1, "two"], output_schema=":int")
    session.run('(def s (stream-source "acme.it"))')
    with pytest.raises(RtfsError, match="expected :int, got string"):
        session.run("(stream-consume s {x => x} {:until :end})")


def test_a_manifest_says_what_is_known(session: Session) -> None:
    register(session, up_to, name="Numbers", description="counts", effects=[":network"], input_schema={"n": ":int"})
    found = session.host.marketplace.manifest("acme.it")
    assert (found.name, found.description, found.effects) == ("Numbers", "counts", (":network",))


def plain_key(item: Any) -> Any:
    return {str(key).lstrip(":"): value for key, value in item.items()} if isinstance(item, dict) else item


def test_a_sink_gets_plain_python_values_in_order(session: Session) -> None:
    taken: list[Any] = []

    async def take(item: Any) -> None:
        await asyncio.sleep(0)
        taken.append(item)

    register(session, take)
    session.run('(def k (stream-sink "acme.it")) (stream-produce k {:a [1 nil]}) (stream-produce k "x")')
    session.run("(call :marketplace.stream.close {:handle k})")
    assert [plain_key(item) for item in taken] == [{"a": [1, None]}, "x"]


def test_closing_a_sink_waits_until_everything_is_delivered(session: Session) -> None:
    taken: list[int] = []
    gate = asyncio.Event()

    async def take(item: int) -> None:
        await gate.wait()
        taken.append(item)

    async def open_later() -> None:
        gate.set()

    register(session, take)
    session.run('(def k (stream-sink "acme.it")) (doseq [n (range 5)] (stream-produce k n))')
    assert taken == []
    session.host.drive(open_later, "")  # type: ignore[misc]
    assert session.run("(:status (call :marketplace.stream.close {:handle k}))") is K("completed")
    assert taken == [0, 1, 2, 3, 4]


def test_a_sink_is_tried_again_under_the_same_key(session: Session) -> None:
    tries: list[int] = []

    async def take(item: int) -> None:
        tries.append(item)
        if len(tries) < 3:
            raise OSError("busy")

    register(session, take)
    session.run('(def k (stream-sink "acme.it" {:retry {:max-attempts 5 :base-ms 1}})) (stream-produce k 1)')
    session.run("(stream-produce k 2) (call :marketplace.stream.close {:handle k})")
    assert tries == [1, 1, 1, 2]


def test_a_sink_that_keeps_failing_is_in_error_and_says_so_to_everybody(session: Session) -> None:
    async def take(item: int) -> None:
        raise OSError("the disk is full")

    register(session, take)
    session.run('(def k (stream-sink "acme.it" {:retry {:max-attempts 2 :base-ms 1}})) (stream-produce k 1)')
    for form in ("(call :marketplace.stream.close {:handle k})", "(stream-produce k 2)"):
        code, message = session.run(f"(try {form} (catch e [(:code e) (:message e)]))")
        assert (code, message) == ("RTFS-S041", "Sink 'acme.it' failed: the disk is full")
    assert session.run("(:status (call :marketplace.stream.status k))") is K("error")


def test_an_item_of_a_wrong_shape_is_not_tried_again(session: Session) -> None:
    async def take(item: int) -> None:
        raise AssertionError("never called")

    register(session, take, input_schema=":int")
    session.run('(def k (stream-sink "acme.it" {:retry {:base-ms 60000}})) (stream-produce k "x")')
    with pytest.raises(RtfsError, match=r"Sink 'acme\.it' failed: Invalid input"):
        session.run("(call :marketplace.stream.close {:handle k})")


def test_a_full_sink_refuses_after_the_timeout(session: Session) -> None:
    async def take(item: int) -> None:
        await asyncio.Event().wait()

    register(session, take)
    session.run('(def k (stream-sink "acme.it" {:queue-capacity 2}))')
    for number in range(3):
        session.run(f"(stream-produce k {number} {{:timeout-ms 50}})")
    code = session.run("(try (stream-produce k 3 {:timeout-ms 20}) (catch e (:code e)))")
    assert code == "RTFS-S020"


@pytest.mark.parametrize(
    ("provider", "kind"), [(Echo, "bidirectional"), (Echo(), ":duplex"), (lambda: Echo(), "duplex")]
)
def test_a_handle_of_a_bidirectional_provider_is_source_and_sink(session: Session, provider: Any, kind: str) -> None:
    register(session, provider, kind)
    handle = session.run('(def s (stream-source "acme.it")) s')
    assert handle[K("direction")] is K(kind.lstrip(":"))
    assert session.run('(:accepted (stream-produce s "Ada"))') is True
    session.run('(stream-produce s "Bob")')
    assert session.run("[(call :marketplace.stream.next s) (call :marketplace.stream.next s)]") == (
        "hello Ada", "hello Bob",
    )  # fmt: skip
    assert session.run("(:status (call :marketplace.stream.close {:handle s}))") is K("completed")
    code = session.run('(try (stream-produce s "late") (catch e (:code e)))')
    assert code == "RTFS-S021"


def test_a_bidirectional_provider_gets_parameters_and_items_of_the_declared_type(session: Session) -> None:
    register(session, Echo, "bidirectional", input_schema=":string", output_schema=":string")
    session.run('(def s (stream-source "acme.it" {:greeting "good day"})) (stream-produce s "Ada")')
    assert session.run("(call :marketplace.stream.next s)") == "good day Ada"
    session.run("(stream-produce s 7)")
    with pytest.raises(RtfsError, match="failed: Invalid input"):
        session.run("(call :marketplace.stream.close {:handle s})")


def test_the_end_of_a_program_closes_a_bidirectional_stream_and_delivers_what_came(session: Session) -> None:
    made: list[Echo] = []

    def make() -> Echo:
        made.append(Echo())
        return made[-1]

    register(session, make, "bidirectional")
    session.run("""
      (def seen (call :ccos.state.kv.put {:key "n" :value []}))
      (defn add [x] (call :ccos.state.kv.put {:key "n" :value (conj (call :ccos.state.kv.get {:key "n"}) x)}))
      (def s (stream-source "acme.it"))
      (stream-consume s {:on-item add :on-complete (fn [] (add "end"))})
      (stream-produce s "Ada")""")
    session.join(30)
    assert list(session.run('(call :ccos.state.kv.get {:key "n"})')) == ["hello Ada", "end"]
    assert made[0].closed == 1
