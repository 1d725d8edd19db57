"""A journalled graph whose handler of failed items asks, in a process that dies at an exact place.

Arguments: FOLDER STORE_URL PLACE. Each call of `:test.ask` and `:test.tell` appends a line `NAME ITEM KEY` to
`FOLDER/calls`; PLACE is `NAME:N`, where SIGKILL strikes once the N-th call of that name has written its line, or
`never`.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from rtfs import Marketplace, RuntimeContext, Session

folder, url, place = sys.argv[1:]
name, _, number = place.partition(":")
left = int(number or 0)


def called(ctx: Any, kind: str, item: Any) -> Any:
    global left
    with (Path(folder) / "calls").open("a") as file:
        file.write(f"{kind} {item} {ctx.once}\n")
    if kind == name:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return -item


market = Marketplace()
for kind in ("ask", "tell"):
    market.capability(f"test.{kind}", effects=[":none"], idempotent=False)(
        lambda ctx, item, kind=kind: called(ctx, kind, item)
    )

session = Session(context=RuntimeContext.full(), marketplace=market)
session.run(f"""
  (call :stream.pipeline-with-recovery
    {{:pipeline (stream.map (range 12) (fn [n] (if (= 2 (mod n 3)) (throw "third") n)))
     :error-handler (fn [error n] (let [found (call :test.ask n)] (do (call :test.tell n) found)))
     :on-result (fn [n] (call :ccos.echo n))
     :stream-id "g" :outputs :durable :journal true :checkpoint {{:store "{url}" :every-chunks 4}}}})""")
session.join(60)
kept = session.run('(map :value (:outputs (call :stream.outputs {:stream "g" :after -1})))')
(Path(folder) / "outputs").write_text(" ".join(map(str, kept)))
session.shutdown()
