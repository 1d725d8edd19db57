"""Commands that change the session as a whole: its texts, its past, what it may do."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rtfs.cli.interactive.commands import Misuse, command, needed
from rtfs.cli.interactive.past import restore, step_back

if TYPE_CHECKING:
    from rtfs.cli.interactive.repl import Repl
    from rtfs.eval.module import Module

MAGIC = b"rtfs-recording "


@command("load", "l", usage="FILE", argument="path")
async def load(repl: Repl, text: str) -> None:
    """Run a file in the session, or go on with a session that `:save` stored with its answers.

    A script runs as one input, and `:reload` runs it again when it has changed. A stored session takes the place of the
    present one: its inputs are replayed against the stored answers, so no call is made again. Streams run on.
    """
    from rtfs.loader import decode

    path = _path(text)
    with open(path, "rb") as file:
        data = file.read()
    if data.startswith(MAGIC):
        restore(repl, data)
        repl.say(f"{len(repl.inputs)} inputs restored")
        return
    source = decode(data, path)
    repl.loaded[path] = source.text
    await repl.evaluate(source.text, path)


@command("reload", "rl", usage="")
async def reload(repl: Repl, text: str) -> None:
    """Run loaded files and imported modules again whose text has changed.

    Modules that import a changed one run again as well. What the session imported from them is then the new one;
    functions that were defined with the old ones keep them until they are defined again.
    """
    changed = [*_changed_modules(repl), *_changed_files(repl)]
    for name, source in changed:
        repl.say(f"; {name}")
        await repl.evaluate(source, name)
    if not changed:
        repl.say("nothing has changed")


def _changed_files(repl: Repl) -> list[tuple[str, str]]:
    """Loaded files whose text is another one now. A file that is gone is told, and stays as it was loaded."""
    from rtfs.loader import read_source

    found = []
    for path, before in repl.loaded.items():
        try:
            now = read_source(path).text
        except OSError as error:
            repl.say(f"warning: {path}: {error.strerror}; it stays as it was")
            continue
        if now != before:
            repl.loaded[path] = now
            found.append((path, now))
    return found


def _changed_modules(repl: Repl) -> list[tuple[str, str]]:
    """Texts that define changed modules, and those that use them, anew in the order in which they were loaded."""
    from rtfs.loader import cache_key

    world, lookup = repl.session.world, repl.session.reading.lookup
    for name, module in list(world.modules.items()):
        needs = world.modules.dependencies(module)
        if needs is not None:
            repl.modules[name] = needs
    changed: dict[str, tuple[str, str]] = {}
    for name, needs in repl.modules.items():
        found = lookup.find(name)
        if found is None:
            repl.say(f"warning: the file of module {name} is gone; it stays as it was")
        elif cache_key(found.text) != needs[name] or any(each in changed for each in needs):
            needs[name] = cache_key(found.text)
            changed[name] = found.name, found.text
    return [(path, _anew(world.user, name, text)) for name, (path, text) in changed.items()]


def _anew(user: Module, name: str, text: str) -> str:
    """A text that defines a module from the text of its file, and imports from it what the session has from it."""
    from rtfs.lang.source import Source
    from rtfs.parser.reader import read
    from rtfs.toplevel import is_module

    forms = read(Source(name, text)).forms
    whole = text if any(is_module(form) for form in forms) else f"(module {name}\n{text}\n)"
    prefixes, names = {name: None}, []
    for visible, (home, original) in user.imported.items():
        if home.name == name:
            before, slash, _ = visible.rpartition(f"/{original}")
            if slash and visible.endswith(f"/{original}"):
                prefixes[before] = None
            elif visible == original:
                names.append(original)
    if not any(home.name == name for home, _ in user.imported.values()):
        return whole
    only = f" :only [{' '.join(names)}]" if names else ""
    imports = [f"(import {name}{'' if before == name else f' :as {before}'}{only})" for before in prefixes]
    return "\n".join([whole, *imports])


@command("save", "w", usage="FILE", argument="path")
def save(repl: Repl, text: str) -> None:
    """Write the session to a file that `:load` takes.

    A name that ends in `.rtfs` gets the inputs that did not fail, as a script. Any other name gets the session with the
    answers of its calls, as text: it holds everything that was typed and heard, secrets too, and only you may read it.
    """
    path = _path(text)
    inputs = repl.inputs
    if path.endswith(".rtfs"):
        inputs = [each for each in inputs if not each.failed]
        data = "\n".join(f"{each.text.strip()}\n" for each in inputs).encode("utf-8", "replace")
    else:
        data = repl.session.snapshot()
    from rtfs.cli.tape import write_tape

    try:
        write_tape(path, data)
    except OSError as error:
        error.filename = path
        raise
    failed = len(repl.inputs) - len(inputs)
    repl.say(f"{len(inputs)} inputs written to {path}" + (f", without {failed} that failed" if failed else ""))


def _path(text: str) -> str:
    """The path that an argument is; Misuse for what no file can be called."""
    path = os.path.expanduser(needed(text, "the file"))
    if "\0" in path or any("\ud800" <= character <= "\udfff" for character in path):
        raise Misuse("no file has such a name")
    return path


@command("reset", usage="")
def reset(repl: Repl, text: str) -> None:
    """Forget all definitions and inputs. Streams run on, and stored values stay."""
    count = len(repl.inputs)
    step_back(repl, count)
    repl.loaded.clear()
    repl.say(f"{count} inputs forgotten")


@command("undo", "u", usage="[COUNT]")
def undo(repl: Repl, text: str) -> None:
    """Step the session back by one input, or by COUNT.

    The other inputs run again, their calls answered from what was recorded: nothing is done a second time. What the
    undone input did outside cannot be undone, and streams run on.
    """
    if text and not (text.isascii() and text.isdecimal()):
        raise Misuse(f"the count is a whole number, got {text}")
    count = int(text or 1)
    if not repl.inputs:
        raise Misuse("there is no input to undo")
    if not 1 <= count <= len(repl.inputs):
        raise Misuse(f"the count is from 1 to {len(repl.inputs)}, the inputs so far")
    for each in reversed(step_back(repl, count)):
        first, *more = each.text.strip().splitlines()
        repl.say(f"undone: {first[:76]}{' …' if more or len(first) > 76 else ''}")
