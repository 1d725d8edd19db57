"""What compiled code calls: the helpers behind the names that start with `#`."""

from __future__ import annotations

from functools import partial
from types import FunctionType, NoneType
from typing import Any

from rtfs.eval.constant import TypeRef
from rtfs.eval.fault import translate
from rtfs.eval.limits import LIMITS, check_bits, check_elements
from rtfs.eval.machine import RUN, Exposed, call_host, current_run
from rtfs.lang.access import call_keyword, callee, sequence
from rtfs.lang.collections import EMPTY_LIST, EMPTY_MAP, MISSING, List, Map, PVector, stored_key, vector
from rtfs.lang.equality import equal
from rtfs.lang.errors import EvaluationError, LimitError, Thrown, about, arity_error, arity_text, kebab, type_error
from rtfs.lang.names import Keyword
from rtfs.lang.printer import show, show_brief
from rtfs.lang.signal import METERS, charge, met, poll
from rtfs.lang.values import ErrorValue, wrong_kind

ROUNDS = 10_000


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


# ---- destructuring and match ------------------------------------------------------------------------------------


def _items(value: Any) -> Any:
    kind = type(value)
    if kind is tuple or kind is List or kind is PVector or kind is str:
        return value
    if value is None:
        return ()
    raise wrong_kind("vector destructuring", "vector, list or string", value)


def unpack(value: Any, count: int) -> Any:
    """The first `count` items, nil where there are none."""
    items = _items(value)
    have = len(items)
    if have == count:
        return items
    return tuple(items[:count]) + (None,) * (count - have)


def unpack_rest(value: Any, count: int) -> tuple[Any, ...]:
    """The first `count` items, then a list of the others."""
    items = _items(value)
    if METERS:
        charge(len(items) >> 4, len(items))
    head = tuple(items[:count])
    return (*head, *(None,) * (count - len(head)), List(items[count:]))


def mapping(value: Any) -> Map:
    """The map that a map pattern takes apart."""
    if type(value) is Map:
        return value
    if value is None:
        return EMPTY_MAP
    if type(value) is ErrorValue:
        return value.as_map()
    raise wrong_kind("map destructuring", "map", value)


class Unmapped:
    """Stands for the storage of a value that is no map: a lookup is what calling the keyword is."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def get(self, key: Keyword, *default: Any) -> Any:
        return call_keyword(key, self.value, *default)


def without(value: Any, *keys: Any) -> Map:
    """The entries whose keys are not named."""
    result = mapping(value)
    if METERS:
        charge(len(result) >> 4, len(result))
    for key in keys:
        result = result.dissoc(key)
    return result


def exactly(value: Any, count: int) -> Any:
    """The items of a vector or list of that length, else None."""
    kind = type(value)
    return value if (kind is tuple or kind is List or kind is PVector) and len(value) == count else None


def at_least(value: Any, count: int) -> tuple[Any, ...] | None:
    """The first items and a list of the rest, None when there are too few."""
    kind = type(value)
    if (kind is tuple or kind is List or kind is PVector) and len(value) >= count:
        if METERS:
            charge(len(value) >> 4, len(value))
        return (*value[:count], List(value[count:]))
    return None


def having(value: Any, *keys: Any) -> tuple[Any, ...] | None:
    """The values of keys that must all be present, None when one is missing."""
    if type(value) is not Map:
        return None
    found = tuple(value.get(key, MISSING) for key in keys)
    return None if any(item is MISSING for item in found) else found


def empty_map(value: Any) -> bool:
    return type(value) is Map and not len(value)


def no_match(value: Any) -> None:
    data = Map.of([(Keyword("value"), value)])
    error = EvaluationError("MatchError", f"Match error: No matching clause for {show(value)}", data=data)
    error.exact = True  # the code stands where the value comes from
    raise about(error, value)


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


# ---- errors -----------------------------------------------------------------------------------------------------


_MESSAGE, _TYPE = Keyword("message"), Keyword("type")


def _printed(value: Any) -> str:
    try:
        return show(value)
    except LimitError:
        return show_brief(value)


def throw(value: Any) -> None:
    """Raise an error value again as it was, anything else as an ApplicationError (language.md §8.2)."""
    if type(value) is ErrorValue:
        raise value.error
    text, kind = value, None
    if type(value) is Map:
        text, named = value.raw.get(_MESSAGE), value.raw.get(_TYPE)
        kind = named.name if type(named) is Keyword else None
    message = text if type(text) is str else partial(_printed, value)
    raise Thrown(message, value, kind or "application-error")


def caught(raised: BaseException) -> ErrorValue:
    """The error value of what a `try` body raised; what no script may catch goes on."""
    error = translate(raised)
    raised.__context__ = None  # or Python would walk the chain of all that is handled whenever anything is raised
    if error is None:
        raise raised
    if not error.catchable:
        raise error
    return ErrorValue.of(error)


def matches(value: ErrorValue, text: str, is_keyword: bool) -> bool:
    """Does a catch clause of that kind, in kebab case, take the error (language.md §8.3)?"""
    error = value.error
    if (
        text == error.type
        or text == kebab(error.kind)
        or (error.base and error.base != "!" and text == kebab(error.base))
    ):
        return True
    return is_keyword and text in ("exception", "throwable")


def finish(raised: BaseException, cleanup: Any) -> None:
    """Run a `finally` after an error: an error inside replaces it, but never a limit error."""
    error = translate(raised)
    raised.__context__ = None
    if error is not None and error.catchable:
        cleanup()
        return
    run = RUN.get(None)
    if run is None or not run.may_clean_up(error or LimitError("Cancelled", "Cancelled")):
        return
    try:
        cleanup()
    except Exception as other:
        second = translate(other)
        if second is None:
            raise
        if not second.catchable:
            run.grace_over = True  # the first limit error goes on, and no further cleanup runs


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


# ---- host -------------------------------------------------------------------------------------------------------


def context(key: Any, default: Any = None) -> Any:
    """The host's read-only context; keys are compared by text without colon (language.md §11.5)."""
    name = key if type(key) is str else getattr(key, "name", None)
    if name is None:
        raise wrong_kind("context/get", "string, keyword or symbol", key)
    run = RUN.get(None)
    return default if run is None else run.context_value(name, default)


def parallel_result(answer: Any, count: int) -> Any:
    """The host must answer a vector with one value per function."""
    if type(answer) not in (tuple, PVector):
        raise wrong_kind("step-parallel", f"vector of {count} values", answer)
    if len(answer) != count:
        raise type_error("step-parallel", f"vector of {count} values", f"vector of {len(answer)}")
    return answer


def round_count(count: int) -> int:
    """One more round of a step-loop."""
    if count == ROUNDS:
        raise LimitError("StepLimitExceeded", f"Loop exceeded maximum iterations ({ROUNDS})")
    return count + 1


def step(name: str, expose: Any, keys: Any, params: Any) -> Any:
    return current_run().enter_step(name, params, _exposed(expose, keys))


def _exposed(expose: Any, keys: Any) -> Exposed | None:
    """What `:expose-context` and `:context-keys` say; naming keys exposes them. None when neither is given."""
    if expose is None and keys is None:
        return None
    if expose is False:
        return Exposed(True)
    if keys is None:
        return Exposed(False)
    names = [key if type(key) is str else getattr(key, "name", None) for key in sequence(keys, "step")]
    if None in names:
        raise type_error("step", "vector of names", "other values in :context-keys")
    return Exposed(False, tuple(name.removeprefix(":") for name in names if name is not None))


def step_done(token: Any, value: Any) -> None:
    current_run().leave_step(token, "complete", value)


def step_failed(token: Any, raised: BaseException) -> None:
    error = translate(raised)
    current_run().leave_step(token, None if error is None else "fail", error)


def push_hints(*flat: Any) -> Any:
    """Add hints; gives what `pop_hints` restores."""
    run = current_run()
    return run.use_hints({**run.hints, **dict(zip(flat[::2], flat[1::2], strict=True))})


def pop_hints(outer: Any) -> None:
    current_run().use_hints(outer)


def plan(description: Map) -> None:
    current_run().describe_plan(description)


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
    "#unpack": unpack,
    "#unpack_rest": unpack_rest,
    "#mapping": mapping,
    "#unmapped": Unmapped,
    "#without": without,
    "#exactly": exactly,
    "#at_least": at_least,
    "#having": having,
    "#empty_map": empty_map,
    "#no_match": no_match,
    "#set_box": set_box,
    "#unbox": unbox,
    "#throw": throw,
    "#caught": caught,
    "#matches": matches,
    "#finish": finish,
    "#check": check,
    "#check_each": check_each,
    "#fits": fits,
    "#struct": struct,
    "#annotate": annotate,
    "#shaped": shaped,
    "#context": context,
    "#call": call_host,
    "#parallel_result": parallel_result,
    "#round": round_count,
    "#step": step,
    "#step_done": step_done,
    "#step_failed": step_failed,
    "#push_hints": push_hints,
    "#pop_hints": pop_hints,
    "#plan": plan,
    "#poll": poll,
    "#spend": charge,
    "#grown": grown,
    "#met": met,
    "#remainder": remainder,
}
