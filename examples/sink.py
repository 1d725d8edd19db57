"""A sink and a source that are Python functions, registered as streaming capabilities.

$ python examples/sink.py
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import rtfs

session = rtfs.Session(context=rtfs.RuntimeContext.full())
archived: list[str] = []


async def archive(line: str) -> None:
    """Takes one item after the other; what it raises is tried again."""
    archived.append(line)


async def countdown(start: int = 3) -> AsyncIterator[int]:
    for number in range(start, 0, -1):
        yield number


session.host.register_streaming_capability("acme.archive", provider=archive, input_schema=":string")
session.host.register_streaming_capability("acme.countdown", provider=countdown, output_schema=":int")

session.run("""
(def sink (stream-sink "acme.archive"))
(stream-consume (stream-source "acme.countdown" {:start 4})
  {:on-item (fn [n] (stream-produce sink (str n " to go")))
   :on-complete (fn [end] (stream-produce sink "lift-off"))})
""")
session.join()
print("\n".join(archived))
session.shutdown()
