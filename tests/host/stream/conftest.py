"""What stream tests share: a host with virtual time whose program functions are Python functions."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from rtfs.host.clock import Clock, VirtualClock
from rtfs.host.stream.event import Event
from rtfs.host.stream.registry import StreamRegistry
from rtfs.lang.collections import Map
from rtfs.lang.evaluator import FunctionIdentity
from rtfs.lang.names import Keyword


class PythonEvaluator:
    """Program functions are Python functions; `globals` are those that have names."""

    def __init__(self) -> None:
        self.globals: dict[str, Any] = {}

    def pure(self, function: Any, *args: Any) -> Any:
        return function(*args)

    def effect(self, function: Any, *args: Any) -> Awaitable[Any]:
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
        self.registries: list[StreamRegistry] = []
        self.evaluator = PythonEvaluator()

    def registry(self, state_dir: Path | None = None, clock: Clock | None = None) -> StreamRegistry:
        registry = StreamRegistry(Place(clock or self.clock, state_dir, self.evaluator))
        registry.on_event(self.events.append)
        self.registries.append(registry)
        return registry

    def named(self, event: str) -> list[Event]:
        return [found for found in self.events if found.event == event]


@pytest_asyncio.fixture
async def ground() -> AsyncIterator[Ground]:
    ground = Ground()
    yield ground
    for registry in ground.registries:
        await registry.shutdown(strategy="immediate")


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
