"""Tests that need a service of the machine are skipped visibly, or fail where services are required."""

from __future__ import annotations

from collections.abc import Callable

import pytest


def test_a_service_that_is_there_gives_its_path(service: Callable[[str], str]) -> None:
    assert service("sh").endswith("/sh")


def test_a_missing_service_skips_with_its_name(service: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RTFS_REQUIRE_SERVICES", raising=False)
    with pytest.raises(pytest.skip.Exception, match="needs no-such-server"):
        service("no-such-server")


def test_a_missing_service_fails_where_services_are_required(
    service: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RTFS_REQUIRE_SERVICES", "1")
    with pytest.raises(pytest.fail.Exception, match="needs no-such-server, and RTFS_REQUIRE_SERVICES=1 allows no"):
        service("no-such-server")
