"""How the arguments of a call become the arguments of a provider (host.md §3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rtfs.host.provider import Provider
from rtfs.lang.collections import Map
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword


def capture(*args: Any, **named: Any) -> Any:
    return repr((args[1:], named))


@pytest.fixture
def bound(bench: Callable[..., Any]) -> Callable[..., Any]:
    """`bound(input, *args)`: positional and named arguments that the provider got."""

    def call(input: Any, *args: Any) -> Any:
        table = bench()
        table.market.register(Provider("t.f", capture, input=input, effects=(), native=True))
        return eval(table.do("t.f", *args), {"__builtins__": {}})

    return call


TWO = {"path": ":string", "encoding?": ":string"}
GAP = {"a": ":any", "b?": ":any", "c": ":any"}


@pytest.mark.parametrize(
    ("input", "args", "named"),
    [
        (TWO, ("p",), {"path": "p"}),
        (TWO, ("p", "e"), {"path": "p", "encoding": "e"}),
        (GAP, (1, 2), {"a": 1, "c": 2}),
        (GAP, (1, 2, 3), {"a": 1, "b": 2, "c": 3}),
        ({}, (), {}),
    ],
)
def test_positional_arguments_bind_to_the_required_fields_first(
    bound: Callable[..., Any], input: Any, args: tuple[Any, ...], named: dict[str, Any]
) -> None:
    assert bound(input, *args) == ((), named)


def test_a_single_map_binds_by_key(bound: Callable[..., Any], m: Callable[..., Map]) -> None:
    assert bound(TWO, m(path="p")) == ((), {"path": "p"})
    assert bound(TWO, m(encoding="e", path="p")) == ((), {"path": "p", "encoding": "e"})
    assert bound({"timeout-ms": ":int", "x": ":any"}, m(timeout_ms=5, x=1)) == ((), {"timeout_ms": 5, "x": 1})


def test_a_single_map_binds_to_one_field_that_is_no_map(bound: Callable[..., Any], m: Callable[..., Map]) -> None:
    assert bound({"name": ":string"}, m(name="HOME")) == ((), {"name": "HOME"})


def test_a_single_map_is_the_value_of_one_field_of_any_kind(bench: Callable[..., Any], m: Callable[..., Map]) -> None:
    assert bench().do("ccos.echo", m(value=1)) == m(value=1)


def test_keys_are_taken_as_declared(bound: Callable[..., Any]) -> None:
    two = {"timeout_ms": ":any", "x-y": ":any"}
    given = Map.of([(Keyword("timeout_ms"), 1), (Keyword("x-y"), 2)])
    assert bound(two, given) == ((), {"timeout_ms": 1, "x_y": 2})
    with pytest.raises(RtfsError, match="expected a map with the keys :timeout_ms :x-y"):
        bound(two, Map.of([(Keyword("timeout-ms"), 1), (Keyword("x-y"), 2)]))


@pytest.mark.parametrize(
    ("input", "args", "text"),
    [
        (TWO, (), "expected 1 or 2 arguments (:path :encoding?), got 0"),
        (TWO, ("a", "b", "c"), "expected 1 or 2 arguments (:path :encoding?), got 3"),
        (TWO, (1,), ":path: Type mismatch: expected :string, got integer"),
        (TWO, ("a", 1), ":encoding: Type mismatch: expected :string, got integer"),
        (TWO, (Map.of([(Keyword("path"), "p"), (Keyword("x"), 1)]),), None),
        (TWO, (Map.of([(Keyword("encoding"), "e")]),), None),
        (TWO, (Map.of([("path", "p")]),), None),
        ({"x": ":any"}, (), "expected 1 argument (:x), got 0"),
        ({}, (1,), "expected 0 arguments, got 1"),
        (":int", ("x",), "Type mismatch: expected :int, got string"),
        (":int", (True,), "Type mismatch: expected :int, got boolean"),
        (":int", (1, 2), "Type mismatch: expected :int, got vector"),
    ],
)
def test_a_wrong_shape_is_an_input_validation_error_and_the_provider_does_not_run(
    bound: Callable[..., Any], input: Any, args: tuple[Any, ...], text: str | None
) -> None:
    with pytest.raises(RtfsError) as caught:
        bound(input, *args)
    assert (caught.value.kind, caught.value.type) == ("HostError", "input-validation")
    assert caught.value.data.get(Keyword("capability")) == "t.f"
    if text is not None:
        assert caught.value.message == f"Invalid input for t.f: {text}"


def test_an_input_that_is_no_record_speaks_of_the_one_argument_or_of_all(bound: Callable[..., Any]) -> None:
    assert bound(":int", 1) == ((1,), {})
    assert bound("[:vector :int]", 1, 2) == ((1, 2), {})
    assert bound("[:vector :int]", (1, 2)) == (((1, 2),), {})


def test_without_an_input_arguments_pass_as_they_are(bound: Callable[..., Any]) -> None:
    assert bound(None, 1, "x") == ((1, "x"), {})
    assert bound(None) == ((), {})


@pytest.mark.parametrize(
    "text",
    [
        "[:map [:city :string] [:days :int ?]]",
        "[:map [:city :string] [:days {:optional true} :int]]",
        "[:map {:city :string :days [:optional :int]}]",
        "[:record [:city :string] [:days :int ?]]",
    ],
)
def test_every_spelling_of_a_record_type_is_a_record(
    bound: Callable[..., Any], m: Callable[..., Map], text: str
) -> None:
    assert bound(text, "Rome") == ((), {"city": "Rome"})
    assert bound(text, m(city="Rome", days=3)) == ((), {"city": "Rome", "days": 3})
    with pytest.raises(RtfsError, match="got string"):
        bound(text, "Rome", "3")


def test_without_a_declared_input_the_function_counts_its_own_arguments(bench: Callable[..., Any]) -> None:
    table = bench()
    table.market.register(Provider("t.f", lambda ctx, a, b=2: a + b, effects=(), native=True))
    assert table.do("t.f", 1) == 3
    with pytest.raises(RtfsError, match=r"expected 1 or 2 arguments \(:a :b\?\), got 3"):
        table.do("t.f", 1, 2, 3)
