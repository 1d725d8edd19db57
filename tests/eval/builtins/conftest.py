"""Behaviour of builtins as the specification writes it: `source ;=> printed value`, `source ;=> !Kind: message`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import rtfs

Agree = Callable[..., None]


@pytest.fixture(scope="session")
def session() -> rtfs.Session:
    """A session that no test defines anything in."""
    return rtfs.Session(cache=False)


@pytest.fixture
def agree(session: rtfs.Session) -> Agree:
    """Checks lines `source ;=> value`; after `!` stands the kind of the error, or kind, colon and whole message."""

    def outcome(source: str) -> str:
        try:
            result = session.start(source, name="t.rtfs")
        except rtfs.RtfsError as error:
            return f"!{error.kind}: {error.message}"
        assert isinstance(result, rtfs.Complete)
        return rtfs.show(result.value)

    def check(*lines: str) -> None:
        found = []
        for line in lines:
            source, expected = line.split(" ;=> ")
            actual = outcome(source)
            if expected.startswith("!") and ":" not in expected:
                actual = actual.partition(":")[0]
            found.append(f"{source} ;=> {actual}")
        assert found == list(lines)

    return check
