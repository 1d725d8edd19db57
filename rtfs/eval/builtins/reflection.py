"""Functions that look at the program itself: metadata, fresh symbols, reading, expansion; and `call` as a value."""

from __future__ import annotations

from typing import Any

from rtfs.eval.machine import RUN, call_host
from rtfs.eval.module import function_metadata
from rtfs.eval.registry import builtin
from rtfs.lang.errors import ReadError, invalid_argument
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.printer import show_brief
from rtfs.lang.spelling import spells_symbol
from rtfs.lang.values import wrong_kind


class _NoSite:
    """The site of a call made through the function value `call`."""

    module = "user"
    span = None


@builtin(
    "call",
    doc="Makes a host call: capability id, then its arguments.",
    type="[[:or :keyword :string] & :any] :any",
    example=("(fn? call)", "true"),
)
def call(capability: Any, *args: Any) -> Any:
    return call_host(_NoSite, capability, *args)


@builtin(
    "meta",
    doc="Metadata of a definition or function, nil for other values.",
    type="[:any] :map?",
    example=("(meta 5)", "nil"),
)
def meta(value: Any) -> Any:
    return function_metadata(value)


@builtin(
    "doc", doc="The documentation of a definition or function, or nil.", type="[:any] :any", example=("(doc 5)", "nil")
)
def doc(value: Any) -> Any:
    metadata = function_metadata(value)
    return None if metadata is None else metadata.get(Keyword("doc"))


@builtin(
    "gensym",
    doc="A fresh symbol, numbered from 1 in each run.",
    type="[] :symbol [[:or :string :symbol :keyword]] :symbol",
    example=('(map symbol? [(gensym) (gensym "x")])', "[true true]"),
)
def gensym(prefix: Any = "G") -> Symbol:
    if type(prefix) in (Symbol, Keyword):
        prefix = prefix.name
    if type(prefix) is not str:
        raise wrong_kind("gensym", "string", prefix)
    if not spells_symbol(f"{prefix}__1"):
        raise invalid_argument(f"{show_brief(prefix, 80)} begins no symbol that reads back", prefix)
    run = RUN.get()
    run.gensyms += 1
    return Symbol(f"{prefix}__{run.gensyms}")


@builtin(
    "read-string",
    doc="The first form of a text, as data.",
    type="[:string] :any",
    example=('(read-string "(+ 1 2)")', "(+ 1 2)"),
)
def read_string(text: Any) -> Any:
    if type(text) is not str:
        raise wrong_kind("read-string", "string", text)
    forms = RUN.get().tools.read(text)
    if not forms:
        raise ReadError("nothing to read", code="RTFS-E101")
    return forms[0]


@builtin(
    "macroexpand-1",
    doc="The form with its head macro expanded once.",
    type="[:any] :any",
    example=("(macroexpand-1 '(f 1))", "(f 1)"),
)
def macroexpand_1(form: Any) -> Any:
    return RUN.get().tools.expand(form, once=True)


@builtin(
    "macroexpand",
    doc="The form, expanded until its head is no macro.",
    type="[:any] :any",
    example=("(macroexpand '(f 1))", "(f 1)"),
)
def macroexpand(form: Any) -> Any:
    return RUN.get().tools.expand(form, once=False)


@builtin(
    "local-symbol?",
    doc="While a macro runs: is the symbol a local at the macro call?",
    type="[:symbol] :bool",
    example=("(local-symbol? 'x)", "false"),
)
def local_symbol(symbol: Any) -> bool:
    if type(symbol) is not Symbol:
        raise wrong_kind("local-symbol?", "symbol", symbol)
    tools = RUN.get().tools
    return symbol.name in tools.macro_locals() if tools is not None else False


@builtin(
    "syntax-error",
    doc="Raises a SyntaxError at a form; only while a macro runs.",
    type="[:any :string] :never [:any :string :string] :never",
    example=('(try (syntax-error nil "t") (catch InvalidArgument e :refused))', ":refused"),
)
def syntax_error(form: Any, text: Any, code: Any = "RTFS-E301") -> Any:
    tools = RUN.get().tools
    if tools is None or not tools.expanding():
        raise invalid_argument("syntax-error is allowed only while a macro runs")
    if type(text) is not str or type(code) is not str:
        raise wrong_kind("syntax-error", "string", text if type(text) is not str else code)
    raise tools.malformed(form, text, code)
