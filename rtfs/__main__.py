"""`python -m rtfs` and the `rtfs` command: the door of the command line, with a short cut for plain runs.

`rtfs FILE` is `rtfs run FILE`. A run without options needs no option parser, and importing one would take longer than
running a cached script; everything else goes through click.
"""

from __future__ import annotations

import gc
import sys


def main(arguments: list[str] | None = None) -> int:
    """Do what the arguments say (default: those of the process); the exit code.

    Garbage collection rests while modules are imported, which leaves no garbage, and at the exit passes over what is
    left: both together are a sixth of the time that a short script takes.
    """
    gc.disable()
    try:
        return _enter(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:  # before a run took over the signals, or after it gave them back
        sys.stderr.write("interrupted\n")
        return 130
    finally:
        gc.enable()
        gc.freeze()


def _enter(words: list[str]) -> int:
    if sys.stdin is None or sys.stdout is None or sys.stderr is None:
        from rtfs.cli import descriptors

        descriptors.reopen()
    if sys.dont_write_bytecode:
        from rtfs.cli import bytecode

        bytecode.keep()
    plain = words[1:] if words[:1] == ["run"] else words
    if plain and not any(word.startswith("-") for word in plain) and (plain is not words or not _is_command(words[0])):
        from rtfs.cli.script import Settings, run

        return run(Settings(file=plain[0], arguments=tuple(plain[1:])))
    from rtfs.cli.main import enter

    return enter(words)


def _is_command(word: str) -> bool:
    """Is there a command of this name? The folder `cli` is the registry, one file per command."""
    import os

    return word.isidentifier() and os.path.isfile(os.path.join(os.path.dirname(__file__), "cli", f"{word}.py"))


if __name__ == "__main__":
    sys.exit(main())
