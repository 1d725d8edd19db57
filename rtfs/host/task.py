"""Program functions that run beside the program: spawned tasks and parallel branches."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any

from rtfs.host.waiting import end
from rtfs.lang.errors import HostCallError, RtfsError, memory_error
from rtfs.lang.values import ResourceHandle

if TYPE_CHECKING:
    from rtfs.host.host import Host

_PREFIX = "resource://task/"
AT_ONCE = 10_000  # functions of one host that run beside its program: each needs memory of its own


async def together(work: Sequence[Awaitable[Any]]) -> list[Any]:
    """All results in order. The first failure cancels the others, waits for their end and is raised."""
    tasks = [asyncio.ensure_future(part) for part in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        await end(tasks)
    failed = [task for task in tasks if task in done and (task.cancelled() or task.exception() is not None)]
    return [task.result() for task in (failed[:1] or tasks)]


class Tasks:
    """The spawned tasks of one host, by handle. A handle stays valid until the host shuts down."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._tasks: dict[str, asyncio.Future[Any]] = {}
        self._awaited: set[str] = set()
        self._count = 0  # of the functions that run

    def enter(self, count: int) -> None:
        """So many functions are about to run, until `leave`. MemoryLimitExceeded when that is too many."""
        if self._count + count > AT_ONCE:
            raise memory_error("functions at once", self._count + count, AT_ONCE)
        self._count += count

    def leave(self, count: int = 1) -> None:
        self._count -= count

    def spawn(self, work: Awaitable[Any], once: str | None = None) -> ResourceHandle:
        """Start it in the running loop. once: the idempotency key of the call, which names the task in any process."""
        handle = f"{_PREFIX}{len(self._tasks) + 1 if once is None else once.partition('/')[2]}"
        task = asyncio.ensure_future(work)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # `join` reports what nobody awaited
        task.add_done_callback(lambda done: self.leave())
        self._tasks[handle] = task
        self._host.resources[handle] = lambda: self._cancel(handle)
        return ResourceHandle(handle)

    async def result(self, handle: ResourceHandle) -> Any:
        """The value or error of a task, however often it is asked for. The task outlives a caller that is cancelled."""
        task = self._tasks.get(handle.text)
        if task is None:
            raise HostCallError("HostError", f"No task {handle.text}", type="not-found")
        self._awaited.add(handle.text)
        return await asyncio.shield(task)

    def _cancel(self, handle: str) -> None:
        self._awaited.add(handle)
        self._tasks[handle].cancel()

    @property
    def running(self) -> bool:
        return any(not task.done() for task in self._tasks.values())

    async def join(self, timeout: float | None = None) -> None:
        """Wait for all; failures that no program awaited are logged."""
        while pending := [task for task in self._tasks.values() if not task.done()]:
            done, _ = await asyncio.wait(pending, timeout=timeout)
            if not done:
                return
        for handle, task in self._tasks.items():
            error = None if task.cancelled() or handle in self._awaited else task.exception()
            if error is not None:
                self._awaited.add(handle)
                text = error.message if isinstance(error, RtfsError) else str(error)
                self._host.console.log("error", f"{handle} failed: {text}")

    async def aclose(self) -> None:
        """Cancel what still runs and wait for its end."""
        await end(task for task in self._tasks.values() if not task.done())
