"""Cases: code, the host calls it makes with the answers they get, and how it ends (`;->`, `;=>`).

In an RTFS file a case is some code followed by what it must do:

    (+ (call :sensor.read "hall") 1)
    ;-> sensor.read "hall" => 20     a host call with its printed arguments, and the answer it is given
    ;=> 21                           the printed value
    (rest "xyz") ;=> "yz"            a case of one line

An error is `!TypeError`, and as much of it as the case tells: `!MacroError RTFS-E202 at 1:1-1:9: Macro f: why`, where
line 1 is the first line of the case that is no comment. An answer `!text` fails the call; the hints of a call stand
before it, `^{:runtime.x 1} sensor.read`. A JSONL file has one object per line: id, area, src, expect {value | error,
calls, results}, where a result is RTFS text or {"error": text}; its calls do not tell hints.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from rtfs.lang.errors import RtfsError
from rtfs.lang.limits import Limits
from rtfs.lang.outcome import HostCall, RequiresHost
from rtfs.lang.printer import show
from rtfs.session import Session, read_forms

_ERROR = re.compile(r"!\w+(?P<code> RTFS-\w+)?(?P<span> at [\d:-]+)?(?P<text>: .*)?", re.DOTALL)


class Case(NamedTuple):
    """`calls`: texts such as `sensor.read "hall"`, `hints` in front. `answers`: RTFS text, `!text` fails the call."""

    name: str
    area: str
    text: str
    calls: tuple[str, ...] | None
    answers: tuple[str, ...]
    ending: str
    hints: bool = True


def cases(path: Path) -> Iterator[Case]:
    """The cases of a file, in order."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".jsonl":
        yield from (_from_json(json.loads(line)) for line in text.splitlines() if line.strip())
    else:
        yield from from_text(text, path)


def _from_json(data: dict[str, Any]) -> Case:
    expect = data["expect"]
    calls = tuple(" ".join(call) for call in expect["calls"]) if "calls" in expect else None
    answers = tuple(f"!{each['error']}" if isinstance(each, dict) else each for each in expect.get("results", ()))
    ending = f"!{expect['error']}" if "error" in expect else expect["value"]
    return Case(data["id"], data["area"], data["src"], calls, answers, ending, hints=False)


def from_text(text: str, path: Path) -> Iterator[Case]:
    """The cases of a text, named after a file. ValueError for code behind the last ending."""
    code: list[str] = []
    exchanges: list[tuple[str, str]] = []
    start = 1
    for number, line in enumerate(text.split("\n"), 1):
        found = _ending(line)
        if line.startswith(";-> "):
            call, _, answer = line[4:].partition(" => ")
            exchanges.append((call.strip(), answer.strip()))
        elif found is not None:
            calls, answers = tuple(call for call, _ in exchanges), tuple(answer for _, answer in exchanges)
            name, program = f"{path.stem}:{start}", _program([*code, found[0]])
            yield Case(name, path.parent.name, program, calls, answers, found[1])
            code, exchanges, start = [], [], number + 1
        else:
            code.append(line)
    if _program(code):
        raise ValueError(f"{path}:{start}: code without an expected ending `;=> …`")


def _ending(line: str) -> tuple[str, str] | None:
    """The code before `;=> …` on a line, and the ending it tells."""
    before, mark, ending = line.rpartition(";=> ")
    return (before, ending.strip()) if mark and (not before or before[-1] == " ") else None


def _program(lines: list[str]) -> str:
    """The lines from the first one that is neither empty nor a comment."""
    begin = next((n for n, line in enumerate(lines) if line.strip() and not line.lstrip().startswith(";")), len(lines))
    return "\n".join(lines[begin:]).rstrip()


def problem(case: Case, limits: Limits | None = None) -> str | None:
    """None when the case holds; otherwise what happened instead. `limits`: by default those of a session."""
    try:
        calls, ending = _play(case, limits)
    except Exception as error:  # whatever is no RtfsError is a defect of rtfs, and one failed case
        return f"{type(error).__name__}: {error}"
    if case.calls is not None and calls != case.calls:
        return f"made the calls {list(calls)}"
    return None if ending == case.ending else f"ended with {ending}"


def has_cases(text: str) -> bool:
    """Does a text hold cases? It is no program then."""
    return any(_ending(line) is not None for line in text.split("\n"))


def _play(case: Case, limits: Limits | None) -> tuple[tuple[str, ...], str]:
    """The calls that a case makes, and its ending."""
    calls: list[str] = []
    answers = iter(case.answers)
    try:
        outcome = Session(cache=False, limits=limits).start(case.text, name=f"{case.name}.rtfs")
        while isinstance(outcome, RequiresHost):
            calls.append(_shown(outcome.call, hints=case.hints))
            answer = next(answers, None)
            if answer is None:
                return tuple(calls), f"an unanswered call of {outcome.call.capability_id}"
            outcome = outcome.fail(answer[1:]) if answer.startswith("!") else outcome.resume(read_forms(answer)[0])
    except RtfsError as error:
        return tuple(calls), _error(error, case.ending)
    return tuple(calls), show(outcome.value)


def _shown(call: HostCall, *, hints: bool) -> str:
    named = call.metadata.hints if hints else {}
    shown = "^{" + ", ".join(f":{name} {show(value)}" for name, value in named.items()) + "} " if named else ""
    return shown + " ".join([call.capability_id, *(show(each) for each in call.args)])


def _error(error: RtfsError, wanted: str) -> str:
    """As much of the error as the wanted ending tells, and its message if that is something else."""
    details = _ERROR.fullmatch(wanted)
    shown = f"!{error.kind}"
    if details is not None and details["code"]:
        shown += f" {error.code}"
    if details is not None and details["span"]:
        shown += f" at {str(error.span).removeprefix(f'{error.span.source.name}:')}" if error.span else " at no place"
    return shown if shown == wanted else f"{shown}: {error.message}"
