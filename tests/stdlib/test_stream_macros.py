"""The stream macros: each form expands exactly as tabled, each malformed one has its text (streaming.md §2)."""

from __future__ import annotations

from typing import Any

import pytest

NEXT = "(call :marketplace.stream.next {:handle h :timeout_ms 1000})"


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("(mcp-stream E P)", '(call :mcp.stream.start {:endpoint E :processor "P" :initial-state {}})'),
        ("(mcp-stream E P 1)", '(call :mcp.stream.start {:endpoint E :processor "P" :initial-state 1})'),
        ("(mcp-stream E P nil)", '(call :mcp.stream.start {:endpoint E :processor "P" :initial-state nil})'),
        (
            "(mcp-stream E {:c 1} P)",
            "(call :mcp.stream.start {:endpoint E :config {:c 1} :processor (quote P) :initial-state {}})",
        ),
        ("(mcp-stream E P 1 {:o 2})", '(call :mcp.stream.start {:endpoint E :processor "P" :initial-state 1 :o 2})'),
        ("(mcp-stream E P 1 o)", '(call :mcp.stream.start {:endpoint E :processor "P" :initial-state 1 :options o})'),
        (
            "(mcp-stream E {} P 1)",
            "(call :mcp.stream.start {:endpoint E :config {} :processor (quote P) :initial-state 1})",
        ),
        (
            "(mcp-stream E c P 1 {:o 2})",
            "(call :mcp.stream.start {:endpoint E :config c :processor (quote P) :initial-state 1 :o 2})",
        ),
        ("(mcp-stream E nil P 1 nil)", '(call :mcp.stream.start {:endpoint E :processor "P" :initial-state 1})'),
        ("(mcp-stream a.b P)", '(call :mcp.stream.start {:endpoint "a.b" :processor "P" :initial-state {}})'),
        ("(mcp-stream a/b m/p)", '(call :mcp.stream.start {:endpoint "a/b" :processor "m/p" :initial-state {}})'),
        ('(mcp-stream "e" \'p)', '(call :mcp.stream.start {:endpoint "e" :processor (quote p) :initial-state {}})'),
        ("(mcp-stream (f) :k)", "(call :mcp.stream.start {:endpoint (f) :processor :k :initial-state {}})"),
        ('(mcp-stream "e" "")', '(call :mcp.stream.start {:endpoint "e" :processor "" :initial-state {}})'),
        (
            '(mcp-stream "e" (fn [s c] s))',
            '(call :mcp.stream.start {:endpoint "e" :processor (fn [s c] s) :initial-state {}})',
        ),
        ("(stream-source ID)", "(call :marketplace.stream.start {:id ID})"),
        ("(stream-source ID {:a 1})", "(call :marketplace.stream.start {:id ID :a 1})"),
        ("(stream-source ID o)", "(call :marketplace.stream.start {:id ID :options o})"),
        ("(stream-sink ID {:a 1})", "(call :marketplace.stream.open-sink {:id ID :a 1})"),
        ("(stream-sink ID)", "(call :marketplace.stream.open-sink {:id ID})"),
        ("(stream-produce S 1)", "(call :marketplace.stream.send {:handle S :item 1})"),
        ("(stream-produce S 1 {:key 2})", "(call :marketplace.stream.send {:handle S :item 1 :key 2})"),
        ("(stream-consume h {x => (f x)})", f"(loop [] (when-let [x {NEXT}] (f x) (recur)))"),
        ("(stream-consume h [x] (f x) 2)", f"(loop [] (when-let [x {NEXT}] (f x) 2 (recur)))"),
        ("(stream-consume h {[a b] => a})", f"(loop [] (when-let [[a b] {NEXT}] a (recur)))"),
        (
            "(stream-consume h {x => 1} {:timeout-ms n})",
            f"(loop [] (when-let [x {NEXT.replace('1000', 'n')}] 1 (recur)))",
        ),
        (
            '(stream-consume h {x => 1} {"timeout_ms" 5})',
            f"(loop [] (when-let [x {NEXT.replace('1000', '5')}] 1 (recur)))",
        ),
        (
            "(stream-consume (f) {x => 1})",
            f"(let [stream__1 (f)] (loop [] (when-let [x {NEXT.replace(' h ', ' stream__1 ')}] 1 (recur))))",
        ),
        (
            "(stream-consume h {:on-complete k :on-item f :on-error (fn [e] e)})",
            "(call :marketplace.stream.register-callbacks {:handle h :on-item {:fn (quote f)} "
            ":on-error {:fn (fn [e] e)} :on-complete {:fn (quote k)}})",
        ),
    ],
)
def test_a17_each_form_expands_exactly_as_tabled(shown: Any, text: str, printed: str) -> None:
    assert shown(f"(macroexpand-1 '{text})") == printed


@pytest.mark.parametrize(
    "around", ["%s", "(do %s)", "(let [a 1] %s)", "(defn go [] %s) (go)", "((fn [] %s))", "(defmacro m [] `%s) (m)"]
)
def test_a17_the_macros_expand_wherever_a_form_may_stand(played: Any, around: str) -> None:
    calls, _ = played(around % '(mcp-stream "gauge.room1" on-gauge {:n 0})', "handle")
    assert calls == ['mcp.stream.start {:endpoint "gauge.room1" :processor "on-gauge" :initial-state {:n 0}}']


def test_a_local_stays_an_expression(played: Any) -> None:
    text = '(let [a.b "x" p :count h "id" f :g] (mcp-stream a.b p) (stream-consume h {:on-item f}))'
    assert played(text, 1, 2)[0] == [
        'mcp.stream.start {:endpoint "x" :processor :count :initial-state {}}',
        'marketplace.stream.register-callbacks {:handle "id" :on-item {:fn :g}}',
    ]


def test_consuming_ends_at_the_first_nil_or_false(played: Any) -> None:
    pull = 'marketplace.stream.next {:handle "s" :timeout_ms 1000}'
    calls, value = played("(stream-consume (call :open) {x => (call :got x)})", "s", 1, None, 2, None, None)
    assert calls == ["open", pull, "got 1", pull, "got 2", pull]
    assert value == "nil"


def test_consuming_until_the_end_takes_every_item(played: Any) -> None:
    import rtfs

    texts = [
        "{:status :item :item nil}",
        "0",
        "{:status :timeout}",
        "{:status :item :item false}",
        "0",
        "{:status :end}",
    ]
    calls, value = played('(stream-consume "s" {x => (call :got x)} {:until :end})', *[rtfs.read(t)[0] for t in texts])
    pull = 'marketplace.stream.next {:handle "s" :timeout_ms 1000 :envelope true}'
    assert calls == [pull, "got nil", pull, pull, "got false", pull]
    assert value == "nil"
    (failed,) = rtfs.read('{:status :error :error {:message "lost" :type :stream-error}}')
    assert played('(stream-consume "s" {x => x} {:until :end})', failed)[1] == "ApplicationError: lost"


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("(mcp-stream E)", "mcp-stream takes 2 to 5 arguments, got 1", "1:1-1:15"),
        ("(mcp-stream 1 2 3 4 5 6)", "mcp-stream takes 2 to 5 arguments, got 6", "1:1-1:25"),
        ("(stream-source)", "stream-source takes 1 to 2 arguments, got 0", "1:1-1:16"),
        ("(stream-sink 1 2 3)", "stream-sink takes 1 to 2 arguments, got 3", "1:1-1:20"),
        ("(stream-produce 1)", "stream-produce takes 2 to 3 arguments, got 1", "1:1-1:19"),
        ("(stream-consume h)", "stream-consume takes 2 to 3 arguments, got 1", "1:1-1:19"),
        ("(stream-consume h {x => 1} {} 3)", "stream-consume takes 2 to 3 arguments, got 4", "1:1-1:33"),
        ("(stream-consume h [x])", "stream-consume takes at least 3 arguments, got 2", "1:1-1:23"),
        (
            "(mcp-stream 5 p)",
            "mcp-stream: the endpoint must be a string, a dotted name or an expression, got integer",
            "1:13-1:14",
        ),
        (
            "(mcp-stream [1] p)",
            "mcp-stream: the endpoint must be a string, a dotted name or an expression, got vector",
            "1:13-1:16",
        ),
        (
            '(mcp-stream "e" 5)',
            "mcp-stream: the processor must be a name, keyword or function, got integer",
            "1:17-1:18",
        ),
        ('(mcp-stream "e" nil)', "mcp-stream: the processor must be a name, keyword or function, got nil", "1:1-1:21"),
        (
            '(mcp-stream "e" {:a 1} {:b 2})',
            "mcp-stream: the processor must be a name, keyword or function, got map",
            "1:24-1:30",
        ),
        ('(mcp-stream "e" {:a 1})', "mcp-stream: got a config map but no processor", "1:17-1:23"),
        ("(stream-consume h 5)", "stream-consume: expected {x => …} or {:on-item f …}", "1:19-1:20"),
        ("(stream-consume h {})", "stream-consume: expected {x => …} or {:on-item f …}", "1:19-1:21"),
        ("(stream-consume h [x y] 1)", "stream-consume: expected {x => …} or {:on-item f …}", "1:19-1:24"),
        ("(stream-consume h {5 f})", "stream-consume: expected {x => …} or {:on-item f …}", "1:19-1:24"),
        (
            "(stream-consume h {:on-itme f})",
            "stream-consume: unknown callback :on-itme; did you mean :on-item?",
            "1:20-1:28",
        ),
        ("(stream-consume h {:zzz f})", "stream-consume: unknown callback :zzz; did you mean :on-item?", "1:20-1:24"),
        (
            "(stream-consume h {x => 1} {:til 1})",
            "stream-consume: unknown option :til; did you mean :timeout-ms?",
            "1:29-1:33",
        ),
        ("(stream-consume h {x => 1} {:until :x})", "stream-consume: expected :until :end, got :x", "1:36-1:38"),
        ("(stream-consume h {x => 1} o)", "stream-consume: the options must be a map literal, got symbol", "1:28-1:29"),
        ("{x => 5}", "the => clause belongs to stream-consume", "1:1-1:9"),
        ("(defn f [x] (inc {x => 5}))", "the => clause belongs to stream-consume", "1:18-1:26"),
    ],
)
def test_a18_a_malformed_form_is_refused_with_its_text_and_place(
    failing: Any, text: str, message: str, place: str
) -> None:
    error = failing(text)
    assert (error.kind, error.code, error.message, str(error.span)) == (
        "SyntaxError",
        "RTFS-S060",
        message,
        f"t.rtfs:{place}",
    )
