"""What the status of an HTTP answer means for the next attempt (streaming.md §3.7)."""

from __future__ import annotations

import email.utils
import time

from rtfs.host.stream.retry import Lost


def refusal(status: int, retry_after: float | None) -> Lost:
    """The loss that it is; a hopeless one is not tried again. retry_after: seconds that the server asks for."""
    return Lost(f"HTTP status {status}", retry_after=retry_after, status=status)


def seconds(header: str | None) -> float | None:
    """`Retry-After` as seconds from now: a number or an HTTP date."""
    if header is None:
        return None
    if header.strip().isascii() and header.strip().isdigit():
        return float(header)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
