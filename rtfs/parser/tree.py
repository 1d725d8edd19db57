"""Text as a tree that keeps what the reader drops: comments, blank lines and where lines were broken."""

from __future__ import annotations

import re

from rtfs.lang.names import Symbol
from rtfs.lang.source import Source
from rtfs.parser.lexer import Lexer, Report

OPENING = frozenset({"(", "[", "{", "#("})
PREFIXES = frozenset({"'", "`", "~", "~@", "@", "^", "#_"})
_COMMENT = re.compile(r";[^\n]*|#\||\|#|\n")


class Comment:
    """`; …` or `#| … |#`. trailing: it stands behind a form on the same line. blank: an empty line stands before it."""

    __slots__ = ("text", "trailing", "blank")

    def __init__(self, text: str, trailing: bool, blank: bool) -> None:
        self.text = text
        self.trailing = trailing
        self.blank = blank

    @property
    def line(self) -> bool:
        """Does nothing fit behind it on its line?"""
        return self.text.startswith(";")


class Node:
    """A form as written, with the comments before it.

    text: of an atom, an opening bracket or a prefix. children: of a collection, or what a prefix belongs to (`^` and a
    chain of `#_` have two and more); None for an atom. rest: comments before the closing bracket. broken: the form
    began a line. blank: with an empty line before it.
    """

    __slots__ = ("text", "children", "comments", "rest", "broken", "blank")

    def __init__(self, text: str, children: list[Node] | None, before: Gap) -> None:
        self.text = text
        self.children = children
        self.comments = before.comments
        self.rest: list[Comment] = []
        self.broken = before.broken
        self.blank = before.blank

    @property
    def is_collection(self) -> bool:
        return self.text in OPENING and self.children is not None


class Gap:
    """What stands between two tokens."""

    __slots__ = ("comments", "broken", "blank")

    def __init__(self, text: str, *, at_start: bool) -> None:
        self.comments: list[Comment] = []
        lines, place, first = 0, 0, True
        while (found := _COMMENT.search(text, place)) is not None:
            mark = found.group()
            if mark == "\n":
                lines, place = lines + 1, found.end()
                continue
            comment, place = (mark.rstrip(), found.end()) if mark[0] == ";" else _block(text, found.start())
            trailing = first and lines == 0 and not at_start
            self.comments.append(Comment(comment, trailing, blank=lines > 1))
            lines, first = 0, False
        self.broken = lines > 0 or any(comment.line for comment in self.comments)
        self.blank = lines > 1


def _block(text: str, start: int) -> tuple[str, int]:
    """A block comment, which may nest, and where it ends."""
    depth = 0
    for edge in re.finditer(r"#\||\|#", text[start:]):
        depth += 1 if edge.group() == "#|" else -1
        if depth == 0:
            end = start + edge.end()
            return text[start:end], end
    return text[start:], len(text)


class Tree:
    """A whole text: the forms of the top level and the comments after the last one. The text must be one that reads."""

    def __init__(self, source: Source) -> None:
        self._text = source.text
        self._starts = [0]
        for found in re.finditer("\n", source.text):
            self._starts.append(found.end())
        self._first = 1 if source.text.startswith("\ufeff") else 0
        self._tokens = self._cut(source)
        self._next = 0
        self.head = self._shebang()
        self.forms: list[Node] = []
        while self._next < len(self._tokens):
            self.forms.append(self._element())
        self.rest = self._gap(len(self._text)).comments

    def _shebang(self) -> str:
        """The first line, when it is one for the shell."""
        if not self._text.startswith("#!", self._first):
            self._end = self._first
            return ""
        end = self._text.find("\n")
        self._end = len(self._text) if end < 0 else end
        return self._text[self._first : self._end].rstrip()

    def _cut(self, source: Source) -> list[tuple[int, int]]:
        """Begin and end of each token."""
        tokens = []
        lexer = Lexer(source, Report(), lambda name, span: Symbol(name))
        for type, _, span in lexer.tokens():
            if type != "BEGIN":
                tokens.append((self._offset(span.line, span.column), self._offset(span.end_line, span.end_column)))
        return tokens

    def _offset(self, line: int, column: int) -> int:
        return self._starts[line - 1] + column - 1 + (self._first if line == 1 else 0)

    def _gap(self, until: int) -> Gap:
        gap = Gap(self._text[self._end : until], at_start=self._next == 0)
        return gap

    def _element(self) -> Node:
        begin, end = self._tokens[self._next]
        gap = self._gap(begin)
        self._next += 1
        self._end = end
        text = self._text[begin:end]
        if text in OPENING:
            return self._collection(Node(text, [], gap))
        if text not in PREFIXES:
            return Node(text, None, gap)
        node = Node(text, [], gap)
        assert node.children is not None
        node.children.append(self._element())
        if text == "^":
            node.children.append(self._element())
        while text == "#_" and node.children[-1].text == "#_":
            node.children.append(self._element())  # `#_ #_ a b` drops two
        return node

    def _collection(self, node: Node) -> Node:
        assert node.children is not None
        while True:
            begin, end = self._tokens[self._next]
            if self._text[begin:end] in (")", "]", "}"):
                break
            node.children.append(self._element())
        node.rest = self._gap(begin).comments
        self._next += 1
        self._end = end
        return node
