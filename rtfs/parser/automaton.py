"""The LALR automaton: the table of rtfs.lark, run over tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from rtfs.lang.source import Span
from rtfs.parser.table import TABLE

Token = tuple[str, Any, Span]
"""A terminal of the grammar, its value, its place; with `FORM` instead of a terminal also every finished collection.

The value of an opening bracket or a prefix is how many errors had been reported before it.
"""

Rules = dict[str, Callable[..., Any]]
Make = Callable[["Items", Span], Any]
Opener = tuple[int, str, str, Make]
"""The state behind an opening bracket, its terminal, the bracket that closes it, what makes the collection of items."""

_ADD = -1  # in place of a state: append to the collection on top


class Items:
    """A bracket that is open, and the forms behind it with their places.

    `opener` tells what its closing bracket does; None if more than that decides.
    """

    __slots__ = ("opening", "values", "places", "opener")
    opening: Token
    values: list[Any]
    places: list[Span]
    opener: Opener | None


_new = object.__new__  # a constructor of ours would cost more than all else about a token


def items_of(opening: Token, opener: Opener | None = None) -> Items:
    """A bracket that has just been opened."""
    items: Items = _new(Items)
    items.opening, items.values, items.places, items.opener = opening, [], [], opener
    return items


def _load(text: str) -> tuple[list[dict[str, int]], list[tuple[str, int, str] | None]]:
    """Where every state leads, and what it reduces first: name of the method, count of the parts, completed rule."""
    leads: list[dict[str, int]] = []
    reductions: list[tuple[str, int, str] | None] = []
    for line in text.splitlines():
        words = line.split()
        reduction = None
        if words[:1] == ["reduce"]:
            reduction = (words[1], int(words[2]), words[3])
            words = words[4:]
        leads.append({name: int(state) for name, _, state in (word.partition("=") for word in words)})
        reductions.append(reduction)
    # `items: items form` is left-recursive: adding a form leaves the stacks as they are
    adding = {state for state, reduction in enumerate(reductions) if reduction and reduction[0] == "add"}
    for row in leads:
        row.update((name, _ADD) for name, state in row.items() if state in adding)
    return leads, reductions


_LEADS, _REDUCTIONS = _load(TABLE)


def _openers() -> dict[int, dict[str, tuple[int, str, str, str]]]:
    """The states in which every form is added to the collection on top, and the brackets that open another one there.

    Whatever is written between such brackets, the table leads back to the same state with one form more.
    """
    found: dict[int, dict[str, tuple[int, str, str, str]]] = {}
    for state, row in enumerate(_LEADS):
        if not all(row.get(name) == _ADD for name in ("SYMBOL", "KEYWORD", "STRING", "LITERAL")):
            continue
        found[state] = {}
        for opening, terminal, closer, closing in (
            ("(", "LPAR", ")", "RPAR"), ("[", "LSQB", "]", "RSQB"), ("{", "LBRACE", "}", "RBRACE")
        ):  # fmt: skip
            begun = _REDUCTIONS[row[terminal]]
            inside = row[begun[2]] if begun is not None and begun[:2] == ("begin", 1) else -1
            completed = _REDUCTIONS[_LEADS[inside][closing]] if inside >= 0 else None
            if completed is not None and completed[1] == 2 and row.get(completed[2]) == _ADD:
                found[state][opening] = (inside, terminal, closer, completed[0])
    return found


_OPENERS = _openers()


class Automaton:
    """One parse. `height`: how many things may be open.

    `values` has an entry for each: `Items`, or the token of a prefix. The first is the text.
    """

    __slots__ = ("states", "values", "height", "_openers", "_reductions")

    def __init__(self, rules: Rules, makers: dict[str, Make], height: int) -> None:
        """`rules`: what completes a rule, of its parts. `makers`: the same of collections, of items and their place."""
        first = rules["first"]
        self._openers = {
            state: {written: (*opener[:3], makers[opener[3]]) for written, opener in openers.items()}
            for state, openers in _OPENERS.items()
        }
        self._reductions = [known and (rules.get(known[0], first), known[1], known[2]) for known in _REDUCTIONS]
        self.states = [0]
        self.values: list[Any] = []
        self.height = height

    def run(self, tokens: Iterable[Token]) -> tuple[Token, bool] | None:
        """Take tokens, and do all that follows from each before the next is asked for.

        Stops before a token that cannot stand where it does (and gives it with False), and after one with which too
        much is open (with True).
        """
        states, values, reductions, leads = self.states, self.values, self._reductions, _LEADS
        for token in tokens:
            row = leads[states[-1]]
            state = row.get(token[0])
            if state is None:
                return token, False
            value: Any = token
            while state != _ADD:
                reduction = reductions[state]
                if reduction is None:
                    states.append(state)
                    values.append(value)
                    if len(values) > self.height:
                        return token, True
                    break
                make, count, rule = reduction
                if count == 2:
                    states.pop()
                    row = leads[states[-1]]
                    value = make(values.pop(), value)
                else:
                    value = make(value)
                state = row[rule]
            else:
                values[-1].values.append(value[1])
                values[-1].places.append(value[2])
        return None

    def accepts(self, terminal: str) -> bool:
        """Can this stand here? `$END`: may the text end here?"""
        return terminal in _LEADS[self.states[-1]]

    # ---- the same for what is frequent: forms in a collection, which nothing but the bracket on top decides about

    def openers(self) -> dict[str, Opener] | None:
        """The brackets that may be opened by `begin` here; None where something else than a collection is on top."""
        return self._openers.get(self.states[-1])

    def begin(self, opener: Opener, opening: Token) -> Items:
        """Open a collection."""
        items: Items = _new(Items)
        items.opening, items.values, items.places, items.opener = opening, [], [], opener
        self.states.append(opener[0])
        self.values.append(items)
        return items

    def complete(self, opener: Opener, span: Span) -> Items:
        """Close the collection on top, which `begin` opened, and add it to the one around, which is on top then.

        The span of the closing bracket becomes that of the whole.
        """
        self.states.pop()
        items: Items = self.values.pop()
        begin = items.opening[2]
        span.line, span.column = begin.line, begin.column
        form = opener[3](items, span)
        outer: Items = self.values[-1]
        outer.values.append(form)
        outer.places.append(span)
        return outer
