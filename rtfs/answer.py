"""Answers of host calls as texts: errors have their data, functions of the call's own arguments their place there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtfs.lang.codec import decode, encode
from rtfs.lang.error_data import error_data, error_from
from rtfs.lang.outcome import HostCall
from rtfs.lang.source import Source
from rtfs.lang.values import ErrorValue
from rtfs.reference import opaques


def answer_text(call: HostCall, answer: Any) -> str:
    """The text of an answer. NotStorable for a function or host object that the call did not bring."""
    met = {id(value): place for place, value in enumerate(opaques(call.args))}

    def stand_in(value: Any) -> Any:
        if id(value) in met:
            return met[id(value)]
        if type(value) is not ErrorValue:
            raise KeyError
        return encode(error_data(value.error), stand_in)

    return encode(answer, stand_in)


def read_answer(call: HostCall, text: str, source: Callable[[str], Source]) -> Any:
    """The answer of a text. Unreadable, ValueError, IndexError, TypeError for one that is damaged."""

    def meaning(stored: Any) -> Any:
        if type(stored) is int:
            return opaques(call.args)[stored]
        return ErrorValue.of(error_from(decode(stored, meaning), source))

    return decode(text, meaning)
