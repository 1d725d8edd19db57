"""RTFS inside a Python program: capabilities in Python, values in both directions, and being the host oneself.

$ python examples/embed.py
"""

from __future__ import annotations

import rtfs

market = rtfs.Marketplace()


@market.capability("weather.now", input="[:map [:city :string]]", output=":float", effects=[":network"])
def weather_now(city: str) -> float:
    """Degrees Celsius."""
    return {"Oslo": -4.0, "Cairo": 31.5}[city]


# 1. Pure code needs nothing at all.
print(rtfs.evaluate("(reduce + (range 10))"))

# 2. A session runs programs under a policy and limits; its definitions stay.
session = rtfs.Session(
    marketplace=market,
    context=rtfs.RuntimeContext.controlled(allow=["weather.*"], effects=[":network"]),
    limits=rtfs.Limits.untrusted(steps=100_000, seconds=2.0),
)
session.define("cities", ["Oslo", "Cairo"])
print(rtfs.to_python(session.run("(map (fn [city] (call :weather.now {:city city})) cities)")))

# 3. Functions cross the border as values.
spread = session.run("(fn [readings] (- (apply max readings) (apply min readings)))")
print(session.call(spread, [3.5, -1.0, 12.0]))

# 4. What is not allowed, or does not end, is an error with a kind.
for text in ('(call :ccos.system.get-env "HOME")', "(loop [] (recur))", "(+ 1 :one)"):
    try:
        session.run(text, name="plan.rtfs")
    except rtfs.RtfsError as error:
        print(f"{error.code} {error.kind}")

# 5. Without a marketplace: the program stops at each call and you are the host.
outcome = rtfs.Session().start('(str "the answer is " (call :ask "what is six times seven?"))')
assert isinstance(outcome, rtfs.RequiresHost)
print(outcome.call.capability_id, list(outcome.call.args))
outcome = outcome.resume(42)
assert isinstance(outcome, rtfs.Complete)
print(outcome.value)
