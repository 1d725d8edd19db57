"""The grammar is the only source of syntax: what is run agrees with it."""

from __future__ import annotations

import subprocess
import sys

from lark import Lark
from lark.lexer import Lexer

from rtfs.parser import grammar, table
from rtfs.parser.lexer import TERMINALS


def test_the_table_is_the_one_of_the_grammar():
    with open(table.__file__, encoding="utf-8") as file:
        assert file.read() == grammar.module(), "run: python -m rtfs.parser.grammar"


def test_brackets_and_prefixes_are_written_as_the_grammar_says():
    class NoLexer(Lexer):
        def __init__(self, configuration):
            pass

        def lex(self, lexer_state, parser_state):
            raise NotImplementedError

    parser = Lark.open("rtfs.lark", rel_to=grammar.__file__, parser="lalr", lexer=NoLexer)
    written = {each.pattern.value: each.name for each in parser.terminals if each.pattern is not None}
    assert {text: name for text, name in written.items() if text} == TERMINALS


def test_reading_needs_no_lark():
    code = (
        "import sys; from rtfs.parser.reader import read; from rtfs.lang.source import Source;"
        "read(Source('x', '(a)')); sys.exit('lark' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
