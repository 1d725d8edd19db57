"""The rules over a RuntimeContext: which capability a program may call, and how grants narrow it (host.md §4).

    decide(context, capability)         the capability as a whole: level, denied and allowed globs, effects, grants
    decide(context, capability, value)  also the one argument that a grant narrows: a path, a URL or a variable's name

Deny wins. In a controlled context an id is admitted by a glob or by a grant of its kind; where there is a grant of its
kind, only what the grants name is admitted.
"""

from __future__ import annotations

from typing import Any, Protocol

from rtfs.host.glob import matches
from rtfs.lang.collections import Map, vector
from rtfs.lang.errors import HostCallError
from rtfs.lang.names import Keyword
from rtfs.lang.outcome import RuntimeContext

# What `rtfs run` allows without being asked: computing, the console and the program's own state (host.md §4).
CLI_ALLOWED: tuple[str, ...] = (
    "ccos.echo",
    "ccos.math.*",
    "ccos.io.println",
    "ccos.io.print",
    "ccos.io.log",
    "ccos.io.read-line",
    "ccos.user.ask",
    "ccos.user.elicit",
    "ccos.system.current-time",
    "ccos.system.current-timestamp-ms",
    "ccos.system.sleep-ms",
    "ccos.random.*",
    "ccos.json.*",
    "ccos.data.*",
    "ccos.state.**",
    "ccos.concurrent/*",
    "ccos.async/*",
    "ccos.resource.close",
    "ccos.marketplace/*",
    "ccos.agent.discover-agents",
    "ccos.context.set",
    "rtfs.test.*",
)
CLI_DEFAULT = RuntimeContext.controlled(CLI_ALLOWED)

_FLAGS = {
    "read": "--allow-read",
    "write": "--allow-write",
    "net": "--allow-net",
    "env": "--allow-env",
    "run": "--allow-run",
}
_PLACEHOLDERS = {"read": "DIR", "write": "DIR", "net": "HOST", "env": "NAME", "run": "PROGRAM"}


class Subject(Protocol):
    """What a decision is about: a Provider or a Manifest."""

    @property
    def id(self) -> str: ...
    @property
    def effects(self) -> tuple[str, ...] | None: ...
    @property
    def grant(self) -> tuple[str, str | None] | None: ...


def decide(context: RuntimeContext, subject: Subject, value: Any = None) -> HostCallError | None:
    """None, or the SecurityViolation to raise. `value` is the argument that `subject.grant` names, when it is known."""
    rule = _rule_against(context, subject)
    if rule is not None:
        return refusal(context, subject, rule, value=value)
    if value is None or subject.grant is None:
        return None
    granted = grants_of(context, subject.grant[0])
    if granted is None or _GUARDS[subject.grant[0]](granted, value):
        return None
    return outside(context, subject, value)


def outside(context: RuntimeContext, subject: Subject, value: Any) -> HostCallError:
    """The refusal of an argument that the grants do not reach; the subject has a grant."""
    kind = subject.grant[0] if subject.grant is not None else "call"
    return refusal(context, subject, f"outside the {kind} grants", operation=kind, value=value)


def _rule_against(context: RuntimeContext, subject: Subject) -> str | None:
    """The rule that refuses the capability as a whole."""
    if context.level == "pure":
        return "level pure"
    for pattern in context.denied:
        if matches(pattern, subject.id):
            return f"denied by {pattern}"
    refused = effect_rule(context, subject.effects) or _isolation_rule(context, subject.effects)
    if refused is not None or context.level == "full":
        return refused
    if any(matches(pattern, subject.id) for pattern in context.allowed):
        return None
    if subject.grant is not None and grants_of(context, subject.grant[0]) is not None:
        return None
    return "not in the allow list"


def effect_rule(context: RuntimeContext, effects: tuple[str, ...] | None) -> str | None:
    """The rule against a capability with these effect labels; None for `effects` means that they are unknown."""
    labels = [label.lstrip(":") for label in effects] if effects is not None else ["unknown"]
    denied = {label.lstrip(":") for label in context.denied_effects}
    for label in labels:
        if label in denied:
            return f"effect :{label} denied"
    if context.effects is not None:
        allowed = {label.lstrip(":") for label in context.effects}
        for label in labels:
            if label not in allowed:
                return f"effect :{label} not allowed"
    elif "unknown" in labels and context.level != "full":
        return "effects unknown"
    return None


# Effects that a program in isolation may have: what it does stays in its own session and state.
_INSIDE = frozenset({"console", "clock", "random", "state", "context", "concurrent", "resource"})


def _isolation_rule(context: RuntimeContext, effects: tuple[str, ...] | None) -> str | None:
    """The rule of an isolated context (nothing outside the session) or a sandboxed one (nothing at all)."""
    if context.isolation == "inherit":
        return None
    for label in effects if effects is not None else ("unknown",):
        name = label.lstrip(":")
        if context.isolation == "sandboxed" or name not in _INSIDE:
            return f"isolation {context.isolation}: effect :{name}"
    return None


def grants_of(context: RuntimeContext, kind: str) -> tuple[str, ...] | None:
    """The values of the grants of a kind (`read write net env run`); None when there is none to narrow by."""
    return tuple(value for name, value in context.grants if name == kind) or None


def refusal(
    context: RuntimeContext, subject: Subject, rule: str, *, operation: str = "call", value: Any = None
) -> HostCallError:
    """The SecurityViolation that names the rule and, as a note, the command line flag that would allow the call.

    Its `:needs` is the grant or the id that is missing, `["read" "/data"]` or `["allow" "a.b"]`; nil where none helps.
    """
    what = f"{operation} operation on capability '{subject.id}'"
    text = f"Security violation: {what} not allowed in context: {context.level}"
    needs = _needs(subject, rule, value)
    facts = {"capability": subject.id, "rule": rule, "needs": None if needs is None else vector(needs)}
    data = Map.of([(Keyword(key), item) for key, item in facts.items()])
    notes = (f"rule: {rule}", _advice(subject, rule, needs))
    return HostCallError("SecurityViolation", text, data=data, notes=notes)


def widened(context: RuntimeContext, refused: HostCallError) -> RuntimeContext | None:
    """The context with what a refused call needs; None when nothing that can be granted would help."""
    needs = None if type(refused.data) is not Map else refused.data.get(Keyword("needs"))
    if needs is None or needs[1] is None or context.level != "controlled":
        return None
    kind, value = needs
    if kind == "allow":
        changed: RuntimeContext = context.replace(allowed=(*context.allowed, value))
    else:
        changed = context.replace(grants=(*context.grants, (kind, value)))
    return changed


def _needs(subject: Subject, rule: str, value: Any) -> tuple[str, str | None] | None:
    if rule.startswith(("denied by", "effect", "isolation")) or rule == "level pure":
        return None
    if subject.grant is None:
        return "allow", subject.id
    kind = subject.grant[0]
    return kind, _grant_value(kind, value)


def _advice(subject: Subject, rule: str, needs: tuple[str, str | None] | None) -> str:
    if rule.startswith("denied by"):
        return "a deny rule wins over every flag"
    if rule.startswith("isolation"):
        return "isolation is chosen by the embedder, and no flag lifts it"
    if rule.startswith("effect"):
        return "effects that nobody allowed need --allow-all"
    if needs is not None and needs[0] != "allow":
        import shlex

        kind, value = needs
        return f"allow it with {_FLAGS[kind]} {_PLACEHOLDERS[kind] if value is None else shlex.quote(value)}"
    family = subject.id[: max(subject.id.rfind("."), subject.id.rfind("/")) + 1]
    return f"allow it with --allow '{family}*'"


def _grant_value(kind: str, value: Any) -> str | None:
    """What a grant must name to admit a value: the directory of a path, the host of a URL; None when it is none."""
    if type(value) is not str:
        return None
    if kind in ("read", "write"):
        import os.path

        path = os.path.realpath(value) if "\0" not in value else "."
        return path if os.path.isdir(path) else os.path.dirname(path)
    return _host_of(value) if kind == "net" else value


def _host_of(url: str) -> str | None:
    from rtfs.host.net import endpoint

    try:
        return endpoint(url).authority
    except ValueError:
        return None


def _path_granted(granted: tuple[str, ...], value: Any) -> bool:
    from rtfs.host.files import inside, real

    try:
        return type(value) is str and inside(real(value), granted)
    except ValueError:
        return True  # no path at all: the provider says so


def _net_granted(granted: tuple[str, ...], value: Any) -> bool:
    from rtfs.host.net import endpoint, granting

    try:
        return type(value) is str and granting(granted, endpoint(value)) is not None
    except ValueError:
        return True  # no URL at all: the provider says so


def _run_granted(granted: tuple[str, ...], value: Any) -> bool:
    """A program by the very words: a name is looked up in PATH as always, a path is that file."""
    return value in granted


def _env_granted(granted: tuple[str, ...], value: Any) -> bool:
    return value in granted


_GUARDS = {"read": _path_granted, "write": _path_granted, "net": _net_granted, "env": _env_granted, "run": _run_granted}
