"""Drawing a program: its pure code runs, the streams it asks for become a picture, and no call reaches a host."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from rtfs.evaluator import SessionEvaluator
from rtfs.host.stream.operate import Read, is_stream_call, read_call
from rtfs.host.stream.picture import Picture
from rtfs.lang.collections import Map, vector
from rtfs.lang.errors import RtfsError
from rtfs.lang.limits import Limits
from rtfs.lang.names import Keyword
from rtfs.lang.operator import operand, shown
from rtfs.lang.outcome import Complete, HostCall
from rtfs.lang.source import Source
from rtfs.session import Session

MOST = 10_000  # calls of a program that are answered
STREAM_ID, KIND, SINK_ID = Keyword("stream-id"), Keyword("kind"), Keyword("sink-id")


def draw(source: Source) -> tuple[Picture, RtfsError | None]:
    """The picture, and the error that the program ended with before its end, if it did."""
    session = Session(limits=Limits.untrusted(), folder=os.path.dirname(source.name) or os.curdir)
    drawing = Drawing(session)
    try:
        outcome = session.start(source.text, name=source.name)
        for _ in range(MOST):
            if isinstance(outcome, Complete):
                return drawing.picture, None
            outcome = outcome.resume(drawing.answer(outcome.call))
    except RtfsError as error:
        return drawing.picture, error
    return drawing.picture, None


class Drawing:
    """Answers the calls of one program so that it goes on, and draws what they mean."""

    def __init__(self, session: Session) -> None:
        self.picture = Picture()
        self._evaluator = SessionEvaluator(session)
        self._count = 0

    def answer(self, call: HostCall) -> Any:
        """What the program gets: nodes as they are, handles of streams that do not run, nil for the rest."""
        special: dict[str, Callable[[HostCall], Any]] = {
            "stream.to-collection": self._collected,
            "stream.create": self._created,
            "mcp.stream.start": self._endpoint,
            "marketplace.stream.start": self._endpoint,
            "marketplace.stream.open-sink": self._sink,
            "marketplace.stream.send": self._sent,
            "marketplace.stream.register-callbacks": self._consumed,
        }
        if call.capability_id in special:
            return special[call.capability_id](call)
        if is_stream_call(call.capability_id):
            return self._operator(read_call(self._evaluator, call.capability_id.removeprefix("stream."), call.args))
        return None

    def _operator(self, read: Read) -> Any:
        if not (read.callbacks or read.starts):
            return read.node
        box = self.picture.node(read.node)
        ways = self.picture.branches.get(box, {}).items()
        if ways:
            parts = [(Keyword(name), self._handle("dataflow", way, way)) for name, way in ways]
            return self._handle("dataflow", box, box).assoc(Keyword("branches"), Map.of(parts))
        if not read.callbacks:
            return self._handle("dataflow", box, box)
        names = " ".join(key.name for key in read.callbacks)
        return self._handle("dataflow", self._after(box, "run", "callbacks", names), box)

    def _after(self, box: str, kind: str, label: str, detail: str = "") -> str:
        end = self.picture.box(kind, label, detail)
        self.picture.arrow(box, end)
        return end

    def _handle(self, kind: str, end: str, out: str) -> Map:
        self._count += 1
        id = f"stream-{self._count}"
        self.picture.stream(id, out)
        return Map.of([(STREAM_ID, id), (KIND, Keyword(kind)), (Keyword("status"), Keyword("active"))])

    def _collected(self, call: HostCall) -> Any:
        self._after(self.picture.node(_first(call)), "run", "to-collection")
        return vector([])

    def _created(self, call: HostCall) -> Any:
        box = self.picture.node(_first(call))
        return self._handle("dataflow", box, self._after(box, "run", "create")).get(STREAM_ID)

    def _endpoint(self, call: HostCall) -> Any:
        given = _first(call)
        place = given.get(Keyword("endpoint"), given.get(Keyword("id"))) if type(given) is Map else given
        box = self.picture.box("source", shown(place, 40).strip('"'))
        processor = given.get(Keyword("processor")) if type(given) is Map else None
        if processor not in (None, ""):
            box = self._after(box, "operator", processor if type(processor) is str else shown(processor, 40))
        return self._handle(call.capability_id.split(".")[0], box, box)

    def _sink(self, call: HostCall) -> Any:
        given = _first(call)
        id = given.get(Keyword("id")) if type(given) is Map else given
        box = self.picture.box("sink", shown(id, 40).strip('"'))
        self._count += 1
        name = f"sink-{self._count}"
        self.picture.stream(name, box)
        return Map.of([(SINK_ID, name), (Keyword("capability"), id)])

    def _sent(self, call: HostCall) -> Any:
        given = _first(call)
        handle = given.get(Keyword("handle")) if type(given) is Map else None
        id = handle.get(SINK_ID) if type(handle) is Map else handle
        if type(id) is str:
            end = self.picture.node(id)
            start = next((box.id for box in self.picture.boxes if box.label == "program"), None)
            if start is None:
                start = self.picture.box("run", "program")
            if (start, end) not in self.picture.arrows:
                self.picture.arrow(start, end)
        return Map.of([(Keyword("accepted"), True)])

    def _consumed(self, call: HostCall) -> Any:
        given = _first(call)
        handle = given.get(Keyword("handle")) if type(given) is Map else None
        names = [key.name for key in given if type(key) is Keyword and key.name.startswith("on-")]
        self._after(self.picture.node(operand(handle)), "run", "callbacks", " ".join(names))
        return None


def _first(call: HostCall) -> Any:
    return call.args[0] if call.args else None
