"""Registering and finding capabilities."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rtfs.host.marketplace import Marketplace
from rtfs.host.version import parse
from rtfs.lang.collections import Map
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword
from rtfs.session import read_forms


@pytest.fixture
def market() -> Marketplace:
    market = Marketplace()
    market.read = lambda text: read_forms(text)[0]
    return market


def enter(market: Marketplace, function: Callable[..., Any] = lambda: 1, id: str = "t.f", **facts: Any) -> None:
    market.capability(id, **facts)(function)


# ---- Python functions


def test_the_decorator_leaves_the_function_as_it_is(market: Marketplace) -> None:
    def f() -> int:
        return 1

    assert market.capability("t.f")(f) is f


def test_a_python_function_gets_plain_python_values(bench: Callable[..., Any], m: Callable[..., Map]) -> None:
    table, seen = bench(), []
    enter(table.market, lambda value: seen.append(value), effects=[])
    table.do("t.f", Map.of([(Keyword("city"), ("Rome", 1.5))]))
    assert seen == [{"city": ["Rome", 1.5]}]


def test_parameters_come_from_the_signature(bench: Callable[..., Any], m: Callable[..., Map]) -> None:
    table = bench()
    enter(table.market, lambda city, days=1: f"{city} {days}", effects=[])
    assert table.do("t.f", "Rome") == "Rome 1"
    assert table.do("t.f", "Rome", 3) == "Rome 3"
    assert table.do("t.f", m(city="Rome", days=2)) == "Rome 2"


def test_keyword_only_parameters_bind_too(bench: Callable[..., Any], m: Callable[..., Map]) -> None:
    table = bench()

    def f(city: str, *, days: int) -> str:
        return f"{city} {days}"

    enter(table.market, f, effects=[])
    assert table.do("t.f", "Rome", 3) == table.do("t.f", m(city="Rome", days=3)) == "Rome 3"


def test_declared_keys_reach_parameters_of_other_names_in_order(
    bench: Callable[..., Any], m: Callable[..., Map]
) -> None:
    table = bench()
    enter(table.market, lambda a, b=None: [a, b], input="[:map [:city :string] [:days :int ?]]", effects=[])
    assert table.do("t.f", m(days=2, city="Rome")) == ("Rome", 2)


def test_any_number_of_arguments_passes(bench: Callable[..., Any]) -> None:
    table = bench()
    enter(table.market, lambda *numbers: sum(numbers), effects=[])
    assert table.do("t.f", 1, 2, 3) == 6


def test_a_first_parameter_named_ctx_gets_the_call_context(bench: Callable[..., Any]) -> None:
    table = bench()
    enter(table.market, lambda ctx, x: [ctx.capability_id, ctx.once, x], effects=[])
    assert table.do("t.f", 5, idempotency_key="k") == ("t.f", "k", 5)


def test_callables_that_are_no_functions_are_accepted(bench: Callable[..., Any]) -> None:
    class Adder:
        def __call__(self, a: int, b: int) -> int:
            return a + b

    table = bench()
    enter(table.market, Adder(), effects=[])
    enter(table.market, functools.partial(Adder(), 10), "t.g", effects=[])
    enter(table.market, max, "t.h", effects=[])
    assert (table.do("t.f", 1, 2), table.do("t.g", 1), table.do("t.h", 3, 4)) == (3, 11, 4)


async def test_a_callable_object_may_answer_with_a_coroutine(bench: Callable[..., Any]) -> None:
    class Slow:
        async def __call__(self) -> int:
            return 4

    table = bench()
    enter(table.market, Slow(), effects=[])
    assert await table.wait("t.f") == 4


def test_an_unknown_fact_is_refused_by_name(market: Marketplace) -> None:
    with pytest.raises(TypeError, match="a capability has no 'efects'"):
        enter(market, efects=[])


# ---- ids and versions


@pytest.mark.parametrize("id", ["f", "", ".a", "a.", "a..b", "a b.c", "a.b:c", "ä.b"])
def test_an_id_has_segments_of_plain_characters(market: Marketplace, id: str) -> None:
    with pytest.raises(ValueError, match="a capability id looks like"):
        enter(market, id=id)


@pytest.mark.parametrize("id", ["a.b", "a/b", "a.b.c", "a.b/c", "my_ns.do-it", "ccos.db/postgres/query"])
def test_dots_and_slashes_separate_segments(market: Marketplace, id: str) -> None:
    enter(market, id=id)
    assert market.find(id) is not None


def test_versions_sort_as_semver_says() -> None:
    before = ["0.9.0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11"]
    order = [*before, "1.0.0", "1.0.1", "1.10.0"]
    assert sorted(set(order), key=parse) == order


@pytest.mark.parametrize("version", ["1", "1.0", "v1.0.0", "1.0.0.0", "", "1.0.x"])
def test_a_version_is_semver(market: Marketplace, version: str) -> None:
    with pytest.raises(ValueError, match=r"a version looks like 1\.2\.3"):
        enter(market, version=version)


RECORD = "[:map [:city :string] [:days :int ?]]"


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({}, "is registered with version 1.0.0, which 1.0.0 does not exceed"),
        ({"version": "0.9.0"}, "does not exceed"),
        ({"version": "1.0.0-rc.1"}, "does not exceed"),
        ({"version": "2.0.0"}, "version 2.0.0 of t.f breaks with 1.0.0"),
        ({"version": "1.1.0", "output": ":string"}, "its output differs"),
        ({"version": "1.1.0", "input": "[:map [:days :int ?]]"}, "it lacks :city"),
        ({"version": "1.1.0", "input": "[:map [:city :int] [:days :int ?]]"}, "its :city differs"),
        ({"version": "1.1.0", "input": "[:map [:city :string] [:days :int]]"}, r"its :days\? differs"),
        ({"version": "1.1.0", "input": "[:map [:city :string] [:days :int ?] [:unit :keyword]]"}, "it needs :unit"),
        ({"version": "1.1.0", "input": ":int"}, "its input differs"),
        ({"version": "1.1.0"}, None),
        ({"version": "1.1.0", "input": "[:map [:city :string ?] [:days :int ?]]"}, None),
        ({"version": "1.1.0", "input": "[:map [:city :string] [:days :int ?] [:unit :keyword ?]]"}, None),
        ({"version": "1.0.1", "input": "[:record {:city :string :days [:optional :int]}]"}, None),
        ({"version": "0.1.0", "input": ":int", "replace": True}, None),
    ],
)
def test_a_taken_id_goes_to_a_higher_version_that_breaks_no_caller_or_by_force(
    market: Marketplace, facts: dict[str, Any], reason: str | None
) -> None:
    base = {"input": RECORD, "output": ":float"}
    enter(market, **base)
    if reason is None:
        enter(market, **{**base, **facts})
        assert market.manifest("t.f").version == facts["version"]
    else:
        with pytest.raises(ValueError, match=reason):
            enter(market, **{**base, **facts})
        assert market.manifest("t.f").version == "1.0.0"


def test_a_built_in_capability_is_not_replaced_by_accident(market: Marketplace) -> None:
    with pytest.raises(ValueError, match="pass replace=True"):
        enter(market, id="ccos.echo")
    enter(market, id="ccos.echo", replace=True)


def test_a_vacant_name_is_free_to_be_filled(bench: Callable[..., Any], m: Callable[..., Map]) -> None:
    table = bench()
    with pytest.raises(Exception, match="No language model provider is registered"):
        table.do("ccos.ai.llm-execute", "m1", "hi")
    enter(table.market, lambda model, prompt: f"{model}: {prompt}", "ccos.ai.llm-execute", effects=[":ai"])
    assert table.do("ccos.ai.llm-execute", m(model="m1", prompt="hi")) == "m1: hi"


def test_two_marketplaces_share_nothing(market: Marketplace) -> None:
    enter(market)
    assert Marketplace().find("t.f") is None


# ---- manifests, search, discovery


def test_a_manifest_tells_everything(market: Marketplace) -> None:
    def now(city: str) -> float:
        """The temperature of a city."""
        return 1.0

    market.capability(
        "weather.now", input="[:map [:city :string]]", output=":float", effects=[":network"], domains=["weather"],
        categories=["lookup"], permissions=["location"], examples=[{"city": "Rome"}], metadata={"team": "x"},
        provider="meteo", name="Weather now", version="1.2.3", idempotent=True,
    )(now)  # fmt: skip
    assert repr(market.manifest("weather.now").value()) == (
        '{:id "weather.now" :name "Weather now" :description "The temperature of a city." :version "1.2.3" '
        ':provider "meteo" :input-schema [:map [:city :string]] :output-schema :float :effects [:network] '
        ':permissions ["location"] :idempotent true :approval :auto :domains ["weather"] :categories ["lookup"] '
        ':metadata {"team" "x"} :examples [{"city" "Rome"}]}'
    )


def test_a_manifest_is_frozen(market: Marketplace) -> None:
    enter(market)
    with pytest.raises(AttributeError):
        market.manifest("t.f").version = "9.9.9"  # type: ignore[misc]


def test_effects_that_nobody_declared_are_unknown_and_none_at_all_is_pure(market: Marketplace) -> None:
    enter(market)
    enter(market, id="t.g", effects=[])
    assert market.manifest("t.f").value().get(Keyword("effects")) == (Keyword("unknown"),)
    assert market.manifest("t.g").value().get(Keyword("effects")) == ()


def test_only_what_has_no_effects_or_says_so_is_idempotent(market: Marketplace) -> None:
    for id, facts in {"t.a": {}, "t.b": {"effects": []}, "t.c": {"effects": [":x"]},
                      "t.d": {"effects": [":x"], "idempotent": True},
                      "t.e": {"effects": [], "idempotent": False}}.items():  # fmt: skip
        enter(market, id=id, **facts)
    assert [market.manifest(f"t.{letter}").idempotent for letter in "abcde"] == [False, True, False, True, False]


def test_every_built_in_capability_has_a_complete_manifest(market: Marketplace) -> None:
    for id in market.ids():
        manifest = market.manifest(id)
        assert manifest.id == id
        assert manifest.description, id
        assert manifest.effects is not None, id
        assert manifest.value().get(Keyword("id")) == id


def test_search_finds_every_word_and_the_id_ranks_first(market: Marketplace) -> None:
    enter(market, id="geo.weather", description="Where it rains")
    enter(market, id="a.first", description="the weather of yesterday")
    enter(market, id="b.second", name="Weather name")
    assert [found.id for found in market.search("weather")] == ["geo.weather", "b.second", "a.first"]
    assert [found.id for found in market.search("WEATHER yesterday")] == ["a.first"]
    assert market.search("weather nowhere") == []


def test_search_filters_and_limits(market: Marketplace) -> None:
    enter(market, id="t.a", effects=[":network", ":ai"], domains=["d1"], categories=["agent"], provider="p")
    enter(market, id="t.b", effects=[":network"], domains=["d1", "d2"])
    network = [found.id for found in market.search(effects=[":network"], limit=None)]
    assert [id for id in network if id.startswith("t.")] == ["t.a", "t.b"]
    assert [f.id for f in market.search(effects=["network", ":ai"], domains=["d1"])] == ["t.a"]
    assert [f.id for f in market.search(domains=["d2", "d3"])] == ["t.b"]
    assert [f.id for f in market.search(categories=["agent"])] == ["t.a"]
    assert [f.id for f in market.search(provider="p")] == ["t.a"]
    assert len(market.search(limit=3)) == 3


def test_discover_matches_ids_against_a_glob(market: Marketplace) -> None:
    assert market.discover("ccos.state.kv.*") == [
        "ccos.state.kv.cas-put",
        "ccos.state.kv.delete",
        "ccos.state.kv.get",
        "ccos.state.kv.put",
    ]
    assert market.discover("ccos.async/*") == ["ccos.async/await", "ccos.async/spawn"]
    assert "ccos.echo" not in market.discover("ccos.state.**")


def test_programs_search_load_and_discover(bench: Callable[..., Any], m: Callable[..., Map]) -> None:
    table = bench()
    found = table.do("ccos.marketplace/search", m(text="http-fetch", effects=(Keyword("network"),)))
    assert [manifest.get(Keyword("id")) for manifest in found] == ["ccos.network.http-fetch"]
    assert table.do("ccos.marketplace/load", "ccos.echo").get(Keyword("version")) == "1.0.0"
    assert table.do("ccos.marketplace/discover", "ccos.ech?") == ()
    assert table.do("ccos.marketplace/discover", "ccos.*") == ("ccos.echo",)
    with pytest.raises(Exception, match=r"Unknown capability: no.such"):
        table.do("ccos.marketplace/load", "no.such")


def test_agents_are_capabilities_of_that_category(bench: Callable[..., Any]) -> None:
    table = bench()
    enter(table.market, id="team.writer", description="writes", categories=["agent"])
    assert table.do("ccos.agent.discover-agents")[0].get(Keyword("id")) == "team.writer"
    assert table.do("ccos.agent.discover-agents", "paints") == ()


def test_an_agent_is_registered_like_a_capability_and_found_by_what_it_does(bench: Callable[..., Any]) -> None:
    table = bench()

    @table.market.agent("team.painter", description="paints", categories=["art"], effects=[":ai"])
    def paint(subject: str) -> str:
        return f"a painting of {subject}"

    (found,) = table.do("ccos.agent.discover-agents", "paints")
    assert (found.get(Keyword("id")), found.get(Keyword("categories"))) == ("team.painter", ("art", "agent"))
    assert table.do("team.painter", "a hat") == "a painting of a hat"


# ---- malformed types


@pytest.mark.parametrize(
    "types", [{"input": "[:vectr :int]"}, {"output": ":strng"}, {"input": "[:map [:a Itn]]"}, {"output": "["}]
)
def test_a_malformed_type_is_refused_at_registration_or_at_the_first_call(
    market: Marketplace, bench: Callable[..., Any], types: dict[str, str]
) -> None:
    with pytest.raises(RtfsError):
        enter(market, **types)
    early = Marketplace()
    enter(early, effects=[], **types)
    with pytest.raises(RtfsError, match=r"^Capability 't\.f' declares a malformed type: ") as caught:
        bench(marketplace=early).do("t.f", 1)
    assert (caught.value.kind, caught.value.type) == ("HostError", "bad-manifest")


def test_a_type_as_text_needs_a_reader_and_one_as_data_does_not(bench: Callable[..., Any]) -> None:
    table = bench(read=None)
    enter(table.market, lambda x: x, effects=[], input="[:map [:x :int]]")
    with pytest.raises(RtfsError, match="needs a host with a reader"):
        table.do("t.f", 1)
    enter(table.market, lambda x: x, "t.g", effects=[], input=[":map", [":x", ":int"]], output=[":enum", 1, "one"])
    assert table.do("t.g", 1) == 1
    with pytest.raises(RtfsError, match=r"Invalid input for t.g"):
        table.do("t.g", "one")
    with pytest.raises(RtfsError, match=r"Invalid output of t.g"):
        table.do("t.g", 2)


# ---- installed packages

PACKAGE = """
from rtfs.host.provider import provides

@provides("acme.greet", input={"name": ":string"}, output=":string", effects=[])
def greet(ctx, name):
    return f"hello {name}"

@provides("ccos.echo", input={"value": ":any"}, effects=[])
def not_ours(ctx, value):
    return "taken over"
"""

USE = """
from rtfs.host.host import Host
from rtfs.host.marketplace import Marketplace
from rtfs.lang.outcome import HostCall, RuntimeContext
context, market = RuntimeContext.controlled(["**"]), Marketplace()
host = Host(marketplace=market, context=context)
for id in ("acme.greet", "ccos.echo"):
    print(host.dispatch(HostCall(id, ("Ada",), context)))
print(market.discover("acme.*"))
"""


def test_installed_packages_bring_capabilities_and_take_over_none(tmp_path: Path) -> None:
    (tmp_path / "acme_caps.py").write_text(PACKAGE)
    info = tmp_path / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[rtfs.providers]\nacme = acme_caps\nbroken = acme_nothing\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", USE], capture_output=True, text=True, env=environment, check=True)
    assert run.stdout.splitlines() == ["hello Ada", "Ada", "['acme.greet']"]
    assert "the capabilities of acme_nothing cannot be loaded" in run.stderr
