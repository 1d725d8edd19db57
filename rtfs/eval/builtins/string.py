"""Strings (language.md §14.3): indices and lengths count characters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtfs.eval.limits import LIMITS, check_characters, looked, walked, wrote
from rtfs.eval.registry import builtin
from rtfs.lang.access import sequence
from rtfs.lang.collections import MISSING, List, Map, PVector
from rtfs.lang.equality import equal
from rtfs.lang.errors import index_error, invalid_argument
from rtfs.lang.printer import show
from rtfs.lang.signal import METERS
from rtfs.lang.values import ErrorValue, wrong_kind


def string(operation: str, value: Any, index: int = 0) -> str:
    """The value, if it is a string."""
    if type(value) is str:
        return value
    raise wrong_kind(operation, "string", value, index)


def integer(operation: str, value: Any, index: int = 0) -> int:
    """The value, if it is an integer."""
    if type(value) is int:
        return value
    raise wrong_kind(operation, "integer", value, index)


def strings(operation: str, *values: Any) -> None:
    """Refuse arguments that are not all strings."""
    for index, value in enumerate(values):
        string(operation, value, index)


# ---- making strings ---------------------------------------------------------------------------------------------


_STRINGS = frozenset({str})


def _joined(operation: str, separator: str, values: Any) -> str:
    """The values as `str` shows them, with a separator: the total is known before anything is joined."""
    if _STRINGS.issuperset(map(type, values)):
        total = sum(map(len, values)) + len(separator) * max(len(values) - 1, 0)
        if total <= LIMITS.get().characters:
            if METERS:
                walked(len(values))
                wrote(total)
            return separator.join(values)
    limit = LIMITS.get().printed
    pieces: list[str] = []
    total = -len(separator)
    for value in values:
        piece = value if type(value) is str else "" if value is None else show(value, limit)
        pieces.append(piece)
        total += len(piece) + len(separator)
        check_characters(total, operation)
    if METERS:
        walked(len(pieces))
        wrote(max(total, 0))
    return separator.join(pieces)


@builtin(
    "str",
    doc="The texts of its arguments, one after the other.",
    type="[& :any] :string",
    example=('(str "n=" 4 nil :k)', '"n=4:k"'),
)
def str_(*values: Any) -> str:
    return _joined("str", "", values)


@builtin(
    "pr-str",
    doc="The printed forms of its arguments, with spaces.",
    type="[& :any] :string",
    example=("(pr-str :a nil)", '":a nil"'),
)
def pr_str(*values: Any) -> str:
    limit = LIMITS.get().printed
    pieces: list[str] = []
    total = -1
    for value in values:
        pieces.append(show(value, limit))
        total += len(pieces[-1]) + 1
        check_characters(total, "pr-str")
    wrote(max(total, 0))
    return " ".join(pieces)


@builtin(
    "join",
    "string-join",
    "string/join",
    doc="(join separator coll): the texts of the elements with a separator, by default none.",
    type="[Items] :string [:string Items] :string",
    example=('(join ", " [1 nil :a])', '"1, , :a"'),
)
def join(first: Any, coll: Any = MISSING) -> str:
    if coll is MISSING:
        return _joined("join", "", sequence(first, "join"))
    return _joined("join", string("join", first), sequence(coll, "join"))


@builtin(
    "string/repeat",
    doc="(string/repeat s n): s, n times.",
    type="[:string :int] :string",
    example=('(string/repeat "ab" 2)', '"abab"'),
)
def repeat(s: Any, n: Any) -> str:
    times = max(integer("string/repeat", n, 1), 0)
    wrote(len(string("string/repeat", s)) * times, "string/repeat")
    return str(s) * times if s else ""


# ---- sizes and parts --------------------------------------------------------------------------------------------


@builtin(
    "string-length",
    doc="The number of characters of a string.",
    type="[:string] :int",
    example=('(string-length "abc")', "3"),
)
def string_length(s: Any) -> int:
    return len(string("string-length", s))


@builtin(
    "length",
    "string/length",
    doc="The number of characters of a string or elements of a collection.",
    type="[[:or :string :map :seq :error]] :int",
    example=('[(length "abc") (length [1 2])]', "[3 2]"),
)
def length(value: Any) -> int:
    if type(value) in (str, tuple, PVector, List, Map, ErrorValue):
        return len(value)
    raise wrong_kind("length", "string or collection", value)


@builtin(
    "substring",
    "subs",
    "string/substring",
    doc="(substring s start end): the characters from start up to, not including, end.",
    type="[:string :int] :string [:string :int :int] :string",
    example=('(substring "umbrella" 2 5)', '"bre"'),
)
def substring(s: Any, start: Any, end: Any = MISSING) -> str:
    size = len(string("substring", s))
    last = size if end is MISSING else integer("substring", end, 2)
    if not 0 <= integer("substring", start, 1) <= size:
        raise index_error(start, size)
    if not 0 <= last <= size:
        raise index_error(last, size)
    if start > last:
        raise index_error(start, last)
    wrote(last - start)
    return str(s)[start:last]


@builtin(
    "string-contains",
    "string-contains?",
    "includes?",
    "string/includes?",
    "string/contains?",
    doc="(string-contains s part): does s contain part?",
    type="[:string :string] :bool",
    example=('(string-contains "meadow" "ado")', "true"),
)
def string_contains(s: Any, part: Any) -> bool:
    strings("string-contains", s, part)
    looked(len(s))
    return part in s


@builtin(
    "starts-with?",
    "string/starts-with?",
    doc="(starts-with? s part): does s start with part?",
    type="[:string :string] :bool",
    example=('(starts-with? "lamp" "la")', "true"),
)
def starts_with(s: Any, part: Any) -> bool:
    strings("starts-with?", s, part)
    looked(len(part))
    return bool(s.startswith(part))


@builtin(
    "ends-with?",
    "string/ends-with?",
    doc="(ends-with? s part): does s end with part?",
    type="[:string :string] :bool",
    example=('(ends-with? "lamp" "la")', "false"),
)
def ends_with(s: Any, part: Any) -> bool:
    strings("ends-with?", s, part)
    looked(len(part))
    return bool(s.endswith(part))


@builtin(
    "index-of",
    "string/index-of",
    doc="(index-of s part from): where part first occurs in s, or an element in a vector or list; nil if nowhere.",
    type="[:string :string] :int? [:seq :any] :int? [:string :string :int] :int? [:seq :any :int] :int?",
    example=('[(index-of "hello" "l") (index-of [1 2] 3)]', "[2 nil]"),
)
def index_of(s: Any, part: Any, start: Any = 0) -> int | None:
    if type(s) not in (str, tuple, PVector, List):
        raise wrong_kind("index-of", "string, vector or list", s)
    first = max(integer("index-of", start, 2), 0)
    if type(s) is str:
        looked(len(s))
        wanted = string("index-of", part, 1)
        found = s.find(wanted, first) if first <= len(s) else -1
        return None if found < 0 else found
    walked(len(s))
    return next((at for at in range(first, len(s)) if equal(s[at], part)), None)


@builtin(
    "last-index-of",
    "string/last-index-of",
    doc="(last-index-of s part from): where part last occurs in s, not after from; nil if nowhere.",
    type="[:string :string] :int? [:string :string :int] :int?",
    example=('(last-index-of "hello" "l")', "3"),
)
def last_index_of(s: Any, part: Any, start: Any = MISSING) -> int | None:
    strings("last-index-of", s, part)
    looked(len(s))
    last = len(s) if start is MISSING else min(integer("last-index-of", start, 2), len(s))
    found = s.rfind(part, 0, last + len(part)) if last >= 0 else -1
    return None if found < 0 else found


@builtin(
    "blank?",
    "string/blank?",
    doc="Is it nil, empty or only whitespace?",
    type="[:string?] :bool",
    example=('(blank? " ")', "true"),
)
def blank(s: Any) -> bool:
    looked(0 if s is None else len(string("blank?", s)))
    return s is None or not s.strip()


# ---- changing strings -------------------------------------------------------------------------------------------


def _change(names: str, change: Callable[[str], str], doc: str, example: tuple[str, str]) -> None:
    """A function of one string; the first of the names is the one errors show."""
    primary, *aliases = names.split()

    def apply(s: Any) -> str:
        changed = change(string(primary, s))
        wrote(len(changed), primary)  # upper case may be longer
        return changed

    builtin(primary, *aliases, doc=doc, type="[:string] :string", example=example)(apply)


_change(
    "string-upper upper-case upper string/upper string/upper-case",
    str.upper,
    "A string in upper case.",
    ('(upper "ab")', '"AB"'),
)
_change(
    "string-lower lower-case lower string/lower string/lower-case",
    str.lower,
    "A string in lower case.",
    ('(lower "Ab")', '"ab"'),
)
_change(
    "capitalize string/capitalize",
    str.capitalize,
    "The first character in upper, the others in lower case.",
    ('(capitalize "aB")', '"Ab"'),
)
_change(
    "string-trim trim string/trim",
    str.strip,
    "A string without whitespace at its ends.",
    ('(trim " a ")', '"a"'),
)
_change(
    "trim-left triml string/triml",
    str.lstrip,
    "A string without whitespace at its start.",
    ('(triml " a ")', '"a "'),
)
_change(
    "trim-right trimr string/trimr",
    str.rstrip,
    "A string without whitespace at its end.",
    ('(trimr " a ")', '" a"'),
)
_change(
    "trim-newline",
    lambda s: s.rstrip("\r\n"),
    "A string without the ends of lines at its end.",
    ('(trim-newline "a\\n")', '"a"'),
)
_change(
    "string/reverse",
    lambda s: s[::-1],
    "The characters of a string from the last to the first.",
    ('(string/reverse "abc")', '"cba"'),
)


def _replaced(operation: str, texts: tuple[Any, Any, Any], times: int | None) -> str:
    strings(operation, *texts)
    s, old, new = texts
    if not old:
        raise invalid_argument(f"{operation} of an empty string", old)
    looked(len(s))
    count = s.count(old) if times is None else min(times, s.count(old))
    wrote(len(s) + count * (len(new) - len(old)), operation)
    return str(s.replace(old, new, -1 if times is None else times))


@builtin(
    "replace",
    "string/replace",
    doc="(replace s from to): s with every from replaced, taken literally.",
    type="[:string :string :string] :string",
    example=('(replace "a.b.c" "." "-")', '"a-b-c"'),
)
def replace(s: Any, old: Any, new: Any) -> str:
    return _replaced("replace", (s, old, new), None)


@builtin(
    "replace-first",
    "string/replace-first",
    doc="(replace-first s from to): s with the first from replaced.",
    type="[:string :string :string] :string",
    example=('(replace-first "a.b.c" "." "-")', '"a-b.c"'),
)
def replace_first(s: Any, old: Any, new: Any) -> str:
    return _replaced("replace-first", (s, old, new), 1)
