"""The macros of streams in programs: what they become, and where a malformed one is refused (streaming.md §2)."""

from __future__ import annotations

import pytest

from rtfs.lang.errors import RtfsError
from rtfs.lang.printer import show
from rtfs.session import Session

NEXT = "(call :marketplace.stream.next {:handle h :timeout_ms %s})"
FORMS = {
    '(mcp-stream "gauge.room1" on-gauge {:n 0})':
        '(call :mcp.stream.start {:endpoint "gauge.room1" :processor "on-gauge" :initial-state {:n 0}})',
    '(mcp-stream "gauge.room1" {:unit "C"} on-gauge {:n 0})':
        '(call :mcp.stream.start {:endpoint "gauge.room1" :config {:unit "C"} :processor (quote on-gauge)'
        ' :initial-state {:n 0}})',
    "(mcp-stream gauge.room1 :count)":
        '(call :mcp.stream.start {:endpoint "gauge.room1" :processor :count :initial-state {}})',
    '(stream-source "a.b")': '(call :marketplace.stream.start {:id "a.b"})',
    '(stream-source "a.b" {:n 1})': '(call :marketplace.stream.start {:id "a.b" :n 1})',
    '(stream-source "a.b" more)': '(call :marketplace.stream.start {:id "a.b" :options more})',
    '(stream-sink "a.b" {:queue-capacity 2})': '(call :marketplace.stream.open-sink {:id "a.b" :queue-capacity 2})',
    "(stream-produce k 1 {:timeout-ms 5})": "(call :marketplace.stream.send {:handle k :item 1 :timeout-ms 5})",
    "(stream-consume h {x => (f x)})": f"(loop [] (when-let [x {NEXT % 1000}] (f x) (recur)))",
    "(stream-consume h [x] (f x) (g x))": f"(loop [] (when-let [x {NEXT % 1000}] (f x) (g x) (recur)))",
    "(stream-consume h {x => (f x)} {:timeout-ms 5})": f"(loop [] (when-let [x {NEXT % 5}] (f x) (recur)))",
    "(stream-consume h {:on-item f :on-error g :on-complete k})":
        "(call :marketplace.stream.register-callbacks {:handle h :on-item {:fn (quote f)} :on-error {:fn (quote g)}"
        " :on-complete {:fn (quote k)}})",
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a17_a_form_becomes_the_call_that_the_specification_says(form: str) -> None:
    assert show(Session().run(f"(macroexpand-1 '{form})")) == FORMS[form]


@pytest.mark.parametrize("around", ["(defn f [h] {})", "(let [a 1] {})", "(do {})", "(fn [] {})"])
def test_a17_a_form_may_stand_anywhere(around: str) -> None:
    session = Session()
    outcome = session.start(around.replace("{}", '(stream-source "a.b")') + " 7")
    assert hasattr(outcome, "call") == (around.startswith(("(let", "(do")))


@pytest.mark.parametrize(
    ("form", "place", "message"),
    [
        ("(mcp-stream)", (2, 3), "mcp-stream takes 2 to 5 arguments, got 0"),
        ('(mcp-stream "a.b" 7)', (2, 21), "mcp-stream: the processor must be a name, keyword or function, got integer"),
        ("(f {x => y})", (2, 6), "the => clause belongs to stream-consume"),
        ("(stream-source)", (2, 3), "stream-source takes 1 to 2 arguments, got 0"),
        (
            "(stream-consume h {:on-itme f})",
            (2, 22),
            "stream-consume: unknown callback :on-itme; did you mean :on-item?",
        ),
    ],
)
def test_a18_a_malformed_form_is_refused_with_its_place(form: str, place: tuple[int, int], message: str) -> None:
    with pytest.raises(RtfsError) as found:
        Session().run(f"(do\n  {form})")
    span = found.value.span
    assert (found.value.code, found.value.kind, found.value.message) == ("RTFS-S060", "SyntaxError", message)
    assert span is not None and (span.line, span.column) == place
