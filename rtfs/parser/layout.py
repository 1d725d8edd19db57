"""The canonical layout of a text (experience.md §2, `fmt`): same forms, same comments, same line breaks, one spacing.

Where the writer broke a line it stays broken, and a line longer than 100 columns is broken. A body is indented by two,
an argument on a line of its own stands under the first one, and what is in brackets under what comes first in them.
Comments stay with the form they stand before or behind, and of several empty lines one is kept.
"""

from __future__ import annotations

from collections.abc import Iterator

from rtfs.lang.errors import InternalError
from rtfs.lang.source import Source
from rtfs.parser.reader import read
from rtfs.parser.tree import Comment, Node, Tree

WIDTH = 100
_CLOSING = {"(": ")", "#(": ")", "[": "]", "{": "}"}

# Forms with a body: how many arguments come before it. Names that begin with `def` or `with-` have one as well.
_BODIES: dict[str, int] = {
    "let": 1, "letrec": 1, "loop": 1, "if": 1, "if-not": 1, "if-let": 1, "if-some": 1, "when": 1, "when-not": 1,
    "unless": 1, "when-let": 1, "when-some": 1, "do": 0, "cond": 0, "condp": 2, "case": 1, "match": 1, "for": 1,
    "doseq": 1, "dotimes": 1, "try": 0, "catch": 2, "finally": 0, "module": 1, "testing": 1, "step": 1, "step-if": 1,
    "step-loop": 1, "step-parallel": 0, "plan": 0, "comment": 0, "parallel": 0, "stream-consume": 1, "capability": 1,
    "resource": 1, "intent": 0, "action": 0, "operator": 0,
}  # fmt: skip
_FUNCTIONS = frozenset({"fn", "lambda", "λ"})
_BINDING = frozenset(
    {"let", "letrec", "loop", "for", "doseq", "if-let", "when-let", "if-some", "when-some", "parallel"}
)
_CLAUSES = {"cond": 1, "condp": 3, "case": 2, "match": 2}  # where clauses of two forms begin


def formatted(text: str, name: str = "<text>") -> str:
    """A text in its canonical layout, ending in a line break. ReadError, with all errors, when it cannot be read."""
    before = read(Source(name, text)).forms
    tree = Tree(Source(name, text))
    result = _page(tree)
    if not _same(before, read(Source(name, result)).forms):
        raise InternalError("the layout changed what a text says")
    return result


def _same(before: list[object], after: list[object]) -> bool:
    from rtfs.lang.printer import show

    return len(before) == len(after) and all(
        show(one, None) == show(other, None) for one, other in zip(before, after, strict=True)
    )


class Lines:
    """Text under way. The first line begins at `column`; further ones hold their whole indentation."""

    __slots__ = ("column", "lines", "closed")

    def __init__(self, column: int) -> None:
        self.column = column
        self.lines = [""]
        self.closed = False  # a comment ended the line: nothing can follow on it

    @property
    def at(self) -> int:
        """The column where the next text goes."""
        return len(self.lines[-1]) + (self.column if len(self.lines) == 1 else 0)

    def put(self, lines: list[str]) -> None:
        self.lines[-1] += lines[0]
        self.lines.extend(lines[1:])

    def begin(self, indent: int, *, blank: bool = False) -> None:
        """Go to a new line, after an empty one when `blank`."""
        if blank:
            self.lines.append("")
        self.lines.append(" " * indent)
        self.closed = False

    def comment(self, comment: Comment, indent: int, *, fresh: bool) -> None:
        """Write a comment. fresh: nothing was written on this line that it could stand behind."""
        if comment.trailing and not self.closed:
            self.put(f" {comment.text}".split("\n"))
        else:
            self.begin(indent, blank=comment.blank and not fresh)
            self.put(comment.text.split("\n"))
        self.closed = comment.line

    @property
    def widest(self) -> int:
        return max(len(line) + (self.column if n == 0 else 0) for n, line in enumerate(self.lines))


def _page(tree: Tree) -> str:
    page = Lines(0)
    empty = True
    if tree.head:
        page.put([tree.head])
        page.closed, empty = True, False
    for form in tree.forms:
        for comment in form.comments:
            _top_comment(page, comment, empty)
            empty = False
        if not empty and (form.broken or page.closed):
            page.begin(0, blank=form.blank)
        elif not empty:
            page.put([" "])  # several forms on one line are meant to be read as one
        page.put(_lay(form, page.at))
        empty = False
    for comment in tree.rest:
        _top_comment(page, comment, empty)
        empty = False
    text = "\n".join(line.rstrip() if not line.strip() else line for line in page.lines)
    return f"{text}\n" if text else ""


def _top_comment(page: Lines, comment: Comment, empty: bool) -> None:
    if empty:
        page.put(comment.text.split("\n"))
        page.closed = comment.line
    else:
        page.comment(comment, 0, fresh=False)


# ---- forms


def _lay(node: Node, column: int, *, paired: bool = False, kept: bool = False) -> list[str]:
    """The lines of a form that begins at a column.

    paired: a vector of bindings, two by two. kept: only where the writer broke lines, however wide that is.
    """
    if node.children is None:
        return node.text.split("\n")
    if not node.is_collection:
        return _prefixed(node, column, kept)
    as_written = _collection(node, column, _kept, kept=True)
    if kept or as_written.widest <= WIDTH:
        return as_written.lines
    tries = [_collection(node, column, policy) for policy in _policies(node, column, paired)]
    return next((one for one in tries if one.widest <= WIDTH), min(tries, key=lambda one: one.widest)).lines


def _prefixed(node: Node, column: int, kept: bool) -> list[str]:
    """A prefix and what belongs to it; metadata and discards stand before their form with a space."""
    out = Lines(column)
    out.put([node.text])
    for n, child in enumerate(node.children or ()):
        for comment in child.comments:
            out.comment(comment, column, fresh=False)
        if out.closed or (n > 0 and child.broken):
            out.begin(column)
        elif n > 0 or child.comments:
            out.put([" "])
        out.put(_lay(child, out.at, kept=kept))
    return out.lines


class Breaks:
    """Which children of a collection begin a line. wraps: those too that would not fit on it any more."""

    __slots__ = ("at", "wraps")

    def __init__(self, at: frozenset[int] = frozenset(), *, wraps: bool = False) -> None:
        self.at = at
        self.wraps = wraps


_kept = Breaks()


def _policies(node: Node, column: int, paired: bool) -> list[Breaks]:
    """How a collection that is too wide may be broken, best first."""
    count = len(node.children or ())
    if node.text in ("(", "#("):
        begin = _body(node)
        after = _after_parameters(node) if begin is not None and _head(node).startswith("def") else begin
        breaks = frozenset(_clause_starts(node, after))
        more = breaks | frozenset(range(1 if begin is None else 2, count))
        first_line = _collection(node, column, Breaks(breaks), kept=True).lines[0]
        fits = begin is None or column + len(first_line) <= WIDTH  # else what comes before the body is broken first
        return [Breaks(breaks), Breaks(more)] if fits else [Breaks(more)]
    if paired:
        return [Breaks(frozenset(_binding_starts(node)))]
    if node.text == "{":
        return [Breaks(frozenset(range(2, count, 2)))]
    if all(child.children is None for child in node.children or ()):
        return [Breaks(wraps=True)]
    return [Breaks(frozenset(range(1, count)))]


def _binding_starts(node: Node) -> Iterator[int]:
    """The children of a vector of bindings that begin one but the first: `name value` or `name : type value`."""
    children = node.children or []
    start = 0
    while start < len(children):
        if start:
            yield start
        start += 4 if start + 1 < len(children) and children[start + 1].text == ":" else 2


def _head(node: Node) -> str:
    first = node.children[0] if node.children else None
    return first.text if first is not None and first.children is None else ""


def _body(node: Node) -> int | None:
    """The place of the first form of a list's body; None when it has none."""
    head = _head(node)
    if node.text != "(":
        return None
    if head in _FUNCTIONS:
        return _after_parameters(node)
    if head.startswith(("def", "with-")):
        return 2
    before = _BODIES.get(head)
    return None if before is None else before + 1


def _after_parameters(node: Node) -> int:
    """The place behind the parameter vector; without one that of the second argument."""
    return next((n for n, child in enumerate(node.children or ()) if child.text == "["), 1) + 1


def _clause_starts(node: Node, body: int | None) -> list[int]:
    """The children that begin a line when every part does: clauses two by two, else each form of a body or argument."""
    children = node.children or []
    start = _CLAUSES.get(_head(node))
    if start is None or node.text != "(":
        return list(range(2 if body is None else max(body, 1), len(children)))
    starts = []
    while start < len(children):
        starts.append(start)
        guarded = start + 1 < len(children) and children[start + 1].text == "when" and _head(node) == "match"
        start += 4 if guarded else 2
    return starts


def _collection(node: Node, column: int, breaks: Breaks, *, kept: bool = False) -> Lines:
    children, out = node.children or [], Lines(column)
    out.put([node.text])
    inside = column + len(node.text)
    body, argument = _body(node), inside
    is_list = node.text in ("(", "#(")

    def indent(n: int) -> int:
        if not is_list or n == 0:
            return inside
        if body is not None:
            return column + 2 if n >= body or _head(node).startswith("def") else column + 4
        return argument

    for n, child in enumerate(children):
        for comment in child.comments:
            out.comment(comment, indent(n), fresh=n == 0)
        lines_before = len(out.lines)
        if out.closed or (n > 0 and (child.broken or n in breaks.at)) or (n == 0 and child.comments):
            out.begin(indent(n), blank=child.blank and n > 0)
        elif n > 0:
            out.put([" "])
        paired = n == 1 and _head(node) in _BINDING
        laid = _lay(child, out.at, paired=paired, kept=kept)
        if breaks.wraps and n > 0 and out.at + len(laid[0]) + 1 > WIDTH and len(out.lines) == lines_before:
            out.lines[-1] = out.lines[-1].rstrip(" ")
            out.begin(indent(n))
            laid = _lay(child, out.at, paired=paired)
        if is_list and n == 1 and body is None and len(out.lines) == 1:
            argument = out.at
        out.put(laid)
    for comment in node.rest:
        out.comment(comment, indent(len(children)), fresh=not children)
    if out.closed:
        out.begin(indent(len(children)))
    if children and children[-1].text == ":":
        out.put([" "])  # the mark of an annotation wants one behind it
    out.put([_CLOSING[node.text]])
    return out
