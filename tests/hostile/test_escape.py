"""Attempts to reach Python: attributes, frames, names of the compiler, code in texts, files (language.md §4.4)."""

from __future__ import annotations

import re

import pytest

import rtfs
from tests.hostile.conftest import Ending

NOTHING = "UndefinedSymbol"

ATTEMPTS = [
    # attributes
    ('(.__class__ "x")', NOTHING),
    ("(.__subclasses__ 1)", NOTHING),
    ("(.__globals__ inc)", NOTHING),
    ("(.f_back 1)", NOTHING),
    ("(. inc __code__)", NOTHING),
    ("inc.__globals__", NOTHING),
    ("(get inc :__globals__)", "TypeError"),
    ('(get "x" "__class__")', "TypeError"),
    ("(:__class__ 5)", "TypeError"),
    ("(get {} :__class__)", "nil"),
    ("(get-in {} [:__class__ :__mro__])", "nil"),
    ("(contains? {} :__class__)", "false"),
    ("({} :keys)", "nil"),
    # names of Python and of the compiler
    ('(__import__ "os")', NOTHING),
    ('(eval "1")', NOTHING),
    ('(exec "1")', NOTHING),
    ('(open "/etc/passwd")', NOTHING),
    ("(getattr 1 2)", NOTHING),
    ("(globals)", NOTHING),
    ("__builtins__", NOTHING),
    ("(print* 1)", NOTHING),
    ("RUN", NOTHING),
    ("(rtfs/define 1)", NOTHING),
    ("=add", NOTHING),
    ("(=add 1 2)", NOTHING),
    ("#type", "ParseError"),
    ("(#call :a)", "ParseError"),
    (":inc", ":inc"),
    ("(let [x 1] x~1)", "ParseError"),
    ('(symbol "#type")', "InvalidArgument"),
    ('(symbol "x~1")', "InvalidArgument"),
    ('(symbol "(inc")', "InvalidArgument"),
    ('(symbol ":inc")', "InvalidArgument"),
    ('(symbol "a\\nimport os")', "InvalidArgument"),
    ('(keyword "a b")', "InvalidArgument"),
    ('(defmacro m [] (symbol "=inc")) ((m) 1)', NOTHING),
    ('(defmacro m [] (list (symbol "=inc") 1)) (m)', NOTHING),
    ('(read-string "#=(inc 1)")', "ParseError"),
    ('(read-string "#.(inc 1)")', "ParseError"),
    # names that mean something to Python are names
    (
        "(let [None 1 True 2 False 3 class 4 lambda2 5 self 6 __debug__ 7] [None True False class __debug__])",
        "[1 2 3 4 7]",
    ),
    ("(def __name__ 1) (def __builtins__ 2) (def __file__ 3) [__name__ __builtins__ __file__ (inc 1)]", "[1 2 3 2]"),
    ("(defn __init__ [self] self) (__init__ 5)", "5"),
    ("(defn f [__class__] __class__) (f 1)", "1"),
    ("(def print 1) (def nonlocal 2) (+ print nonlocal)", "3"),
    ("((fn async [await yield] [await yield]) 1 2)", "[1 2]"),
    # text is text
    ('(format "%(x)s" 1)', "InvalidArgument"),
    ('(format "%s" "{0.__class__}")', '"{0.__class__}"'),
    ('(format "{0.__class__} {}")', '"{0.__class__} {}"'),
    ('(format "%n" 1)', "InvalidArgument"),
    ('(format "%*d" 1 2)', "InvalidArgument"),
    ('(str "\\"\\"\\" + __import__(\'os\') + \\"\\"\\"")', '"\\"\\"\\" + __import__(\'os\') + \\"\\"\\""'),
    ('(defn f "\\"\\"\\"\\nimport os" [x] x) (doc f)', '"\\"\\"\\"\\nimport os"'),
    ('(re-replace "a" "abc" "\\\\g<0>")', '"\\\\g<0>bc"'),
    ('(re-find "(?P<x>a)(?#__import__)" "a")', "InvalidArgument"),
    # errors show the program, not the implementation
    ("(try (/ 1 0) (catch e (keys e)))", "[:type :kind :message :data :code :span :trace]"),
    ("(try (/ 1 0) (catch e (:__traceback__ e)))", "nil"),
    ("(try (/ 1 0) (catch e (get e :cause)))", "nil"),
    ("(try (/ 1 0) (catch e (.with_traceback e nil)))", NOTHING),
    ("(try (/ 1 0) (catch e (map :fn (:trace e))))", "[nil]"),
    # functions show their names
    ("(str inc)", '"#<function inc>"'),
    ("(str (fn [x] x))", '"#<function>"'),
    ("(str (comp inc dec))", '"#<function>"'),
    # modules are no files of the machine
    ("(import ../../etc/passwd)", "ModuleNotFound"),
    ("(import /etc/passwd)", "ParseError"),
    ("(import rtfs.session)", "ModuleNotFound"),
    ("(import os)", "ModuleNotFound"),
    ("(import ..)", "ModuleNotFound"),
    # limits can be neither read nor changed
    ("(get :limits)", "nil"),
    ("(context/get :steps)", "nil"),
    ("(call :ccos.limits.set 1)", "UnknownCapability"),
]


@pytest.mark.parametrize(("text", "expected"), ATTEMPTS)
def test_python_is_out_of_reach(text: str, expected: str, ending: Ending) -> None:
    assert ending(text) == expected


PYTHON = re.compile(r"\.py\b|0x[0-9a-f]{6}|Traceback|<(class|built-in|bound|module|frame|code) |site-packages|__\w+__")


@pytest.mark.parametrize(
    "text",
    [
        "(map str [inc map (fn [x] x) (comp inc dec) (partial + 1) (juxt inc)])",
        "(map meta [inc map (fn [x] x) (comp inc dec)])",
        "(try (map (fn [x] (/ x 0)) [1]) (catch e [(str e) e (:trace e) (:span e) (ex-message e) (:data e)]))",
        "(try (apply (fn [a] a) [1 2]) (catch e (ex-message e)))",
        '(try (inc "x") (catch e (str e (:trace e))))',
        "(try (sort (fn [a b] (throw {:a inc})) [2 1]) (catch e (str (ex-data e))))",
        "(try (reduce undefined [1]) (catch e (str e)))",
        '(try (parse-json "{") (catch e (str e)))',
        '(try (re-find "(" "x") (catch e (str e)))',
        "(try (call :no.such {}) (catch e (str e (:data e))))",
    ],
)
def test_nothing_of_the_implementation_shows(text: str) -> None:
    shown = rtfs.show(rtfs.Session(cache=False).run(text, name="hostile.rtfs"))
    assert PYTHON.search(shown) is None, shown


@pytest.mark.parametrize("text", ["(inc nil)", "((fn [x] (x)) 1)", "(f 1)", "(def x (map inc [nil]))"])
def test_diagnostics_show_the_program_alone(text: str) -> None:
    with pytest.raises(rtfs.RtfsError) as raised:
        rtfs.Session(cache=False).run(text, name="hostile.rtfs")
    assert PYTHON.search(raised.value.rendered()) is None


@pytest.mark.parametrize("name", ["a\0b", "\udc80", "<string>", "../../x", "a\nb", "%s{}", "x" * 5000, ""])
def test_any_name_of_a_text_will_do(name: str) -> None:
    session = rtfs.Session(cache=False)
    assert session.run("(+ 1 2)", name=name) == 3
    with pytest.raises(rtfs.RtfsError, match="Division by zero"):
        session.run("(/ 1 0)", name=name)


@pytest.mark.parametrize(
    "text", ["\0", "(\0)", '"\0"', "\ufeff(+ 1 2)", "(+ 1 2)\x1a", "\u2028(+ 1 2)", "(inc 1)\r\n\f"]
)
def test_any_character_is_read_or_refused(text: str, ending: Ending) -> None:
    assert ending(text) in ("ParseError", "UndefinedSymbol", "3", "2", '"\\u{0}"')
