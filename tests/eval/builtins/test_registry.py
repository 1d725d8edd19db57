"""The table of builtins and what each entry owes: a name, an arity, a documentation, an example that is true."""

from __future__ import annotations

import ast
from pathlib import Path
from types import FunctionType

import pytest

import rtfs
from rtfs.eval import builtins, registry
from rtfs.eval.registry import BUILTINS, DOCS, PRIMARY, arity_of

registry.load_all()

TEXT = """
+ * - / mod rem quot inc dec max min abs sqrt pow factorial floor ceil trunc round gcd lcm exp log10 log2 sin cos tan
asin acos atan math/log atan2 hypot bit-and bit-or bit-xor bit-not bit-shift-left bit-shift-right int long float double
parse-int parse-long parse-float parse-double parse-bool parse-boolean
math/abs math/max math/min math/sqrt math/pow math/floor math/ceil math/round math/trunc math/log10 math/log2 math/exp
math/sin math/cos math/tan math/asin math/acos math/atan math/atan2 math/hypot math/gcd math/lcm math/pi math/e
= != not= == < <= > >= compare and or not boolean identity zero? pos? neg? nan? infinite? even? odd? int? integer?
float? number? string? string-p bool? boolean? nil? keyword? symbol? vector? list? map? fn? function? error? timestamp?
uuid? resource? true? false? ifn? coll? sequential? associative? seqable? some? type-name type validate valid? explain
str pr-str string-length length substring subs string-contains string-contains? includes? starts-with? ends-with?
index-of last-index-of split lines split-lines words chars join string-join string-upper upper-case upper string-lower
lower-case lower capitalize string-trim trim trim-left triml trim-right trimr trim-newline replace replace-first blank?
char-code from-char-code format name namespace keyword symbol gensym read-string re-matches re-find re-seq re-groups
re-replace re-split re-quote string/upper string/upper-case string/lower string/lower-case string/capitalize
string/trim string/triml string/trimr string/split string/split-lines string/join string/replace string/replace-first
string/includes? string/contains? string/starts-with? string/ends-with? string/index-of string/last-index-of
string/blank? string/reverse string/length string/substring string/repeat
first second last ffirst rest next butlast nth count empty? not-empty seq empty take drop take-last drop-last
take-while drop-while split-with split-at take-nth map mapv map-indexed keep-indexed mapcat filter filterv remove keep
reduce reductions reduce-kv some every? any? not-any? not-every? concat cons conj into vec list vector set reverse sort
sort-by distinct dedupe distinct-by frequencies group-by partition partition-all chunk partition-by flatten interleave
zip interpose zipmap range numbers repeat repeatedly iterate subvec peek pop min-by max-by min-key max-key
hash-map array-map get get-in contains? find keys vals assoc dissoc update assoc-in update-in dissoc-in merge merge-with
deep-merge select-keys rename-keys update-vals update-keys map-vals map-keys
apply comp partial juxt complement constantly fnil meta doc ex-info ex-message ex-data ex-type getMessage error
Exception. RuntimeError. HostError. ValidationError. macroexpand macroexpand-1 local-symbol? syntax-error call
parse-json json/parse tool/parse-json serialize-json json/stringify tool/serialize-json serialize-json-pretty
json/pretty tool/serialize-json-pretty
rtfs/list rtfs/vector rtfs/map rtfs/concat
"""

# arities of language.md §14, for functions whose Python signature could state something else
ARITIES = {
    "+": (0, None),
    "-": (1, None),
    "mod": (2, 2),
    "max": (1, None),
    "round": (1, 2),
    "gcd": (2, None),
    "=": (1, None),
    "compare": (2, 2),
    "some?": (1, 2),
    "map": (2, None),
    "reduce": (2, 3),
    "drop-last": (1, 2),
    "nth": (2, 3),
    "sort": (1, 2),
    "sort-by": (2, 3),
    "partition": (2, 4),
    "partition-all": (2, 3),
    "range": (1, 3),
    "repeat": (2, 2),
    "iterate": (3, 3),
    "interleave": (1, None),
    "concat": (0, None),
    "conj": (1, None),
    "min-key": (2, None),
    "get": (2, 3),
    "dissoc": (1, None),
    "merge-with": (1, None),
    "apply": (2, None),
    "partial": (1, None),
    "juxt": (1, None),
    "fnil": (2, 4),
    "ex-info": (1, 2),
    "validate": (2, 2),
}


def test_every_builtin_of_the_standard_library_is_there() -> None:
    assert [name for name in TEXT.split() if name not in BUILTINS] == []


@pytest.mark.parametrize("name", sorted(DOCS))
def test_the_example_prints_what_it_says(name: str, session: rtfs.Session) -> None:
    source, expected = DOCS[name][1]
    outcome = session.start(source, name="example.rtfs")
    assert isinstance(outcome, rtfs.Complete)
    assert rtfs.show(outcome.value) == expected


@pytest.mark.parametrize("name", sorted(DOCS))
def test_the_documentation_is_a_sentence(name: str) -> None:
    text = DOCS[name][0]
    assert len(text) > 3
    assert "\n" not in text


def test_each_name_is_registered_once() -> None:
    registered: list[str] = []
    for file in Path(builtins.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "builtin":
                registered += [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
    assert sorted(set(registered)) == sorted(registered)
    assert len(registered) > 250


def test_aliases_are_the_same_function() -> None:
    for name, primary in PRIMARY.items():
        assert BUILTINS[name] is BUILTINS[primary]


def test_a_builtin_shows_its_primary_name() -> None:
    for primary in DOCS:
        if type(BUILTINS[primary]) is FunctionType:
            assert rtfs.show(BUILTINS[primary]) == f"#<function {primary}>"


@pytest.mark.parametrize("name", sorted(ARITIES))
def test_the_arity_is_that_of_the_specification(name: str) -> None:
    assert arity_of(name) == ARITIES[name]


def test_what_is_no_function_has_no_arity() -> None:
    with pytest.raises(KeyError):
        arity_of("math/pi")
    with pytest.raises(KeyError):
        arity_of("no-such-name")


@pytest.mark.parametrize("name", sorted(name for name in DOCS if type(BUILTINS[name]) is FunctionType))
def test_a_wrong_count_of_arguments_is_an_arity_mismatch(name: str, session: rtfs.Session) -> None:
    low, high = arity_of(name)
    counts = ([low - 1] if low else []) + ([high + 1] if high is not None else [])
    for count in counts:
        with pytest.raises(rtfs.RtfsError) as raised:
            session.call(BUILTINS[name], *[0] * count)
        assert raised.value.kind == "ArityMismatch"
        assert raised.value.message.startswith(f"Arity mismatch in {name}: expected ")
        assert raised.value.message.endswith(f"got {count}")


def test_arity_mismatch_names_the_function_and_what_it_takes(agree) -> None:  # type: ignore[no-untyped-def]
    agree(
        "(inc) ;=> !ArityMismatch: Arity mismatch in inc: expected 1, got 0",
        "(upper) ;=> !ArityMismatch: Arity mismatch in string-upper: expected 1, got 0",
        "(range) ;=> !ArityMismatch: Arity mismatch in range: expected between 1 and 3, got 0",
        "(-) ;=> !ArityMismatch: Arity mismatch in -: expected at least 1, got 0",
        "(repeat 5) ;=> !ArityMismatch: Arity mismatch in repeat: expected 2, got 1",
        "(iterate inc 1) ;=> !ArityMismatch: Arity mismatch in iterate: expected 3, got 2",
        "(map inc) ;=> !ArityMismatch: Arity mismatch in map: expected at least 2, got 1",
        "(reduce + 1 [] 3) ;=> !ArityMismatch: Arity mismatch in reduce: expected 2 or 3, got 4",
        "(map (fn [a b] a) [1]) ;=> !ArityMismatch: Arity mismatch in fn: expected 2, got 1",
    )
