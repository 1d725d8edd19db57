"""Commands that show what programs may do, what they may use, and what they did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.cli.interactive.commands import Misuse, command
from rtfs.cli.interactive.past import limit

if TYPE_CHECKING:
    from rtfs.cli.interactive.repl import Repl

SHOWN = 20  # calls that `:journal` lists


@command("security", "sec", usage="", at_once=True)
def security(repl: Repl, text: str) -> None:
    """Show what programs may call: the level, allowed and denied capabilities, and grants."""
    context = repl.session.host.allowed if repl.session.host_made else repl.session.context
    rows = [("level", context.level), ("allowed", " ".join(context.allowed)), ("denied", " ".join(context.denied))]
    rows += [(kind, value) for kind, value in context.grants]
    repl.say("\n".join(f"{label:8} {value}" for label, value in rows if value))


@command("limits", usage="[steps=N,time=S,…]", at_once=False)
def limits(repl: Repl, text: str) -> None:
    """Show the limits of an evaluation and the budget of the session, or set limits.

    `:limits time=2s,steps=1000000` bounds each evaluation from now on, `:limits off` lifts the bounds. The inputs so
    far are replayed for that, as by `:undo`.
    """
    if text:
        limit(repl, **_chosen(text))
    bounds = repl.session.limits
    for name in ("steps", "cells", "seconds"):
        value = getattr(bounds, name)
        repl.say(f"{name:12} {'unlimited' if value is None else f'{value:,}'}")
    for name in ("elements", "characters", "bits", "printed"):
        repl.say(f"{name:12} {getattr(bounds, name):,}")
    budget = repl.session.host.budget if repl.session.host_made else None
    if budget is not None:
        for dimension, facts in budget.report().items():
            repl.say(f"{dimension:12} {facts['used']:g} of {facts['limit']:g} used")


def _chosen(text: str) -> dict[str, Any]:
    from rtfs.cli.limit import EVALUATION, parse_limits

    if text == "off":
        return {"steps": None, "cells": None, "seconds": None}
    try:
        chosen = parse_limits(text)
    except ValueError as error:
        raise Misuse(str(error)) from None
    beyond = [name for name in chosen if name not in EVALUATION]
    if beyond:
        raise Misuse(f"{beyond[0]} is part of the budget, which is set when the REPL starts")
    if "time" in chosen:
        chosen["seconds"] = chosen.pop("time")
    return chosen


@command("journal", "j", usage="[COUNT]", at_once=True)
def journal(repl: Repl, text: str) -> None:
    """List the last host calls with their answers; COUNT says how many."""
    from rtfs.lang.printer import show_brief

    if text and not (text.isascii() and text.isdecimal()):
        raise Misuse(f"the count is a whole number, got {text}")
    calls = [event[1].answers[event[2]] for event in repl.session.recording.events if event[0] == "answer"]
    if not calls:
        repl.say("no call was made")
    first = max(0, len(calls) - int(text or SHOWN))
    for number, (call, value, error) in enumerate(calls[first:], first + 1):
        arguments = "".join(f" {show_brief(argument, 60)}" for argument in call.args)
        ending = f"! {error.kind}: {error.message}" if error is not None else f"→ {show_brief(value, 60)}"
        repl.say(f"{number:4} :{call.capability_id}{arguments} {ending}")


@command("more", "m", usage="", at_once=True)
def more(repl: Repl, text: str) -> None:
    """Show all of the last value, however long it is."""
    from rtfs.cli.interactive.result import whole

    repl.say(whole(repl.session.world.user.globals.get(":*1")))
