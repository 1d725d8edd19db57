"""Programs that use the library: their value, their error, their host calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import rtfs


@pytest.fixture
def played() -> Callable[..., tuple[list[str], str]]:
    """The host calls of a program, as `id argument …`, given their answers in order; and its printed value or error."""

    def run(text: str, *answers: Any) -> tuple[list[str], str]:
        calls: list[str] = []
        try:
            outcome = rtfs.Session(cache=False).start(text, name="t.rtfs")
            for answer in answers:
                assert isinstance(outcome, rtfs.RequiresHost), f"no call for the answer {answer!r}"
                calls.append(" ".join([outcome.call.capability_id, *map(rtfs.show, outcome.call.args)]))
                outcome = outcome.fail(answer) if isinstance(answer, Exception) else outcome.resume(answer)
        except rtfs.RtfsError as error:
            return calls, f"{error.kind}: {error.message}"
        assert isinstance(outcome, rtfs.Complete), outcome
        return calls, rtfs.show(outcome.value)

    return run
