"""Run language cases: programs with the host calls they make, the answers they get, and how they end.

    python tests/spec/run_cases.py [FILE…]

Without arguments runs the RTFS files beside this one. In an RTFS file a case is some code followed by what it must do:

    (+ (call :sensor.read "hall") 1)
    ;-> sensor.read "hall" => 20     a host call with its printed arguments, and the answer it is given
    ;=> 21                           the printed value; `!TypeError` for an error of that kind, and
                                     `!TypeError: text` for one whose message is exactly that text

An answer `!text` fails the call. A JSONL file has one object per line: id, area, src, expect {value | error, calls,
results}, where a result is RTFS text or {"error": text}.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import rtfs

HERE = Path(__file__).parent


class Case(NamedTuple):
    """`calls`: texts such as `sensor.read "hall"`. `answers`: RTFS text, `!text` to fail the call."""

    name: str
    area: str
    text: str
    calls: tuple[str, ...] | None
    answers: tuple[str, ...]
    ending: str


def cases(path: Path) -> Iterator[Case]:
    """The cases of a file, in order."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".jsonl":
        yield from (_from_json(json.loads(line)) for line in text.splitlines() if line.strip())
    else:
        yield from _from_rtfs(text, path)


def _from_json(data: dict[str, Any]) -> Case:
    expect = data["expect"]
    calls = tuple(" ".join(call) for call in expect["calls"]) if "calls" in expect else None
    answers = tuple(f"!{each['error']}" if isinstance(each, dict) else each for each in expect.get("results", ()))
    ending = f"!{expect['error']}" if "error" in expect else expect["value"]
    return Case(data["id"], data["area"], data["src"], calls, answers, ending)


def _from_rtfs(text: str, path: Path) -> Iterator[Case]:
    code: list[str] = []
    exchanges: list[tuple[str, str]] = []
    start = 1
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(";-> "):
            call, _, answer = line[4:].partition(" => ")
            exchanges.append((call.strip(), answer.strip()))
        elif line.startswith(";=> "):
            calls, answers = tuple(call for call, _ in exchanges), tuple(answer for _, answer in exchanges)
            yield Case(f"{path.stem}:{start}", path.parent.name, "\n".join(code), calls, answers, line[4:].strip())
            code, exchanges, start = [], [], number + 1
        else:
            code.append(line)
    if any(line.strip() and not line.lstrip().startswith(";") for line in code):
        raise ValueError(f"{path}:{start}: code without an expected ending `;=> …`")


def problem(case: Case) -> str | None:
    """None when the case holds; otherwise what happened instead."""
    try:
        calls, ending = _play(case)
    except Exception as error:  # whatever is no RtfsError is a defect of rtfs, and one failed case
        return f"{type(error).__name__}: {error}"
    if case.calls is not None and calls != case.calls:
        return f"made the calls {list(calls)}"
    kind_alone = case.ending.startswith("!") and ": " not in case.ending
    found = ending.partition(": ")[0] if kind_alone else ending
    return None if found == case.ending else f"ended with {ending}"


def _play(case: Case) -> tuple[tuple[str, ...], str]:
    """The calls that a case makes, and its ending."""
    calls: list[str] = []
    answers = iter(case.answers)
    try:
        outcome = rtfs.Session(cache=False).start(case.text, name=f"{case.name}.rtfs")
        while isinstance(outcome, rtfs.RequiresHost):
            call = outcome.call
            calls.append(" ".join([call.capability_id, *(rtfs.show(each) for each in call.args)]))
            answer = next(answers, None)
            if answer is None:
                return tuple(calls), f"an unanswered call of {call.capability_id}"
            outcome = outcome.fail(answer[1:]) if answer.startswith("!") else outcome.resume(rtfs.read(answer)[0])
    except rtfs.RtfsError as error:
        return tuple(calls), f"!{error.kind}: {error.message}"
    return tuple(calls), rtfs.show(outcome.value)


def main(arguments: list[str]) -> int:
    """Print failures, a line per area and the totals; 1 when a case failed."""
    paths = [Path(argument) for argument in arguments] or sorted(HERE.rglob("*.rtfs"))
    total: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for path in paths:
        for case in cases(path):
            total[case.area] += 1
            found = problem(case)
            if found is not None:
                failed[case.area] += 1
                print(f"{case.name}: {found}, not {case.ending}\n    {case.text.strip()}")
    for area in sorted(total):
        print(f"{area:24}{total[area] - failed[area]:5} of {total[area]:4}")
    print(f"{total.total() - failed.total()} of {total.total()} cases hold")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
