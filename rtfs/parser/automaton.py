"""The LALR automaton: the table of rtfs.lark, run over tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from rtfs.parser.lexer import Token
from rtfs.parser.table import TABLE

Rules = dict[str, Callable[..., Any]]

_ADD = -1  # in place of a state: append to the list on top


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


class Automaton:
    """One parse. `height`: how many things may be open.

    `values` has an entry for each: a list of a bracket and the forms behind it, or a prefix. The first is the text.
    """

    __slots__ = ("states", "values", "height", "_reductions")

    def __init__(self, rules: Rules, height: int) -> None:
        first = rules["first"]
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
        row = leads[states[-1]]
        for token in tokens:
            state = row.get(token[0])
            if state is None:
                return token, False
            value: Any = token
            while state != _ADD:
                reduction = reductions[state]
                if reduction is None:
                    states.append(state)
                    values.append(value)
                    row = leads[state]
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
                values[-1].append(value)
        return None

    def accepts(self, terminal: str) -> bool:
        """Can this stand here? `$END`: may the text end here?"""
        return terminal in _LEADS[self.states[-1]]
