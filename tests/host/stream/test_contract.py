"""Types of input, outputs and state, the budget of steps, and declared effects (streaming.md §8, §1.11)."""

from __future__ import annotations

import inspect
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rtfs.host.stream import guard, options
from rtfs.host.stream.contract import in_sample
from rtfs.host.stream.registry import StreamRegistry
from rtfs.lang.collections import Map
from rtfs.lang.errors import RtfsError
from rtfs.lang.limits import Limits
from rtfs.lang.names import Keyword as K
from rtfs.lang.outcome import RuntimeContext
from rtfs.session import Session


def m(**pairs: Any) -> Map:
    return Map.of([(K(name.replace("_", "-")), value) for name, value in pairs.items()])


READING = (K("map"), (K("city"), K("string")), (K("t"), K("float")))


def keep(state: Any, chunk: Any) -> Map:
    return m(state=chunk, output=chunk)


@pytest.fixture
def session() -> Iterator[Session]:
    session = Session(context=RuntimeContext.full())
    yield session
    session.shutdown()


# ---- types


async def test_a60_input_of_the_wrong_type_is_s050_with_paths_and_leaves_the_state(registry: StreamRegistry) -> None:
    stream = await registry.start("gauge", keep, m(city="Oslo", t=1.0), input_schema=READING, stream_id="g")
    with pytest.raises(RtfsError) as caught:
        await stream.send(m(city=7, t="warm"), ack="processed")
    error = caught.value
    assert error.code == "RTFS-S050"
    assert error.message == (
        "Input of 'g' failed schema validation: Type mismatch at .city: expected :string, got integer; "
        "Type mismatch at .t: expected :float, got string"
    )
    assert list(error.data[K("errors")]) == [
        m(path=(K("city"),), message="Type mismatch at .city: expected :string, got integer", expected=":string",
          actual="7"),
        m(path=(K("t"),), message="Type mismatch at .t: expected :float, got string", expected=":float",
          actual='"warm"'),
    ]  # fmt: skip
    assert (stream.status, stream.state) == (K("error"), m(city="Oslo", t=1.0))


async def test_a60_an_output_of_the_wrong_type_is_s051_and_no_output_is_fine(registry: StreamRegistry) -> None:
    def odd(state: Any, chunk: Any) -> Map:
        return m(state=chunk) if chunk < 2 else m(state=chunk, outputs=(chunk, "two"))

    stream = await registry.start("gauge", odd, 0, output_schema=K("int"))
    await stream.send(1, ack="processed")
    with pytest.raises(RtfsError, match=r"^Output of '.*' failed schema validation: Type mismatch: expected :int, got"):
        await stream.send(2, ack="processed")
    assert (stream.state, stream.owner.outputs.next, stream.owner.error[K("code")]) == (1, 0, "RTFS-S051")


async def test_a60_a_state_of_the_wrong_type_is_s052_and_is_not_kept(registry: StreamRegistry) -> None:
    stream = await registry.start("gauge", keep, 0, state_schema=K("int"))
    await stream.send(1, ack="processed")
    with pytest.raises(RtfsError) as caught:
        await stream.send("x", ack="processed")
    assert (caught.value.code, stream.state, stream.owner.outputs.next) == ("RTFS-S052", 1, 1)


async def test_a_plain_map_as_state_is_checked_as_the_state(registry: StreamRegistry) -> None:
    stream = await registry.start("gauge", lambda state, chunk: m(n=chunk), m(n=0),
                                  state_schema=(K("map"), (K("n"), K("int"))), on_error=K("skip"))  # fmt: skip
    await stream.send(1, ack="processed")
    await stream.send("x", ack="processed")
    assert (stream.state, stream.owner.stats.skipped) == (m(n=1), 1)


async def test_the_initial_state_is_checked_before_anything_is_opened(registry: StreamRegistry) -> None:
    with pytest.raises(RtfsError, match="State of 's' failed schema validation") as caught:
        await registry.start("memory:nothing", keep, "no", state_schema=K("int"), stream_id="s")
    assert caught.value.code == "RTFS-S052"
    assert not registry.streams


async def test_twenty_faults_are_reported_and_values_are_cut_to_200_characters(registry: StreamRegistry) -> None:
    stream = await registry.start("gauge", keep, None, input_schema=(K("vector"), K("int")))
    with pytest.raises(RtfsError) as caught:
        await stream.send(tuple("x" * 1000 for _ in range(40)), ack="processed")
    errors = list(caught.value.data[K("errors")])
    assert [error[K("path")] for error in errors] == [(n,) for n in range(20)]
    assert {len(error[K("actual")]) for error in errors} == {200}
    assert caught.value.message.endswith("; and 17 more")


async def test_a_failed_check_follows_on_error_with_its_tries(registry: StreamRegistry) -> None:
    policy = m(retry=2, then=K("skip"))
    stream = await registry.start("gauge", keep, None, input_schema=K("int"), on_error=policy)
    for chunk in (1, "two", 3):
        await stream.send(chunk, ack="processed")
    stats = stream.owner.stats
    assert (stream.state, stats.processed, stats.failed, stats.retried) == (3, 2, 1, 2)


async def test_sample_checks_the_same_hundredth_each_time(registry: StreamRegistry) -> None:
    chosen = [seq for seq in range(10_000) if in_sample(seq)]
    assert 80 <= len(chosen) <= 120
    stream = await registry.start("gauge", lambda s, c, md: m(state=c), None, input_schema=K("int"),
                                  state_schema=K("any"), validate="sample", on_error=K("skip"))  # fmt: skip
    for seq in range(1000):
        await stream.send(str(seq), ack="processed")
    assert stream.owner.stats.skipped == len([seq for seq in chosen if seq < 1000])


async def test_off_checks_nothing_but_the_types_must_be_types(registry: StreamRegistry) -> None:
    stream = await registry.start("gauge", keep, 0, state_schema=K("string"), validate="off")
    await stream.send(1, ack="processed")
    assert stream.state == 1
    with pytest.raises(RtfsError, match="Parameter 'input-schema': expected type expression, got :integr") as caught:
        await registry.start("gauge", keep, 0, input_schema=K("integr"), validate="off")
    assert any("integer" in note for note in caught.value.notes)


async def test_control_chunks_are_no_input_but_their_state_is_checked(registry: StreamRegistry) -> None:
    stream = await registry.start("gauge", lambda s, c, md: m(state="flushed" if c is None else c), 0,
                                  input_schema=K("int"), state_schema=K("int"), control=K("flush"))  # fmt: skip
    await stream.send(1, ack="processed")
    await stream.stop(drain=True)
    assert (stream.status, stream.state, stream.owner.error[K("code")]) == (K("error"), 1, "RTFS-S052")


def test_a_program_names_its_own_types(session: Session) -> None:
    session.run("""(deftype Celsius [:and :float [:> -274]])
      (defn total [n c] {:state (+ n c)})
      (def h (call :mcp.stream.start {:endpoint "room" :processor total :initial-state 0.0 :on-error :skip
                                      :input-schema 'Celsius :stream-id "s"}))
      (defn put [n] (call :mcp.stream.send {:stream h :chunk n :ack :processed}))
      (put 20.5) (put -300.0) (put 1.5)""")
    assert session.run("(:state (call :mcp.stream.inspect h))") == 22.0


def test_types_hold_again_after_a_resume(tmp_path: Path) -> None:
    start = """(defn keep [s c] {:state c})
      (def h (call :mcp.stream.start {:endpoint "room" :processor keep :initial-state 1 :state-schema :int
                                      :stream-id "s"}))"""
    for text in ("(call :mcp.stream.pause h)", "(call :mcp.stream.resume h)"):
        session = Session(context=RuntimeContext.full(), state_dir=str(tmp_path))
        session.run(start + text)
        session.shutdown(strategy="immediate")
    session = Session(context=RuntimeContext.full(), state_dir=str(tmp_path))
    with pytest.raises(RtfsError) as caught:
        session.run('(defn keep [s c] {:state c}) (call :mcp.stream.resume "s")'
                    '(call :mcp.stream.send {:stream "s" :chunk "x" :ack :processed})')  # fmt: skip
    assert caught.value.code == "RTFS-S052"
    session.shutdown()


async def test_a_stream_without_types_steps_with_nothing_in_between(registry: StreamRegistry) -> None:
    stream = await registry.start("gauge", keep, 0)
    assert stream.owner.stepping.step is stream.owner.processor.step
    assert "contract" not in inspect.getsource(type(stream.owner)._turn)


# ---- the budget of steps

SPIN = """(defn spin [s n] {:state (reduce + 0 (range n))})
(def h (call :mcp.stream.start {:endpoint "room" :processor spin :initial-state 0 %s}))
(defn put [n] (call :mcp.stream.send {:stream h :chunk n :ack :processed}))
"""


def test_a_step_beyond_its_budget_is_s016_and_each_step_has_the_whole_budget(session: Session) -> None:
    session.run(SPIN % ":step-budget 20000")
    for _ in range(50):
        session.run("(put 1000)")
    with pytest.raises(RtfsError) as caught:
        session.run("(put 1000000)")
    assert (caught.value.code, caught.value.message) == ("RTFS-S016", "Step budget exhausted after 20000 ticks")
    assert not caught.value.catchable
    assert session.run("(:status (call :mcp.stream.status h))") is K("error")


def test_without_a_budget_a_step_may_take_what_it_needs(session: Session) -> None:
    session.run(SPIN % "")
    session.run("(put 1000000)")
    assert session.run("(:status (call :mcp.stream.status h))") is K("active")


def test_untrusted_limits_bound_each_step_to_a_million_ticks() -> None:
    assert Limits.untrusted().step_budget == 1_000_000
    session = Session(context=RuntimeContext.full(), limits=Limits.untrusted())
    session.run(SPIN % ":step-budget 100000000")
    with pytest.raises(RtfsError, match="Step budget exhausted after 1000000 ticks"):
        session.run("(put 1500000)")
    session.shutdown()


async def test_a_budget_where_nobody_counts_is_refused(registry: StreamRegistry) -> None:
    with pytest.raises(RtfsError, match="Parameter 'step-budget': expected a session that counts steps, got 5"):
        await registry.start("gauge", keep, 0, step_budget=5)


def test_a_session_whose_code_was_compiled_without_counting_refuses_a_budget(session: Session) -> None:
    session.run("(defn spin [s n] {:state n})")
    with pytest.raises(RtfsError) as caught:
        session.run('(call :mcp.stream.start {:endpoint "r" :processor spin :step-budget 5})')
    assert caught.value.code == "RTFS-S003"


# ---- effects


def test_a60_declared_effects_that_the_context_denies_are_s053_before_anything_opens() -> None:
    session = Session(context=RuntimeContext.controlled(["mcp.stream.*"], effects=[":streaming"]))
    for effects in ("[:network]", ":network", "[:streaming :teleport]"):
        with pytest.raises(RtfsError) as caught:
            session.run(f'(call :mcp.stream.start {{:endpoint "room" :effects {effects}}})')
        assert (caught.value.kind, caught.value.code) == ("SecurityViolation", "RTFS-S053")
    session.run('(call :mcp.stream.start {:endpoint "room" :effects [:streaming]})')
    session.shutdown()


@pytest.mark.parametrize(
    "form",
    [
        '(call :mcp.stream.start {:endpoint "http://%s/mcp" :tool "t"})',
        '(call :mcp.stream.start {:endpoint "http://%s/events" :adapter :sse})',
        '(call :mcp.stream.start {:endpoint "http://%s/lines" :adapter :http-lines})',
        '(call :mcp.stream.start {:endpoint "ws://%s/"})',
        '(call :mcp.stream.start {:endpoint "room" :server-url "http://%s/mcp"})',
        '(call :mcp.stream.start {:endpoint "room" :checkpoint {:store "redis://%s/0"}})',
        '(call :marketplace.stream.next (stream-source "redis://%s/s"))',
        '(stream-produce (stream-sink "nats://%s/s") 1)',
    ],
)
def test_a60_without_the_network_a_url_is_s053_before_any_connection(form: str) -> None:
    context = RuntimeContext.controlled(["mcp.stream.*", "marketplace.stream.*"], effects=[":streaming"])
    session = Session(context=context)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with pytest.raises(RtfsError) as caught:
            session.run(form % f"127.0.0.1:{listener.getsockname()[1]}")
        assert (caught.value.kind, caught.value.code) == ("SecurityViolation", "RTFS-S053")
        session.shutdown()
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody knocked
            listener.accept()


def test_an_unknown_label_takes_a_full_context_and_a_known_one_does_not() -> None:
    controlled, full = RuntimeContext.controlled(["mcp.stream.*"]), RuntimeContext.full()
    guard.admit_effects(controlled, (":network", ":clock"))
    guard.admit_effects(full, (":teleport",))
    with pytest.raises(RtfsError, match="Effect :teleport denied"):
        guard.admit_effects(controlled, (":teleport",))


def test_a_resume_is_checked_under_the_context_of_the_resuming_program(tmp_path: Path) -> None:
    session = Session(context=RuntimeContext.full(), state_dir=str(tmp_path))
    session.run('(call :mcp.stream.start {:endpoint "room" :stream-id "s" :effects [:network]})')
    session.shutdown(strategy="immediate")
    narrow = RuntimeContext.controlled(["mcp.stream.*"], effects=[":streaming"])
    session = Session(context=narrow, state_dir=str(tmp_path))
    with pytest.raises(RtfsError) as caught:
        session.run('(call :mcp.stream.resume "s")')
    assert caught.value.code == "RTFS-S053"
    session.shutdown()


def test_a_store_that_a_resume_names_needs_its_grant_too(tmp_path: Path) -> None:
    session = Session(context=RuntimeContext.controlled(["mcp.stream.*"]))
    with pytest.raises(RtfsError) as caught:
        session.run(f'(call :mcp.stream.resume {{:stream-id "s" :checkpoint {{:store "sqlite:{tmp_path}/x"}}}})')
    assert caught.value.code == "RTFS-S053"
    assert not (tmp_path / "x").exists()
    session.shutdown()


@pytest.mark.parametrize("wrong", [5, (5,), ("",), (K("network"), None)])
def test_effects_are_labels(wrong: Any) -> None:
    with pytest.raises(RtfsError, match="Parameter 'effects': expected vector of effect labels such as :network"):
        options.check("effects", wrong, options.labels, "mcp.stream.start")
