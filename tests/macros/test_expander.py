"""Macro calls: what is called with what, where the results stand, and how expansion fails (language.md §9.1)."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from rtfs.lang.collections import List, Map, vector
from rtfs.lang.errors import EvaluationError, LimitError, RtfsError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.printer import show_form
from rtfs.lang.values import ErrorValue

S = Symbol


def call(name: str, *forms: Any) -> List:
    return List((S(name), *forms))


# ---- expansion


def test_the_result_is_expanded_until_its_head_is_no_macro(workshop: Any) -> None:
    workshop.define("a", lambda x: call("b", x))
    workshop.define("b", lambda x: call("c", call("twice", x)))
    assert workshop.shown("(a 1)") == "(c (+ 1 1))"


def test_arguments_are_passed_unexpanded_and_expanded_only_where_the_result_puts_them(workshop: Any) -> None:
    seen: list[Any] = []
    workshop.define("keep", lambda x, y: (seen.append(x), call("quote", x), y)[1])
    assert workshop.shown("(keep (m) (unknown m))") == "(quote (m))"
    assert show_form(seen[0]) == "(m)"


def test_a_macro_may_give_any_form(workshop: Any) -> None:
    for form in (None, True, 2, 1.5, "s", Keyword("k"), S("s"), vector([1]), Map.of([(1, 2)]), List(), len):
        workshop.define("give", lambda form=form: form)
        workshop.modules.macros[("user", "give")].params = (0, 0)
        if form is not len:
            assert workshop.form("(give)") == form


def test_unchanged_forms_and_arguments_keep_their_identity(workshop: Any) -> None:
    form = workshop.read("(f (g 1) (twice (h 2)))")[0]
    core = workshop.expander.expand_top(form, "user", workshop.spans)
    assert core[1] is form[1]
    assert core[2][1] is form[2][1]


def test_expand_1_takes_one_step_and_expand_head_all_of_them(workshop: Any) -> None:
    workshop.define("a", lambda x: call("b", x))
    workshop.define("b", lambda x: call("c", call("m")))
    form = call("a", 1)
    assert show_form(workshop.expander.expand_1(form, "user")) == "(b 1)"
    assert show_form(workshop.expander.expand_head(form, "user", None)) == "(c (m))"
    assert workshop.expander.expand_1(5, "user") == 5


def test_metadata_before_a_defmacro_moves_to_its_name(workshop: Any) -> None:
    form = workshop.read("^:private ^{:k 1} (defmacro n [] 1)")[0]
    moved = workshop.expander.expand_head(form, "user", workshop.spans)
    assert show_form(moved) == "(defmacro ^{:private true} ^{:k 1} n [] 1)"
    assert workshop.spans.of(moved) is workshop.spans.of(form)


def test_a_macro_may_ask_for_expansions_without_disturbing_its_own(workshop: Any) -> None:
    workshop.define("inner", lambda: 1)
    workshop.define("asks", lambda x: call("f", workshop.expander.expand_head(call("inner"), "other", None), x))
    core = workshop.form("(g (asks (m)))")
    assert show_form(core) == "(g (f 1 :M))"
    assert workshop.spans.of(core[1]) is not None
    assert workshop.expander.module == "user"


# ---- which macro a name means


def test_a_symbol_of_a_template_means_the_macro_of_its_module_first(workshop: Any) -> None:
    workshop.define("k", lambda: 1, "lib")
    workshop.define("k", lambda: 2, "user")
    workshop.define("use", lambda: List((S("k", "lib"),)))
    assert workshop.shown("[(use) (k)]") == "[1 2]"


def test_a_function_of_the_templates_module_hides_a_macro_of_the_user(workshop: Any) -> None:
    workshop.modules.functions.add(("lib", "k"))
    workshop.define("k", lambda: 2, "user")
    workshop.define("use", lambda: List((S("k", "lib"),)))
    assert workshop.shown("(use)") == "(k)"


def test_a_symbol_that_its_module_does_not_know_is_looked_up_at_the_place_of_use(workshop: Any) -> None:
    workshop.define("use", lambda: List((S("m", "lib"),)))
    assert workshop.shown("(use)") == ":M"


def test_a_local_captures_a_symbol_of_a_users_template(workshop: Any) -> None:
    workshop.define("k", lambda: 1, "lib")
    workshop.define("use", lambda: List((S("k", "lib"),)), "lib")
    workshop.modules.macros[("user", "use")] = workshop.modules.macros[("lib", "use")]
    assert workshop.shown("(let [k 5] (use))") == "(let [k 5] (k))"


def test_no_local_captures_a_symbol_of_a_library_template(workshop: Any) -> None:
    workshop.define("unless", lambda x: call("if", x, None, S("nil", "library")), "library", library=True)
    workshop.define("use", lambda x: List((S("unless", "library"), x)), "library", library=True)
    workshop.define("plus", lambda x: List((S("inc", "library"), S("inc", "library"), x)), "library", library=True)
    assert workshop.shown("(let [unless 5 inc 6] (use 1))") == "(let [unless 5 inc 6] (if 1 nil nil))"
    assert workshop.shown("(let [inc 6] (plus inc))") == "(let [inc 6] (rtfs/inc rtfs/inc inc))"
    assert workshop.shown("(plus inc)") == "(inc inc inc)"


def test_a_macro_sees_which_names_are_local_at_its_call(workshop: Any) -> None:
    seen: list[Any] = []
    workshop.define("look", lambda: seen.append((workshop.expander.running, sorted(workshop.expander.locals))))
    workshop.form("(fn [a] (let [b 1 c (look)] (look)))")
    workshop.form("(look)")
    assert seen == [(1, ["a", "b"]), (1, ["a", "b", "c"]), (1, [])]
    assert workshop.expander.running == 0


def test_expanding_data_in_a_module_other_than_user_says_which(workshop: Any) -> None:
    assert workshop.shown("(macroexpand-1 '(m))", "other") == '(rtfs/expand (quote (m)) true "other")'
    assert workshop.shown("(macroexpand '(m))", "other") == '(rtfs/expand (quote (m)) false "other")'
    assert workshop.shown("(macroexpand '(m))") == "(macroexpand (quote (m)))"
    assert workshop.shown("(let [macroexpand f] (macroexpand 1))", "other") == "(let [macroexpand f] (macroexpand 1))"


# ---- places


def test_what_a_macro_made_stands_where_its_call_stands(workshop: Any) -> None:
    workshop.define("make", lambda: call("f", vector([1])))
    core = workshop.form("(g\n  (make))")
    assert str(workshop.spans.of(core[1])) == "t.rtfs:2:3-2:9"
    assert workshop.spans.of(core[1][1]) is None


def test_a_constant_of_a_macro_stands_wherever_it_is_used(workshop: Any) -> None:
    constant = call("f", 1)
    workshop.define("make", lambda: constant)
    core = workshop.form("[(make)\n (make)]")
    assert [str(workshop.spans.of(part)) for part in core] == ["t.rtfs:1:2-1:8", "t.rtfs:2:2-2:8"]


def test_a_rebuilt_form_keeps_its_place_and_those_of_its_parts(workshop: Any) -> None:
    core = workshop.form("(f 1 (m) 2)")
    assert str(workshop.spans.of(core)) == "t.rtfs:1:1-1:12"
    assert [str(workshop.spans.child(core, n)) for n in (1, 3)] == ["t.rtfs:1:4-1:5", "t.rtfs:1:10-1:11"]


def test_a_call_made_of_a_written_head_stands_where_its_list_was_written(workshop: Any) -> None:
    workshop.define("thread", lambda x, f, g: List((g[0], List((f[0], x)))))
    core = workshop.form("(thread 1\n (f)\n (g))")
    assert str(workshop.spans.of(core)) == "t.rtfs:3:2-3:5"
    assert str(workshop.spans.of(core[1])) == "t.rtfs:2:2-2:5"


# ---- failures


def test_a_macro_used_as_a_value_is_a_syntax_error(workshop: Any) -> None:
    error = workshop.error("(map m [1])")
    assert (error.kind, error.message, str(error.span)) == ("SyntaxError", "m: macro used as a value", "t.rtfs:1:6-1:7")


@pytest.mark.parametrize(
    ("function", "text", "message"),
    [
        (lambda a: a, "(bad)", "Macro bad: expected 1 argument, got 0"),
        (lambda a, b: a, "(bad 1)", "Macro bad: expected 2 arguments, got 1"),
        (lambda a, *b: a, "(bad)", "Macro bad: expected at least 1 argument, got 0"),
        (lambda: 0, "(bad 1)", "Macro bad: expected 0 arguments, got 1"),
    ],
)
def test_a_wrong_count_is_a_macro_error(workshop: Any, function: Any, text: str, message: str) -> None:
    workshop.define("bad", function)
    error = workshop.error(text)
    assert (error.kind, error.code, error.message) == ("MacroError", "RTFS-E201", message)
    assert str(error.span) == f"t.rtfs:1:1-1:{len(text) + 1}"
    assert error.notes == ["in macro bad"]


def raising(error: RtfsError) -> Any:
    def function() -> None:
        raise error

    return function


def test_an_error_inside_names_its_cause_and_the_macros_around(workshop: Any) -> None:
    workshop.define("bad", raising(EvaluationError("DivisionByZero", "Division by zero")))
    workshop.define("outer", lambda: call("f", call("bad")))
    error = workshop.error("(g (outer))")
    assert (error.kind, error.message) == ("MacroError", "Macro bad: Division by zero")
    assert str(error.span) == "t.rtfs:1:4-1:11"
    assert error.notes == ["caused by DivisionByZero: Division by zero", "in macro bad", "in macro outer"]


def test_the_same_of_a_library_macro_is_a_syntax_error(workshop: Any) -> None:
    workshop.define("lib", raising(EvaluationError("DivisionByZero", "Division by zero")), "library", library=True)
    error = workshop.error("(lib)")
    assert (error.kind, error.code, error.message) == ("SyntaxError", "RTFS-E301", "lib: Division by zero")
    assert workshop.error("(lib 1)").message == "lib: expected 0 arguments, got 1"


def test_limits_pass_through_a_macro(workshop: Any) -> None:
    workshop.define("slow", raising(LimitError("StepLimitExceeded", "Step limit exceeded: 9")))
    assert workshop.error("(slow)").kind == "StepLimitExceeded"


@pytest.mark.parametrize(
    ("value", "kind"),
    [(object(), "object"), (ErrorValue(EvaluationError("MatchError", "m")), "error")],
)
def test_a_result_that_is_no_form_is_a_macro_error(workshop: Any, value: Any, kind: str) -> None:
    workshop.define("bad", lambda: call("f", Map.of([(1, vector([value]))])))
    assert workshop.error("(bad)").message == (f"Macro bad: the result is no form: it contains a value of kind {kind}")


def test_an_endless_result_is_refused(workshop: Any) -> None:
    def double() -> Any:
        form: Any = 1
        for _ in range(60):
            form = vector([form, form])
        return form

    workshop.define("double", double)
    assert workshop.error("(double)").kind == "MemoryLimitExceeded"


def test_what_syntax_error_raises_passes_through_every_macro(workshop: Any) -> None:
    def refuse(form: Any) -> None:
        raise workshop.expander.malformed(form, "refuse: not this", "RTFS-S060")

    workshop.define("refuse", refuse)
    workshop.define("outer", lambda x: call("refuse", x))
    error = workshop.error("(outer (f 1))")
    assert (error.kind, error.code, error.message) == ("SyntaxError", "RTFS-S060", "refuse: not this")
    assert str(error.span) == "t.rtfs:1:8-1:13"
    assert not error.notes


@pytest.mark.parametrize(
    ("text", "place"),
    [("(refuse 7)", "t.rtfs:1:9-1:10"), ("(refuse nil)", "t.rtfs:1:1-1:13"), ("(refuse x)", "t.rtfs:1:9-1:10")],
)
def test_a_form_without_a_place_is_looked_for_in_the_call(workshop: Any, text: str, place: str) -> None:
    def refuse(form: Any) -> None:
        raise workshop.expander.malformed(form, "no", "RTFS-E301")

    workshop.define("refuse", refuse)
    assert str(workshop.error(text).span) == place


# ---- depth


def test_expansion_deeper_than_a_thousand_is_a_macro_error(workshop: Any) -> None:
    workshop.define("a", lambda: call("b"))
    workshop.define("b", lambda: call("c"))
    workshop.define("c", lambda: call("f", call("a")))
    error = workshop.error("(a)")
    assert (error.kind, error.code) == ("MacroError", "RTFS-E202")
    assert error.message == "Macro expansion deeper than 1000: a > b > c …"
    assert len(error.notes) == 9
    assert error.notes[-1] == "in 993 more macros"


def test_a_macro_that_becomes_itself_is_noticed(workshop: Any) -> None:
    workshop.define("a", lambda: call("a"))
    error = workshop.error("(a)")
    assert error.message == "Macro expansion deeper than 1000: a > a > a …"
    assert error.notes == ["in macro a, 1001 times"]


def test_forms_of_a_do_that_are_expanded_apart_count_too(workshop: Any) -> None:
    workshop.define("a", lambda: call("do", call("a")))
    form = workshop.read("(a)")[0]
    with pytest.raises(RtfsError, match="deeper than 1000: a > a > a"):
        while True:
            form = workshop.expander.expand_head(form, "user", workshop.spans)[1]


def test_a_thousand_expansions_are_allowed(workshop: Any) -> None:
    workshop.define("count", lambda n: 0 if n == 1 else call("f", call("count", n - 1)))
    assert workshop.shown("(count 1000)").count("(f") == 999
    assert workshop.error("(count 1001)").code == "RTFS-E202"


def test_nesting_in_the_text_is_no_depth_of_expansion(workshop: Any) -> None:
    workshop.define("thrice", lambda x: call("again", x))
    workshop.define("again", lambda x: call("once", x))
    workshop.define("once", lambda x: call("g", x))
    depth = 450
    core = workshop.shown("(thrice " * depth + "1" + ")" * depth)
    assert core == "(g " * depth + "1" + ")" * depth


def test_forms_too_deep_to_walk_are_a_stack_overflow(workshop: Any) -> None:
    def deep() -> Any:
        form: Any = 1
        for _ in range(20_000):
            form = vector([form])
        return form

    workshop.define("deep", deep)
    sys.setrecursionlimit(5_000)
    error = workshop.error("(deep)")
    assert (error.kind, error.message) == ("StackOverflow", "Stack overflow: nesting exceeded 10000")
