"""Whatever the forms are: expansion ends in a core form or an RtfsError, and core forms expand to themselves."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rtfs.lang.collections import List, Map, map_form, vector
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword, Symbol
from rtfs.macros.expander import Expander
from rtfs.macros.walk import WALKERS
from tests.macros.conftest import Macro, Modules

NAMES = [*WALKERS, "m", "twice", "inside", "a", "b", "&", ":", "_", "when", "x#", "rtfs/map", "TypeError"]
KEYS = [":keys", ":or", ":as", ":params", ":body", ":int", ":type", ":language"]

names = st.sampled_from(NAMES).map(Symbol)
keywords = st.sampled_from(KEYS).map(lambda name: Keyword(name[1:]))
atoms = st.one_of(names, keywords, st.sampled_from([None, True, 1, 2.5, "text"]))


def collections(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.builds(lambda head, rest: List((head, *rest)), names, st.lists(parts, max_size=4)),
        st.lists(parts, max_size=4).map(List),
        st.lists(parts, max_size=4).map(vector),
        st.lists(st.tuples(parts, parts), max_size=2).map(map_form),
        st.builds(lambda name, form: List((Symbol("let"), vector([name, form]), form)), names, parts),
        st.builds(lambda name, form: List((Symbol("fn"), vector([name]), form)), names, parts),
    )


forms = st.recursive(atoms, collections, max_leaves=25)


def expander() -> Expander:
    modules = Modules()
    modules.add(Macro("m", lambda *forms: Keyword("M")))
    modules.add(Macro("twice", lambda form: List((Symbol("do"), form, form))))
    modules.add(Macro("inside", lambda *forms: List((Symbol("fn"), (), *forms))))
    return Expander(modules=modules, invoke=lambda function, args: function(*args))


@given(forms)
def test_core_forms_expand_to_themselves(form: Any) -> None:
    work = expander()
    try:
        core = work.expand_top(form, "user", None)
    except RtfsError:
        return
    assert work.expand_top(core, "user", None) is core


@given(forms, st.lists(forms, max_size=2))
def test_a_form_of_data_becomes_an_expansion_or_an_error(form: Any, rest: list[Any]) -> None:
    work = expander()
    call = List((Symbol("m"), form, *rest))
    assert work.expand_1(call, "user") is Keyword("M")
    assert work.expand_head(Map.of([(form, call)]), "user", None) == Map.of([(form, call)])
