"""What starting a program gives, and what crosses the boundary to the host (host.md §1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from rtfs.lang.source import Span

if TYPE_CHECKING:
    from rtfs.lang.errors import RtfsError
    from rtfs.lang.limits import Limits


class _Frozen:
    """A slotted record that does not change after it was made. attrs would cost 40 ms of start-up here."""

    __slots__: tuple[str, ...] = ()

    def __setattr__(self, key: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, name) for name in self.__slots__))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self.__slots__)})"

    def _fill(self, **fields: Any) -> None:
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def replace(self, **changes: Any) -> Any:
        """A copy with some fields changed."""
        return type(self)(**{**{name: getattr(self, name) for name in self.__slots__}, **changes})


class RuntimeContext(_Frozen):
    """What a program may do (host.md §4). `level` is pure, controlled or full; globs are anchored, deny wins.

    `allowed`/`denied`: capability globs. `effects`/`denied_effects`: effect labels such as `:network` (None: the level
    decides). `grants`: narrower grants, a tuple of (kind, value) such as ("read", "/data"), ("net", "api.example.org").
    `isolation`: `inherit` (no further rule), `isolated` (no effect outside the session and its state) or `sandboxed`
    (no effect at all), whatever else is allowed. `limits`: of evaluation, for sessions that are given none.
    """

    __slots__ = (
        "level", "allowed", "denied", "effects", "denied_effects", "grants", "exposed_keys", "isolation", "limits",
    )  # fmt: skip
    level: str
    allowed: tuple[str, ...]
    denied: tuple[str, ...]
    effects: tuple[str, ...] | None
    denied_effects: tuple[str, ...]
    grants: tuple[tuple[str, str], ...]
    exposed_keys: tuple[str, ...]
    isolation: str
    limits: Limits | None

    def __init__(
        self,
        level: str = "pure",
        allowed: tuple[str, ...] = (),
        denied: tuple[str, ...] = (),
        effects: tuple[str, ...] | None = None,
        denied_effects: tuple[str, ...] = (),
        grants: tuple[tuple[str, str], ...] = (),
        exposed_keys: tuple[str, ...] = (),
        isolation: str = "inherit",
        limits: Limits | None = None,
    ) -> None:
        if level not in ("pure", "controlled", "full"):
            raise ValueError(f"level must be pure, controlled or full, got {level!r}")
        if isolation not in ("inherit", "isolated", "sandboxed"):
            raise ValueError(f"isolation must be inherit, isolated or sandboxed, got {isolation!r}")
        self._fill(
            level=level,
            allowed=tuple(allowed),
            denied=tuple(denied),
            effects=None if effects is None else tuple(effects),
            denied_effects=tuple(denied_effects),
            grants=tuple(grants),
            exposed_keys=tuple(exposed_keys),
            isolation=isolation,
            limits=limits,
        )

    @classmethod
    def pure(cls) -> RuntimeContext:
        """Nothing but computing."""
        return cls("pure")

    @classmethod
    def controlled(
        cls,
        allow: tuple[str, ...] | list[str] = (),
        deny: tuple[str, ...] | list[str] = (),
        *,
        effects: tuple[str, ...] | list[str] | None = None,
        grants: tuple[tuple[str, str], ...] | list[tuple[str, str]] = (),
    ) -> RuntimeContext:
        """Only capabilities whose id matches a glob of `allow` and none of `deny`."""
        chosen = None if effects is None else tuple(effects)
        return cls("controlled", tuple(allow), tuple(deny), chosen, (), tuple(grants))

    @classmethod
    def full(cls) -> RuntimeContext:
        """Everything, unknown effects included."""
        return cls("full")


class CausalContext(_Frozen):
    """Where a call stands in the causal chain; ids are text or None."""

    __slots__ = ("parent_action_id", "intent_id", "plan_id", "step_id")
    parent_action_id: str | None
    intent_id: str | None
    plan_id: str | None
    step_id: str | None

    def __init__(
        self,
        parent_action_id: str | None = None,
        intent_id: str | None = None,
        plan_id: str | None = None,
        step_id: str | None = None,
    ) -> None:
        self._fill(parent_action_id=parent_action_id, intent_id=intent_id, plan_id=plan_id, step_id=step_id)


class CallMetadata(_Frozen):
    """How a call is to be made: time limit in ms, idempotency key, exposed context, execution hints (name → value)."""

    __slots__ = ("timeout_ms", "idempotency_key", "context", "hints")
    timeout_ms: int | None
    idempotency_key: str | None
    context: Any
    hints: Any

    def __init__(
        self, timeout_ms: int | None = None, idempotency_key: str | None = None, context: Any = None, hints: Any = None
    ) -> None:
        self._fill(timeout_ms=timeout_ms, idempotency_key=idempotency_key, context=context, hints=hints or {})


class StepEvent(NamedTuple):
    """What the observer of steps is told: a step starts, completes or fails (language.md §11.4).

    kind: `start`, `complete` or `fail`. path: the names of the steps around it, its own last. value: its `:params` at
    the start, then its value, or the RtfsError that ended it. context: what it exposes of the context, None if nothing.
    """

    kind: str
    name: str
    path: tuple[str, ...]
    value: Any
    context: Any


class Surroundings(_Frozen):
    """What the calls of one stretch of a program share, so that a call costs no more than it must.

    origin: the idempotency key of a call is this text and its number: `RUN/PROGRAM/` and, inside a function that the
    host runs for call 3, `RUN/PROGRAM/3.BRANCH.`. share: what the run that makes the calls may still use, and what the
    host runs for them uses up together with it (`rtfs.eval.machine.Share`).
    """

    __slots__ = ("causal", "step_path", "hints", "context", "origin", "share")
    causal: CausalContext
    step_path: tuple[str, ...]
    hints: Any
    context: Any
    origin: str | None
    share: Any

    def __init__(
        self,
        causal: CausalContext = CausalContext(),  # noqa: B008  # immutable
        step_path: tuple[str, ...] = (),
        hints: Any = None,
        context: Any = None,
        origin: str | None = None,
        share: Any = None,
    ) -> None:
        self._fill(causal=causal, step_path=step_path, hints=hints or {}, context=context, origin=origin, share=share)


NOWHERE = Surroundings()


class HostCall(_Frozen):
    """One effect a program asks for (host.md §1). `args`: RTFS values as written; `seq` counts the run's calls from 0.

    Further fields, made from the call's surroundings when asked for: `causal`, `metadata`, `step_path`, `span`, `path`.
    """

    __slots__ = (
        "capability_id",
        "args",
        "security",
        "surroundings",
        "place",
        "module",
        "seq",
        "_metadata",
        "_kept",
    )
    capability_id: str
    args: tuple[Any, ...]
    security: RuntimeContext
    surroundings: Surroundings
    place: Any
    module: str
    seq: int
    _metadata: CallMetadata | None

    def __init__(
        self,
        capability_id: str,
        args: tuple[Any, ...],
        security: RuntimeContext,
        surroundings: Surroundings = NOWHERE,
        place: Any = None,
        module: str = "user",
        seq: int = 0,
        metadata: CallMetadata | None = None,
    ) -> None:
        put = object.__setattr__  # one call per host call: no dict in between
        put(self, "capability_id", capability_id)
        put(self, "args", args)
        put(self, "security", security)
        put(self, "surroundings", surroundings)
        put(self, "place", place)
        put(self, "module", module)
        put(self, "seq", seq)
        put(self, "_metadata", metadata)

    @property
    def causal(self) -> CausalContext:
        return self.surroundings.causal

    @property
    def step_path(self) -> tuple[str, ...]:
        """The names of the steps around the call, outermost first."""
        return self.surroundings.step_path

    @property
    def metadata(self) -> CallMetadata:
        known = self._metadata
        if known is None:
            around = self.surroundings
            key = None if around.origin is None else f"{around.origin}{self.seq}"
            known = CallMetadata(None, key, around.context, around.hints)
            object.__setattr__(self, "_metadata", known)
        return known

    @property
    def hints(self) -> Any:
        """The execution hints in force, name → value; without making the rest of the metadata."""
        known = self._metadata
        return self.surroundings.hints if known is None else known.hints

    @property
    def path(self) -> str:
        """The number of the call, and inside a function that the host runs those around it: `3.0.1` (host.md §2)."""
        key = self.metadata.idempotency_key
        return str(self.seq) if key is None else key.rpartition("/")[2]

    @property
    def span(self) -> Span | None:
        """Where the call stands in the program; made when asked for."""
        place = self.place
        if place is None or isinstance(place, Span):
            return place
        span: Span | None = place.span
        return span

    def next_branch(self) -> int:
        """The number of the next function that the host runs for this call, from 0."""
        kept = self._shared()
        number: int = kept.get("branches", 0)
        kept["branches"] = number + 1
        return number

    @property
    def note(self) -> Any:
        """What its provider remembered of it, None if nothing."""
        return self._shared().get("note")

    def remember(self, note: Any) -> None:
        """Keep a storable value beside the answer, for who renews it after a restart."""
        self._shared()["note"] = note

    def _shared(self) -> dict[str, Any]:
        """What changes while the call is made, shared with its copies."""
        kept: dict[str, Any] | None = getattr(self, "_kept", None)
        if kept is None:
            kept = {}
            object.__setattr__(self, "_kept", kept)
        return kept

    def replace(self, **changes: Any) -> HostCall:
        """A copy with some fields changed; `metadata` too."""
        names = ("capability_id", "args", "security", "surroundings", "place", "module", "seq", "metadata")
        made = HostCall(**{**{name: getattr(self, name) for name in names}, **changes})
        object.__setattr__(made, "_kept", self._shared())
        return made

    def _fields(self) -> tuple[Any, ...]:
        return (
            self.capability_id, self.args, self.security, self.causal, self.metadata, self.span, self.step_path,
            self.module, self.seq,
        )  # fmt: skip

    def __eq__(self, other: object) -> bool:
        return type(other) is HostCall and self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash((self.capability_id, self.args, self.module, self.seq))

    def __repr__(self) -> str:
        return f"HostCall({self.capability_id!r}, {self.args!r}, seq={self.seq})"


class Complete(_Frozen):
    """The program ended with `value`."""

    __slots__ = ("value",)
    value: Any

    def __init__(self, value: Any) -> None:
        self._fill(value=value)


class Continuation(Protocol):
    """The one-shot rest of a suspended program."""

    def resume(self, value: Any) -> Outcome: ...
    def fail(self, error: Any) -> Outcome: ...
    def snapshot(self) -> bytes: ...


class RequiresHost(_Frozen):
    """The program waits at `call`: answer it with `resume`, refuse it with `fail`, or store it with `snapshot`."""

    __slots__ = ("call", "continuation")
    call: HostCall
    continuation: Continuation

    def __init__(self, call: HostCall, continuation: Continuation) -> None:
        self._fill(call=call, continuation=continuation)

    def resume(self, value: Any) -> Outcome:
        """Go on with `value` (any Python value that `from_python` accepts) as the call's answer. One-shot."""
        return self.continuation.resume(value)

    def fail(self, error: str | RtfsError | Any) -> Outcome:
        """Raise a HostError (text or error value) or the given RtfsError at the call. One-shot."""
        return self.continuation.fail(error)

    def snapshot(self) -> bytes:
        """The suspended program as bytes (host.md §2)."""
        return self.continuation.snapshot()


Outcome = Complete | RequiresHost
