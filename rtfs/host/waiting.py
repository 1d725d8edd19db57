"""Work that takes time: how to keep the event loop turning meanwhile, and how to end it."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from rtfs.lang.collections import Map
from rtfs.lang.errors import HostCallError
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    import asyncio

    from rtfs.host.clock import Clock

T = TypeVar("T")

GRACE = 1.0  # seconds that cancelled work gets to end


async def end(tasks: Iterable[asyncio.Future[Any]]) -> None:
    """Cancel work and wait for its end; what does not end within the grace is left behind."""
    import asyncio

    cancelled = list(tasks)
    for task in cancelled:
        task.cancel()
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody else will ask
    if cancelled:
        await asyncio.wait(cancelled, timeout=GRACE)


async def within(clock: Clock, limit: int, work: Coroutine[Any, Any, T], id: str) -> T:
    """The result of work for a capability that may take `limit` ms; else a HostError of `:type :timeout`."""
    import asyncio

    task = asyncio.ensure_future(work)
    timer = asyncio.ensure_future(clock.sleep(limit / 1000))
    try:
        await asyncio.wait({task, timer}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        data = Map.of([(Keyword("capability"), id), (Keyword("timeout-ms"), limit)])
        raise HostCallError("HostError", f"{id} gave no answer within {limit} ms", type="timeout", data=data)
    finally:
        await end([task, timer])


def blocking(work: Callable[[], T]) -> T | Coroutine[Any, Any, T]:
    """The result of `work`, or a coroutine that gives it when an event loop runs here and must not stand still."""
    loop = _running_loop()
    return work() if loop is None else _beside(loop, work)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    loaded = sys.modules.get("asyncio")  # without the module there is no loop, and it is not worth loading to see that
    loop: asyncio.AbstractEventLoop | None = None if loaded is None else loaded._get_running_loop()
    return loop


async def _beside(loop: asyncio.AbstractEventLoop, work: Callable[[], T]) -> T:
    """In a thread of its own, which does not keep the process from ending when the answer never comes."""
    import threading

    future: asyncio.Future[T] = loop.create_future()

    def tell(set_outcome: Callable[[Any], None], outcome: Any) -> None:
        if not future.done():
            set_outcome(outcome)

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # handed to whoever waits
            report: tuple[Callable[[Any], None], Any] = (future.set_exception, error)
        else:
            report = (future.set_result, result)
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, *report)

    threading.Thread(target=run, daemon=True, name="rtfs-blocking").start()
    return await future


_lines: WeakKeyDictionary[asyncio.AbstractEventLoop, deque[asyncio.Future[None]]] = WeakKeyDictionary()


async def next_turn() -> None:
    """Wait until a program that handed the event loop back may go on: one of them in each turn of the loop."""
    import asyncio

    loop = asyncio.get_running_loop()
    line = _lines.setdefault(loop, deque())
    turn = loop.create_future()
    line.append(turn)
    if len(line) == 1:
        loop.call_soon(_admit, loop, line)
    await turn


def _admit(loop: asyncio.AbstractEventLoop, line: deque[asyncio.Future[None]]) -> None:
    turn = line[0]
    if not turn.done():
        turn.set_result(None)
    line.popleft()
    if line:
        loop.call_soon(_admit, loop, line)
