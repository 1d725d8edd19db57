"""The process in which hostile scripts run: reads an order, writes a line of JSON per script as it ends."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import threading
from collections.abc import Callable
from typing import Any

import rtfs
from rtfs import Limits

LIMITS = {
    "plain": Limits.unlimited(),
    "interruptible": Limits(seconds=60.0),
    "metered": Limits.untrusted(steps=500_000, seconds=60.0, cells=2_000_000),
    "small": Limits.untrusted(steps=50_000, seconds=60.0, cells=1_000_000),
}


def run(text: str, variant: str, place: str) -> str:
    session = rtfs.Session(limits=LIMITS[variant])
    try:
        value = asyncio.run(session.run_async(text)) if place == "loop" else session.run(text)
        return rtfs.show(value)[:200]
    except rtfs.RtfsError as error:
        return error.kind if error.kind != "InternalError" else f"DEFECT {error.message}"
    except BaseException as error:
        return f"DEFECT {type(error).__name__}: {error}"


def inside(place: str, work: Callable[[], Any]) -> None:
    if place == "thread":
        threading.stack_size(256 * 1024)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    elif place == "greenlet":
        from greenlet import greenlet

        greenlet(work).switch()
    else:
        work()


def main() -> None:
    order = json.loads(sys.stdin.read())
    rtfs.Session(limits=LIMITS[order["variant"]]).run("1")
    bytes_ = order["memory"] << 20
    resource.setrlimit(resource.RLIMIT_AS, (bytes_, bytes_))

    def work() -> None:
        for name, text in order["scripts"].items():
            print(json.dumps([name, run(text, order["variant"], order["place"])]), flush=True)

    inside(order["place"], work)


if __name__ == "__main__":
    main()
