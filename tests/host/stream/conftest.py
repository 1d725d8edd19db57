"""What stream tests share: a host with virtual time whose program functions are Python functions."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from rtfs.host.clock import Clock, VirtualClock
from rtfs.host.stream.event import Event
from rtfs.host.stream.registry import StreamRegistry
from rtfs.host.stream.stream import Stream
from rtfs.lang.collections import Map
from rtfs.lang.evaluator import FunctionIdentity, Step, whole
from rtfs.lang.names import Keyword


class PythonEvaluator:
    """Program functions are Python functions; `globals` are those that have names."""

    counts = False

    def __init__(self) -> None:
        self.globals: dict[str, Any] = {}

    def pure(self, function: Any, *args: Any) -> Any:
        return function(*args)

    def stepper(self, function: Any, count: int, budget: int | None = None) -> Step:
        return whole(function, count)

    def stepping(self) -> AbstractContextManager[None]:
        return nullcontext()

    def failure(self, raised: Exception) -> Exception:
        return raised

    def effect(self, function: Any, *args: Any, **around: Any) -> Awaitable[Any]:
        async def run() -> Any:
            return function(*args)

        return run()

    def arity(self, function: Any) -> tuple[int, int | None]:
        parameters = inspect.signature(function).parameters.values()
        if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
            return 0, None
        return sum(parameter.default is parameter.empty for parameter in parameters), len(parameters)

    def resolve(self, name: str, module: str) -> Any | None:
        return self.globals.get(f"{module}/{name}", self.globals.get(name))

    def identity(self, function: Any) -> FunctionIdentity:
        name = next((name for name, known in self.globals.items() if known is function), None)
        code = function.__code__.co_code + repr(function.__code__.co_consts).encode()
        return FunctionIdentity(name, "user", function.__name__, hashlib.sha256(code).hexdigest(), {})

    def compile(self, text: str, module: str, captures: dict[str, Any]) -> Any:
        return self.globals[text]


class Place:
    """A host as far as streams see it."""

    def __init__(self, clock: Clock, state_dir: Path | None = None, evaluator: PythonEvaluator | None = None) -> None:
        self.clock = clock
        self.state_dir = None if state_dir is None else str(state_dir)
        self.evaluator = evaluator or PythonEvaluator()


class Ground:
    """Makes registries, all closed at the end of the test, and collects their events."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.events: list[Event] = []
        self._waiting: list[tuple[str, int, asyncio.Future[None]]] = []
        self.registries: list[StreamRegistry] = []
        self.evaluator = PythonEvaluator()

    def registry(self, state_dir: Path | None = None, clock: Clock | None = None) -> StreamRegistry:
        registry = StreamRegistry(Place(clock or self.clock, state_dir, self.evaluator))
        registry.on_event(self._note)
        self.registries.append(registry)
        return registry

    def named(self, event: str) -> list[Event]:
        return [found for found in self.events if found.event == event]

    def _note(self, event: Event) -> None:
        self.events.append(event)
        for name, count, future in self._waiting:
            if len(self.named(name)) >= count and not future.done():
                future.set_result(None)

    async def happened(self, event: str, count: int = 1) -> list[Event]:
        """Wait, in real time, until `count` events of that name have come."""
        if len(self.named(event)) < count:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((event, count, future))
            await asyncio.wait_for(future, 30)
        return self.named(event)

    async def until(self, stream: Stream, due: Callable[[], bool]) -> None:
        """Wait, in real time, until something holds of a stream."""
        await asyncio.wait_for(stream.until(due), 30)


@pytest_asyncio.fixture
async def ground() -> AsyncIterator[Ground]:
    ground = Ground()
    yield ground
    for registry in ground.registries:
        await registry.shutdown(strategy="immediate")


ROOT = Path(__file__).parents[3]
WEATHER = ROOT / "examples" / "servers" / "weather.py"


@pytest.fixture
def registry(ground: Ground) -> StreamRegistry:
    """A registry with virtual time and snapshots in memory."""
    return ground.registry()


@pytest.fixture
def step() -> Iterator[Callable[..., Map]]:
    """`step(state=…, output=…, action="pause")`: a processor's result."""

    def make(**parts: Any) -> Map:
        if isinstance(parts.get("action"), str):
            parts["action"] = Keyword(parts["action"])
        return Map.of([(Keyword(name), value) for name, value in parts.items()])

    yield make
