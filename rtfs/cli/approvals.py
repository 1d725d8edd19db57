"""`rtfs approvals`: what waits for approval, and the decision."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import click

EPILOG = """\b
Examples:
  rtfs approvals ls                           what waits, what was decided
  rtfs approvals approve mail.send            let calls of mail.send pass from now on
  rtfs approvals reject mail.send --reason 'not from scripts'

\b
The queue is in --state DIR, by default in the user's state folder, where `rtfs run` without --state
enters capabilities that the project's rtfs.toml says must be approved.
"""

_STATE = click.option(
    "--state", type=click.Path(file_okay=False), metavar="DIR", help="The queue of this state folder."
)


def queue_path(state: str | None) -> str:
    """Where the queue of a state folder is; without one, the user's own."""
    home = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(state or os.path.join(home, "rtfs"), "approvals.db")


def _queue(state: str | None) -> Any:
    import sqlite3

    from rtfs.host.approval import Approvals

    path = queue_path(state)
    try:
        return Approvals(path)
    except (OSError, sqlite3.Error) as error:
        raise click.ClickException(f"{path}: {error}") from error


@click.group("approvals", epilog=EPILOG)
def command() -> None:
    """Capabilities that wait for approval: list, approve, reject."""


@command.command("ls")
@_STATE
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
def _list(state: str | None, as_json: bool) -> int:
    """Show the queue, longest waiting first."""
    rows = _queue(state).rows()
    for row in rows:
        if as_json:
            click.echo(json.dumps(row._asdict(), ensure_ascii=False))
            continue
        reason = f" ({row.reason})" if row.reason else ""
        asked = f"  asked {row.calls} times, first with {row.arguments} at {row.place}" if row.calls else ""
        click.echo(f"{row.state:9} {row.capability}{reason}{asked}")
    if not rows and not as_json:
        click.echo("nothing waits for approval")
    return 0


@command.command("approve")
@click.argument("capability")
@_STATE
@click.option("--reason", help="Why, for those who read the queue.")
def _approve(capability: str, state: str | None, reason: str | None) -> int:
    """Let calls of CAPABILITY pass from now on."""
    return _decide(capability, "approved", state, reason)


@command.command("reject")
@click.argument("capability")
@_STATE
@click.option("--reason", help="Why; whoever calls it is told.")
def _reject(capability: str, state: str | None, reason: str | None) -> int:
    """Refuse calls of CAPABILITY from now on."""
    return _decide(capability, "rejected", state, reason)


def _decide(capability: str, decision: str, state: str | None, reason: str | None) -> int:
    queue = _queue(state)
    if queue.state(capability) is None:
        sys.stderr.write(f"note: nothing asked for {capability} yet\n")
    queue.decide(capability, decision, reason)
    click.echo(f"{capability} is {decision}")
    return 0
