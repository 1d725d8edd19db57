"""A session takes over the host of another one: what runs goes on, and what programs know of it stays true."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtfs.session import Session


def take_over(session: Session, other: Session) -> None:
    """Give `session` the host of `other` with its streams, tasks and stored values.

    Functions that the host already has stay those of `other`, which must live on for them. From now on names are found
    in `session`, and both share the context of `session`.
    """
    other.values.clear()
    other.values.update(session.values)
    session.values = other.values
    other.recording.keep = False  # nobody will ask for what its streams go on to do
    other.recording.events.clear()
    if not other.host_made:
        return
    from rtfs.evaluator import SessionEvaluator

    host = other.host
    session._host = host
    host.evaluator = SessionEvaluator(session)
    if host.has("streams"):
        host.streams.services.evaluator = host.evaluator


def restored_beside(session: Session, data: bytes) -> Session:
    """The session of a snapshot with the options and the host of another one, under ids of its own."""
    made = type(session).restore(data, **{**session.options(), "id": None})
    take_over(made, session)
    return made
