"""When a lost transport is tried again, and how long until then (streaming.md §3.7)."""

from __future__ import annotations

import random

from rtfs.host.stream.settings import Retry

LONGEST_WISH_MS = 60_000
TRANSIENT = frozenset({408, 425, 429})
CREDENTIALS = frozenset({401, 403})


class Lost(Exception):
    """The transport is gone and may come back.

    clean: the other side closed it in good order; retry_after: seconds the server asks for; status: of HTTP, when it
    is why.
    """

    def __init__(
        self, why: str, *, clean: bool = False, retry_after: float | None = None, status: int | None = None
    ) -> None:
        super().__init__(why)
        self.why = why
        self.clean = clean
        self.retry_after = retry_after
        self.status = status

    @property
    def kind(self) -> str:
        """One of a few words for the reason: `closed`, `http-503`, `lost`."""
        if self.status is not None:
            return f"http-{self.status}"
        return "closed" if self.clean else "lost"

    @property
    def hopeless(self) -> bool:
        """Will the same request never succeed?"""
        if self.status is None or self.status >= 500:
            return False
        return self.status not in TRANSIENT and self.status not in CREDENTIALS


class Attempts:
    """Counts failures of one stream's transport and says how long to wait after each."""

    def __init__(self, policy: Retry, chance: random.Random) -> None:
        self.policy = policy
        self.failures = 0
        self._chance = chance
        self._credentials_tried = False

    def stable(self, open_ms: float, chunks: int) -> None:
        """A connection was open that long and brought that many chunks: does it clear the count?"""
        if open_ms >= self.policy.stable_ms and chunks > 0:
            self.failures = 0
            self._credentials_tried = False

    def wait_ms(self, loss: Lost) -> float | None:
        """Milliseconds until the next attempt (full jitter), None when there is to be none."""
        self.failures += 1
        if self.failures >= self.policy.max_attempts or loss.hopeless:
            return None
        if loss.status in CREDENTIALS:
            if self._credentials_tried:
                return None
            self._credentials_tried = True
        most = min(self.policy.cap_ms, self.policy.base_ms * 2 ** (self.failures - 1))
        wait = self._chance.uniform(0, most)
        if loss.clean:
            wait = max(wait, self.policy.base_ms)
        if loss.retry_after is not None:
            wait = max(wait, min(loss.retry_after * 1000, LONGEST_WISH_MS))
        return wait
