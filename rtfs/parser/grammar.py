"""The LALR table of rtfs.lark; `python -m rtfs.parser.grammar` writes it to table.py, where the reader finds it.

To load lark and build the table takes longer than most programs take to run, and gives the same every time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_HEAD = '''\
"""The table of rtfs.lark, as `python -m rtfs.parser.grammar` writes it: change the grammar instead.

One line is one state, numbered in the order in which they are reached from the start, which is state 0.
`reduce FUNCTION COUNT RULE`: first, whatever comes next, the last COUNT values, 1 or 2, become one.
`NAME=STATE`: where a terminal, or a rule once it is complete, leads to; a text may end where `$END` leads anywhere.
"""
# ruff: noqa: E501 (one line is one state)

TABLE = """\\
'''


def table() -> str:
    """The table as text, which table.py describes. ValueError if the grammar is not as plain as the automaton."""
    states, start = _states()
    numbers = {start: 0}
    order = [start]
    rows: list[str] = []
    for state in order:  # grows meanwhile
        shifts, reductions = states[state]
        for target in (shifts[name] for name in sorted(shifts)):
            if target not in numbers:
                numbers[target] = len(numbers)
                order.append(target)
        if len(reductions) > 1 or (reductions and any(name.isupper() for name in shifts)):
            raise ValueError(f"a state of rtfs.lark has to look ahead: {sorted(reductions)}, {sorted(shifts)}")
        rows.append(" ".join([*reductions, *[f"{name}={numbers[shifts[name]]}" for name in sorted(shifts)]]))
    return "\n".join(rows) + "\n"


def module() -> str:
    """The source of table.py."""
    return f'{_HEAD}{table()}"""\n'


def _states() -> tuple[dict[int, tuple[dict[str, int], set[str]]], int]:
    """What lark found: for every state its shifts and its reductions, whatever they wait for; and the first state."""
    from lark import Lark
    from lark.lexer import Lexer
    from lark.parsers.lalr_analysis import Shift

    class NoLexer(Lexer):
        """Lark wants to know of one; the tokens come from rtfs/parser/lexer.py."""

        def __init__(self, configuration: Any) -> None:
            pass

        def lex(self, lexer_state: Any, parser_state: Any) -> Iterator[Any]:
            raise NotImplementedError

    grammar = Lark.open("rtfs.lark", rel_to=__file__, parser="lalr", lexer=NoLexer)
    made = grammar.parse_interactive().parser_state.parse_conf
    states: dict[int, tuple[dict[str, int], set[str]]] = {}
    for state, actions in made.states.items():
        shifts: dict[str, int] = {}
        reductions: set[str] = set()
        for name, (kind, target) in actions.items():
            if kind is Shift and name != "start":
                shifts[str(name)] = target
            elif kind is Shift:
                continue
            elif target.origin.name == "start":
                shifts["$END"] = made.end_state
            elif 1 <= len(target.expansion) <= 2:
                rule = target.origin.name
                reductions.add(f"reduce {target.alias or rule} {len(target.expansion)} {rule}")
            else:
                raise ValueError(f"a rule of rtfs.lark has one or two parts: {target}")
        states[state] = (shifts, reductions)
    return states, made.start_state


if __name__ == "__main__":
    with open(__file__.replace("grammar.py", "table.py"), "w", encoding="utf-8") as file:
        file.write(module())
