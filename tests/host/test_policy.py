"""What a context allows: every refusal has a twin that one grant more lets through."""

from __future__ import annotations

from typing import Any

import pytest

from rtfs.host.marketplace import built_in, built_in_providers
from rtfs.host.policy import CLI_DEFAULT, decide, widened
from rtfs.host.provider import Provider
from rtfs.lang.names import Keyword
from rtfs.lang.outcome import RuntimeContext

Controlled = RuntimeContext.controlled


def capability(id: str = "a.b", effects: Any = (":network",), grant: Any = None) -> Provider:
    return Provider(id, lambda ctx: None, effects=effects, grant=grant, native=True)


READ = capability("ccos.io.read-file", (":filesystem",), ("read", "path"))
FETCH = capability("ccos.network.http-fetch", (":network",), ("net", "url"))
ENV = capability("ccos.system.get-env", (":environment",), ("env", "name"))


@pytest.mark.parametrize(
    ("subject", "value", "refusing", "rule", "allowing"),
    [
        (capability(), None, RuntimeContext.pure(), "level pure", Controlled(["a.b"])),
        (capability(effects=()), None, RuntimeContext("pure", ("a.b",)), "level pure", Controlled(["a.b"])),
        (capability(), None, Controlled(), "not in the allow list", Controlled(["a.*"])),
        (capability(), None, Controlled(["a"]), "not in the allow list", Controlled(["**"])),
        (capability(), None, Controlled(["a.b"], ["a.*"]), "denied by a.*", Controlled(["a.b"], ["a.c"])),
        (capability(), None, RuntimeContext("full", denied=("a.b",)), "denied by a.b", RuntimeContext.full()),
        (capability(effects=None), None, Controlled(["a.b"]), "effects unknown", RuntimeContext.full()),
        (capability(effects=None), None, Controlled(["a.b"], effects=[]), "effect :unknown not allowed",
         Controlled(["a.b"], effects=[":unknown"])),
        (capability(), None, Controlled(["a.b"], effects=[":clock"]), "effect :network not allowed",
         Controlled(["a.b"], effects=[":clock", "network"])),
        (capability(), None, RuntimeContext("full", denied_effects=(":network",)), "effect :network denied",
         RuntimeContext("full", denied_effects=(":clock",))),
        (READ, "/data/x", Controlled(), "not in the allow list", Controlled(grants=[("read", "/data")])),
        (READ, "/data/x", Controlled(grants=[("write", "/data")]), "not in the allow list",
         Controlled(grants=[("write", "/data"), ("read", "/data")])),
        (READ, "/data2/x", Controlled(grants=[("read", "/data")]), "outside the read grants",
         Controlled(grants=[("read", "/data"), ("read", "/data2")])),
        (READ, "/x", Controlled(["ccos.io.*"], grants=[("read", "/data")]), "outside the read grants",
         Controlled(["ccos.io.*"])),
        (READ, "/x", RuntimeContext("full", grants=(("read", "/data"),)), "outside the read grants",
         RuntimeContext("full", grants=(("read", "/"),))),
        (FETCH, "http://b.org/", Controlled(grants=[("net", "a.org")]), "outside the net grants",
         Controlled(grants=[("net", "a.org"), ("net", "b.org")])),
        (ENV, "SECRET", Controlled(grants=[("env", "HOME")]), "outside the env grants",
         Controlled(grants=[("env", "HOME"), ("env", "SECRET")])),
        (ENV, "home", Controlled(grants=[("env", "HOME")]), "outside the env grants",
         Controlled(grants=[("env", "home")])),
    ],
)  # fmt: skip
def test_a_refusal_names_its_rule_and_one_more_grant_lifts_it(
    subject: Provider, value: Any, refusing: RuntimeContext, rule: str, allowing: RuntimeContext
) -> None:
    refusal = decide(refusing, subject, value)
    assert refusal is not None
    assert refusal.kind == "SecurityViolation"
    assert refusal.data.get(Keyword("rule")) == rule
    assert refusal.data.get(Keyword("capability")) == subject.id
    assert decide(allowing, subject, value) is None


def test_the_text_of_a_refusal_is_that_of_the_catalogue() -> None:
    refusal = decide(Controlled(), READ)
    assert refusal is not None
    assert refusal.message == (
        "Security violation: call operation on capability 'ccos.io.read-file' not allowed in context: controlled"
    )
    narrowed = decide(Controlled(grants=[("read", "/data")]), READ, "/etc/passwd")
    assert narrowed is not None
    assert narrowed.message == (
        "Security violation: read operation on capability 'ccos.io.read-file' not allowed in context: controlled"
    )


@pytest.mark.parametrize(
    ("id", "value", "flag"),
    [
        ("ccos.state.kv.get", None, "--allow 'ccos.state.kv.*'"),
        ("ccos.concurrent/parallel", None, "--allow 'ccos.concurrent/*'"),
        ("ccos.io.read-file", "/etc/hosts", "--allow-read /etc"),
        ("ccos.io.list-dir", "/etc", "--allow-read /etc"),
        ("ccos.io.list-dir", "/no such dir/x", "--allow-read '/no such dir'"),
        ("ccos.io.read-file", None, "--allow-read DIR"),
        ("ccos.io.write-file", "/tmp/out.txt", "--allow-write /tmp"),
        ("ccos.network.http-fetch", "https://api.example.org/x", "--allow-net api.example.org"),
        ("ccos.network.http-fetch", "http://api.example.org:8080/", "--allow-net api.example.org:8080"),
        ("ccos.network.http-fetch", "no url", "--allow-net HOST"),
        ("ccos.system.get-env", "HOME", "--allow-env HOME"),
    ],
)
def test_a_refusal_notes_the_flag_that_would_allow_it(id: str, value: Any, flag: str) -> None:
    subject = built_in(id)
    assert subject is not None
    refusal = decide(RuntimeContext.controlled(), subject, value)
    assert refusal is not None
    assert refusal.notes[1] == f"allow it with {flag}"


def test_a_deny_rule_is_not_advised_around() -> None:
    refusal = decide(Controlled(["a.b"], ["a.b"]), capability())
    assert refusal is not None
    assert refusal.notes == ["rule: denied by a.b", "a deny rule wins over every flag"]


def test_the_command_line_allows_computing_and_the_console_and_nothing_else() -> None:
    refused = {id for id, provider in built_in_providers().items() if decide(CLI_DEFAULT, provider) is not None}
    assert {id for id in refused if id.startswith("ccos.")} == {
        "ccos.ai.llm-execute",
        "ccos.io.append-file",
        "ccos.io.delete-file",
        "ccos.io.file-exists",
        "ccos.io.list-dir",
        "ccos.io.mkdir",
        "ccos.io.read-file",
        "ccos.io.write-file",
        "ccos.network.http-fetch",
        "ccos.system.get-env",
    }


@pytest.mark.parametrize(
    ("isolation", "effects", "rule"),
    [
        ("inherit", (":network",), None),
        ("isolated", (":state", ":clock"), None),
        ("isolated", (":network",), "isolation isolated: effect :network"),
        ("isolated", (":filesystem",), "isolation isolated: effect :filesystem"),
        ("isolated", None, "isolation isolated: effect :unknown"),
        ("sandboxed", (), None),
        ("sandboxed", (":state",), "isolation sandboxed: effect :state"),
    ],
)
def test_isolation_holds_whatever_else_is_allowed(isolation: str, effects: Any, rule: str | None) -> None:
    context = RuntimeContext("full", isolation=isolation)
    refusal = decide(context, capability(effects=effects))
    assert (None if refusal is None else refusal.data.get(Keyword("rule"))) == rule
    if refusal is not None:
        assert refusal.notes[-1] == "isolation is chosen by the embedder, and no flag lifts it"


def test_what_a_refused_call_needs_widens_the_context_by_that_alone() -> None:
    context = Controlled(["a.b"], grants=[("read", "/data")])
    refusal = decide(context, READ, "/etc/passwd")
    assert refusal is not None
    wider = widened(context, refusal)
    assert wider == Controlled(["a.b"], grants=[("read", "/data"), ("read", "/etc")])
    assert decide(wider, READ, "/etc/passwd") is None
    assert decide(wider, READ, "/root/x") is not None
    refusal = decide(context, capability("c.d"))
    assert refusal is not None
    assert widened(context, refusal) == Controlled(["a.b", "c.d"], grants=[("read", "/data")])


@pytest.mark.parametrize(
    "context", [Controlled(["**"], ["a.*"]), Controlled(["**"], effects=[]), RuntimeContext.pure()]
)
def test_denials_effects_and_purity_are_not_widened(context: RuntimeContext) -> None:
    refusal = decide(context, capability())
    assert refusal is not None
    assert widened(context, refusal) is None
