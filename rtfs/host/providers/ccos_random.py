"""`ccos.random.*`: chance, from the operating system."""

from __future__ import annotations

from typing import Any

from rtfs.host.provider import CallContext, provides
from rtfs.lang.collections import vector
from rtfs.lang.values import Uuid

_CHANCE: dict[str, Any] = {"effects": [":random"], "idempotent": True}


@provides(
    "ccos.random.float",
    input={},
    output=":float",
    **_CHANCE,
    examples=[("(<= 0.0 (call :ccos.random.float) 1.0)", "true")],
)
def random_float(ctx: CallContext) -> float:
    """A float from 0 (inclusive) to 1 (exclusive)."""
    from random import SystemRandom

    return SystemRandom().random()


@provides(
    "ccos.random.int",
    input={"bound": [":and", ":int", [":>", 0]]},
    output=":int",
    **_CHANCE,
    examples=[("(call :ccos.random.int 1)", "0")],
)
def random_int(ctx: CallContext, bound: int) -> int:
    """An integer from 0 (inclusive) to the bound (exclusive)."""
    from random import SystemRandom

    return SystemRandom().randrange(bound)


@provides(
    "ccos.random.shuffle",
    input={"coll": [":seq", ":any"]},
    output=":vector",
    **_CHANCE,
    examples=[("(sort (call :ccos.random.shuffle [3 1 2]))", "[1 2 3]")],
)
def shuffle(ctx: CallContext, coll: Any) -> Any:
    """The elements in a random order."""
    from random import SystemRandom

    items = list(coll)
    SystemRandom().shuffle(items)
    return vector(items)


@provides(
    "ccos.random.uuid", input={}, output=":uuid", **_CHANCE, examples=[("(uuid? (call :ccos.random.uuid))", "true")]
)
def random_uuid(ctx: CallContext) -> Uuid:
    """A random UUID (version 4)."""
    from uuid import uuid4

    return Uuid(str(uuid4()))
