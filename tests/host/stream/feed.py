"""Numbers 1 to COUNT as events, lines or messages, from a server that misbehaves at some of them, once at each.

    python -m tests.host.stream.feed FOLDER FD COUNT MISCHIEF

FOLDER remembers what was done already, also by a process that died of it; FD is a socket that listens.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

from tests.host.stream.unruly import Peer, unruly

PLACES = (30, 31, 70)
BIG = 70_000  # bytes of a message that is too long
LOST = 3  # messages of a web socket that nobody hears between two connections


class Feed:
    """What the server does. mischief: drop, reset, die, stall, refuse, malformed, oversize or flood."""

    def __init__(self, folder: Path, count: int, mischief: str) -> None:
        self.folder = folder
        self.count = count
        self.mischief = mischief

    def first_time(self, what: str) -> bool:
        try:
            (self.folder / what).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    async def script(self, peer: Peer) -> None:
        if self.mischief == "refuse" and self.first_time("refused"):
            await peer.answer(503, retry_after=0)
        elif peer.path == "/events":
            await self.events(peer)
        elif peer.path == "/lines":
            await self.lines(peer)
        else:
            await self.messages(peer)

    async def trouble(self, peer: Peer, number: int) -> bool:
        """Misbehave before a number: is the connection lost?"""
        if number not in PLACES or not self.first_time(f"at-{number}"):
            return False
        if self.mischief == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.mischief == "stall":
            await peer.gone()
        if self.mischief == "reset":
            peer.reset()
        return self.mischief in ("drop", "reset", "stall", "refuse")

    def bad(self, number: int, form: str) -> bytes:
        """What stands before a number and cannot be read."""
        if number not in PLACES or self.mischief not in ("malformed", "oversize", "flood"):
            return b""
        text = {"malformed": b"\xff", "oversize": b"x" * BIG, "flood": b""}[self.mischief]
        if form == "event":
            return b": nothing\n\n" * 20_000 if self.mischief == "flood" else b"data: " + text + b"\n\n"
        return b"\n" * 20_000 if self.mischief == "flood" else text + b"\n"

    async def events(self, peer: Peer) -> None:
        await peer.events("retry: 1\n\n")
        for number in range(int(peer.headers.get("last-event-id", "0")) + 1, self.count + 1):
            if await self.trouble(peer, number):
                return
            await peer.raw(self.bad(number, "event") + f'id: {number}\ndata: {{"n": {number}}}\n\n'.encode())
        await peer.gone()

    async def lines(self, peer: Peer) -> None:
        parts = [self.bad(n, "line") + f'{{"n": {n}}}\n'.encode() for n in range(1, self.count + 1)]
        length, offset = sum(map(len, parts)), 0
        first = int(peer.headers.get("range", "bytes=0-")[6:-1])
        place = {"content_range": f"bytes {first}-{length - 1}/{length}"} if first else {}
        head = {"etag": '"1"', "accept_ranges": "bytes", "content_length": length - first, **place}
        await peer.head(206 if first else 200, connection="close", **head)
        for number, part in enumerate(parts, 1):
            if offset >= first:
                if await self.trouble(peer, number):
                    return
                await peer.raw(part)
            offset += len(part)

    async def messages(self, peer: Peer) -> None:
        await peer.upgrade()
        heard = self.folder / "heard"
        number = int(heard.read_text()) + LOST if heard.exists() else 1
        while number <= self.count:
            heard.write_text(str(number))
            if await self.trouble(peer, number):
                return
            if number in PLACES and self.mischief == "malformed":
                await peer.say(b"\xff")
            if number in PLACES and self.mischief == "oversize":
                await peer.say("x" * BIG)
            for _ in range(2_000 if number in PLACES and self.mischief == "flood" else 0):
                await peer.ping()
            await peer.say({"n": number})
            number += 1
        await peer.hear()


async def main(folder: str, descriptor: str, count: str, mischief: str) -> None:
    feed = Feed(Path(folder), int(count), mischief)
    async with unruly(feed.script, socket.socket(fileno=int(descriptor))):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
