"""A recording as bytes: a line that says what it is, a line about the session, and a line per event (host.md §2).

The events are words and RTFS values: nothing in them is code but the texts of programs and modules.

    define "n" 42                            text 0 ["plan.rtfs" "(call :a n)"]      call 1 [f [1 2]]
    ask 0 ["a" [42] {} [] "user"]            answer 0 7, or fail 0 ["HostCallError" …]
    set ["n" 8]                              end 0 nil, or end 0 "TypeError"         cut 0 [3 ["LimitError" …]]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from rtfs import __version__
from rtfs.identity import description_of
from rtfs.lang.codec import NotStorable, Unreadable, decode, encode
from rtfs.lang.collections import Map, vector
from rtfs.lang.error_data import error_data
from rtfs.lang.errors import RtfsError, invalid_argument
from rtfs.lang.limits import Limits
from rtfs.lang.names import Keyword
from rtfs.lang.outcome import HostCall
from rtfs.lang.source import Source
from rtfs.lang.values import ErrorValue
from rtfs.recording import Take, context_change
from rtfs.reference import Reference, References

if TYPE_CHECKING:
    from rtfs.session import Session

MAGIC, FORMAT = "rtfs-recording", 1
LONG = 4096  # characters of the arguments of a call, beyond which a digest stands for them
_DIGEST = 32  # hex digits


def dump(session: Session, events: list[tuple[Any, ...]], at: Take | None = None) -> bytes:
    """The bytes of a session's events. at: the program whose pending call the outcome stands at.

    InvalidArgument when a value of them can neither be stored nor found again.
    """
    writer = _Writer(session, events)
    body = "\n".join([_header(session, writer, at), *writer.lines()]) + "\n"
    data = body.encode("utf-8", "surrogatepass")
    return f"{MAGIC} {FORMAT} {_checksum(data)}\n".encode() + data


def _checksum(data: bytes) -> str:
    return blake2b(data, digest_size=_DIGEST // 2).hexdigest()


def _header(session: Session, writer: _Writer, at: Take | None) -> str:
    limits = {Keyword(name): getattr(session.limits, name) for name in Limits.__slots__}
    modules = {name: (source.name, source.text) for name, source in session.reading.texts.items()}
    header = {
        "rtfs": __version__,
        "id": session.id,
        "next": session.recording.next,
        "at": None if at is None else at.number,
        "check": session.check,
        "limits": Map.of(limits.items()),
        "modules": Map.of(modules.items()),
        "values": Map.of(session.first_values.items()),
    }
    return writer.text(Map.of([(Keyword(name), value) for name, value in header.items()]), "the context")


class _Writer:
    """Events to lines. Functions and errors become references to where the session met them first."""

    def __init__(self, session: Session, events: list[tuple[Any, ...]]) -> None:
        self.session = session
        self.events = events
        self.references = References(session)

    def lines(self) -> Iterator[str]:
        open_takes: dict[int, Take] = {}
        for event in self.events:
            kind, *what = event
            if kind == "begin":
                open_takes[what[0].number] = what[0]
            if kind == "end":
                open_takes.pop(what[0].number, None)
            yield from getattr(self, f"_{kind}")(*what)
        for take in open_takes.values():
            if take.pending is not None:
                yield self._ask(take, len(take.answers), take.pending)

    def _define(self, name: str, value: Any) -> Iterator[str]:
        yield f"define {self.text(vector((name, value)), f'the definition of {name}')}"

    def _set(self, name: str, value: Any) -> Iterator[str]:
        yield f"set {self.text(vector((name, value)), f'the context value {name}')}"

    def _begin(self, take: Take) -> Iterator[str]:
        kind, what, more = take.begun
        yield f"{kind} {take.number} {self.text((what, vector(more) if kind == 'call' else more), 'a call')}"

    def _answer(self, take: Take, number: int) -> Iterator[str]:
        call, value, error = take.answers[number]
        yield self._ask(take, number, call)
        change = context_change(call) if take.ended == "cut" and error is None else None
        if change is not None:  # a replay of a program that was stopped may not reach the call
            yield from self._set(*change)
        about = f"the answer to call {call.path} of '{call.capability_id}'"
        if error is None:
            yield f"answer {take.number} {self.text(value, about)}"
        else:
            yield f"fail {take.number} {self.text(ErrorValue.of(error), about)}"

    def _end(self, take: Take) -> Iterator[str]:
        self.references.meet(take.result, Reference("result", take.number, 0))
        if take.ended == "cut":
            error = take.error or RtfsError("Cancelled", "Cancelled")
            yield f"cut {take.number} {self.text((take.forms, ErrorValue.of(error)), 'an error')}"
        else:
            yield f"end {take.number} {encode(None if take.error is None else take.error.kind)}"

    def _ask(self, take: Take, number: int, call: HostCall) -> str:
        self.references.meet(call.args, Reference("argument", take.number, number))
        return f"ask {take.number} {call_text(self.session, call)}"

    def text(self, value: Any, about: str) -> str:
        """The text of a value; InvalidArgument says about what it is when it has none."""
        try:
            return encode(value, self._opaque)
        except NotStorable as problem:
            text = f"{about} holds a {problem.kind} that cannot be stored"
            raise invalid_argument(f"no snapshot: {text}") from None

    def _opaque(self, value: Any) -> Any:
        found = self.references.find(value)
        if found is not None:
            return found.data()
        if type(value) is not ErrorValue:
            raise KeyError
        try:
            return encode(error_data(value.error), self._opaque)
        except NotStorable:
            raise KeyError from None


def call_text(session: Session, call: HostCall) -> str:
    """What must be equal for two calls to be the same: id, arguments, hints, steps and module, as one line."""

    def opaque(value: Any) -> Any:
        if type(value) is ErrorValue:
            return vector((value.error.kind, value.error.message))
        return vector(description_of(session, value))

    args = encode(vector(call.args), opaque)
    if len(args) > LONG and context_change(call) is None:
        digest = blake2b(args.encode("utf-8", "surrogatepass"), digest_size=_DIGEST // 2).hexdigest()
        args = f"{{:begins {encode(args[:100])} :digest {encode(digest)}}}"
    hints = encode(Map.of(call.metadata.hints.items()), opaque)
    return f"[{encode(call.capability_id)} {args} {hints} {encode(vector(call.step_path))} {encode(call.module)}]"


# ---- reading


class Stored:
    """A snapshot that was read: `header` by name, and the lines of its events, which are read as they are replayed."""

    def __init__(self, header: dict[str, Any], lines: list[str]) -> None:
        self.header = header
        self.lines = lines


def load(data: bytes) -> Stored:
    """What a snapshot says of itself; nothing of it runs. InvalidArgument for bytes that are none, or are damaged."""
    first, _, rest = bytes(data).partition(b"\n")
    words = first.decode("latin-1").split(" ")
    if len(words) != 3 or words[0] != MAGIC or not words[1].isascii() or not words[1].isdigit() or len(words[1]) > 9:
        raise damaged("these bytes are no recording of rtfs")
    if int(words[1]) > FORMAT:
        raise damaged(f"its format {words[1]} is newer than {FORMAT}, the newest that rtfs {__version__} knows")
    if words[2] != _checksum(rest):
        raise damaged("its bytes were changed: the checksum does not match")
    try:
        header, *lines = rest.decode("utf-8", "surrogatepass").split("\n")
        return Stored(_read_header(decode(header, lambda text: text)), lines[:-1])
    except (Unreadable, UnicodeDecodeError, ValueError, RtfsError) as problem:
        raise damaged(str(problem)) from None


def damaged(why: str) -> RtfsError:
    return invalid_argument(f"cannot restore: {why}")


_HEADER: dict[str, Callable[[Any], bool]] = {
    "rtfs": lambda value: type(value) is str,
    "id": lambda value: type(value) is str and 0 < len(value) <= 200,
    "next": lambda value: type(value) is int and value >= 0,
    "at": lambda value: value is None or type(value) is int,
    "check": lambda value: value in ("off", "basic", "standard", "strict"),
    "limits": lambda value: type(value) is Map,
    "modules": lambda value: type(value) is Map and all(_is_module(*entry) for entry in value.entries()),
    "values": lambda value: type(value) is Map and all(type(key) is str for key in value),
}


def _is_module(name: Any, text: Any) -> bool:
    return type(name) is str and type(text) is tuple and len(text) == 2 and all(type(part) is str for part in text)


def _read_header(stored: Any) -> dict[str, Any]:
    if type(stored) is not Map:
        raise Unreadable("no header")
    header = {key.name: value for key, value in stored.entries() if type(key) is Keyword}
    for name, fits in _HEADER.items():
        if name not in header or not fits(header[name]):
            raise Unreadable(f"its header has no right :{name}")
    header["limits"] = _read_limits(header["limits"])
    header["modules"] = {name: Source(*text) for name, text in header["modules"].entries()}
    return header


def _read_limits(stored: Map) -> Limits:
    """Names that this version does not know say nothing to it, and those that it alone knows have their defaults."""
    given = {name: stored[Keyword(name)] for name in Limits.__slots__ if Keyword(name) in stored}
    try:
        return Limits(**given)
    except ValueError:
        raise Unreadable("its header has no right :limits") from None
