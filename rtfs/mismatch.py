"""What is said when a program that runs again does not make the calls that were recorded (language.md §11.2)."""

from __future__ import annotations

from typing import Any

from rtfs.lang.codec import Unreadable, decode
from rtfs.lang.collections import Map, PVector
from rtfs.lang.errors import HostCallError, RtfsError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.outcome import HostCall
from rtfs.lang.printer import show

SHOWN = 300  # characters of a call
_BEGINS = Keyword("begins")
_PARTS = ("capability", "arguments", "hints", "steps", "module")


def mismatch(text: str, call: HostCall | None = None, notes: tuple[str, ...] = ()) -> RtfsError:
    """The error that no program can catch."""
    span = None if call is None else call.span
    return HostCallError("ReplayMismatch", f"Replay mismatch: {text}", span=span, notes=notes)


def differing_calls(recorded: str, made: HostCall, made_text: str) -> RtfsError:
    """Both calls, as `call_text` describes them; a note says what differs where it cannot be seen."""
    notes = [
        f"{name}: recorded {_cut(show(old))}, now {_cut(show(new))}"
        for name, old, new in zip(_PARTS, _parts(recorded), _parts(made_text), strict=True)
        if old != new and name not in _PARTS[:2]
    ]
    before, after = shown_call(recorded), shown_call(made_text)
    if before == after and not notes:
        notes.append("what they are given differs where it is not shown")
    return mismatch(f"recorded {before}, but the program made {after}", made, tuple(notes))


def missing_call(recorded: str, outcome: Any) -> RtfsError:
    """The program ended, with a value or an error, where it made a call before."""
    how = f"with {outcome.kind}" if isinstance(outcome, RtfsError) else f"with {_cut(show(outcome))}"
    return mismatch(f"recorded {shown_call(recorded)}, but the program ended {how}")


def other_end(recorded: str | None, made: HostCall | RtfsError | None, made_text: str = "") -> RtfsError:
    """The program ended otherwise than recorded (`None`: with a value), or goes on with a call."""
    before = "its end" if recorded is None else f"its end with {recorded}"
    if isinstance(made, HostCall):
        return mismatch(f"recorded {before}, but the program made {shown_call(made_text)}", made)
    after = "with a value" if made is None else f"with {made.kind}: {made.message}"
    return mismatch(f"recorded {before}, but the program ended {after}")


def shown_call(text: str) -> str:
    """The text of `call_text` as a program would write the call."""
    capability, args, *_ = _parts(text)
    long = type(args) is Map  # its beginning and a digest stand for it
    shown = [f"{args[_BEGINS][1:]}…" if long else " ".join(map(show, args))]
    return _cut(f"(call :{capability}{' ' if shown[0] else ''}{shown[0]})")


def _parts(text: str) -> Any:
    """Capability, arguments, hints, steps and module of a text; of one that is none, nothing much."""
    try:
        found = decode(text, _stand_in)
    except (Unreadable, ValueError, RtfsError):
        found = None
    if type(found) is not tuple or len(found) != len(_PARTS) or type(found[0]) is not str:
        return ("?", (), None, None, None)
    args = found[1]
    long = type(args) is Map and type(args.get(_BEGINS)) is str
    return found if long or type(args) in (tuple, PVector) else (found[0], (), *found[2:])


def _stand_in(value: Any) -> Symbol:
    name = value[0] if type(value) is tuple and value and type(value[0]) is str else ""
    return Symbol(f"#<{name or 'function'}>")


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
