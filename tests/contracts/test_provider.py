"""What every capability must do: the built-in ones, and those that an installed package brings by its entry point."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rtfs.host import marketplace
from rtfs.host.adapt import parameters
from rtfs.host.capability import input_form, output_form
from rtfs.host.marketplace import Marketplace, built_in_providers
from rtfs.host.provider import Provider
from rtfs.host.shape import problem_finder
from rtfs.host.version import parse
from rtfs.lang.collections import EMPTY_MAP, List, Map
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.schema import parse_type
from rtfs.lang.values import ResourceHandle, Timestamp
from rtfs.session import read_forms
from tests.host.conftest import Bench

THIRD_PARTY = """
from rtfs.host.provider import provides

@provides("acme.greet", input={"name": ":string", "times?": "[:and :int [:> 0]]"}, output=":string", effects=[])
def greet(ctx, name, times=1):
    '''Greets somebody.'''
    return f"hello {name} " * times

@provides("acme.add", input="[:map [:a-b :int] [:a_b :int]]", output=":int", effects=[":math"], gathers=True)
async def add(ctx, given):
    '''Adds two numbers of similar names.'''
    return sum(given.values())
"""
IDS = sorted([*built_in_providers(), "acme.greet", "acme.add"])
CANDIDATES: list[Any] = [
    "x", 5, 0.5, None, True, Keyword("k"), Symbol("s"), EMPTY_MAP, Map.of([(Keyword("by"), Keyword("k"))]), (), ("x",),
    (Keyword("k"),), (1, 2), List((1,)), lambda: 1, ResourceHandle("resource://task/1"), Timestamp(0),
]  # fmt: skip


@pytest.fixture
def bench() -> type[Bench]:
    return Bench


def read(text: str) -> Any:
    return read_forms(text)[0]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Marketplace]:
    """A marketplace of a Python in which the package `acme` is installed."""
    site = tmp_path_factory.mktemp("site")
    (site / "acme_contract.py").write_text(THIRD_PARTY)
    info: Path = site / "acme_contract-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-contract\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[rtfs.providers]\nacme = acme_contract\n")
    known, marketplace._installed = marketplace._installed, None
    sys.path.insert(0, str(site))
    try:
        market = Marketplace()
        market.read = read
        market.ids()
        yield market
    finally:
        sys.path.remove(str(site))
        marketplace._installed = known


@pytest.fixture(params=IDS)
def provider(request: pytest.FixtureRequest, market: Marketplace) -> Provider:
    return market.require(request.param)


def watched(bench: Callable[..., Any], provider: Provider) -> tuple[Any, list[Any]]:
    """A host in which the capability only notes down what it gets."""
    seen: list[Any] = []
    stands_in = provider._but(lambda ctx, *args, **named: seen.append((args, named)), output=None)
    table = bench()
    table.market.register(stands_in, replace=True)
    return table, seen


def test_its_manifest_is_complete_and_can_be_read(provider: Provider, market: Marketplace) -> None:
    manifest = market.manifest(provider.id)
    assert manifest.id == provider.id and manifest.description
    assert manifest.effects is not None, "effects are declared, none at all as []"
    assert all(effect.startswith(":") for effect in manifest.effects)
    assert type(manifest.idempotent) is bool
    parse(manifest.version)
    for form in (input_form(provider, read), output_form(provider, read)):
        parse_type(form, strict=True)
    assert type(manifest.value()) is Map


def test_wrong_arguments_never_reach_it(provider: Provider, bench: Callable[..., Any]) -> None:
    table, seen = watched(bench, provider)
    wrong: list[tuple[Any, ...]] = []
    fields = parameters(provider, read)
    if fields is not None:
        wrong.append((None,) * (len(fields) + 1))
        if fields and fields[0].problem is not None:
            bad = next(value for value in CANDIDATES if fields[0].problem(value) is not None)
            wrong.append((bad, *[None] * (sum(field.required for field in fields) - 1)))
    elif provider.input is not None:
        problem = problem_finder(parse_type(input_form(provider, read)).form)
        assert problem is not None
        wrong.append((next(value for value in CANDIDATES if problem(value) and problem((value,))),))
    for args in wrong:
        with pytest.raises(RtfsError) as caught:
            table.do(provider.id, *args)
        assert (caught.value.kind, caught.value.type) == ("HostError", "input-validation")
    assert seen == []


def test_one_map_of_arguments_means_the_same_as_arguments_in_order(
    provider: Provider, bench: Callable[..., Any]
) -> None:
    fields = parameters(provider, read)
    if not fields or (len(fields) == 1 and not fields[0].closed_to_maps and not provider.gathers):
        return  # nothing to name, or a map may be the argument itself
    table, seen = watched(bench, provider)
    ordered = [*[field for field in fields if field.required], *[field for field in fields if not field.required]]
    counts = {len(fields), sum(field.required for field in fields)}
    for count in sorted(counts - {0}):
        chosen = [field for field in fields if field in ordered[:count]]
        values = [next(v for v in CANDIDATES if field.problem is None or field.problem(v) is None) for field in chosen]
        table.do(provider.id, *values)
        table.do(provider.id, Map.of(zip([field.key for field in chosen], values, strict=True)))
    assert seen[::2] == seen[1::2] and len(seen) >= 2


def test_what_a_package_brings_is_called(market: Marketplace, bench: Callable[..., Any]) -> None:
    table = bench(marketplace=market)
    assert table.do("acme.greet", "Ada", 2) == "hello Ada hello Ada "
    assert market.discover("acme.*") == ["acme.add", "acme.greet"]


async def test_a_package_may_bring_coroutines(market: Marketplace, bench: Callable[..., Any]) -> None:
    assert await bench(marketplace=market).wait("acme.add", 1, 2) == 3
