"""Functions of a program as tools: which, with what schemas, and what a request gets; all in one process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import mcp
import pytest
from mcp_types import LoggingMessageNotificationParams

import rtfs
from rtfs.exports import tools
from rtfs.host.console import ServedConsole
from rtfs.host.serve import make_server
from rtfs.lang.limits import Limits
from rtfs.lang.outcome import RuntimeContext
from rtfs.serving import Service


class Served:
    """A program, its tools and a client of them."""

    def __init__(self, text: str, **options: Any) -> None:
        given = {"context": RuntimeContext.full(), "cache": False, "console": ServedConsole(), **options}
        self.session = rtfs.Session(**given)
        self.text = text
        self.logged: list[tuple[str, Any]] = []

    @asynccontextmanager
    async def client(self) -> AsyncIterator[mcp.Client]:
        await self.session.run_async(self.text, name="tools.rtfs")
        found, self.reasons = tools(self.session, "tools.rtfs")
        self.tools = {tool.name: tool for tool in found}

        async def logged(params: LoggingMessageNotificationParams) -> None:
            self.logged.append((params.level, params.data))

        try:
            server = make_server("t", "1.0.0", found, Service(self.session, found).invoke)
            async with mcp.Client(server, logging_callback=logged, mode="legacy") as client:
                yield client
        finally:
            await self.session.host.shutdown(1.0, "immediate")


@pytest.fixture
def served() -> Callable[..., Served]:
    return Served


async def given(text: str, name: str, arguments: dict[str, Any], **options: Any) -> Any:
    """The result of calling one tool of a program."""
    async with Served(text, **options).client() as client:
        return await client.call_tool(name, arguments)


def text_of(result: Any) -> str:
    (block,) = result.content
    text: str = block.text
    return text


# ---- which functions, with what schemas


async def test_public_functions_with_documentation_and_types_are_tools(served: Any) -> None:
    one = served("""
      (defn add "Adds." [a :int b :int] :int (+ a b))
      (defn- hidden "Not for others." [a :int] a)
      (defn untyped "No types." [a :int b] a)
      (defn silent [a :int] a)
      (defn helper [a] a)
      (defstruct Point :x :int)
      (defmacro twice "A macro." [form] form)
      (def number 5)
      (defn now "No parameters." [] 1)
      (module more (:exports [warm?]) (defn warm? "Is it?" [t :float] :bool (> t 20)) (defn other "No." [] 1))
    """)
    async with one.client() as client:
        listed = (await client.list_tools()).tools
    assert [(tool.name, tool.description) for tool in listed] == [
        ("add", "Adds."), ("now", "No parameters."), ("warm", "Is it?"),
    ]  # fmt: skip
    assert one.reasons == ["untyped: b has no type", "silent: it has no documentation"]


SCHEMAS = [
    ("[a :int b : [:enum :x :y]] :int", {"a": {"type": "integer"}, "b": {"enum": ["x", "y"]}}, ["a", "b"]),
    ("[& xs :float] :int", {"xs": {"type": "array", "items": {"type": "number"}}}, None),
    (
        "[{:keys [a]} : [:map [:a :int] [:b :string ?]]] :int",
        {"a": {"type": "integer"}, "b": {"type": "string"}},
        ["a"],
    ),
    ("[{a :a :as point} : Point n :int] :int", {"point": None, "n": {"type": "integer"}}, ["point", "n"]),
    ("[[x y] : [:vector :int]] :int", {"argument1": {"type": "array", "items": {"type": "integer"}}}, ["argument1"]),
    ("([a :int] 1) ([a :int b :string] 2)", {"a": {"type": "integer"}, "b": {"type": "string"}}, ["a"]),
]


@pytest.mark.parametrize(("head", "properties", "required"), SCHEMAS)
async def test_parameters_are_the_input(served: Any, head: str, properties: Any, required: Any) -> None:
    body = "" if head.startswith("(") else " 1"
    one = served(f'(defstruct Point :a :int) (defn f "Doc." {head}{body})')
    async with one.client() as client:
        schema = (await client.list_tools()).tools[0].input_schema
    found = {name: None if name == "point" else part for name, part in schema["properties"].items()}
    assert (schema["type"], found, schema.get("required")) == ("object", properties, required)


@pytest.mark.parametrize(
    ("type", "value", "output", "structured"),
    [
        (":int", "5", {"type": "object", "properties": {"result": {"type": "integer"}}, "required": ["result"]},
         {"result": 5}),
        (": [:map [:a :keyword]]", "{:a :b}",
         {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}, {"a": "b"}),
        (": [:vector :uuid]", "[]", {"type": "object", "required": ["result"], "properties": {
            "result": {"type": "array", "items": {"type": "string", "format": "uuid"}}}}, {"result": []}),
        (":any", "nil", {"type": "object", "properties": {"result": {}}, "required": ["result"]}, {"result": None}),
        ("", "{:a 1}", None, None),
    ],
)  # fmt: skip
async def test_the_return_type_is_the_output(served: Any, type: str, value: str, output: Any, structured: Any) -> None:
    async with served(f'(defn f "Doc." [] {type} {value})').client() as client:
        assert (await client.list_tools()).tools[0].output_schema == output
        result = await client.call_tool("f", {})
    assert (result.is_error, result.structured_content) == (False, structured)


async def test_hints_and_titles_come_from_the_metadata(served: Any) -> None:
    one = served('(defn f "Doc." {:read-only true :idempotent true :title "Eff" :destructive :no} [] 1)')
    async with one.client() as client:
        (tool,) = (await client.list_tools()).tools
    assert (tool.title, tool.annotations.model_dump(exclude_none=True)) == (
        "Eff", {"read_only_hint": True, "idempotent_hint": True},
    )  # fmt: skip


# ---- what a request gets


@pytest.mark.parametrize(
    ("function", "arguments", "text"),
    [
        ("[a :keyword b : [:list :uuid]] [a b]", {"a": "x", "b": []}, '["x",[]]'),
        ("[a :keyword] (keyword? a)", {"a": "x"}, "true"),
        ("[a : [:map [:when :timestamp]]] (timestamp? (:when a))", {"a": {"when": "2026-01-02T03:04:05Z"}}, "true"),
        ("[a :string] (str a \"!\")", {"a": "ü"}, "ü!"),
        ("[& xs :int] (reduce + 0 xs)", {"xs": [1, 2, 3]}, "6"),
        ("[& xs :int] (count xs)", {}, "0"),
        ("([a :int] [a]) ([a :int b :int] [a b])", {"a": 1}, "[1]"),
        ("([a :int] [a]) ([a :int b :int] [a b])", {"a": 1, "b": 2}, "[1,2]"),
        ("[{:keys [a b]} : [:map [:a :int] [:b :int ?]]] [a b]", {"a": 1}, "[1,null]"),
        ("[] nil", {}, "null"),
    ],
)  # fmt: skip
async def test_arguments_are_values_of_the_declared_types(function: str, arguments: Any, text: str) -> None:
    result = await given(f'(defn f "Doc." {function})', "f", arguments)
    assert (result.is_error, text_of(result)) == (False, text)


@pytest.mark.parametrize(
    ("function", "arguments", "texts"),
    [
        ("[a :int] a", {"a": "x"}, ["RTFS-E404", "param a of f", "tools.rtfs:1:17", 'got "x"']),
        ("[a :int] a", {}, ["Invalid input for f: a is missing"]),
        ("[a :int] a", {"a": 1, "b": 2}, ['Invalid input for f: unknown argument "b"; it has a']),
        ("([] 0) ([a :int b :int] 2)", {"b": 1}, ["Invalid input for f: b needs a before it"]),
        ("[a :int] (/ 1 a)", {"a": 0}, ["error[RTFS-E405] DivisionByZero", "^", "in f"]),
        ("[] (fn [] 1)", {}, ["JSON error"]),
        ("[] :int \"x\"", {}, ["RTFS-E404", "return of f"]),
        ("[] (call :no.such)", {}, ["Unknown capability: no.such"]),
        ("[] (call :ccos.system.get-env \"HOME\")", {}, ["SecurityViolation", "--allow-env HOME"]),
        ("[] (loop [] (recur))", {}, ["StepLimitExceeded"]),
        ("[] (vec (range 100000))", {}, ["MemoryLimitExceeded"]),
    ],
)  # fmt: skip
async def test_what_fails_is_a_tool_error_with_the_diagnostic(function: str, arguments: Any, texts: list[str]) -> None:
    limits = Limits.untrusted(steps=50_000, cells=50_000)
    context = RuntimeContext.controlled(["no.*"])
    result = await given(f'(defn f "Doc." {function})', "f", arguments, limits=limits, context=context)
    assert result.is_error
    for text in texts:
        assert text in text_of(result)


async def test_an_unknown_tool_is_a_tool_error() -> None:
    result = await given('(defn f "Doc." [] 1)', "g", {})
    assert (result.is_error, text_of(result)) == (True, "there is no tool 'g'; there are f")


async def test_each_request_has_the_limits_for_itself(served: Any) -> None:
    one = served('(defn f "Doc." [] (reduce + (range 1000)))', limits=Limits.untrusted(steps=5_000))
    async with one.client() as client:
        results = [await client.call_tool("f", {}) for _ in range(20)]
    assert [text_of(result) for result in results] == ["499500"] * 20


@pytest.mark.filterwarnings("ignore:The logging capability is deprecated")
async def test_log_messages_go_to_the_client_of_the_request(served: Any, capsys: pytest.CaptureFixture[str]) -> None:
    one = served('(defn f "Doc." [n :int] (call :ccos.io.log (str "n is " n) :warn) (println "printed") nil)')
    async with one.client() as client:
        await client.set_logging_level("info")
        await client.call_tool("f", {"n": 1})
        assert one.logged == [("warning", "n is 1")]
        await client.set_logging_level("error")
        await client.call_tool("f", {"n": 2})
    assert len(one.logged) == 1
    assert capsys.readouterr() == ("", "[warn] n is 1\nprinted\n[warn] n is 2\nprinted\n")


# ---- requests beside each other


MARKET = rtfs.Marketplace()
WAITING: dict[str, asyncio.Event] = {}
ENDED: list[str] = []


@MARKET.capability("t.wait", effects=[])
async def wait(name: str) -> str:
    """Waits until a test lets it go on."""
    try:
        await WAITING.setdefault(name, asyncio.Event()).wait()
    finally:
        ENDED.append(name)
    return name


async def until(holds: Callable[[], Any]) -> None:
    with anyio.fail_after(10):
        while not holds():
            await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def fresh() -> None:
    WAITING.clear()
    ENDED.clear()


async def test_requests_run_beside_each_other_and_fail_alone(served: Any) -> None:
    one = served(
        '(defn hold "Doc." [name :string] (call :t.wait name)) (defn fail "Doc." [] (/ 1 0))', marketplace=MARKET
    )
    async with one.client() as client:
        first = asyncio.ensure_future(client.call_tool("hold", {"name": "a"}))
        second = asyncio.ensure_future(client.call_tool("hold", {"name": "b"}))
        await until(lambda: len(WAITING) == 2)
        assert (await client.call_tool("fail", {})).is_error
        WAITING["b"].set()
        assert text_of(await second) == "b"
        WAITING["a"].set()
        assert text_of(await first) == "a"


async def test_cancelling_a_request_cancels_its_run_and_no_other(served: Any) -> None:
    one = served('(defn hold "Doc." [name :string] (call :t.wait name))', marketplace=MARKET)
    async with one.client() as client:
        other = asyncio.ensure_future(client.call_tool("hold", {"name": "b"}))
        with anyio.move_on_after(10) as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(client.call_tool, "hold", {"name": "a"})
                await until(lambda: len(WAITING) == 2)
                group.cancel_scope.cancel()
        assert not scope.cancelled_caught
        await until(lambda: ENDED == ["a"])
        WAITING["b"].set()
        assert text_of(await other) == "b"


async def test_more_requests_than_run_at_once_wait_for_their_turn(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtfs.host.serve.AT_ONCE", 2)
    one = served('(defn hold "Doc." [name :string] (call :t.wait name))', marketplace=MARKET)
    async with one.client() as client:
        asked = [asyncio.ensure_future(client.call_tool("hold", {"name": name})) for name in "abc"]
        await until(lambda: len(WAITING) == 2)
        for _ in range(50):
            await asyncio.sleep(0)
        assert sorted(WAITING) == ["a", "b"]
        for name in "abc":
            await until(lambda n=name: n in WAITING)
            WAITING[name].set()
        assert [text_of(result) for result in await asyncio.gather(*asked)] == ["a", "b", "c"]


# ---- streams


COUNTING = """
(defn on-item [state item]
  {:state (update state :sum + item) :output {:at item} :action (if (= item 3) :complete :continue)})
(defn sum "Adds what comes." [] :map
  (let [stream (call :mcp.stream.start {:endpoint "room.gauge" :processor on-item :initial-state {:sum 0}
                                        :stream-id "s"})]
    (call :ccos.async/spawn
      (fn [] (doseq [n [1 2 3]] (call :t.wait (str n)) (call :mcp.stream.send {:stream-id "s" :chunk n}))))
    stream))
"""


async def test_outputs_of_a_stream_are_progress_and_its_state_at_the_end_the_result(served: Any) -> None:
    notes: list[tuple[float, str | None]] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        notes.append((done, message))

    async with served(COUNTING, marketplace=MARKET).client() as client:
        asked = asyncio.ensure_future(client.call_tool("sum", {}, progress_callback=progress))
        for n in (1, 2, 3):
            await until(lambda k=n: str(k) in WAITING)
            WAITING[str(n)].set()
        result = await asked
    assert (result.is_error, result.structured_content) == (False, {"sum": 6})
    assert notes == [(1.0, '{"at":1}'), (2.0, '{"at":2}'), (3.0, '{"at":3}')]


async def test_a_cancelled_request_cancels_its_stream(served: Any) -> None:
    one = served(COUNTING, marketplace=MARKET)
    async with one.client() as client:
        async with anyio.create_task_group() as group:
            group.start_soon(client.call_tool, "sum", {})
            await until(lambda: "1" in WAITING)
            group.cancel_scope.cancel()
        stream = one.session.host.streams.streams["s"]
        await until(lambda: stream.owner.terminal)
        assert str(stream.owner.status) == ":cancelled"
