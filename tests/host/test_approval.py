"""Capabilities that need approval: the queue, the decision, and calls that fail or wait meanwhile (host.md §4)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rtfs.host.approval import Approvals
from rtfs.lang.errors import HostCallError
from rtfs.lang.names import Keyword


@pytest.fixture
def table(bench: Callable[..., Any]) -> Callable[..., Any]:
    def make(**options: Any) -> Any:
        made = bench(**options)
        made.market.capability("mail.send", effects=[], approval="pending")(lambda to: f"sent to {to}")
        return made

    return make


def refused(work: Callable[[], Any]) -> HostCallError:
    with pytest.raises(HostCallError) as caught:
        work()
    assert caught.value.kind == "ApprovalRequired"
    assert caught.value.message == "Capability 'mail.send' is pending approval"
    return caught.value


def test_a_pending_call_fails_enters_the_queue_and_passes_once_approved(table: Any) -> None:
    host = table()
    error = refused(lambda: host.do("mail.send", "ada"))
    assert error.notes == ["approve it with `rtfs approvals approve mail.send`"]
    refused(lambda: host.do("mail.send", "bob"))
    (row,) = host.host.approvals.rows("pending")
    assert (row.capability, row.arguments, row.calls, row.state) == ("mail.send", '"ada"', 2, "pending")
    assert host.host.approvals.decide("mail.send", "approved")
    assert host.do("mail.send", "ada") == "sent to ada"
    assert not host.host.approvals.decide("mail.send", "approved")


def test_a_rejected_call_says_why(table: Any) -> None:
    host = table()
    host.host.approvals.decide("mail.send", "rejected", "not from scripts")
    error = refused(lambda: host.do("mail.send", "ada"))
    assert error.notes == ["it was rejected: not from scripts"]
    assert error.data.get(Keyword("approval")) is Keyword("rejected")


def test_an_approval_can_be_taken_back(table: Any) -> None:
    host = table()
    host.host.approvals.decide("mail.send", "approved")
    assert host.do("mail.send", "ada") == "sent to ada"
    host.host.approvals.decide("mail.send", "rejected")
    refused(lambda: host.do("mail.send", "ada"))


def test_what_the_manifest_revokes_no_queue_approves(table: Any) -> None:
    host = table()
    host.host.approvals.decide("mail.send", "approved")
    host.market.set_approval("mail.send", "revoked")
    assert refused(lambda: host.do("mail.send", "ada")).notes == ["its approval was revoked"]


def test_the_embedder_can_demand_approval_of_any_capability(bench: Callable[..., Any]) -> None:
    host = bench(must_approve=("mail.*",))
    host.market.capability("mail.send", effects=[])(lambda to: "sent")
    refused(lambda: host.do("mail.send", "ada"))
    assert host.do("ccos.echo", 1) == 1
    host.host.approvals.decide("mail.send", "approved")
    assert host.do("mail.send", "ada") == "sent"


async def test_a_call_can_wait_for_its_approval(table: Any) -> None:
    host = table(approval_wait=60.0)
    waiting = asyncio.ensure_future(host.wait("mail.send", "ada"))
    await host.clock.advance(5)
    assert not waiting.done()
    host.host.approvals.decide("mail.send", "approved")
    await host.clock.advance(1)
    assert await waiting == "sent to ada"


async def test_waiting_ends_with_a_rejection_or_with_its_time(table: Any) -> None:
    host = table(approval_wait=60.0)
    rejected = asyncio.ensure_future(host.wait("mail.send", "ada"))
    await host.clock.advance(5)
    host.host.approvals.decide("mail.send", "rejected")
    await host.clock.advance(1)
    with pytest.raises(HostCallError, match="pending approval") as caught:
        await rejected
    assert caught.value.notes == ["it was rejected"]
    host.host.approvals.decide("mail.send", "pending")
    late = asyncio.ensure_future(host.wait("mail.send", "ada"))
    await host.clock.advance(61)
    with pytest.raises(HostCallError) as caught:
        await late
    assert caught.value.data.get(Keyword("approval")) is Keyword("pending")


def test_the_queue_in_a_file_is_shared_and_survives(table: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "state" / "approvals.db")
    host = table(approvals=Approvals(path))
    refused(lambda: host.do("mail.send", "ada"))
    other = Approvals(path)
    assert [row.capability for row in other.rows()] == ["mail.send"]
    other.decide("mail.send", "approved")
    other.close()
    assert host.do("mail.send", "ada") == "sent to ada"
    assert table(approvals=Approvals(path)).do("mail.send", "bob") == "sent to bob"


def test_huge_arguments_are_cut_in_the_queue(table: Any) -> None:
    host = table()
    refused(lambda: host.do("mail.send", "x" * 100_000))
    assert len(host.host.approvals.rows()[0].arguments) == 2_000
