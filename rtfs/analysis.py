"""What is known of a program without running it: its text and modules are read and expanded, then checked."""

from __future__ import annotations

from functools import cache

from rtfs.bundled import load_all
from rtfs.check.signature import parse_signature
from rtfs.eval.library import library_of
from rtfs.eval.module import function_metadata
from rtfs.eval.registry import PRIMARY, TYPES
from rtfs.lang.names import Keyword
from rtfs.lang.source import Source
from rtfs.lang.types import Type

_TYPE = Keyword("type")
_VARIANT = "metered"  # of code that runs while a program is analysed: its macros


@cache
def library_type(name: str) -> Type | None:
    """The declared type of a library function or constant; None when there is none of that name."""
    from rtfs.parser.reader import read

    library = library_of(_VARIANT)
    load_all(library)
    text = TYPES.get(PRIMARY.get(name, ""))
    if text is None:
        text = (function_metadata(library.globals.get(f":{name}")) or {}).get(_TYPE)
    return None if text is None else parse_signature(read(Source(name, text)).forms)
