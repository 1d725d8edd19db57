"""What every sink promises: each file in `rtfs/host/stream/sinks/` is held to it (streaming.md §6.3)."""

from __future__ import annotations

from contextlib import closing

import pytest

import rtfs
from rtfs.host.stream import sinks
from rtfs.lang.names import Keyword as K
from rtfs.lang.operator import MAIN, PARAMS, REQUIRED, slots_of

SESSION = rtfs.Session(limits=rtfs.Limits.unlimited(), context=rtfs.RuntimeContext.full())
MAINS = {
    "path": '"/nowhere/at/all"', "url": '"http://127.0.0.1:9/"', "table": '"t"', "name": '"q"', "source": "[1]",
    "connection": '"sqlite:/nowhere/at/all.db"',
}  # fmt: skip


@pytest.fixture(params=sinks.names())
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def called(name: str, options: str) -> str:
    """A call of the sink with its main argument, and a sensible value for what else it needs."""
    kind = sinks.find(name)
    assert kind is not None
    main, more = kind.table.get(MAIN), ""
    for key, row in (*kind.table.get(PARAMS).entries(), *slots_of(kind.table).entries()):
        if row.get(REQUIRED) and key is not main and key.name != kind.stream:
            more += f" :{key.name} {'identity' if row.get(K('effect')) is not None else MAINS[key.name]}"
    first = "" if main is None or main.name == kind.stream else MAINS[main.name]
    return f"(call :stream.{name} {first} {{{options}{more}}})"


def refused(text: str, session: rtfs.Session = SESSION) -> str:
    with pytest.raises(rtfs.RtfsError) as caught:
        session.run(text)
    return f"{caught.value.code[5:]} {caught.value.message}"


def test_it_says_what_it_is_for_what_it_needs_and_how_often_an_item_arrives(name: str) -> None:
    kind = sinks.find(name)
    assert kind is not None
    assert kind.doc.endswith(".")
    assert kind.examples
    assert kind.guarantee in ("effectively-once", "at-least-once", "at-most-once")
    assert kind.stream in {key.name for key in kind.table.get(PARAMS)}
    assert not kind.effects or kind.needs is not None
    for key in ("on-complete", "on-error"):
        assert K(key) in slots_of(kind.table)


def test_it_refuses_to_run_without_a_stream(name: str) -> None:
    kind = sinks.find(name)
    assert kind is not None
    assert refused(called(name, "")).startswith(f"S002 Missing required field '{kind.stream}'")


def test_it_refuses_what_is_no_stream(name: str) -> None:
    kind = sinks.find(name)
    assert kind is not None
    assert refused(called(name, f":{kind.stream} 42")) == "S004 Not a stream: 42"


def test_it_names_the_option_that_a_misspelt_one_means(name: str) -> None:
    kind = sinks.find(name)
    assert kind is not None
    assert refused(called(name, f":{kind.stream} [1] :on-complet 1")).startswith("S006 Unknown option ':on-complet'")


def test_what_it_needs_is_asked_before_anything_opens(name: str) -> None:
    """A60."""
    kind = sinks.find(name)
    assert kind is not None
    for label in kind.effects:
        context = rtfs.RuntimeContext.full().replace(denied_effects=(label,))
        with closing(rtfs.Session(context=context)) as session:
            message = refused(called(name, f":{kind.stream} [1]"), session)
            assert message == f"S053 Effect {label} denied for stream.{name}"
            assert session.run("(count (call :stream.list))") == 0
