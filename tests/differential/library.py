"""Functions of the library as language.md §14 lists them, over Python lists: numbers, logic, strings, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtfs.lang.collections import List, Map, PVector
from rtfs.lang.equality import equal
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.order import compare
from rtfs.lang.printer import show
from rtfs.lang.values import ErrorValue, Timestamp, type_name
from tests.differential.evaluator import LIBRARY, Unsupported, counts_text, fail, invoke, truthy, wrong, wrong_count

NUMBERS = (int, float)
FUNCTIONS = (type(lambda: 0), Keyword, Map, tuple, PVector)


def lib(names: str, low: int, high: int | None = -1) -> Callable[[Any], Any]:
    """Register a function under names, the first of which errors show; it takes `low` to `high` arguments."""
    primary, *others = names.split()
    most = low if high == -1 else high

    def register(function: Any) -> Any:
        def checked(*args: Any) -> Any:
            if len(args) < low or (most is not None and len(args) > most):
                expected = counts_text([low] if most is None else list(range(low, most + 1)), most is None)
                raise wrong_count(primary, expected, len(args))
            return function(*args)

        checked.rtfs_name = primary  # type: ignore[attr-defined]
        LIBRARY.update(dict.fromkeys([primary, *others], checked))
        return function

    return register


def number(operation: str, value: Any, operand: int | None = 0) -> Any:
    if type(value) in NUMBERS:
        return value
    raise wrong(operation, "number", value, operand)


def integer(operation: str, value: Any, operand: int = 0) -> int:
    if type(value) is int:
        return value
    raise wrong(operation, "integer", value, operand)


def text(operation: str, value: Any, operand: int = 0) -> str:
    if type(value) is str:
        return value
    raise wrong(operation, "string", value, operand)


def callable_in(operation: str, value: Any) -> Callable[..., Any]:
    if type(value) not in FUNCTIONS:
        raise wrong(operation, "function", value)
    return lambda *args: invoke(value, args)


def items_of(operation: str, value: Any, operand: int | None = None) -> list[Any]:
    """The sequence view (language.md §2.4)."""
    if type(value) is Map:
        return list(value.entries())
    if value is None or type(value) in (tuple, PVector, List, str):
        return list(value or ())
    raise wrong(operation, "sequence", value, operand)


def invalid(message: str) -> Exception:
    return fail("InvalidArgument", f"Invalid argument: {message}")


def zero_division() -> Exception:
    return fail("DivisionByZero", "Division by zero")


# ---- arithmetic -------------------------------------------------------------------------------------------------


def folded(name: str, step: Callable[[Any, Any], Any], alone: Any, *nothing: Any) -> None:
    """Arguments folded from the left; `alone` is what one argument gives, `nothing` what none gives."""

    def fold(*args: Any) -> Any:
        for place, value in enumerate(args):
            number(name, value, place)
        try:
            if len(args) < 2:
                return alone(args[0]) if args else nothing[0]
            total = args[0]
            for value in args[1:]:
                total = step(total, value)
            return total
        except OverflowError:
            raise fail("Overflow", f"Overflow in {name}: integer too large for a float") from None

    lib(name, 1 - len(nothing), None)(fold)


def divided(a: Any, b: Any) -> Any:
    if b == 0:
        raise zero_division()
    exact = type(a) is int and type(b) is int and a % b == 0
    return a // b if exact else a / b


folded("+", lambda a, b: a + b, lambda a: a, 0)
folded("*", lambda a, b: a * b, lambda a: a, 1)
folded("-", lambda a, b: a - b, lambda a: -a)
folded("/", divided, lambda a: divided(1, a))


def remainder(name: str, whole: Callable[[int, int], Any]) -> None:
    """A function of dividend and divisor, compared on integers; floats are beside the point here."""

    def divide(a: Any, b: Any) -> Any:
        number(name, a, 0), number(name, b, 1)
        if b == 0:
            raise zero_division()
        if type(a) is float or type(b) is float:
            raise Unsupported(f"{name} of floats")
        return whole(a, b)

    lib(name, 2)(divide)


remainder("mod", lambda a, b: a % b)
remainder("quot", lambda a, b: abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1))
remainder("rem", lambda a, b: abs(a) % abs(b) * (-1 if a < 0 else 1))
lib("inc", 1)(lambda x: number("inc", x) + 1)
lib("dec", 1)(lambda x: number("dec", x) - 1)
lib("abs", 1)(lambda x: abs(number("abs", x)))
lib("zero?", 1)(lambda x: number("zero?", x) == 0)
lib("pos?", 1)(lambda x: number("pos?", x) > 0)
lib("neg?", 1)(lambda x: number("neg?", x) < 0)


def extreme(name: str, sign: int) -> None:
    def find(*args: Any) -> Any:
        for place, value in enumerate(args):
            number(name, value, place)
        best = args[0]
        for value in args[1:]:
            if value != value or (best == best and sign * value > sign * best):
                best = value
        return best

    lib(name, 1, None)(find)


extreme("max", 1)
extreme("min", -1)


def whole(name: str, wanted: int) -> None:
    def test(x: Any) -> bool:
        if type(number(name, x)) is float and not x.is_integer():
            raise invalid(f"{name} of {show(x)}, which is not whole")
        return int(x) % 2 == wanted

    lib(name, 1)(test)


whole("even?", 0)
whole("odd?", 1)

# ---- comparison, logic, kinds -----------------------------------------------------------------------------------

lib("=", 1, None)(lambda *args: all(equal(args[0], other) for other in args[1:]))
lib("!= not=", 1, None)(lambda *args: not all(equal(args[0], other) for other in args[1:]))
lib("compare", 2)(compare)
lib("not", 1)(lambda x: not truthy(x))
lib("boolean", 1)(truthy)
lib("identity", 1)(lambda x: x)


@lib("==", 1, None)
def same_number(*args: Any) -> bool:
    for place, value in enumerate(args):
        number("==", value, place)
    return all(args[0] == other for other in args[1:])


def ordered(name: str, holds: Callable[[Any, Any], bool]) -> None:
    kinds = ((int, float), (str,), (Timestamp,))

    def test(*args: Any) -> bool:
        for place, (a, b) in enumerate(zip(args, args[1:] or args, strict=False)):
            kind = next((kind for kind in kinds if type(a) in kind), ())
            if type(a) not in kind or type(b) not in kind:
                bad = place + 1 if kind else place
                raise wrong(name, "comparable types", args[bad], bad)
            if len(args) > 1 and not holds(*((a.micros, b.micros) if type(a) is Timestamp else (a, b))):
                return False
        return True

    lib(name, 1, None)(test)


ordered("<", lambda a, b: a < b)
ordered("<=", lambda a, b: a <= b)
ordered(">", lambda a, b: a > b)
ordered(">=", lambda a, b: a >= b)

for _name, _kinds in {
    "int? integer?": "integer",
    "float?": "float",
    "number?": "integer float",
    "string?": "string",
    "boolean? bool?": "boolean",
    "nil?": "nil",
    "keyword?": "keyword",
    "symbol?": "symbol",
    "vector?": "vector",
    "list?": "list",
    "map?": "map",
    "fn? function?": "function",
    "error?": "error",
    "ifn?": "function keyword map vector",
    "coll?": "vector list map",
    "sequential?": "vector list",
    "associative?": "vector map",
    "seqable?": "vector list map string nil",
}.items():
    lib(_name, 1)(lambda x, kinds=_kinds: type_name(x) in kinds.split())
lib("true?", 1)(lambda x: x is True)
lib("false?", 1)(lambda x: x is False)
lib("type-name", 1)(type_name)
lib("type", 1)(lambda x: Keyword(type_name(x)))


@lib("some?", 1, 2)
def is_some(f: Any, *coll: Any) -> bool:
    if not coll:
        return f is not None
    call = callable_in("some?", f)
    return any(truthy(call(item)) for item in items_of("some?", coll[0]))


# ---- strings ----------------------------------------------------------------------------------------------------


def shown(value: Any) -> str:
    return "" if value is None else value if type(value) is str else show(value)


lib("str", 0, None)(lambda *args: "".join(map(shown, args)))
lib("pr-str", 0, None)(lambda *args: " ".join(map(show, args)))
lib("string-upper upper-case upper string/upper string/upper-case", 1)(lambda s: text("string-upper", s).upper())
lib("string-lower lower-case lower string/lower string/lower-case", 1)(lambda s: text("string-lower", s).lower())
lib("string-trim trim string/trim", 1)(lambda s: text("string-trim", s).strip())
lib("string-length", 1)(lambda s: len(text("string-length", s)))
lib("blank? string/blank?", 1)(lambda s: s is None or not text("blank?", s).strip())
lib("string/reverse", 1)(lambda s: text("string/reverse", s)[::-1])
lib("chars", 1)(lambda s: tuple(text("chars", s)))
lib("words", 1)(lambda s: tuple(text("words", s).split()))
for _primary, _others, _method in (
    ("starts-with?", "string/starts-with?", str.startswith),
    ("ends-with?", "string/ends-with?", str.endswith),
    ("string-contains", "string-contains? includes? string/includes? string/contains?", str.__contains__),
):
    lib(f"{_primary} {_others}", 2)(
        lambda s, part, name=_primary, method=_method: method(text(name, s), text(name, part, 1))
    )


@lib("join string-join string/join", 1, 2)
def join(*args: Any) -> str:
    separator = text("join", args[0]) if len(args) == 2 else ""
    return separator.join(map(shown, items_of("join", args[-1])))


@lib("replace string/replace", 3)
def replace(s: Any, old: Any, new: Any) -> str:
    for place, value in enumerate((s, old, new)):
        text("replace", value, place)
    if not old:
        raise invalid("replace of an empty string")
    return str(new).join(s.split(old))


@lib("split string/split", 2, 3)
def split(s: Any, separator: Any, *most: Any) -> Any:
    text("split", s), text("split", separator, 1)
    limit = integer("split", most[0], 2) if most else len(s) + 2
    if limit < 1:
        raise invalid(f"split into {limit} parts, at least 1 is needed")
    if separator:
        return tuple(s.split(separator, limit - 1))
    return tuple(s) if limit >= len(s) else (*s[: limit - 1], s[limit - 1 :])


@lib("substring subs string/substring", 2, 3)
def substring(s: Any, start: Any, end: Any = ...) -> str:
    size = len(text("substring", s))
    last = size if end is ... else integer("substring", end, 2)
    integer("substring", start, 1)
    for index, most in ((start, size), (last, size), (start, last)):
        if not 0 <= index <= most:
            raise out_of_bounds(index, most)
    return str(s)[start:last]


def out_of_bounds(index: int, length: int) -> Exception:
    if abs(index) >= 10**30:
        raise Unsupported("a message about a long number")
    return fail("IndexOutOfBounds", f"Index out of bounds: index {index} is not in range [0, {length})")


@lib("index-of string/index-of", 2, 3)
def index_of(s: Any, part: Any, start: Any = 0) -> Any:
    if type(s) not in (str, tuple, PVector, List):
        raise wrong("index-of", "string, vector or list", s, 0)
    first = max(0, integer("index-of", start, 2))
    if type(s) is str:
        return next((at for at in range(first, len(s) + 1) if s.startswith(text("index-of", part, 1), at)), None)
    return next((at for at in range(first, len(s)) if equal(s[at], part)), None)


@lib("parse-int parse-long", 1)
def parse_int(value: Any) -> Any:
    if type(value) is str:
        digits = value.strip().removeprefix("-") if value.strip()[:1] == "-" else value.strip().removeprefix("+")
        return int(value) if digits.isascii() and digits.isdigit() else None
    if type(value) is float:
        raise Unsupported("parse-int of a float")
    return value if type(value) is int else None


@lib("name", 1)
def name(value: Any) -> str:
    if type(value) is str:
        return value
    if type(value) not in (Keyword, Symbol):
        raise wrong("name", "string, keyword or symbol", value, 0)
    return value.name if value.name == "/" else value.name.rpartition("/")[2]


@lib("keyword", 1, 2)
def keyword(*parts: Any) -> Keyword:
    for place, part in enumerate(parts):
        if type(part) not in (str, Keyword, Symbol):
            raise wrong("keyword", "string, keyword or symbol", part, place)
    spelled = "/".join(part if type(part) is str else part.name for part in parts)
    if not spelled.replace("/", "").isalnum() or not spelled.isascii() or "//" in f"/{spelled}/":
        raise Unsupported("keyword of other text")
    return Keyword(spelled)


# ---- errors -----------------------------------------------------------------------------------------------------


def made(message: Any, data: Any = None, base: str | None = None) -> ErrorValue:
    kind = data.get(Keyword("type")) if type(data) is Map else None
    title = message if type(message) is str else show(message)
    named = kind.name if type(kind) is Keyword else None
    return ErrorValue.of(fail("ApplicationError", title, data=data, type=named, base=base))


for _name, _base in {"ex-info": None, "Exception.": None, "HostError.": "HostError"}.items():
    lib(_name, 1, 2)(lambda message, data=None, base=_base: made(message, data, base))


@lib("error", 1, 2)
def error(message: Any, data: Any = None) -> None:
    raise made(message, data).error


lib("ex-message", 1)(lambda value: value.error.message if type(value) is ErrorValue else None)
lib("ex-data", 1)(lambda value: value.error.data if type(value) is ErrorValue else None)
lib("ex-type", 1)(lambda value: Keyword(value.error.type) if type(value) is ErrorValue else None)


@lib("getMessage", 1)
def get_message(value: Any) -> str:
    if type(value) is not ErrorValue:
        raise wrong("getMessage", "error", value)
    return value.error.message
