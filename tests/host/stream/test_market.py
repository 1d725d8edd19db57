"""`marketplace.stream.*` as programs call them: sources, callbacks, sinks and topics (streaming.md §3.10, §4.6)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from rtfs.host.marketplace import Marketplace
from rtfs.lang.collections import Map
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword as K
from rtfs.lang.outcome import HostCall, RuntimeContext
from rtfs.session import Session

Make = Callable[..., Session]


def plain(value: Any) -> Any:
    """Maps as dicts with names for keys, vectors as lists."""
    if type(value) is Map:
        return {key.name if type(key) is K else key: plain(item) for key, item in value.entries()}
    return [plain(item) for item in value] if not isinstance(value, str) and hasattr(value, "__iter__") else value


ALL = "(loop [all []] (if-let [n (call :marketplace.stream.next %s)] (recur (conj all n)) all))"


class Log:
    """What programs said with `:test.note`, and the keys of those calls."""

    def __init__(self) -> None:
        self.said: list[Any] = []
        self.keys: list[str | None] = []


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def make(log: Log) -> Iterator[Make]:
    """`make(**options)`: a session whose marketplace has the capabilities of this page."""
    made: list[Session] = []

    def build(**options: Any) -> Session:
        def trace(call: HostCall) -> None:
            if call.capability_id == "test.note":
                log.keys.append(call.metadata.idempotency_key)

        session = Session(**{"marketplace": market(log), "context": RuntimeContext.full(), "trace": trace, **options})
        made.append(session)
        return session

    yield build
    for session in made:
        session.shutdown(timeout=5.0, strategy="immediate")


def market(log: Log) -> Marketplace:
    market = Marketplace()

    @market.capability("test.count", effects=[])
    async def count(to: int = 3, fail: bool = False) -> AsyncIterator[int]:
        for number in range(1, to + 1):
            yield number
        if fail:
            raise ValueError("broken")

    @market.capability("test.values", effects=[])
    async def values(items: list[Any]) -> AsyncIterator[Any]:
        for item in items:
            yield item

    @market.capability("test.forever", effects=[])
    async def forever() -> AsyncIterator[int]:
        number = 0
        while True:
            yield number
            number += 1

    @market.capability("test.silent", effects=[])
    async def silent() -> AsyncIterator[int]:
        await asyncio.Event().wait()
        yield 1

    @market.capability("test.note", effects=[])
    async def note(*said: Any) -> None:
        await asyncio.sleep(0)
        log.said.append(said[0] if len(said) == 1 else list(said))

    @market.capability("test.plain", effects=[])
    def plain_one() -> int:
        return 1

    return market


def caught(session: Session, form: str) -> tuple[str, str]:
    """Code and message of what a form raises."""
    found = session.run(f"(try {form} (catch e [(:code e) (:message e)]))")
    return found[0], found[1]


# ---- pulling


def test_a_program_pulls_the_items_of_a_capability_until_its_end(make: Make) -> None:
    session = make()
    handle = plain(session.run('(def s (stream-source "test.count" {:to 2})) s'))
    assert handle.pop("stream-id").startswith("stream-test-count-")
    assert handle == {"kind": K("marketplace"), "capability": "test.count", "direction": K("unidirectional"),
                      "status": K("active")}  # fmt: skip
    pull = "(call :marketplace.stream.next {:handle s :envelope true})"
    found = [plain(session.run(pull)) for _ in range(3)]
    assert [(one["status"], one["item"]) for one in found] == [(K("item"), 1), (K("item"), 2), (K("end"), None)]
    assert session.run("(:status (call :marketplace.stream.status s))") is K("completed")


def test_the_source_is_opened_by_the_first_next(make: Make) -> None:
    session = make()
    session.run('(def s (call :marketplace.stream.start {:id "test.count"}))')
    assert session.run("(:transport (call :marketplace.stream.status s))") is K("closed")
    assert session.run("(call :marketplace.stream.next s)") == 1


@pytest.mark.parametrize("clause", ["{x => (call :test.note x)}", "[x] (call :test.note x)"])
def test_the_bounded_pull_ends_at_an_item_that_is_false(make: Make, log: Log, clause: str) -> None:
    make().run(f'(stream-consume (stream-source "test.values" {{:items [1 2 false 3]}}) {clause})')
    assert log.said == [1, 2]


def test_until_end_takes_nil_and_false_for_items(make: Make, log: Log) -> None:
    program = '(stream-consume (stream-source "test.values" {:items [1 nil false 2]}) {x => (call :test.note x)} %s)'
    assert make().run(program % "{:until :end}") is None
    assert log.said == [1, None, False, 2]


def test_until_end_throws_the_error_of_the_stream(make: Make, log: Log) -> None:
    program = '(stream-consume (stream-source "test.count" {:fail true}) {x => (call :test.note x)} {:until :end})'
    with pytest.raises(RtfsError, match="broken"):
        make().run(program)
    assert log.said == [1, 2, 3]


def test_several_items_come_as_a_vector(make: Make) -> None:
    session = make()
    session.run('(def s (stream-source "test.forever"))')
    session.run("(call :marketplace.stream.next s)")
    found = plain(session.run("(call :marketplace.stream.next {:handle s :max 4})"))
    assert found == list(range(1, len(found) + 1)) and 1 <= len(found) <= 4


def test_an_endless_source_runs_ahead_by_what_fits(make: Make) -> None:
    session = make()
    session.run('(def s (stream-source "test.forever" {:queue-capacity 4 :output-capacity 3}))')
    for number in range(20):
        assert session.run("(call :marketplace.stream.next s)") == number
    status = plain(session.run("(call :marketplace.stream.status s)"))
    assert status["seq"] <= 20 + 4 + 3


def test_next_gives_nil_after_its_timeout(make: Make) -> None:
    session = make()
    session.run('(def s (stream-source "test.silent"))')
    assert session.run("(call :marketplace.stream.next {:handle s :timeout_ms 1})") is None
    answer = plain(session.run("(call :marketplace.stream.next {:handle s :timeout-ms 1 :envelope true})"))
    assert answer["status"] is K("timeout")


def test_a_paused_stream_goes_on_where_it_was(make: Make) -> None:
    session = make()
    session.run('(def s (stream-source "test.count" {:to 100 :output-capacity 1 :queue-capacity 1}))')
    assert session.run("(call :marketplace.stream.next s)") == 1
    assert plain(session.run("(call :marketplace.stream.pause {:handle s})"))["status"] is K("paused")
    session.run("(call :marketplace.stream.resume {:handle s})")
    assert session.run("(loop [last 1] (if-let [n (call :marketplace.stream.next s)] (recur n) last))") == 100


# ---- callbacks


def consumed(session: Session, program: str) -> None:
    session.run(program)
    session.join(30)


def test_callbacks_get_every_item_in_order_and_the_end_once(make: Make, log: Log) -> None:
    consumed(make(), """
      (defn got [x] (call :test.note x))
      (defn over [summary] (call :test.note [(:status summary) (:items summary)]))
      (stream-consume (stream-source "test.count") {:on-item got :on-complete over})""")  # fmt: skip
    assert log.said == [1, 2, 3, ["completed", 3]]


def test_callbacks_get_as_many_arguments_as_they_declare(make: Make, log: Log) -> None:
    session = make()
    for parameters, said in (("[]", "0"), ("[x]", "x"), ("[& all]", "(count all)")):
        consumed(session, f"""(stream-consume (stream-source "test.count" {{:to 1}})
                                {{:on-item (fn {parameters} (call :test.note {said}))}})""")  # fmt: skip
    assert log.said == [0, 1, 1]


@pytest.mark.parametrize("given", ["got", "'got", '"got"', ":got", "{:fn got}", "{:fn 'got}", "(fn [x] (got x))"])
def test_a_callback_may_be_given_in_many_ways(make: Make, log: Log, given: str) -> None:
    consumed(make(), f"""
      (defn got [x] (call :test.note x))
      (call :marketplace.stream.register-callbacks
        {{:handle (stream-source "test.count") :on-item {given}}})""")  # fmt: skip
    assert log.said == [1, 2, 3]


def test_what_registering_answers(make: Make) -> None:
    session = make()
    program = """(call :marketplace.stream.register-callbacks
                   {:handle (stream-source "test.silent" {:stream-id "s"})
                    :on-complete (fn [] nil) :on-item (fn [x] x)})"""
    assert plain(session.run(program)) == {"stream-id": "s", "registered": [K("on-item"), K("on-complete")]}


def test_the_failure_of_a_source_is_told_once_and_nothing_after_it(make: Make, log: Log) -> None:
    consumed(make(), """
      (stream-consume (stream-source "test.count" {:fail true})
        {:on-item (fn [x] (call :test.note x)) :on-complete (fn [s] (call :test.note "complete"))
         :on-error (fn [e] (call :test.note (:message e)))})""")  # fmt: skip
    assert log.said == [1, 2, 3, "broken"]


def test_a_callback_that_throws_fails_its_stream_and_is_told(make: Make, log: Log) -> None:
    session = make()
    consumed(session, """
      (def s (stream-source "test.forever" {:stream-id "s"}))
      (stream-consume s {:on-item (fn [x] (if (= x 2) (throw "no more") (call :test.note x)))
                         :on-error (fn [e] (call :test.note (:code e) (:message e)))})""")  # fmt: skip
    assert log.said == [0, 1, ["RTFS-S010", "Processor invocation error: no more"]]
    assert session.run("(:status (call :marketplace.stream.status s))") is K("error")


def test_a_callback_for_errors_that_throws_changes_nothing_more(make: Make, log: Log) -> None:
    session = make()
    consumed(session, """
      (def s (stream-source "test.count" {:fail true}))
      (stream-consume s {:on-item (fn [x] nil) :on-error (fn [e] (throw "again"))})""")  # fmt: skip
    assert plain(session.run("(call :marketplace.stream.status s)"))["error"]["message"] == "broken"


def test_a_callback_for_the_end_that_throws_fails_the_run_but_not_the_stream(make: Make) -> None:
    session = make()
    consumed(session, '(def s (stream-source "test.count")) (stream-consume s {:on-complete (fn [e] (throw "late"))})')
    assert session.run("(:status (call :marketplace.stream.status s))") is K("completed")
    (stream,) = session.host.streams.streams.values()
    assert stream.owner.failure.message == "Processor invocation error: late"


def test_a_second_registration_replaces_the_first_from_the_next_item_on(make: Make, log: Log) -> None:
    consumed(make(), """
      (def s (stream-source "test.count" {:to 4}))
      (defn second [x] (call :test.note "second" x))
      (defn first [x] (call :test.note "first" x)
        (when (= x 2) (call :marketplace.stream.register-callbacks {:handle s :on-item second})))
      (stream-consume s {:on-item first})""")  # fmt: skip
    assert log.said == [["first", 1], ["first", 2], ["second", 3], ["second", 4]]


def test_what_was_pulled_is_not_given_to_callbacks_again(make: Make, log: Log) -> None:
    consumed(make(), """
      (def s (stream-source "test.count"))
      (call :test.note "pulled" (call :marketplace.stream.next s))
      (stream-consume s {:on-item (fn [x] (call :test.note x))})""")  # fmt: skip
    assert log.said == [["pulled", 1], 2, 3]


def test_calls_of_a_callback_carry_stream_item_slot_and_number(make: Make, log: Log) -> None:
    consumed(make(), """
      (stream-consume (stream-source "test.count" {:to 2 :stream-id "s"})
        {:on-item (fn [x] (call :test.note x) (map (fn [y] (call :test.note y)) [x])) :on-complete (fn []
          (call :test.note 0))})""")  # fmt: skip
    assert log.keys == ["s/0/on-item/0", "s/0/on-item/1", "s/1/on-item/0", "s/1/on-item/1", "s/2/on-complete/0"]


def test_a_callback_that_stops_its_stream_gets_nothing_more(make: Make, log: Log) -> None:
    session = make()
    consumed(session, """
      (def s (stream-source "test.forever"))
      (stream-consume s {:on-item (fn [x] (when (= x 3) (call :marketplace.stream.stop s)) (call :test.note x))
                         :on-complete (fn [] (call :test.note "complete"))})""")  # fmt: skip
    assert log.said == [0, 1, 2, 3]
    assert session.run("(:status (call :marketplace.stream.status s))") is K("stopped")


def test_a_callback_that_cancels_its_stream_is_cut_off(make: Make, log: Log) -> None:
    session = make()
    consumed(session, """
      (def s (stream-source "test.forever"))
      (stream-consume s {:on-item (fn [x] (call :test.note x) (when (= x 2) (call :mcp.stream.cancel s)
                                    (call :test.note "after")))})""")  # fmt: skip
    assert log.said == [0, 1, 2]
    assert session.run("(:status (call :marketplace.stream.status s))") is K("cancelled")


def test_cancelling_ends_a_callback_that_waits(make: Make, log: Log) -> None:
    session = make()
    session.run("""
      (def s (stream-source "test.forever"))
      (stream-consume s {:on-item (fn [x] (call :test.note "in") (call :ccos.system.sleep-ms 60000))})
      (call :ccos.system.sleep-ms 20)
      (call :mcp.stream.cancel s)""")
    session.join(30)
    (stream,) = session.host.streams.streams.values()
    assert (log.said, stream.status, stream.owner.failure, stream.delivery.task.done()) == (
        ["in"], K("cancelled"), None, True,
    )  # fmt: skip


@pytest.mark.parametrize("body", ["(call :ccos.system.sleep-ms 60000)", "(loop [] (recur))"])
def test_a_callback_that_does_not_end_meets_the_limit_of_its_slot(make: Make, body: str) -> None:
    session = make()
    session.run(f"""
      (def s (stream-source "test.forever"))
      (call :marketplace.stream.register-callbacks {{:handle s :slot-timeout-ms 30 :on-item (fn [x] {body})}})""")
    session.join(30)
    (stream,) = session.host.streams.streams.values()
    assert (stream.status, stream.owner.failure.code) == (K("error"), "RTFS-S010")
    assert stream.owner.failure.message == "Processor invocation error: no end of on-item within 30 ms"


def test_paused_callbacks_rest(make: Make, log: Log) -> None:
    session = make()
    session.run("""
      (def s (stream-source "test.forever"))
      (stream-consume s {:on-item (fn [x] (call :test.note x) (when (= x 4) (call :marketplace.stream.pause s)))})
      (call :ccos.system.sleep-ms 30)""")
    assert log.said == [0, 1, 2, 3, 4]
    session.run("(call :marketplace.stream.resume s) (call :ccos.system.sleep-ms 30) (call :marketplace.stream.stop s)")
    assert log.said == list(range(len(log.said))) and len(log.said) > 5


def test_a_callback_has_the_rights_of_the_program_that_started_the_stream(make: Make, log: Log) -> None:
    context = RuntimeContext.controlled(allow=["marketplace.stream.*", "test.count"])
    session = make(context=context)
    session.run('(stream-consume (stream-source "test.count") {:on-item (fn [x] (call :test.note x))})')
    session.join(30)
    (stream,) = session.host.streams.streams.values()
    assert (log.said, stream.owner.failure.kind) == ([], "SecurityViolation")


def test_ten_thousand_items_arrive_in_order(make: Make) -> None:
    session = make()
    session.run("""
      (def seen (call :ccos.state.kv.put {:key "n" :value 0}))
      (stream-consume (stream-source "test.count" {:to 10000})
        {:on-item (fn [x] (when-not (= x (call :ccos.state.counter.inc {:key "seen"})) (throw "out of order")))
         :on-complete (fn [summary] (call :ccos.state.kv.put {:key "n" :value (:items summary)}))})""")
    session.join(120)
    assert session.run('(call :ccos.state.kv.get {:key "n"})') == 10_000


def test_huge_items_go_through(make: Make, log: Log) -> None:
    session = make()
    session.define("items", ["x" * 5_000_000, list(range(100_000))])
    consumed(session, """
      (stream-consume (stream-source "test.values" {:items items})
        {:on-item (fn [x] (call :test.note (count x)))})""")  # fmt: skip
    assert log.said == [5_000_000, 100_000]


# ---- sinks and topics


def test_a_sink_and_a_stream_of_one_topic_are_connected(make: Make) -> None:
    session = make()
    session.run('(def s (stream-source "memory:t")) (def k (stream-sink "memory:t"))')
    assert plain(session.run("(stream-produce k {:n 1})")) == {"accepted": True, "seq": 0}
    assert plain(session.run("(stream-produce k nil {:timeout-ms 5})")) == {"accepted": True, "seq": 1}
    pull = "(call :marketplace.stream.next {:handle s :envelope true})"
    assert [plain(session.run(pull))["item"] for _ in range(2)] == [{"n": 1}, None]
    assert plain(session.run("(call :marketplace.stream.close {:handle k})")) == {"status": K("completed")}
    assert plain(session.run(pull))["status"] is K("end")


def test_each_reader_of_a_topic_gets_every_item(make: Make) -> None:
    session = make()
    session.run("""
      (def a (stream-source "memory:t")) (def b (stream-source "memory:t")) (def k (stream-sink "memory:t"))
      (doseq [n [1 2 3]] (stream-produce k n))
      (call :marketplace.stream.close {:handle k})""")
    assert [list(session.run(ALL % name)) for name in "ab"] == [[1, 2, 3], [1, 2, 3]]


def test_readers_of_a_group_share_the_items(make: Make) -> None:
    session = make()
    session.run("""
      (def a (stream-source "memory:t" {:group "g"})) (def b (stream-source "memory:t" {:group "g"}))
      (def k (stream-sink "memory:t"))
      (doseq [n (range 1 21)] (stream-produce k n))
      (call :marketplace.stream.close {:handle k})""")
    found = [*session.run(ALL % "a"), *session.run(ALL % "b")]
    assert sorted(found) == list(range(1, 21))


def test_a_topic_that_nobody_reads_is_full_after_its_capacity(make: Make) -> None:
    session = make()
    session.run('(def k (stream-sink "memory:t" {:queue-capacity 2}))')
    accepted = 0
    with pytest.raises(RtfsError) as caught_error:
        while True:
            session.run("(stream-produce k 1 {:timeout-ms 20})")
            accepted += 1
    assert (caught_error.value.code, accepted) == ("RTFS-S020", 32 + 1 + 2)


def test_a_directive_is_data_for_a_sink(make: Make) -> None:
    session = make()
    session.run('(def s (stream-source "memory:t")) (def k (stream-sink "memory:t"))')
    session.run("(stream-produce k {:action :cancel})")
    assert plain(session.run("(call :marketplace.stream.next s)")) == {"action": K("cancel")}


def test_a_closed_sink_takes_nothing(make: Make) -> None:
    session = make()
    session.run('(def k (stream-sink "memory:t")) (call :marketplace.stream.close {:handle k})')
    code, message = caught(session, "(stream-produce k 1)")
    assert code == "RTFS-S021" and message.endswith("is closed")


@pytest.mark.parametrize(
    ("form", "code", "message"),
    [
        ("(call :marketplace.stream.start 7)", "RTFS-S001", ":marketplace.stream.start expects a map"),
        ("(call :marketplace.stream.open-sink)", "RTFS-S001", ":marketplace.stream.open-sink expects a map"),
        ("(call :marketplace.stream.start {})", "RTFS-S002", "Missing required string field 'id'"),
        ('(call :marketplace.stream.open-sink {:id ""})', "RTFS-S002", "Missing required string field 'id'"),
        ('(stream-source "test.plain")', "RTFS-S004", "Capability 'test.plain' is not a stream capability"),
        ('(stream-sink "test.plain")', "RTFS-S004", "Capability 'test.plain' is not a stream capability"),
        ('(stream-sink "test.count")', "RTFS-S021", "'test.count' is receive-only"),
        ('(stream-sink "http://127.0.0.1:1/mcp")', "RTFS-S021", "MCP streams are receive-only"),
        ('(stream-source "http://127.0.0.1:1/mcp" {:direction :duplex})', "RTFS-S022",
         "Bidirectional MCP streaming not supported"),
        ('(stream-source "test.count" {:queue-capacity 0})', "RTFS-S003",
         "Parameter 'queue-capacity': expected integer >= 1, got 0"),
        ('(stream-source "memory:t" {:gruop "x"})', "RTFS-S006",
         "Unknown option ':gruop' for marketplace.stream.start; did you mean ':group'?"),
        ('(stream-sink "memory:t" {:queue-capacty 1})', "RTFS-S006",
         "Unknown option ':queue-capacty' for marketplace.stream.open-sink; did you mean ':queue-capacity'?"),
        ('(stream-source "test.count" {:too 5})', "RTFS-S006",
         "Unknown option ':too' for test.count; did you mean ':to'?"),
        ('(stream-source "test.values")', "RTFS-E501", None),
        ('(call :marketplace.stream.next {:handle "nobody"})', "RTFS-S005", "No stream with id: nobody"),
        ("(call :marketplace.stream.next 7)", "RTFS-S001", ":marketplace.stream.next expects a map"),
        ("(call :marketplace.stream.next {:handle 7})", "RTFS-S004", "Not a stream: 7"),
        ('(call :marketplace.stream.next (stream-sink "memory:t" {:options {:queue-capacity 1}}))', "RTFS-S004", None),
        ('(call :marketplace.stream.send {:handle (stream-source "test.count") :item 1})', "RTFS-S021", None),
        ('(stream-consume (stream-source "test.count") {:on-item nobody-defined})', "RTFS-S014",
         "Processor 'nobody-defined' is not defined"),
        ('(stream-consume (stream-source "test.count") {:on-item (fn [a b c] a)})', "RTFS-S015",
         "Callback 'fn' takes 3 arguments; :on-item gives 1"),
        ("(call :marketplace.stream.register-callbacks {:handle (stream-source \"test.count\") :on-item 7})",
         "RTFS-S003", "Parameter 'callback': expected {:fn f}, a function or a name, got 7"),
    ],
)  # fmt: skip
def test_programs_can_catch_what_went_wrong(make: Make, form: str, code: str, message: str | None) -> None:
    found = caught(make(), form)
    assert found[0] == code and (message is None or found[1] == message)


def test_an_unknown_capability_is_said_to_be_unknown(make: Make) -> None:
    with pytest.raises(RtfsError, match=r"Unknown capability: test\.cuont") as found:
        make().run('(stream-source "test.cuont")')
    assert found.value.kind == "UnknownCapability"


def test_a_pure_session_has_none_of_it() -> None:
    for form in ('(stream-source "memory:t")', '(stream-sink "memory:t")', "(call :marketplace.stream.list)"):
        with pytest.raises(RtfsError) as found:
            Session().run(form)
        assert found.value.kind == "SecurityViolation"


def test_a_broker_needs_the_network(make: Make) -> None:
    context = RuntimeContext.controlled(allow=["marketplace.stream.*"])
    for url in ("redis://127.0.0.1:1/x", "nats://127.0.0.1:1/x"):
        for form in ("stream-source", "stream-sink"):
            with pytest.raises(RtfsError) as found:
                make(context=context).run(f'({form} "{url}")')
            assert (found.value.kind, found.value.code) == ("SecurityViolation", "RTFS-S053")


def test_streams_and_sinks_are_listed_by_kind(make: Make) -> None:
    session = make()
    session.run('(stream-source "test.count") (stream-sink "memory:t") (call :mcp.stream.start {:endpoint "room"})')
    listed = "(map :endpoint (call :marketplace.stream.list))"
    assert list(session.run(listed)) == ["test.count", "memory:t"]
    assert list(session.run("(map :endpoint (call :marketplace.stream.list {:kind :mcp}))")) == ["room"]
