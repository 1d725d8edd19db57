"""Keys beyond those of prompt_toolkit: when Enter evaluates, how lines are indented, Ctrl-Z."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from prompt_toolkit.application import get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import Condition, has_focus
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.key_binding.key_processor import KeyPressEvent

from rtfs.cli.interactive.tokens import indentation

if TYPE_CHECKING:
    from rtfs.cli.interactive.repl import Repl

INDENTED = 50_000  # characters of an input beyond which new lines are not indented


Candidates = Callable[[str], tuple[str, list[str]]]


def key_bindings(repl: Repl, suspend: Callable[[], None], candidates: Candidates) -> KeyBindings:
    """The bindings of the prompt. suspend: what Ctrl-Z does; candidates: the word at the end of a text, completed."""
    bindings = KeyBindings()
    typing = has_focus(DEFAULT_BUFFER)

    @bindings.add("enter", filter=typing & Condition(_completing))
    def _take(event: KeyPressEvent) -> None:
        event.current_buffer.complete_state = None

    @bindings.add("enter", filter=typing & ~Condition(_completing))
    def _enter(event: KeyPressEvent) -> None:
        """Evaluate what is complete; a new line for what is not."""
        buffer = event.current_buffer
        if repl.complete(buffer.text):
            buffer.validate_and_handle()
        else:
            _new_line(event)

    @bindings.add("escape", "enter", filter=typing)
    def _newline(event: KeyPressEvent) -> None:
        _new_line(event)

    @bindings.add("tab", filter=typing & ~Condition(_choosing))
    def _tab(event: KeyPressEvent) -> None:
        _complete(event.current_buffer, candidates)

    @bindings.add("c-z")
    def _suspend(event: KeyPressEvent) -> None:
        suspend()

    return bindings


def _choosing() -> bool:
    """Do completions stand below the input?"""
    return get_app().current_buffer.complete_state is not None


def _complete(buffer: Buffer, candidates: Candidates) -> None:
    """Write what all completions have in common; show them when that is nothing more."""
    before = buffer.document.text_before_cursor
    if not buffer.document.current_line_before_cursor.strip():
        buffer.insert_text("  ")
        return
    word, found = candidates(before)
    common = os.path.commonprefix(found)  # noqa: RUF071  # letter by letter is what is wanted
    if len(found) == 1 or len(common) > len(word):
        buffer.delete_before_cursor(len(word))
        buffer.insert_text(common)
    elif found:
        buffer.start_completion()


def _completing() -> bool:
    """Was a completion chosen that Enter takes?"""
    state = get_app().current_buffer.complete_state
    return state is not None and state.current_completion is not None


def _new_line(event: KeyPressEvent) -> None:
    buffer = event.current_buffer
    text = buffer.text
    indent = indentation(text, buffer.cursor_position) if len(text) <= INDENTED else 0
    buffer.insert_text("\n" + " " * indent)
