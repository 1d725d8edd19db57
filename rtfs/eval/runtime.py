"""What compiled code calls: the helpers behind the names that start with `#`."""

from __future__ import annotations

from types import FunctionType, NoneType
from typing import Any

from rtfs.eval import effect, raising, unpack
from rtfs.eval.constant import TypeRef
from rtfs.eval.limits import LIMITS, check_bits, check_elements
from rtfs.lang.access import callee, sequence
from rtfs.lang.collections import EMPTY_LIST, MISSING, List, Map, PVector, stored_key, vector
from rtfs.lang.equality import equal
from rtfs.lang.errors import EvaluationError, LimitError, arity_error, arity_text
from rtfs.lang.names import Keyword
from rtfs.lang.printer import show
from rtfs.lang.signal import METERS, charge, met, poll
from rtfs.lang.values import wrong_kind

# ---- numbers and calls ------------------------------------------------------------------------------------------


def product(value: Any, a: Any = 1, b: Any = 1) -> Any:
    """A product that is not small: refuse an integer of too many bits."""
    if type(value) is int:
        bits = value.bit_length()
        if METERS:
            charge(((a.bit_length() >> 10) + 1) * ((b.bit_length() >> 10) + 1) - 1, bits >> 6)
        check_bits(bits)
        met(value)
    return value


def wrong_count(name: str, counts: tuple[int, ...], variadic: bool, count: int) -> None:
    """No clause of a function takes `count` arguments."""
    if variadic:
        expected = arity_text(counts[0], None)
    elif counts == tuple(range(counts[0], counts[-1] + 1)):
        expected = arity_text(counts[0], counts[-1])
    else:
        expected = " or ".join([", ".join(map(str, counts[:-1])), str(counts[-1])])
    error = arity_error(name, expected, count)
    error.by_caller = True
    raise error


def rest_items(value: Any) -> List:
    """The last argument of `recur` into a variadic function: the list of rest items."""
    if type(value) is List:
        return value
    items = sequence(value, "recur")
    if METERS:
        charge(len(items) >> 4, len(items))
    return List(items)


def walked(value: Any, operation: str, ticks: int = 0) -> Any:
    """The sequence view that an inline loop goes through, and what each of its turns costs if all cost the same."""
    items = sequence(value, operation)
    if METERS:
        charge((len(items) >> 4) + ticks * len(items))
    return items


def built(items: list[Any]) -> Any:
    """The vector of a literal or an inline loop."""
    if METERS:
        charge(len(items) >> 4, len(items))
    return vector(items)


# ---- maps -----------------------------------------------------------------------------------------------------


def make_map(*flat: Any) -> Map:
    """A map of keys and values in turn; a later equal key wins, at the position of the first."""
    if METERS:
        charge(len(flat) >> 5, len(flat) >> 1)
    return Map.of(zip(flat[::2], flat[1::2], strict=True))


def assoc_all(target: Any, changes: dict[Any, Any], slow: Any) -> Any:
    """A map with entries changed or added, whose keys are in stored form; `slow` is `assoc`, for other targets."""
    if type(target) is Map and type(target.raw) is dict:
        if METERS:
            size = len(target.raw) + len(changes)
            charge(size >> 4, size)
        return Map.from_stored(target.raw | changes)
    for key, value in changes.items():
        target = slow(target, key, value)
    return target


# ---- texts ------------------------------------------------------------------------------------------------------

_SMALL = 1 << 63


def text_of(value: Any) -> str:
    """What a value that is no string contributes to `str`."""
    if type(value) is int and -_SMALL < value < _SMALL:
        return str(value)
    return "" if value is None else show(value, LIMITS.get().printed)


# ---- chains that were fused -------------------------------------------------------------------------------------

_FINAL = frozenset({"DeadlineExceeded", "Cancelled", "StepLimitExceeded"})


def again(raised: Exception) -> None:
    """Let a chain run again as it is written, unless the run itself is to end."""
    if isinstance(raised, LimitError) and raised.kind in _FINAL:
        raise raised


def something(value: Any) -> None:
    """A fold of nothing without a value to start from is left to the chain as it is written."""
    if value is MISSING:
        raise LookupError


def entry_at(operation: str, coll: Any, key: Any) -> Any:
    """What an operation such as `update` replaces."""
    from rtfs.eval.builtins.map import entry_at  # deferred: loaded when code that needs it is

    return entry_at(operation, coll, key)


def with_entry(operation: str, coll: Any, key: Any, value: Any) -> Any:
    """The collection with what it replaces that by."""
    from rtfs.eval.builtins.map import with_entry

    return with_entry(operation, coll, key, value)


# ---- late bindings ----------------------------------------------------------------------------------------------


def set_box(box: list[Any], value: Any) -> None:
    box[:] = [value]


def unbox(box: list[Any], name: str) -> Any:
    if not box:
        raise undefined(name)
    return box[0]


def undefined(name: str) -> EvaluationError:
    return EvaluationError("UndefinedSymbol", f"Undefined symbol: {name}")


# ---- types ------------------------------------------------------------------------------------------------------


def parsed(reference: TypeRef) -> Any:
    if reference.parsed is None:
        from rtfs.lang.schema import parse_type

        find = (lambda name: None) if reference.module is None else reference.module.find_type
        reference.parsed = parse_type(reference.form, find, strict=reference.level == "strict")
    return reference.parsed


def check(reference: TypeRef, value: Any, where: str) -> Any:
    """The value, if it has the type."""
    from rtfs.lang.conform import check as check_type

    check_type(parsed(reference), value, where, reference.level)
    return value


def check_each(reference: TypeRef, items: Any, where: str) -> None:
    for item in items:
        check(reference, item, where)


def fits(reference: TypeRef, value: Any) -> bool:
    """Does a `match` type pattern fit?"""
    from rtfs.lang.conform import fits as fits_type

    return fits_type(parsed(reference), value, reference.level)


def struct(name: str, keys: tuple[Keyword, ...], types: tuple[TypeRef, ...]) -> Any:
    """The constructor of a defstruct: checks a map and returns it unchanged."""

    def construct(*args: Any) -> Any:
        if len(args) != 1:
            raise arity_error(name, "1", len(args))
        value = args[0]
        if type(value) is not Map:
            raise wrong_kind(name, "map", value)
        for key, reference in zip(keys, types, strict=True):
            item = value.get(key, MISSING)
            if item is MISSING:
                text = f"Type validation error: field {show(key)} of {name}: Missing required key {show(key)}"
                raise EvaluationError("TypeValidationError", text)
            check(reference, item, f"field {show(key)} of {name}")
        return value

    construct.rtfs_name = name  # type: ignore[attr-defined]
    return construct


def annotate(function: Any, metadata: Map) -> Any:
    """Metadata of a function value, in addition to what it has."""
    function.rtfs_meta = function.rtfs_meta.merge(metadata) if hasattr(function, "rtfs_meta") else metadata
    return function


def shaped(function: Any, params: Any, returns: Any = None) -> None:
    """The parameters as written, where the Python function does not say them; the return type of each clause."""
    function.rtfs_params = params
    function.rtfs_returns = returns


# ---- metered code -----------------------------------------------------------------------------------------------


def grown(number: Any) -> Any:
    """The result of inline arithmetic that may be large: an integer is charged by its size (language.md §15)."""
    if type(number) is int:
        bits = number.bit_length()
        charge(bits >> 10, bits >> 6 if bits > 1023 else 0)
        met(number)
    return number


def remainder(number: Any, divisor: Any) -> Any:
    """`number % divisor` of what may be large."""
    if type(number) is int and type(divisor) is int:
        bits = divisor.bit_length()
        charge((number.bit_length() >> 10) * ((bits >> 10) + 1), bits >> 6)
    return number % divisor


HELPERS: dict[str, Any] = {
    **unpack.HELPERS,
    **raising.HELPERS,
    **effect.HELPERS,
    "#type": type,
    "#len": len,
    "#abs": abs,
    "#ord": ord,
    "#chr": chr,
    "#text": text_of,
    "#int": int,
    "#float": float,
    "#str": str,
    "#bool": bool,
    "#tuple": tuple,
    "#NoneType": NoneType,
    "#Map": Map,
    "#dict": dict,
    "#List": List,
    "#PVector": PVector,
    "#Keyword": Keyword,
    "#function": FunctionType,
    "#BaseException": BaseException,
    "#Exception": Exception,
    "#again": again,
    "#something": something,
    "#empty": EMPTY_LIST,
    "#missing": MISSING,
    "#vector": built,
    "#assoc": assoc_all,
    "#entry_at": entry_at,
    "#with_entry": with_entry,
    "#from_stored": Map.from_stored,
    "#stored_key": stored_key,
    "#check_elements": check_elements,
    "#sequence": walked,
    "#map": make_map,
    "#equal": equal,
    "#callee": callee,
    "#product": product,
    "#wrong_count": wrong_count,
    "#rest_items": rest_items,
    "#set_box": set_box,
    "#unbox": unbox,
    "#check": check,
    "#check_each": check_each,
    "#fits": fits,
    "#struct": struct,
    "#annotate": annotate,
    "#shaped": shaped,
    "#poll": poll,
    "#spend": charge,
    "#grown": grown,
    "#met": met,
    "#remainder": remainder,
}
