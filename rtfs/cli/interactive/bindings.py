"""Keys beyond those of prompt_toolkit: when Enter evaluates, how lines are indented, Ctrl-Z."""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit.application import get_app
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import Condition, has_focus
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.key_binding.key_processor import KeyPressEvent

from rtfs.cli.interactive.tokens import indentation

INDENTED = 50_000  # characters of an input beyond which new lines are not indented


def key_bindings(suspend: Callable[[], None]) -> KeyBindings:
    """The bindings of the prompt. suspend: what Ctrl-Z does."""
    bindings = KeyBindings()
    typing = has_focus(DEFAULT_BUFFER)

    @bindings.add("enter", filter=typing & Condition(_completing))
    def _take(event: KeyPressEvent) -> None:
        event.current_buffer.complete_state = None

    @bindings.add("enter", filter=typing & ~Condition(_completing))
    def _enter(event: KeyPressEvent) -> None:
        """Evaluate what is complete; a new line for what is not."""
        from rtfs.parser.reader import incomplete

        buffer = event.current_buffer
        text = buffer.text
        if text.lstrip().startswith(":") or not incomplete(text):
            buffer.validate_and_handle()
        else:
            _new_line(event)

    @bindings.add("escape", "enter", filter=typing)
    def _newline(event: KeyPressEvent) -> None:
        _new_line(event)

    @bindings.add("c-z")
    def _suspend(event: KeyPressEvent) -> None:
        suspend()

    return bindings


def _completing() -> bool:
    """Was a completion chosen that Enter takes?"""
    state = get_app().current_buffer.complete_state
    return state is not None and state.current_completion is not None


def _new_line(event: KeyPressEvent) -> None:
    buffer = event.current_buffer
    text = buffer.text
    indent = indentation(text, buffer.cursor_position) if len(text) <= INDENTED else 0
    buffer.insert_text("\n" + " " * indent)
