"""Pictures of graphs of streams: boxes and arrows, as mermaid, SVG or JSON (streaming.md §9.1, `rtfs graph`)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape
from typing import Any, NamedTuple

from rtfs.host.stream import credential
from rtfs.host.stream.description import SECRET
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword
from rtfs.lang.operator import INPUTS, NAME, NODE, PARAMS, STREAM_ID, operand, shown
from rtfs.lang.values import is_vector

FORMATS = ("mermaid", "svg", "json")
BRANCHES, PARALLELISM = Keyword("branches"), Keyword("parallelism")
FEW = 8  # partitions that are drawn one by one
LABEL = 40  # characters of a parameter that are shown


class Box(NamedTuple):
    """One node. kind: `source`, `operator`, `run`, `sink` or `stream`, a running one that is referred to."""

    id: str
    kind: str
    label: str
    detail: str


class Picture:
    """Boxes in the order they were drawn, and arrows between their ids."""

    def __init__(self) -> None:
        self.boxes: list[Box] = []
        self.arrows: list[tuple[str, str]] = []
        self._streams: dict[str, str] = {}  # id of a stream → the box that its items leave
        self.branches: dict[str, dict[str, str]] = {}  # box of a node whose items go several ways → boxes by name

    def box(self, kind: str, label: str, detail: str = "") -> str:
        """Draw a box; its id."""
        id = f"n{len(self.boxes)}"
        self.boxes.append(Box(id, kind, label, detail))
        return id

    def arrow(self, start: str, end: str) -> None:
        """What leaves a box goes to another; of one with branches what leaves these."""
        ways = {} if end in self.branches.get(start, {}).values() else self.branches.get(start, {})
        self.arrows += [(way, end) for way in ways.values() or (start,)]

    def node(self, given: Any) -> str:
        """Draw a node with all that it reads; the id of its box."""
        node: Any = operand(given)
        if type(node) is str or STREAM_ID in node:
            id: str = node if isinstance(node, str) else node.get(STREAM_ID)
            if id not in self._streams:
                self._streams[id] = self.box("stream", id)
            return self._streams[id]
        op, params = node.get(NODE), node.get(PARAMS)
        inputs = [self.node(each) for each in node.get(INPUTS) or ()]
        label = op.name if type(op) is Keyword else shown(op, LABEL)
        id = self.box("operator" if inputs else "source", label, _detail(params))
        for each in inputs:
            self.arrow(each, id)
        self._fan_out(id, params)
        self._divide(id, params, label)
        return id

    def _fan_out(self, id: str, params: Any) -> None:
        """The branches of a node, each a box."""
        branches = params.get(BRANCHES) if type(params) is Map else None
        for branch in branches if branches is not None and is_vector(branches) else ():
            if type(branch) is not Map:
                continue
            name = branch.get(NAME)
            label = name.name if type(name) is Keyword else shown(name, LABEL)
            way = self.box("operator", label, _detail(branch.dissoc(NAME)))
            self.branches.setdefault(id, {})[label] = way
            self.arrow(id, way)

    def _divide(self, id: str, params: Any, op: str) -> None:
        """The partitions of a node, each a box while they are few."""
        count = params.get(PARALLELISM) if op == "parallel" and type(params) is Map else None
        if type(count) is not int or count < 1:
            return
        names = [f"partition {at}" for at in range(count)]
        for name in names if count <= FEW else [f"partitions 0 … {count - 1}"]:
            self.branches.setdefault(id, {})[name] = self.box("operator", name)
            self.arrow(id, self.branches[id][name])

    def stream(self, id: str, box: str) -> None:
        """The items of a stream leave this box."""
        self._streams[id] = box

    def written(self, format: str) -> str:
        """The picture as text of a format of FORMATS."""
        return {"mermaid": self.mermaid, "svg": self.svg, "json": self.json}[format]()

    # ---- formats

    def data(self) -> dict[str, Any]:
        """Nodes and edges."""
        boxes = [box._asdict() for box in self.boxes]
        return {"nodes": boxes, "edges": [{"from": start, "to": end} for start, end in self.arrows]}

    def json(self) -> str:
        return json.dumps(self.data(), ensure_ascii=False, indent=2)

    def mermaid(self) -> str:
        lines = ["flowchart LR"]
        for box in self.boxes:
            text = "<br/>".join(filter(None, (_quoted(box.label), _quoted(box.detail))))
            left, right = _SHAPES[box.kind]
            lines.append(f'  {box.id}{left}"{text}"{right}')
        lines += [f"  {start} --> {end}" for start, end in self.arrows]
        return "\n".join(lines)

    def svg(self) -> str:
        """Boxes in columns, each as far from its sources as the longest way to it."""
        places = self._places()
        width = (max((x for x, _ in places.values()), default=0) + 1) * (_WIDTH + _GAP) + _GAP
        height = (max((y for _, y in places.values()), default=0) + 1) * (_HEIGHT + _GAP) + _GAP
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
            ' font-family="sans-serif" font-size="12">',
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
            '<path d="M0 0 8 4 0 8z"/></marker></defs>',
        ]
        for start, end in self.arrows:
            (x1, y1), (x2, y2) = _corner(places[start]), _corner(places[end])
            a, b = (x1 + _WIDTH, y1 + _HEIGHT // 2), (x2, y2 + _HEIGHT // 2)
            middle = (a[0] + b[0]) // 2
            path = f"M{a[0]} {a[1]} C{middle} {a[1]} {middle} {b[1]} {b[0]} {b[1]}"
            parts.append(f'<path d="{path}" fill="none" stroke="black" marker-end="url(#tip)"/>')
        parts += [_drawn(box, _corner(places[box.id])) for box in self.boxes]
        return "\n".join([*parts, "</svg>"])

    def _places(self) -> dict[str, tuple[int, int]]:
        """Column and row of each box. Boxes are drawn after what they read, so one pass finds the longest ways."""
        columns: dict[str, int] = {}
        for box in self.boxes:
            before = [columns[start] for start, end in self.arrows if end == box.id and start in columns]
            columns[box.id] = max(before, default=-1) + 1
        rows: dict[int, int] = {}
        places = {}
        for box in self.boxes:
            column = columns[box.id]
            places[box.id] = (column, rows.get(column, 0))
            rows[column] = rows.get(column, 0) + 1
        return places


_SHAPES = {
    "source": ("([", "])"),
    "operator": ("[", "]"),
    "run": ("[[", "]]"),
    "sink": ("[(", ")]"),
    "stream": ("{{", "}}"),
}
_COLOURS = {"source": "#dff0d8", "operator": "#ffffff", "run": "#d9edf7", "sink": "#fcf8e3", "stream": "#eeeeee"}
_WIDTH, _HEIGHT, _GAP = 190, 44, 34


def _corner(place: tuple[int, int]) -> tuple[int, int]:
    return _GAP + place[0] * (_WIDTH + _GAP), _GAP + place[1] * (_HEIGHT + _GAP)


def _drawn(box: Box, corner: tuple[int, int]) -> str:
    x, y = corner
    text = [(box.label, 18 if box.detail else 26, "bold"), (box.detail, 34, "normal")]
    lines = "".join(
        f'<text x="{x + _WIDTH // 2}" y="{y + down}" text-anchor="middle" font-weight="{weight}">'
        f"{escape(line[:30])}</text>"
        for line, down, weight in text
        if line
    )
    colour = _COLOURS[box.kind]
    return f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="6" fill="{colour}" stroke="black"/>{lines}'


def _quoted(text: str) -> str:
    """As mermaid takes it inside quotation marks."""
    return escape(text, quote=True).replace("&#x27;", "'").replace("&quot;", "#quot;")


def _detail(params: Any) -> str:
    """The parameters of a node in a few words; its name, if somebody gave one."""
    if type(params) is not Map:
        return ""
    if type(params.get(NAME)) is str:
        return str(params.get(NAME))
    told = [
        key.name if key is BRANCHES else f"{key.name} {credential.shown(shown(value, LABEL))}"
        for key, value in _worth(params)
    ]
    text = " ".join(told)
    return text if len(text) <= LABEL else text[: LABEL - 1] + "…"


def _worth(params: Map) -> Iterable[tuple[Keyword, Any]]:
    named = [(key, value) for key, value in params.entries() if type(key) is Keyword and value is not None]
    return [(key, value) for key, value in named if key.name not in SECRET]
