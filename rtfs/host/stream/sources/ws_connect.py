"""`:stream.ws.connect`: the messages of a web socket, and `:stream.send` for the way back (streaming.md §6.2)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from rtfs.host.stream import web
from rtfs.host.stream.adapters import Session
from rtfs.host.stream.adapters.ws import WsAdapter
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.chunk import NotJson, parse_json
from rtfs.host.stream.framed import Frame, Frames
from rtfs.host.stream.guard import Need
from rtfs.host.stream.options import shown
from rtfs.host.stream.settings import retry
from rtfs.host.stream.sources import AUTH_ROW, SourceKind, server_at
from rtfs.lang.collections import Map, vector
from rtfs.lang.names import Keyword
from rtfs.lang.operator import parameter_table
from rtfs.lang.values import is_vector

if TYPE_CHECKING:
    from rtfs.host.stream.intake import Intake
    from rtfs.host.stream.registry import Services
    from rtfs.host.stream.settings import Settings

NAME = "ws.connect"
URL, SUBPROTOCOLS, ON_OPEN = Keyword("url"), Keyword("subprotocols"), Keyword("on-open")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


class ConnectAdapter(WsAdapter):
    """Each message is a chunk of one kind, and what is sent is of the same kind. Nothing tells where to go on.

    `:on-open` is called behind the messages of the connections before.
    """

    name = NAME

    def __init__(self, settings: Settings, params: Map, services: Services) -> None:
        super().__init__(settings)
        self._mode: str = params.get(Keyword("mode")).name
        self.protocols = _protocols(params.get(SUBPROTOCOLS))
        given = params.get(Keyword("retry"))
        if given is not None:
            settings["retry"] = retry(given, f"stream.{NAME}")
        settings["subscribe"] = tuple(params.get(Keyword("subscribe")))

    @asynccontextmanager
    async def connected(self, session: Session, intake: Intake) -> AsyncIterator[Frames]:
        async with super().connected(session, intake) as frames:
            if self.tell is not None:
                await self.tell(ON_OPEN, behind=True)
            yield frames

    def _frame(self, message: str | bytes) -> Frame:
        if self._mode != "bytes":
            return super()._frame(message)
        data = message.encode() if isinstance(message, str) else message
        return {"oversize": len(data)} if len(data) > self.most else {"bytes": data}

    def offer(self, frame: Frame, intake: Intake) -> None:
        if self._mode == "bytes":
            intake.offer(vector(list(frame["bytes"])))
        elif self._mode == "text":
            intake.offer(frame["text"])
        else:
            try:
                value = parse_json(frame["text"], self._keywords)
            except NotJson as problem:
                intake.malformed(f"a message that is no JSON: {problem}")
                return
            intake.offer(value)

    def written(self, data: Any) -> str | bytes:
        """A message as it goes out. S003 for bytes that are none."""
        if self._mode == "text":
            return super().written(data)
        if self._mode == "json":
            return self.as_json(data)
        if is_vector(data) and all(type(byte) is int and 0 <= byte <= 255 for byte in data):
            return bytes(data)
        raise fault(3, p="message", kind="vector of integers from 0 to 255", value=shown(data))


def _protocols(given: Any) -> tuple[str, ...]:
    names = tuple(given or ())
    if any(type(name) is not str or not _TOKEN.fullmatch(name) for name in names):
        raise fault(3, p="subprotocols", kind="vector of names of protocols", value=shown(given))
    return names


def _url(params: Map) -> str:
    """S003 when it is none of a web socket."""
    return web.address(params.get(URL), "ws", "wss")


SOURCE = SourceKind(
    table=parameter_table(
        NAME,
        main="url",
        params={
            "url": {"kind": "string", "required": True, "text": "the socket, `ws://…` or `wss://…`"},
            "headers": {"kind": "map", "text": "further headers of the handshake, which may be secret"},
            "auth": AUTH_ROW,
            "subprotocols": {"kind": "vector", "text": "protocols that are offered, the best one first"},
            "subscribe": {"kind": "vector", "default": vector([]), "text": "messages that go out after each open"},
            "mode": {
                "kind": "keyword", "one-of": ["text", "json", "bytes"], "default": Keyword("text"),
                "text": "what a message is, in both directions; bytes are a vector of integers",
            },
            "retry": {
                "kind": "map",
                "text": "`{:max-attempts 3 :base-ms 250 :cap-ms 5000 :stable-ms 10000}`; else that of the run",
            },
        },
        slots={"on-open": [], "on-message": ["message"], "on-close": ["info"]},
        when={"on-open": "side", "on-close": "over"},
    ),
    open=ConnectAdapter,
    finite=lambda params: False,
    effects=(":network",),
    doc="The messages of a web socket; `:stream.send` brings others to its server.",
    examples=(('(:rtfs/node (call :stream.ws.connect "wss://example.org/prices" {:mode :json}))', ":ws.connect"),),
    needs=lambda params: (Need.of("net", _url(params)),),
    server=server_at("ws", _url),
)  # fmt: skip
