"""Names that mean nothing: which was meant, where it is defined, what other languages call so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from rtfs.advice.idioms import IDIOMS
from rtfs.advice.scene import Scene
from rtfs.eval.library import NAMES
from rtfs.lang.errors import ExpansionError
from rtfs.lang.suggest import nearest
from rtfs.loader import library as bundled
from rtfs.loader import segments

Rule = Callable[[Scene], Iterator[str]]


def meant(scene: Scene) -> Iterator[str]:
    """Of an undefined symbol: what it is called here, or names that look like it."""
    name = scene.error.message.removeprefix("Undefined symbol: ")
    idiom = IDIOMS.get(name)
    if idiom is not None:
        yield idiom
        return
    if name in scene.module.types:
        yield f"{name} is the name of a type, and types as values are data: '{name}"
        return
    later = _defined_later(scene, name)
    if later is not None:
        yield later
        return
    known = list(_known(scene))
    near = nearest(name, known)
    short = name.rpartition("/")[2]
    if short and not near:
        near = sorted(other for other in known if other.rpartition("/")[2] == short and other != name)[:3]
    for found in near:
        yield f"did you mean `{found}`?"


def _known(scene: Scene) -> Iterable[str]:
    """Every name that could stand where the error is."""
    from rtfs.eval.special import load

    scene.world.load_library()
    module, macros = scene.module, scene.world.library.macros
    names = [*scene.locals(), *module.definitions, *module.imported, *NAMES, *macros, *load()]
    return [name for name in names if not name.startswith("rtfs/")]


def _defined_later(scene: Scene, name: str) -> str | None:
    """A definition further down in the same text, which has not run yet."""
    span = scene.error.span
    if span is None:
        return None
    start = span.source.offset(span.end_line, span.end_column)
    pattern = re.compile(rf"\(\s*(?:def|defn-?|defstruct|defmacro)\s+{re.escape(name)}(?![^\s()\[\]{{}}\";,])")
    found = pattern.search(span.source.text, start)
    if found is None:
        return None
    line = span.source.span(found.start(), found.end()).line
    return f"`{name}` is defined further down, on line {line}: a definition counts once it has run"


def not_exported(scene: Scene) -> Iterator[str]:
    """Of a name that a module does not export: what it does export."""
    error = scene.error
    wrong = error.name if isinstance(error, ExpansionError) else None
    home = re.search(r"not exported by module '(.*)'", error.message)
    module = scene.world.modules.get(home.group(1)) if home is not None else None
    if wrong is None or module is None:
        return
    exports = module.exports()
    near = nearest(wrong, exports)
    for found in near:
        yield f"did you mean `{found}`?"
    if wrong in module.definitions:
        yield f"`{wrong}` is defined there but not exported"
    elif not near and exports:
        yield f"it exports {' '.join(exports[:12])}{' …' if len(exports) > 12 else ''}"


def not_found(scene: Scene) -> Iterator[str]:
    """Of a module that is nowhere: names that look like it, and where was looked."""
    error = scene.error
    wrong = error.name if isinstance(error, ExpansionError) else None
    if wrong is None:
        return
    lookup: Any = scene.world.modules.lookup
    lookup = getattr(lookup, "lookup", lookup)  # what a recording reads through
    there: Iterable[str] = getattr(lookup, "names", lambda: ())()
    for found in nearest(wrong, {*there, *(name for name, _ in scene.world.modules.items() if name != "user")}):
        yield f"did you mean `{found}`?"
    folders = getattr(lookup, "folders", ())
    if segments(wrong) is None:
        yield "a module name is made of letters, digits, `_` and `-`, with single dots between"
    elif folders:
        places = ["the bundled library" if folder == bundled() else folder for folder in folders]
        yield f"looked for {wrong.replace('.', '/')}.rtfs in {', '.join(places)}"


RULES: dict[str, tuple[Rule, ...]] = {
    "UndefinedSymbol": (meant,),
    "ModuleError": (not_exported,),
    "ModuleNotFound": (not_found,),
}
