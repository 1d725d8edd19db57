"""Stream operators as programs meet them: what each gives, one law of each, and what each refuses (streaming.md §6)."""

from __future__ import annotations

from contextlib import closing, suppress
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rtfs
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword as K

SESSION = rtfs.Session(limits=rtfs.Limits.unlimited(), context=rtfs.RuntimeContext.full())
INTEGERS = st.lists(st.integers(-20, 20), max_size=40)
CHUNKS = st.integers(1, 9)


def collect(text: str, **names: Any) -> list[Any]:
    """All items of the stream that a form describes; `names` are defined around it."""
    for name, value in names.items():
        SESSION.define(name, rtfs.from_python(value))
    return list(SESSION.run(f"(call :stream.to-collection {text})"))


def chunked(items: list[Any], size: int, rest: str) -> list[Any]:
    """The operators over the items, which arrive in vectors of `size`."""
    return collect(
        f"(-> (call :stream.from-collection xs {{:chunk-size {size}}}) (stream.flat-map identity) {rest})", xs=items
    )


def refused(text: str) -> str:
    with pytest.raises(rtfs.RtfsError) as caught:
        SESSION.run(f"(call :stream.to-collection {text})")
    return f"{caught.value.code[5:]} {caught.value.message}"


# ---- what each gives


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ('(stream.map ["a" "b" "c"] string/upper-case)', '["A" "B" "C"]'),
        ('(stream.flat-map ["a b" "c"] (fn [line] (split line " ")))', '["a" "b" "c"]'),
        ('(stream.filter [0 "" [] nil false] identity)', '[0 "" []]'),
        ("(stream.distinct [{:id 1} {:id 2} {:id 1} {:id 3} {:id 2}] :id)", "[{:id 1} {:id 2} {:id 3}]"),
        ("(stream.reduce [1 2 3 4 5] (fn [n x] (inc n)) {:initial 0})", "[5]"),
        ("(stream.reduce [] + {:initial 7})", "[7]"),
        ("(stream.reduce [] +)", "[nil]"),
        ("(stream.reduce [1 2 3] + {:emit :each})", "[1 3 6]"),
        ("(stream.group-by [[:a 1] [:b 2] [:a 3]] first)", "[{:a [[:a 1] [:a 3]] :b [[:b 2]]}]"),
        ("(stream.group-by [1 2 3 4 5] odd? {:every 2})", "[{true [1] false [2]} {true [3] false [4]} {true [5]}]"),
        ("(stream.map (stream.batch (range 250) 100) count)", "[100 100 50]"),
        ("(stream.batch [1 2 3] 2 {:partial false})", "[[1 2]]"),
        ('(stream.batch ["aaaa" "bbbb" "cc" "d"] {:size 10 :max-bytes 12})', '[["aaaa" "bbbb"] ["cc" "d"]]'),
        ('(stream.batch ["a" "a very long text" "b"] {:size 10 :max-bytes 8})', '[["a"] ["a very long text"] ["b"]]'),
        ("(stream.batch [1 2 3] {:size 2 :max-bytes 100 :partial false})", "[[1 2]]"),
        ("(stream.from {:a 1} {:chunk-size 2})", "[[[:a 1]]]"),
        ('(stream.validate-types [{:id "5"} {:id 6}] {:schema {:id :int} :coerce true})', "[{:id 5} {:id 6}]"),
        ("(stream.validate-types [{:id 0} {:id 6}] {:schema {:type :map :properties {:id {:type :int :minimum 1}}}"
         " :invalid :drop})", "[{:id 6}]"),
        ("(stream.schema-evolution [{:v 1} {:v 3}] {:current-schema {:v [:val 3]} :version-key :v :migrations"
         " [{:from 1 :fn (fn [x] {:v 2})} {:from 2 :fn (fn [x] {:v 3})}]})", "[{:v 3} {:v 3}]"),
        ("(stream.map (stream.sliding-window (range 1 21) 10 {:slide 5}) (comp (juxt first last) :items))",
         "[[1 10] [6 15] [11 20]]"),
        ("(stream.map (stream.sliding-window (range 1 8) 2 {:slide 3}) :items)", "[[1 2] [4 5]]"),
        ("(stream.map (stream.sliding-window [0 4 5 11] {:duration 10 :slide-ms 5 :time-fn identity}) :items)",
         "[[0 4] [0 4 5]]"),
        ("(stream.map (stream.window [0 4999 5000] 5000 {:time-fn identity}) (juxt :start :count :reason))",
         "[[0 2 :watermark] [5000 1 :end]]"),
        ("(stream.map (stream.window [3 9 25] 5 {:time-fn identity :align :first :emit-empty true})"
         " (juxt :start :count))",
         "[[3 1] [8 1] [13 0] [18 0] [23 1]]"),
        ("(stream.map (stream.session-window [[:a 0] [:b 1] [:a 400] [:b 350]] first {:timeout 300 :time-fn second})"
         " (fn [s] [(:key s) (count (:items s)) (:reason s)]))",
         "[[:a 1 :timeout] [:b 1 :timeout] [:b 1 :end] [:a 1 :end]]"),
        ("(stream.stateful [1 2 3] (fn [sum x] [(+ sum x) (if (odd? x) (+ sum x))]) {:initial-state 0})", "[1 6]"),
        ("(-> (range 1 11) (stream.filter odd?) (stream.map (fn [n] (* n n))) (stream.reduce + {:initial 0}))",
         "[165]"),
        ("(stream.stateful [1 2] (fn [s x] [s nil]) {:emit-nil true})", "[nil nil]"),
        ("(stream.take [1 2 3] 0)", "[]"),
        ("(stream.take (call :stream.generate (fn [n] [n (inc n)]) {:initial-state 0}) 3)", "[0 1 2]"),
        ("(stream.drop [1 2 3] 5)", "[]"),
        ("(call :stream.generate (fn [n] (if (> n 1000) :done [n (* 2 n)])) {:initial-state 1 :limit 100})",
         "[1 2 4 8 16 32 64 128 256 512]"),
        ("(call :stream.from-collection (range 1 11) {:chunk-size 3})", "[[1 2 3] [4 5 6] [7 8 9] [10]]"),
        ("(call :stream.from-collection {:a 1 :b 2})", "[[:a 1] [:b 2]]"),
        ('(call :stream.from-collection "héy")', '["h" "é" "y"]'),
        ("(stream.schema-evolution [{:v 1} {:w 2} {:x 3}] {:x :int} {:migrations"
         " [{:from {:v :int} :fn (fn [m] {:w (:v m)})} {:from {:w :int} :fn (fn [m] {:x (:w m)})}]})",
         "[{:x 1} {:x 2} {:x 3}]"),
    ],
)  # fmt: skip
def test_what_leaves_an_operator(text: str, items: str) -> None:
    assert rtfs.show(rtfs.from_python(tuple(collect(text)))) == items


def test_an_item_inside_an_open_gap_joins_two_sessions_into_one() -> None:
    sessions = collect(
        "(stream.session-window [0 500 250] (fn [x] :k) {:timeout 300 :time-fn identity :max-sessions 2})"
    )
    assert [list(session[K("items")]) for session in sessions] == [[0], [500, 250]]
    joined = collect("(stream.session-window [0 250 500] (fn [x] :k) {:timeout 300 :time-fn identity})")
    assert [list(session[K("items")]) for session in joined] == [[0, 250, 500]]


def test_validation_tells_all_that_is_wrong_and_goes_on_with_the_next_item() -> None:
    told: list[Any] = []
    SESSION.define("tell", lambda errors, item: told.append((errors, item)))
    SESSION.run("""(call :stream.wait
                     (call :stream.validate-types [{:id "x"} {:id 1 :name "n"}] {:id :int :name :string}
                     {:on-invalid (fn [errors item] (tell errors item))}))""")
    (errors, item) = told[0]
    assert rtfs.show(item) == '{:id "x"}'
    assert [list(error[K("path")]) for error in errors] == [[], [K("id")]]
    assert len(told) == 1


def test_items_that_came_too_late_become_letters_when_asked_for() -> None:
    windows = "(stream.window [1 25 2 7 26 3] 10 {:time-fn identity :late :dead-letter})"
    run = """(call :stream.pipeline (stream.map (stream.flat-map [1] (fn [x] [1 25 2 7 26 3])) identity) {})
              (call :stream.pipeline (stream.window (stream.flat-map [1] (fn [x] [1 25 2 7 26 3])) 10
                                      {:time-fn identity :late :dead-letter})
                    {:dead-letter-queue "late" :on-result (fn [w] nil)})"""
    SESSION.run(f"(call :stream.wait (do {run}))")
    assert [list(window[K("items")]) for window in collect(windows)] == [[1], [25, 26]]
    letters = SESSION.run('(call :stream.dead-letters {:queue "late"})')
    assert [letter[K("item")] for letter in letters] == [2, 7, 3]
    assert {letter[K("error")][K("message")] for letter in letters} == {"window: the item came too late"}
    assert {letter[K("stage")] for letter in letters} == {"window"}
    assert len({letter[K("id")] for letter in letters}) == 3


@pytest.mark.parametrize(("time", "windows"), [(":event", 3), (":processing", 1)])
@pytest.mark.parametrize("operator", ["(stream.window s 5000 {})", "(stream.session-window s int? {:timeout 5000})"])
def test_without_a_function_windows_go_by_the_time_of_arrival_unless_they_are_told_otherwise(
    operator: str, time: str, windows: int
) -> None:
    """The times that come with the items lie ten seconds apart, and the items come together."""
    graph = operator.replace("{", f"{{:align :first :time {time} " if "{}" in operator else f"{{:time {time} ")
    found = SESSION.run(f"""
      (def s (call :mcp.stream.start {{:endpoint "room" :processor (fn [n c] {{:output c}}) :outputs :block}}))
      (def run (call :stream.create {graph}))
      (doseq [at [0 10000 20000]]
        (call :mcp.stream.send {{:stream s :chunk at :metadata {{:event-time at}}}}))
      (call :mcp.stream.stop {{:stream s :drain true}})
      (call :stream.to-collection run)""")
    assert len(found) == windows


@pytest.mark.parametrize("time", ["##Inf", "##-Inf", "##NaN", "nil", '"x"'])
@pytest.mark.parametrize(
    "operator",
    [
        "(stream.window [1 2] 5 {:time-fn (fn [x] (if (= x 1) T x))})",
        "(stream.sliding-window [1 2] {:duration 5 :time-fn (fn [x] (if (= x 1) T x))})",
        "(stream.session-window [1 2] int? {:timeout 5 :time-fn (fn [x] (if (= x 1) T x))})",
    ],
)
def test_a_time_that_is_none_fails_its_item_and_harms_no_other(operator: str, time: str) -> None:
    """An infinite one would make all that come after it late."""
    text = operator.replace("T", time)
    assert refused(text) == f"S003 Result of time-fn: expected finite number of ms, got {time}"
    found = SESSION.run(f"(call :stream.to-collection {text} {{:on-error :skip}})")
    assert [list(window[K("items")]) for window in found] in ([[2]], [])  # a sliding window that is not full is none


def test_a_time_far_ahead_does_not_make_a_window_for_each_moment_until_then() -> None:
    windows = collect(
        "(stream.sliding-window [1 2 1000000000000 1000000000020] {:duration 10 :slide-ms 5 :time-fn identity})"
    )
    assert [list(window[K("items")]) for window in windows] == [[1, 2], [1, 2], [10**12], [10**12]]


@settings(max_examples=60)
@given(st.lists(st.integers(-40, 60), max_size=12), st.integers(1, 12), st.integers(1, 12))
def test_sliding_windows_of_time_hold_what_lies_in_them(times: list[int], duration: int, slide: int) -> None:
    times = sorted(times)
    text = f"(stream.sliding-window xs {{:duration {duration} :slide-ms {slide} :time-fn identity}})"
    found = [(window[K("end")], list(window[K("items")])) for window in collect(text, xs=times)]
    ends = range(-60 * slide, 80 * slide) if times else ()
    expected = [
        (end, inside)
        for end in ends
        if end % slide == 0 and end <= times[-1]
        and (inside := [time for time in times if end - duration <= time < end])
    ]  # fmt: skip
    assert found == expected


def test_what_goes_aside_is_told_and_does_not_leave() -> None:
    told: list[Any] = []
    SESSION.define("tell", told.append)
    valid = "(call :stream.validate-types [1 :a 2] {:schema :int :on-invalid (fn [errors item] (tell item))})"
    assert collect(f"(stream.map {valid} inc)") == [2, 3]
    migrated = """(call :stream.schema-evolution ["1" 2] {:current-schema :int :migration-fn parse-int
                     :on-migrated (fn [item] (tell [:migrated item]))})"""
    answer = SESSION.run(f"(call :stream.wait {migrated})")
    assert rtfs.show(answer[K("outputs")]) == "[1 2]"
    assert rtfs.show(rtfs.from_python(told)) == "[:a [:migrated 1]]"


def test_runs_whose_ids_nobody_knows_are_forgotten_when_they_are_over() -> None:
    with closing(rtfs.Session(limits=rtfs.Limits.unlimited(), context=rtfs.RuntimeContext.full())) as session:
        graph = "(stream.tap (stream.merge [(stream.map [1 0 2] (fn [x] (/ 2 x))) [4]]) identity)"
        for options in ("{:on-error :skip}", "{:on-error :skip :limit 1}", "{}"):
            with suppress(rtfs.RtfsError):
                session.run(f"(call :stream.to-collection {graph} {options})")
        session.run("(call :stream.to-collection (stream.map [1] inc))")
        assert list(session.host.streams.streams) == []
        session.run('(call :stream.to-collection (stream.map [1] inc) {:stream-id "mine"})')
        session.run("(call :stream.wait (call :stream.create (stream.map [1] inc)) {:timeout-ms 0})")
        assert len(session.host.streams.streams) == 2


@pytest.mark.parametrize("outputs", [":block", ":ring", ":none"])
def test_a_created_run_that_is_waited_for_runs_to_its_end(outputs: str) -> None:
    """Nobody else would ever begin it."""
    create = f"(call :stream.create (stream.reduce (range 10000) +) {{:outputs {outputs}}})"
    ended = SESSION.run(f"(call :stream.wait {create} {{:timeout-ms 20000}})")
    assert (ended[K("status")], ended[K("processed-chunks")]) == (K("completed"), 10_000)
    mapped = SESSION.run("(call :stream.wait (call :stream.create (stream.map (range 10000) inc)) {:timeout-ms 20000})")
    assert mapped[K("status")] is K("completed")


def test_the_result_of_a_run_is_what_it_reduced_to() -> None:
    run = "(call :stream.pipeline {} {{:on-result (fn [x] x)}})"
    reduced = SESSION.run(f"(:result (call :stream.wait {run.format('(stream.reduce [1 2 3] +)')}))")
    mapped = SESSION.run(f"(:result (call :stream.wait {run.format('(stream.map [1 2 3] inc)')}))")
    assert (reduced, mapped) == (6, None)


def test_the_states_of_a_run_are_shown_by_the_places_of_its_stages() -> None:
    text = "(stream.stateful (stream.map [1 2] inc) {:initial-state 0 :processor (fn [s x] [(+ s x) nil])})"
    answer = SESSION.run(f"(call :stream.wait (call :stream.pipeline {text} {{:on-result (fn [x] x)}}))")
    assert rtfs.show(answer[K("state")]) == "{:stages {1 5}}"


# ---- laws


@settings(max_examples=40)
@given(INTEGERS, CHUNKS, CHUNKS)
def test_batches_in_a_row_are_the_items(items: list[int], size: int, chunk: int) -> None:
    assert chunked(items, chunk, f"(stream.batch {size}) (stream.flat-map identity)") == items


@settings(max_examples=40)
@given(INTEGERS, CHUNKS)
def test_distinct_is_a_set_in_the_order_of_arrival(items: list[int], chunk: int) -> None:
    assert chunked(items, chunk, "(stream.distinct)") == list(dict.fromkeys(items))


@settings(max_examples=40)
@given(INTEGERS, st.integers(1, 5), CHUNKS)
def test_distinct_forgets_the_oldest_key_beyond_its_bound(items: list[int], most: int, chunk: int) -> None:
    kept: dict[int, None] = {}
    expected = []
    for item in items:
        if item not in kept:
            if len(kept) >= most:
                del kept[next(iter(kept))]
            kept[item] = None
            expected.append(item)
    assert chunked(items, chunk, f"(stream.distinct identity {{:max-keys {most}}})") == expected


@settings(max_examples=40)
@given(INTEGERS, CHUNKS, st.integers(0, 20), st.integers(0, 20))
def test_take_and_drop_are_slices(items: list[int], chunk: int, skipped: int, taken: int) -> None:
    assert chunked(items, chunk, f"(stream.drop {skipped}) (stream.take {taken})") == items[skipped : skipped + taken]


@settings(max_examples=40)
@given(INTEGERS, CHUNKS)
def test_grouping_keeps_every_item_once_and_in_order(items: list[int], chunk: int) -> None:
    (groups,) = chunked(items, chunk, "(stream.group-by (fn [x] (mod x 3)))")
    expected: dict[int, list[int]] = {}
    for item in items:
        expected.setdefault(item % 3, []).append(item)
    assert [(key, list(group)) for key, group in groups.entries()] == list(expected.items())


@settings(max_examples=40)
@given(INTEGERS, CHUNKS)
def test_a_fold_is_the_fold_of_python(items: list[int], chunk: int) -> None:
    assert chunked(items, chunk, "(stream.reduce + {:initial 5})") == [5 + sum(items)]


@settings(max_examples=40)
@given(st.lists(st.integers(0, 200), max_size=40), st.integers(1, 50), CHUNKS)
def test_the_counts_of_windows_add_up_and_each_item_is_in_its_window(
    times: list[int], duration: int, chunk: int
) -> None:
    found = chunked(times, chunk, f"(stream.window {duration} {{:time-fn identity :allowed-lateness 1000}})")
    assert sum(window[K("count")] for window in found) == len(times)
    assert all(window[K("start")] <= t < window[K("end")] for window in found for t in window[K("items")])
    starts = [window[K("start")] for window in found]
    assert starts == sorted(set(starts))


@settings(max_examples=40)
@given(st.lists(st.integers(0, 200), max_size=40), st.integers(1, 50))
def test_an_ordered_stream_in_windows_is_grouped_by_its_quotient(times: list[int], duration: int) -> None:
    ordered = sorted(times)
    found = chunked(ordered, 1, f"(stream.window {duration} {{:time-fn identity}})")
    expected = [list(group) for _, group in groupby(ordered, lambda t: t // duration)]
    assert [list(window[K("items")]) for window in found] == expected


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 300)), max_size=30), st.integers(1, 60))
def test_sessions_end_where_a_key_is_silent_for_longer(events: list[tuple[str, int]], timeout: int) -> None:
    ordered = sorted(events, key=lambda event: event[1])
    found = collect(
        f"(stream.session-window xs first {{:timeout {timeout} :time-fn second}})", xs=[list(each) for each in ordered]
    )
    expected = []
    for key in sorted({key for key, _ in ordered}):
        times = [time for other, time in ordered if other == key]
        sessions: list[list[int]] = []
        for time in times:
            if sessions and time - sessions[-1][-1] <= timeout:
                sessions[-1].append(time)
            else:
                sessions.append([time])
        expected += [(key, session) for session in sessions]
    assert sorted((each[K("key")], [time for _, time in each[K("items")]]) for each in found) == sorted(expected)


@settings(max_examples=40)
@given(st.lists(INTEGERS, min_size=1, max_size=4), st.sampled_from(["round-robin", "priority", "fair", "arrival"]))
def test_a_merge_keeps_the_order_of_each_input_and_loses_nothing(inputs: list[list[int]], strategy: str) -> None:
    tagged = [[[number, item] for item in items] for number, items in enumerate(inputs)]
    found = collect(f"(stream.merge xs {{:strategy :{strategy}}})", xs=tagged)
    for number, items in enumerate(inputs):
        assert [item for source, item in found if source == number] == items
    assert len(found) == sum(map(len, inputs))


@settings(max_examples=40)
@given(st.lists(INTEGERS, min_size=1, max_size=4))
def test_round_robin_takes_one_of_each_in_turn(inputs: list[list[int]]) -> None:
    expected = []
    for place in range(max(map(len, inputs))):
        expected += [items[place] for items in inputs if place < len(items)]
    assert collect("(stream.merge xs)", xs=inputs) == expected


# ---- what each refuses


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("7", "S004 Not a stream: 7"),
        ("{:rtfs/node :nonsense :inputs [] :params {}}",
         "S004 Not a stream: {:rtfs/node :nonsense :inputs [] :params {}}"),
        ("{:rtfs/node :map :inputs [[1]] :params 5}", "S004 Not a stream: {:rtfs/node :map :inputs [[1]] :params 5}"),
        ('{:rtfs/node :take :inputs [[1]] :params {:n "x"}}', "S003 Parameter 'n': expected integer >= 0, got \"x\""),
        ("{:rtfs/node :map :inputs [[1]] :params {:transform 5}}",
         "S003 Parameter 'transform': expected function, got 5"),
        ("{:rtfs/node :map :inputs 5 :params {}}", "S004 Not a stream: {:rtfs/node :map :inputs 5 :params {}}"),
        ("{:rtfs/node :merge :inputs [] :params {:names [1]}}",
         "S004 Not a stream: {:rtfs/node :merge :inputs [] :params {:names [1]}}"),
        ("{:rtfs/node :from-collection :inputs [] :params {:collection 5}}",
         "S003 Parameter 'collection': expected vector or list or map or string, got 5"),
        ("(stream.map [1])", "S002 Missing required field 'transform' of stream.map"),
        ("(stream.map [1] 5)", "S003 Parameter 'transform': expected function, got 5"),
        ("(stream.map [1] inc {:transfrom dec})",
         "S006 Unknown option ':transfrom' for stream.map; did you mean ':transform'?"),
        ("(stream.from 5)", "S003 Parameter 'collection': expected vector or list or map or string, got 5"),
        ("(stream.validate-types [1] :bogus)",
         "S003 Parameter 'schema': expected type, or map of schema words such as :type, got :bogus"),
        ("(stream.schema-evolution [1] :int {:migrations [5]})",
         "S003 Parameter 'migrations': expected maps {:from schema :fn f}, got 5"),
        ("(stream.batch [1] 0)", "S003 Parameter 'size': expected integer >= 1, got 0"),
        ("(stream.batch [1] 2 {:max_wait_ms 0})", "S003 Parameter 'max-wait-ms': expected integer >= 1, got 0"),
        ("(stream.batch [1] 2 {:max_wait_ms 1 :max-wait-ms 2})",
         "S003 Parameter 'max-wait-ms': expected one spelling of the key, got two"),
        ("(stream.reduce [1] + {:emit :sometimes})",
         "S003 Parameter 'emit': expected one of :final :each, got :sometimes"),
        ("(stream.flat-map [1] identity)", "S003 Parameter 'result of flat-map': expected vector, got 1"),
        ("(stream.stateful [1] (fn [s x] s))", "S003 Result of stateful: expected [state output], got nil"),
        ("(stream.distinct [1 2] identity {:max-keys 1 :on-overflow :error})",
         "S028 distinct: more than 1 keys held: 2"),
        ("(stream.group-by [1 2] identity {:max-groups 1})", "S028 group-by: more than 1 groups held: 2"),
        ("(stream.window [1 2] 10 {:max-items 1 :time-fn identity})", "S028 window: more than 1 items held: 2"),
        ("(stream.map [] (fn [a b] a))", "S015 Function 'fn' takes 2 arguments; :transform gives 1"),
        ("(stream.reduce [1 2] inc)", "S015 Function 'inc' takes 1 arguments; :reducer gives 2"),
        ("(stream.map [1] (fn [] 7) {:effects [:network]})",
         "S015 Function 'fn' takes 0 arguments; :transform gives 1"),
        ("(stream.merge [[1]] {:strategy :event-time :time-fn (fn [a b] a)})",
         "S015 Function 'fn' takes 2 arguments; :time-fn gives 1"),
        *[(f"(stream.{text})", "S010 Processor invocation error: Type error in mod: expected number, got string")
          for text in ('with-cache ["x"] identity {:cache-key (fn [x] (mod x 2))}',
                       'rate-limit ["x"] 100 {:key-fn (fn [x] (mod x 2))}',
                       'debug ["x"] identity {:redact (fn [x] (mod x 2))}',
                       'merge [["x"]] {:strategy :event-time :time-fn (fn [x] (mod x 2))}')],
        *[("(stream.merge [[1] [x]] {:strategy :event-time :time-fn identity})".replace("[x]", f"[{time}]"),
           f"S003 Result of time-fn: expected finite number of ms, got {time}") for time in ('"x"', "nil")],
        ("(call :stream.batch [1] {:sise 3})", "S006 Unknown option ':sise' for stream.batch; did you mean ':size'?"),
        ("(stream.rate-limit [1] {})", "S002 Missing required field 'rate' of stream.rate-limit"),
        ("(call :stream.generate (fn [] 7) {:limit 3})", "S015 Function 'fn' takes 0 arguments; :generator gives 1"),
        ("(stream.map [1] (fn [x] (call :ccos.echo x)))", "S017 Processor 'map' is not pure: it called ccos.echo"),
        ("(stream.map [1] (fn [x] (/ x 0)))", "S010 Processor invocation error: Division by zero"),
        ("(call :stream.generate (fn [n] [n n]) {:initial-state 0})", "S027 Source is not finite; give :limit"),
        ("(call :stream.generate (fn [n] n) {:initial-state 0 :limit 3})",
         "S003 Parameter 'result of generator': expected [value state] or :done, got 0"),
        ("(call :stream.from-collection 5)",
         "S003 Parameter 'collection': expected vector or list or map or string, got 5"),
        ("(stream.map [1] inc {:on-chunk println})",
         "S006 Unknown option ':on-chunk' for stream.map; stream.map only describes: use"
         " the capability form, (call :stream.map … {:on-chunk f})"),
        ('"nobody"', "S005 No stream with id: nobody"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_by_name(text: str, message: str) -> None:
    assert refused(text) == message


def test_who_collects_hears_of_the_whole_when_it_is_there() -> None:
    seen: list[object] = []
    SESSION.define("see", seen.append)
    assert SESSION.run("(call :stream.to-collection (stream.map [1 2] inc) {:on-complete see})") == (2, 3)
    assert seen == [(2, 3)]
    with pytest.raises(rtfs.RtfsError):
        SESSION.run("(call :stream.to-collection (stream.map [1 0] (fn [n] (/ 1 n))) {:on-complete see})")
    assert len(seen) == 1


@pytest.mark.parametrize("name", ["with-circuit-breaker", "with-metrics", "with-dead-letter", "graceful-shutdown"])
def test_options_may_be_empty(name: str) -> None:
    assert collect(f"(stream.{name} [1 2] {{}})") == [1, 2]


def test_nothing_runs_before_somebody_reads() -> None:
    seen: list[int] = []
    SESSION.define("see", lambda x: seen.append(x) or x)
    node = SESSION.run("(stream.map [1 2] (fn [x] (see x)))")
    assert isinstance(node, Map)
    id = SESSION.run("(call :stream.create (stream.map [1 2] (fn [x] (see x))))")
    assert seen == []
    assert SESSION.run(f'[(call :stream.next "{id}") (call :stream.next "{id}")]') == (1, 2)
    assert seen == [1, 2]


def test_a_node_is_cold_and_a_handle_is_hot() -> None:
    assert collect("(let [n (stream.map [1 2] inc)] (stream.merge [n n]))") == [2, 2, 3, 3]


def test_a_failing_input_fails_the_merge_or_is_dropped() -> None:
    assert refused("(stream.merge [[1] (stream.map [0] (fn [x] (/ 1 x)))])") == (
        "S010 Processor invocation error: Division by zero"
    )
    assert collect("(stream.merge [[1] (stream.map [0] (fn [x] (/ 1 x)))] {:on-input-error :drop})") == [1]


def test_a_run_that_is_cancelled_cancels_what_it_reads() -> None:
    SESSION.run("""(def endless (call :stream.generate (fn [n] [n n]) {:initial-state 0}))
                   (def h (call :stream.create (stream.merge [endless [1]])))
                   (call :stream.next h)
                   (call :stream.cancel h)""")
    statuses = SESSION.run("(do (call :stream.wait h) (map :status (call :stream.list)))")
    assert K("active") not in statuses
