"""RTFS inside an asyncio program: asynchronous capabilities, and streams read with `async for`.

$ python examples/embed_async.py
"""

from __future__ import annotations

import asyncio

import rtfs

market = rtfs.Marketplace()


@market.capability("price.of", input="[:map [:item :string]]", output=":int", effects=[":network"])
async def price_of(item: str) -> int:
    """A slow service; other tasks go on while it thinks."""
    await asyncio.sleep(0.01)
    return len(item) * 100


PROGRAM = """
(defn basket [items] (reduce + (map (fn [item] (call :price.of {:item item})) items)))

(defn running [state reading metadata]
  (if (:n reading)
    (let [total (+ (:total state) (:temperature reading))]
      {:state {:total total} :output (format "%.1f" total)})
    {:state state}))

(basket ["pear" "fig"])
"""


async def main() -> None:
    session = rtfs.Session(marketplace=market, context=rtfs.RuntimeContext.full())
    print(await session.run_async(PROGRAM, name="basket.rtfs"))

    # Two programs at once, each in a session of its own.
    sessions = [rtfs.Session(marketplace=market, context=rtfs.RuntimeContext.full()) for _ in range(2)]
    texts = ['(call :price.of {:item "plum"})', '(call :price.of {:item "quince"})']
    print(await asyncio.gather(*(each.run_async(text) for each, text in zip(sessions, texts, strict=True))))

    # A stream whose processor is the RTFS function `running`.
    stream = await session.host.streams.start(
        "stdio:python examples/servers/weather.py",
        processor=session.lookup("running"),
        state={rtfs.Keyword("total"): 0.0},
        tool="watch",
        args={"limit": 3},
    )
    async for output in stream:
        print("running total", output)
    await session.host.shutdown()


asyncio.run(main())
