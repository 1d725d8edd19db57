"""A journalled stream whose callback pays and tells, in a process that dies at an exact place.

Arguments: FOLDER STORE_URL PLACE [OPTIONS]. Each call of a capability appends a line `NAME NUMBER KEY` to
`FOLDER/calls`.
PLACE is where SIGKILL strikes: `NAME:N` when the N-th call of that name has written its line and is not answered yet,
or `never`. OPTIONS stand in the options of the stream.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from rtfs import Marketplace, RuntimeContext, Session

folder, url, place, *options = sys.argv[1:]
name, _, number = place.partition(":")
left = int(number or 0)


def called(ctx: Any, kind: str, value: Any) -> Any:
    global left
    with (Path(folder) / "calls").open("a") as file:
        file.write(f"{kind} {value} {ctx.once}\n")
    if kind == name:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return len((Path(folder) / "calls").read_text().splitlines())


market = Marketplace()
for kind in ("pay", "tell"):
    market.capability(f"test.{kind}", effects=[":none"], idempotent=False)(
        lambda ctx, value, kind=kind: called(ctx, kind, value)
    )

session = Session(context=RuntimeContext.full(), marketplace=market)
session.run(f"""
  (call :stream.from-collection (vec (range 20))
    {{:on-chunk (fn [n] (call :test.tell (call :test.pay n)))
     :stream-id "payments" :outputs :durable :checkpoint {{:store "{url}" :every-chunks 4}} {" ".join(options)}}})""")
session.join(60)
session.shutdown()
