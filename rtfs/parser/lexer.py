"""Text → the tokens of rtfs.lark, by maximal munch with one compiled expression (language.md §1.1). Tag: LITERAL.

A token that is no RTFS is reported and replaced by something of the same weight, so that reading goes on and one report
lists everything that is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from rtfs.lang.errors import LimitError, ReadError, memory_error
from rtfs.lang.limits import Limits
from rtfs.lang.names import Symbol
from rtfs.lang.signal import FLAG, poll
from rtfs.lang.source import Source, Span
from rtfs.parser.automaton import Automaton, Items, Opener, Token
from rtfs.parser.escape import Fault, unescape
from rtfs.parser.word import Meaning, clip, meaning

REPORT_LIMIT = 20  # syntax errors in one report
CHARACTERS = Limits().characters


class Report:
    """The syntax errors of one text."""

    __slots__ = ("errors",)

    def __init__(self) -> None:
        self.errors: list[ReadError] = []

    def add(self, message: str, span: Span, code: str, *notes: str) -> None:
        """Take note of an error; raises the whole report when it is long enough."""
        self.take(ReadError(message, code=code, span=span, notes=notes))

    def take(self, error: ReadError) -> None:
        self.errors.append(error)
        if len(self.errors) == REPORT_LIMIT:
            raise self.failure()

    def failure(self) -> ReadError:
        """The first error of the text, carrying all of them."""
        self.errors.sort(key=_place)
        first = self.errors[0]
        first.errors = self.errors
        return first


def _place(error: ReadError) -> tuple[int, int]:
    return (error.span.line, error.span.column) if error.span is not None else (0, 0)


TERMINALS = {
    "(": "LPAR",
    ")": "RPAR",
    "[": "LSQB",
    "]": "RSQB",
    "{": "LBRACE",
    "}": "RBRACE",
    "#(": "FUNCTION",
    "'": "QUOTE",
    "`": "BACKQUOTE",
    "~": "UNQUOTE",
    "~@": "SPLICE",
    "@": "AT",
    "^": "HAT",
    "#_": "DISCARD",
}

_END = r'\s()\[\]{}";,'  # what ends every token; \s also holds the white space that RTFS does not know
_TOKEN = re.compile(
    rf"""
    [ \t\r\f,]*+ (?: ;[^\n]*+ )?
    (?: ( resource://[^\s,)\]}}";]*+
        | [+-]?[0-9] [^{_END}]*+
        | :?[^{_END}:'`~@^#\\] [^{_END}:]*+ (?: :v[0-9][0-9.]*+/ [^{_END}:]*+ )*+ )  # 1: a word
    | ( [)\]}}] )                              # 2: a closing bracket
    | ( [(\[{{] | \#\( | \#_ | ~@ | ['`~@^] )    # 3: an opening bracket or a prefix
    | ( \n++ )                                 # 4: new lines
    | " ( [^"\\\n]*+ ) "                       # 5: the text of a plain string
    | ( \Z )                                   # 6: the end
    | ( . )                                    # 7: the start of anything else
    )
    """,
    re.VERBOSE | re.DOTALL,
)
_WORD, _CLOSE, _OPEN, _NEWLINE, _STRING, _LAST, _OTHER = range(1, 8)

_LONG_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_COMMENT_EDGE = re.compile(r"#\||\|#")
_HASH = re.compile(rf"#(?:\?@?|'|[^{_END}]*+)")
_COLONS = re.compile(rf":(?::+[^{_END}]*+)?")
_CHARACTER = re.compile(rf"\\(?:\S[^{_END}]*+)?")
_SURROGATE = re.compile("[\ud800-\udfff]")
_new = object.__new__  # see automaton.py
_SPECIAL_FLOATS = {"##Inf": float("inf"), "##-Inf": float("-inf"), "##NaN": float("nan")}


class Lexer:
    """The tokens of one text. Each must be asked for when all that follows from the one before it has been done."""

    def __init__(self, source: Source, report: Report, parameter: Callable[[str, Span], Symbol]) -> None:
        """`parameter`: the symbol that `%`, `%1` … or `%&` means here."""
        self.source = source
        self.report = report
        self.parameter = parameter
        self.line = 1
        self.base = -1  # column = offset - base
        self._begin = 0  # of the token at hand, on that line
        self._words: dict[str, Meaning] = {}

    def tokens(self, parse: Automaton | None = None) -> Iterator[Token]:
        """Every token in order, the end not included. MemoryLimitExceeded for an integer or string that is too large.

        What `parse` can take without them becomes no tokens.
        """
        text, errors = self.source.text, self.report.errors
        position = self._start()
        yield "BEGIN", None, self._span(position, position)
        while position >= 0:
            if FLAG:
                poll()
            match = None
            if parse is not None and (openers := parse.openers()) is not None:
                match = self._quickly(parse, openers, position)
            if match is None:
                match = _TOKEN.match(text, position)
            assert match is not None  # every text begins with a token, if only with its end
            kind = match.lastindex or 0
            start, end = match.span(kind)
            self._begin, position = start, end
            if kind == _WORD:
                span = self._near(start, end)
                type, value = self._words.get(text[start:end]) or self._learn(text[start:end], span)
                if type == "SYMBOL" or type == "PARAMETER":
                    type, value = "SYMBOL", self._symbol(type, value, span)
                yield type, value, span
            elif kind == _CLOSE:
                yield TERMINALS[text[start]], None, self._near(start, end)
            elif kind == _OPEN:
                yield TERMINALS[text[start:end]], len(errors), self._near(start, end)
            elif kind == _NEWLINE:
                self.line, self.base = self.line + end - start, end - 1
            elif kind == _STRING and end - start <= CHARACTERS:
                position = end + 1
                yield "STRING", text[start:end], self._near(start - 1, end + 1)
            else:
                token, position = self._other(kind, start)
                if token is not None:
                    yield token

    def _symbol(self, type: str, name: str, span: Span) -> Symbol:
        return Symbol(name, None, span) if type == "SYMBOL" else self.parameter(name, span)

    def _quickly(self, parse: Automaton, openers: dict[str, Opener], position: int) -> re.Match[str]:
        """Take words, short strings and plain brackets as long as a collection is on top; gives what comes then.

        A token for each would take longer than all else.
        """
        source, words, new = self.source, self._words, _new
        line, base = self.line, self.base
        items: Items = parse.values[-1]
        add, place = items.values.append, items.places.append
        for match in _TOKEN.finditer(source.text, position):
            kind, end = match.lastindex, match.end()
            if kind == _NEWLINE:
                line, base = line + len(match[_NEWLINE]), end - 1
                continue
            word = match[kind or 0]
            span: Span = new(Span)
            span.source, span.line, span.column = source, line, end - len(word) - base
            span.end_line, span.end_column = line, end - base
            if kind == _WORD:
                type, value = words.get(word) or self._learn(word, span)
                if type == "SYMBOL":
                    symbol: Symbol = new(Symbol)
                    symbol.name, symbol.module, symbol.span = value, None, span
                    value = symbol
                elif type == "PARAMETER":
                    value = self.parameter(value, span)
                add(value)
                place(span)
            elif kind == _OPEN and (opener := openers.get(word)) and len(parse.values) < parse.height:
                if FLAG:
                    poll()
                items = parse.begin(opener, (opener[1], len(self.report.errors), span))
                add, place = items.values.append, items.places.append
            elif kind == _CLOSE and (opener := items.opener) and opener[2] == word:
                items = parse.complete(opener, span)
                add, place = items.values.append, items.places.append
            elif kind == _STRING and len(word) <= CHARACTERS:
                span.column -= 2
                add(word)
                place(span)
            else:
                break
        self.line, self.base = line, base
        return match

    def _start(self) -> int:
        """Where the first form can begin: after a byte-order mark and a line `#!…`."""
        text = self.source.text
        bad = None if text.isascii() else _SURROGATE.search(text)
        if bad is not None:
            note = f"U+{ord(bad[0]):04X} is half of a surrogate pair and no character"
            self.report.add("source is not Unicode text", self._span(bad.start(), bad.end()), "RTFS-E101", note)
            raise self.report.failure()
        start = 1 if text.startswith("\ufeff") else 0
        self.base += start
        if text.startswith("#!", start):
            end = text.find("\n", start)
            return end if end >= 0 else len(text)
        return start

    def _learn(self, word: str, span: Span) -> Meaning:
        """What a word means that was not seen before. A bad one is reported and stands for nil."""
        try:
            known = self._words[word] = meaning(word)
        except ReadError as error:
            error.span = span
            self.report.take(error)
            return "LITERAL", None
        except LimitError as error:
            error.span = span
            raise
        return known

    # ---- what is rare; every method gives the token, if any, and where to go on (-1: nowhere)

    def _other(self, kind: int, start: int) -> tuple[Token | None, int]:
        if kind == _LAST:
            return None, -1
        text = self.source.text
        if kind == _STRING:  # a plain one, but too long
            return self._string(start - 1)
        match text[start]:
            case '"':
                return self._string(start)
            case "#":
                return self._comment(start) if text.startswith("#|", start) else self._hash(start)
            case ":":
                return self._colon(start)
            case "\\":
                return self._character(start)
        code = f"U+{ord(text[start]):04X}"
        self._report(f"unexpected character {code}", start, start + 1, "RTFS-E101", "white space is written as a space")
        return None, start + 1

    def _string(self, start: int) -> tuple[Token | None, int]:
        """A string with escapes or new lines, or without an end."""
        match = _LONG_STRING.match(self.source.text, start)
        if match is None:
            self._report("unterminated string", start, start + 1, "RTFS-E102", f"it begins at {self._at(start)}")
            raise self.report.failure()
        faults: list[Fault] = []
        value = unescape(match[0][1:-1], faults)
        for begin, end, message, note in faults:
            self._report(message, start + 1 + begin, start + 1 + end, "RTFS-E104", note)
        span = self._span(start, match.end())
        if len(value) > CHARACTERS:
            error = memory_error("string", len(value), CHARACTERS)
            error.span = span
            raise error
        self._advance(match.end())
        return ("STRING", value, span), match.end()

    def _comment(self, start: int) -> tuple[Token | None, int]:
        """`#| … |#`, which nests."""
        depth = 0
        for edge in _COMMENT_EDGE.finditer(self.source.text, start):
            depth += 1 if edge[0] == "#|" else -1
            if depth == 0:
                self._advance(edge.end())
                return None, edge.end()
        note = f"it begins at {self._at(start)}" + (f", and {depth} comments are open" if depth > 1 else "")
        self._report("unterminated comment", start, start + 2, "RTFS-E102", note)
        raise self.report.failure()

    def _colon(self, start: int) -> tuple[Token | None, int]:
        """The annotation mark, or no keyword."""
        text = self.source.text
        if text[start + 1 : start + 2] in _AFTER_ANNOTATION_MARK:
            span = self._span(start, start + 1)
            return ("SYMBOL", Symbol(":", None, span), span), start + 1
        end = self._end(_COLONS, start)
        if text.startswith("::", start):
            word = clip(text[start:end])
            self._report(f"unsupported keyword {word}", start, end, "RTFS-E107", "a keyword has one colon")
        else:
            note = "a keyword needs a name after its colon; the colon of a type annotation needs a space"
            self._report("unexpected ':'", start, end, "RTFS-E101", note)
        return self._nothing(start, end), end

    def _character(self, start: int) -> tuple[Token | None, int]:
        """`\\a`: there are no characters."""
        end = self._end(_CHARACTER, start)
        name = self.source.text[start + 1 : end]
        if not name:
            self._report("unexpected '\\'", start, end, "RTFS-E101")
        else:
            written = _NAMED_CHARACTERS.get(name) or (name if len(name) == 1 and name.isprintable() else "a")
            note = f'a character is a string of length 1: write "{written}"'
            self._report(f"unsupported character literal \\{clip(name)}", start, end, "RTFS-E107", note)
        return self._nothing(start, end), end

    def _hash(self, start: int) -> tuple[Token | None, int]:
        """`##Inf`, or what follows `#` in other Lisps."""
        text = self.source.text
        end = self._end(_HASH, start)
        word = text[start:end]
        following = text[end : end + 1]
        if word in _SPECIAL_FLOATS:
            return ("LITERAL", _SPECIAL_FLOATS[word], self._span(start, end)), end
        if word.startswith("##"):
            self._report(f"bad literal {clip(word)}", start, end, "RTFS-E103", "write ##Inf, ##-Inf or ##NaN")
            return self._nothing(start, end), end
        if word == "#" and following == "{":
            before = len(self.report.errors)
            self._report("unsupported set literal #{…}", start, end + 1, "RTFS-E107", "write a vector, as in [1 2 3]")
            return ("LBRACE", before, self._span(start, end + 1)), end + 1  # so that no odd count is reported as well
        if word == "#" and following == '"':
            note = 'a regex is a string whose backslashes are doubled, as in "\\\\d+"'
            self._report('unsupported regex literal #"…"', start, end + 1, "RTFS-E107", note)
            string = _LONG_STRING.match(text, end)
            return (None, end) if string is None else self._skipped(start, string.end())
        if word == "#":
            self._report("unexpected '#'", start, end, "RTFS-E101", "`#` begins #( … ), #_ and #| … |#")
            return None, end
        note = next((note for begin, note in _HASH_ADVICE if word.startswith(begin)), "there are no tagged literals")
        self._report(f"unsupported syntax {clip(word)}", start, end, "RTFS-E107", note)
        return None, end

    # ---- places

    def _report(self, message: str, start: int, end: int, code: str, *notes: str) -> None:
        self.report.add(message, self._span(start, end), code, *notes)

    def _end(self, pattern: re.Pattern[str], start: int) -> int:
        match = pattern.match(self.source.text, start)
        return match.end() if match is not None else start + 1

    def _nothing(self, start: int, end: int) -> Token:
        """What stands for a bad token, so that the forms around it keep their count."""
        return "LITERAL", None, self._span(start, end)

    def _skipped(self, start: int, end: int) -> tuple[Token, int]:
        token = self._nothing(start, end)
        self._advance(end)
        return token, end

    def _position(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset that is not before the token at hand."""
        newlines = self.source.text.count("\n", self._begin, offset)
        base = self.source.text.rfind("\n", self._begin, offset) if newlines else self.base
        return self.line + newlines, offset - base

    def _near(self, start: int, end: int) -> Span:
        """The span of a token that begins and ends on the line at hand."""
        return Span(self.source, self.line, start - self.base, self.line, end - self.base)

    def _span(self, start: int, end: int) -> Span:
        return Span(self.source, *self._position(start), *self._position(end))

    def end(self) -> Span:
        """The place behind the last character; right once all tokens have been read."""
        return self._span(len(self.source.text), len(self.source.text))

    def _at(self, offset: int) -> str:
        return "{}:{}".format(*self._position(offset))

    def _advance(self, offset: int) -> None:
        self.line, column = self._position(offset)
        self.base = offset - column


_AFTER_ANNOTATION_MARK = frozenset(" \t\r\n\f,([{")
_NAMED_CHARACTERS = {"newline": "\\n", "space": " ", "tab": "\\t", "return": "\\r", '"': '\\"', "\\": "\\\\"}
_NAMED_CHARACTERS.update({"formfeed": "\\f", "backspace": "\\b"})
_HASH_ADVICE = (
    ("#'", "there are no vars: write the name alone"),
    ("#?", "there are no reader conditionals"),
    ("#:", "write the namespace in every key"),
    ("#inst", "a timestamp is written as it is: 2031-02-03T04:05:06Z"),
    ("#uuid", "a UUID is written as it is, without quotes"),
    ("#!", "only the first line may begin with #!"),
    ("#<", "functions and errors print like this, and cannot be read back"),
)
