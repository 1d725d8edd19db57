"""What compiled code calls of its run: host calls, steps, hints, the host's context."""

from __future__ import annotations

from typing import Any

from rtfs.eval.fault import translate
from rtfs.eval.machine import RUN, Exposed, call_host, current_run
from rtfs.lang.access import sequence
from rtfs.lang.collections import Map, PVector
from rtfs.lang.errors import LimitError, type_error
from rtfs.lang.values import wrong_kind

ROUNDS = 10_000


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


HELPERS: dict[str, Any] = {
    "#call": call_host,
    "#context": context,
    "#parallel_result": parallel_result,
    "#round": round_count,
    "#step": step,
    "#step_done": step_done,
    "#step_failed": step_failed,
    "#push_hints": push_hints,
    "#pop_hints": pop_hints,
    "#plan": plan,
}
