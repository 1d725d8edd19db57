"""The names that are bound around a place in a text that is still being typed."""

from __future__ import annotations

from rtfs.cli.interactive.tokens import Open, Piece, opened, pieces

_PAIRS = frozenset(
    {"let", "loop", "letrec", "for", "doseq", "dotimes", "if-let", "when-let", "if-some", "when-some", "parallel"}
)
_FUNCTIONS = frozenset({"fn", "lambda", "λ", "defn", "defn-", "defmacro", "processor", "operator"})


def names_around(text: str, offset: int) -> list[str]:
    """Locals that are visible at an offset, the innermost first."""
    found: list[str] = []
    stack = opened(text, offset)
    for depth, level in enumerate(reversed(stack)):
        inner = stack[len(stack) - depth] if depth else None
        found += _bound(text, level, inner)
    return list(dict.fromkeys(found))


def _bound(text: str, level: Open, inner: Open | None) -> list[str]:
    """What one open list binds. inner: the collection that is open inside it, perhaps its vector of bindings."""
    if level.bracket != "(" or not level.parts or level.parts[0].kind != "symbol":
        return []
    head = level.parts[0].text
    if head not in _PAIRS and head not in _FUNCTIONS:
        return []
    vector = next((part for part in level.parts[1:] if part.kind == "form" and part.text.startswith("[")), None)
    own = [part.text for part in level.parts[1:2] if part.kind == "symbol"] if head in ("fn", "lambda", "λ") else []
    if vector is not None:
        return own + _patterns(pieces(vector.text)[1:-1], pairs=head in _PAIRS)
    if inner is not None and inner.bracket == "[":  # still in the bindings: those before count
        whole = text[inner.begin + 1 : inner.parts[-1].end] if inner.parts else ""
        return own + _patterns(pieces(whole), pairs=head in _PAIRS, unfinished=True)
    return own


def _patterns(parts: tuple[Piece, ...], *, pairs: bool, unfinished: bool = False) -> list[str]:
    """The symbols in the patterns of a vector: all, or of every other form; of an unfinished one those with values."""
    names: list[str] = []
    depth, number, known = 0, 0, 0
    for part in parts:
        if part.kind == "close":
            depth -= 1
        pattern = not pairs or number % 2 == 0
        if part.kind == "symbol" and pattern and part.text not in ("&", "_", ":"):
            names.append(part.text)
        if part.kind == "open":
            depth += 1
        if depth == 0 and part.kind not in ("prefix", "comment"):
            number += 1
            if number % 2 == 0:
                known = len(names)
    return names[:known] if pairs and unfinished else names
