"""One program run every way: by the evaluator and by compiled code, whose answers must be the same.

An answer is what the program gives or raises, and in order every host call and step. The host is a script: what it
answers depends on the seed, on the number of the call and on the capability alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NamedTuple

import rtfs
from rtfs.host.provider import Provider
from rtfs.lang.collections import Map
from rtfs.lang.errors import HostCallError, RtfsError
from rtfs.lang.names import Keyword
from rtfs.lang.printer import show
from tests.differential import library, library_map, library_sequence, macro, special, special_effect
from tests.differential.evaluator import Evaluator, Unsupported, is_right_place

PARTS = (library, library_map, library_sequence, macro, special, special_effect)  # they register what they define
CAPABILITIES = (
    "give.int",
    "give.str",
    "give.bool",
    "give.vec",
    "give.map",
    "give.error",
    "log.it",
    "ccos.resource.close",
    "ccos.concurrent/parallel",
)
VARIANTS = {
    "plain": rtfs.Limits.unlimited(),
    "interruptible": rtfs.Limits(seconds=60.0),
    "metered": rtfs.Limits(seconds=None, steps=50_000_000),
}


VALUES = {"user": "Ada"}


class Answer(NamedTuple):
    """`ending`: printed value, or kind, code and message; `told`: calls and steps; `error`: what the program raised."""

    ending: str
    told: list[str]
    error: RtfsError | None


class Script:
    """The host's answers."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __call__(self, number: int, id: str, args: tuple[Any, ...]) -> Any:
        """The answer to a call; a HostError when it fails."""
        rng = random.Random(f"{self.seed} {number} {id}")
        if id == "ccos.concurrent/parallel":
            return tuple(range(len(args)))
        if id == "give.error" or (id.startswith("give") and rng.random() < 0.08):
            data = Map.of([(Keyword("capability"), id)])
            raise HostCallError("HostError", f"no {id} today", type=rng.choice(["host-error", "bad"]), data=data)
        numbers = [rng.randrange(-3, 12) for _ in range(rng.randrange(4))]
        return {
            "give.int": rng.randrange(-5, 20),
            "give.str": rng.choice(["", "a", "é,a"]),
            "give.bool": rng.random() < 0.5,
            "give.vec": tuple(numbers),
            "give.map": Map.of([(Keyword(name), n) for name, n in zip("abc", numbers, strict=False)]),
        }.get(id)


def told_call(id: str, args: Any, hints: Any, path: Any) -> str:
    noted = {name: show(value) for name, value in hints.items()}
    return f"call {id} {' '.join(map(show, args))} {noted} {'/'.join(path)}"


def told_step(kind: str, name: str, path: Any, value: Any) -> str:
    if isinstance(value, RtfsError):
        value = value.message
    return f"{kind} {name} {'/'.join(path)} {show(value)}"


def told_error(error: RtfsError) -> str:
    return f"!{error.kind} {error.code} {error.type}: {error.message}"


def known(name: str) -> bool:
    """Is this the name of a library function?"""
    try:
        _ANY.lookup(name)
    except KeyError:
        return False
    return True


_ANY = rtfs.Session(cache=False)


def evaluated(text: str, seed: int) -> Answer | None:
    """What the evaluator says; None where it has nothing to say."""
    evaluator = Evaluator(Script(seed), VALUES, known)
    raised: RtfsError | None = None
    try:
        ending = show(evaluator.run(text))
    except Unsupported:
        return None
    except RtfsError as error:
        ending, raised = told_error(error), error
    except RecursionError:
        return None
    told = [told_call(*one[1:]) if one[0] == "call" else told_step(*one) for one in evaluator.told]
    return Answer(ending, told, raised)


def finished(run: Callable[[], Any], told: list[str]) -> Answer:
    """The answer of a run of compiled code."""
    raised: RtfsError | None = None
    try:
        ending = show(run())
    except RtfsError as error:
        ending, raised = told_error(error), error
    return Answer(ending, told, raised)


def suspended(text: str, seed: int, variant: str) -> Answer:
    """Start the program, answer its calls one by one."""
    told: list[str] = []
    script = Script(seed)
    session = rtfs.Session(
        cache=False,
        values=VALUES,
        limits=VARIANTS[variant],
        on_step=lambda step: told.append(told_step(step.kind, step.name, step.path, step.value)),
    )

    def run() -> Any:
        outcome = session.start(text, name="program")
        number = 0
        while isinstance(outcome, rtfs.RequiresHost):
            call = outcome.call
            told.append(told_call(call.capability_id, call.args, call.metadata.hints, call.step_path))
            try:
                answer = script(number, call.capability_id, call.args)
            except RtfsError as error:
                outcome = outcome.fail(error)
            else:
                outcome = outcome.resume(answer)
            number += 1
        return outcome.value

    return finished(run, told)


def driven(text: str, seed: int, limits: rtfs.Limits, *, wait: bool = True, cache: Any = False) -> Answer:
    """Run the program on a marketplace, half of whose providers are coroutines that `wait`."""
    told: list[str] = []
    session = rtfs.Session(
        cache=cache,
        values=VALUES,
        limits=limits,
        marketplace=market(Script(seed), wait),
        context=rtfs.RuntimeContext.full(),
        on_step=lambda step: told.append(told_step(step.kind, step.name, step.path, step.value)),
        trace=lambda call: told.append(told_call(call.capability_id, call.args, call.metadata.hints, call.step_path)),
    )
    try:
        return finished(lambda: session.run(text, name="program"), told)
    finally:
        session.close()


def market(script: Script, wait: bool) -> rtfs.Marketplace:
    made = rtfs.Marketplace()

    def provider(id: str) -> Callable[..., Any]:
        def answer(context: Any, *args: Any) -> Any:
            return script(context.call.seq, id, args)

        async def later(context: Any, *args: Any) -> Any:
            import asyncio

            await asyncio.sleep(0)
            return script(context.call.seq, id, args)

        return later if wait and len(id) % 2 else answer

    for id in CAPABILITIES:
        made.register(Provider(id, provider(id), native=True, effects=[":none"]), replace=True)
    return made


Way = tuple[str, Callable[[str, int], Answer]]


class Difference(NamedTuple):
    """Where two answers part. `way`: the run that is not as expected; `aspect`: what about it; `end`: how it ended."""

    way: str
    aspect: str
    end: str
    text: str


def difference(text: str, seed: int, ways: list[Way], expected: Answer | None = None) -> Difference | None:
    """None when all the ways agree with the evaluator, or it says nothing; otherwise the first that does not."""
    expected = expected or evaluated(text, seed)
    if expected is None:
        return None
    for name, run in ways:
        if "marketplace" in name and ":runtime." in text:
            continue  # the marketplace heeds hints, and refuses those it does not know
        try:
            got = run(text, seed)
        except Exception as error:  # whatever is no RtfsError is a defect
            return Difference(name, "raises", type(error).__name__, f"raises {type(error).__name__}: {error}")
        if got.ending.startswith("!DeadlineExceeded"):
            continue  # the machine was too slow for this way
        end = got.ending.split()[0] if got.ending.startswith("!") else "value"
        if got.told != expected.told:
            return Difference(name, "tells", end, "\n".join(_first_difference(got.told, expected.told)))
        if got.ending != expected.ending:
            return Difference(name, "ends", end, f"    {got.ending}\nand not with\n    {expected.ending}")
        if expected.error is not None and got.error is not None and not is_right_place(expected.error, got.error.span):
            right = getattr(expected.error, "places", None) or [getattr(expected.error, "around", None)]
            return Difference(name, "places", end, f"{got.ending}\nstands at {got.error.span} and not at {right}")
    return None


def _first_difference(got: list[str], expected: list[str]) -> list[str]:
    at = next((n for n, (a, b) in enumerate(zip(got, expected, strict=False)) if a != b), min(len(got), len(expected)))
    one, other = (got[at:] or ["nothing"])[0], (expected[at:] or ["nothing"])[0]
    return [f"    {at}: {one}", "and not", f"    {at}: {other}"]


def ways(variants: Any = tuple(VARIANTS), *, drive: bool = True) -> list[Way]:
    """The ways to run compiled code."""
    made: list[Way] = [(v, lambda text, seed, v=v: suspended(text, seed, v)) for v in variants]  # type: ignore[misc]
    if drive:
        limits = VARIANTS[variants[0]]
        made.append((f"{variants[0]} on a marketplace", lambda text, seed: driven(text, seed, limits)))
    return made
