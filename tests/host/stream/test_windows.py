"""Windows and sessions by key against models that are written plainly: what leaves, in which order, and why (§6.4)."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import rtfs
from rtfs.evaluator import SessionEvaluator
from rtfs.host.stream.fused import fused
from rtfs.host.stream.graph import chain_of
from rtfs.host.stream.keyed import cut, joined
from rtfs.host.stream.processor import read, read_result
from rtfs.lang.collections import Map, vector
from rtfs.lang.names import Keyword as K

SESSION = rtfs.Session(limits=rtfs.Limits.unlimited())
EVALUATOR = SessionEvaluator(SESSION)
KEYS = '(fn [x] (nth [:a "b" 3 nil 1.5 [1]] (second x)))'
AT = Map.of([(K("time"), 1000), (K("control"), K("flush"))])

Items = list[tuple[int, int]]  # time and number of a key
ITEMS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 5)), max_size=40)
Left = tuple[int, int, list[int], str]  # key, start, times of the items, reason


def leaves(operator: str, items: Items, size: int) -> list[Left]:
    """What leaves a window operator, whose state goes through a store after each batch of `size` items."""
    processor, state = fused(chain_of(SESSION.run(f"(-> [] {operator})"), EVALUATOR), EVALUATOR)
    assert processor.batch is not None
    assert processor.control is not None
    found: list[Any] = []
    for at in range(0, len(items), size):
        part = tuple(vector(item) for item in items[at : at + size])
        columns = [tuple(AT.get(field) for _ in part) for field in processor.batch.fields]
        made = processor.batch.through(state, part, columns, 10_000)
        assert made is not None
        single = state
        for item in part:
            with EVALUATOR.stepping():
                single, _, _ = read(processor.step(single, item, AT), single, "", 10_000)
        state = made[0]
        assert state == single
        found += [value for _, value in made[1]]
        rest, ways, parts = cut(state, processor.keyed)
        assert joined(rest, ways, parts) == state
        state = joined(rest, ways, dict(reversed(parts.items())))
    found += read_result(processor.control(state, AT), state, "", 10_000)[1]
    return [_plain(window) for window in found]


def _plain(window: Any) -> Left:
    items = window.get(K("items"))
    assert window.get(K("count")) == len(items)
    return items[0][1], window.get(K("start")), [time for time, _ in items], window.get(K("reason")).name


def tumbling(items: Items, length: int, lateness: int) -> list[Left]:
    """A list of open windows in the order in which they were opened."""
    opened: list[Left] = []
    found: list[Left] = []
    newest = mark = -(10**9)
    for time, key in items:
        newest, start = max(newest, time), time - time % length
        if start + length <= mark:
            continue
        mark = max(mark, newest - lateness)
        window = next((each for each in opened if each[:2] == (key, start)), None)
        if window is None:
            window = key, start, [], "watermark"
            opened.append(window)
        window[2].append(time)
        due = [each for each in opened if each[1] + length <= mark]
        found += sorted(due, key=lambda each: each[1])
        opened = [each for each in opened if each not in due]
    return found + [(*each[:3], "end") for each in sorted(opened, key=lambda each: each[1])]


@given(ITEMS, st.integers(1, 20), st.integers(0, 30), st.integers(1, 9))
def test_windows_by_key_leave_by_their_starts_and_then_as_they_were_opened(
    items: Items, length: int, lateness: int, size: int
) -> None:
    options = f"{{:time-fn first :key-fn {KEYS} :allowed-lateness {lateness}}}"
    assert leaves(f"(stream.window {length} {options})", items, size) == tumbling(items, length, lateness)


@given(ITEMS, st.integers(1, 20), st.integers(0, 30), st.integers(1, 9))
def test_windows_without_keys_leave_by_their_starts(items: Items, length: int, lateness: int, size: int) -> None:
    found = leaves(f"(stream.window {length} {{:time-fn first :allowed-lateness {lateness}}})", items, size)
    expected = tumbling([(time, 0) for time, _ in items], length, lateness)
    assert [each[1:] for each in found] == [each[1:] for each in expected]


def sessions(items: Items, gap: int, longest: int | None) -> list[Left]:
    """The open sessions of each key, in the order in which the keys came and the sessions changed last."""
    opened: dict[int, list[Left]] = {}
    found: list[Left] = []
    newest = -(10**9)

    def close(now: int | None, reason: str) -> None:
        every = [each for several in opened.values() for each in several]
        due = [each for each in every if now is None or now - max(each[2]) > gap]
        found.extend((*each[:3], reason) for each in sorted(due, key=lambda each: max(each[2])))
        for key in list(opened):
            opened[key] = [each for each in opened[key] if each not in due]
            if not opened[key]:
                del opened[key]

    for time, key in items:
        newest = max(newest, time)
        close(newest, "timeout")
        mine = opened.get(key, [])
        near = [each for each in mine if min(each[2]) - gap <= time <= max(each[2]) + gap]
        before = [each for several in sorted(near, key=lambda each: each[1]) for each in several[2]]
        session = key, min([time, *before]), [*before, time], ""
        opened[key] = [each for each in mine if each not in near]
        if longest is not None and max(session[2]) - session[1] >= longest:
            found.append((*session[:3], "max-duration"))
        else:
            opened[key].append(session)
        if not opened[key]:
            del opened[key]
    close(None, "end")
    return found


@given(ITEMS, st.integers(1, 25), st.none() | st.integers(1, 50), st.integers(1, 9))
def test_sessions_leave_by_their_ends_and_then_as_their_keys_came(
    items: Items, gap: int, longest: int | None, size: int
) -> None:
    limit = "" if longest is None else f":max-duration-ms {longest}"
    operator = f"(stream.session-window {KEYS} {{:time-fn first :timeout {gap} {limit}}})"
    assert leaves(operator, items, size) == sessions(items, gap, longest)
