"""A broker stream that counts what it processed, in a process that dies at an exact place.

Arguments: BROKER_URL STORE_URL PLACE MOST [OPTIONS]. PLACE is where SIGKILL strikes: `commit:N` before the N-th commit,
`committed:N` after it, `acking:N` and `ack:N` before and after the N-th acknowledgement, or `never`. Ends when
MOST different numbers came and nothing more comes, and prints how many messages and how many numbers it counted.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from rtfs import RuntimeContext, Session, show
from rtfs.host.stream.adapters.broker import BrokerAdapter

url, store, place, most, *options = sys.argv[1:]
name, _, number = place.partition(":")
left = int(number or 0)


def reach(here: str) -> None:
    global left
    if here == name:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def watch(session: Session) -> None:
    """Let commits and acknowledgements count."""
    found = session.host.streams.find("counter").owner.checkpoints.committer.store
    commit, flush = found.commit, BrokerAdapter._flush

    def committed(rows: Any) -> Any:
        reach("commit")
        result = commit(rows)
        reach("committed")
        return result

    async def flushed(self: Any, consumer: Any) -> None:
        if self._done:
            reach("acking")
        await flush(self, consumer)
        reach("ack")

    found.commit = committed
    BrokerAdapter._flush = flushed  # type: ignore[method-assign]


session = Session(context=RuntimeContext.full())
session.run(f"""
  (def s (call :marketplace.stream.start
    {{:id "{url}" :stream-id "counter" :visibility-timeout-ms 1000
     :processor (fn [[n seen] x] {{:state [(+ n 1) (assoc seen x true)] :output x}}) :initial-state [0 {{}}]
     :checkpoint {{:store "{store}" :every-chunks 5}} {" ".join(options)}}}))""")
watch(session)
quiet, stream = 0, session.host.streams.find("counter")
while len(stream.state[1]) < int(most) or quiet < 3:  # what a killed reader held comes after a second
    stats = stream.owner.stats
    before = stats.processed + stats.ignored
    session.run("(call :marketplace.stream.next {:handle s :timeout-ms 1000 :max 50})")
    quiet = quiet + 1 if stats.processed + stats.ignored == before else 0
state = stream.state
print(show(state[0]), len(state[1]))
session.run("(call :marketplace.stream.stop s)")
session.shutdown()
