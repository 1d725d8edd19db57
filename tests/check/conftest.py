"""Checking source text: what is found, as lines `line:column-line:column severity CODE text`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rtfs.analysis import check
from rtfs.check.finding import Finding
from rtfs.host.marketplace import Marketplace
from rtfs.lang.source import Source
from rtfs.loader import Texts


def found(text: str, *, notes: bool = True, **modules: str) -> list[Finding]:
    """The findings of a program; `modules`: the texts it may import, `_` for a dot in their names."""
    lookup = Texts({name.replace("_", "."): each for name, each in modules.items()})
    findings = check(Source("t.rtfs", text), lookup, marketplace=Marketplace())
    return [each for each in findings if notes or each.severity != "note"]


def shown(finding: Finding) -> str:
    place = str(finding.span).partition(":")[2] if finding.span is not None else "nowhere"
    return f"{place} {finding.severity} {finding.code.removeprefix('RTFS-')} {finding.text}"


@pytest.fixture(scope="session")
def findings() -> Callable[..., list[str]]:
    return lambda text, **options: [shown(each) for each in found(text, **options)]
