"""docs/api.md: everything that `import rtfs` offers, from its docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

HEAD = """# The Python interface

Everything public of `rtfs`, and what its objects answer. [Embedding](embedding.md) shows how it is used. This page is
written by `make docs` from the docstrings.
"""

# Objects that sessions give out, beside what the package itself names.
BESIDE = (
    ("rtfs.host.host", "Host", "session.host"),
    ("rtfs.host.stream.registry", "StreamRegistry", "session.host.streams"),
    ("rtfs.host.stream.stream", "Stream", "await session.host.streams.start(…)"),
    ("rtfs.host.provider", "CallContext", "the first parameter `ctx` of a capability"),
)


def api_page() -> str:
    """The page."""
    import rtfs

    names = sorted(rtfs.__all__, key=lambda name: (name[0].isupper(), name.lower()))
    lines = [HEAD, "Contents: " + " · ".join(f"[{name}](#{name.lower()})" for name in names), ""]
    for name in names:
        lines += [f"## {name}", "", *_entry(f"rtfs.{name}", getattr(rtfs, name))]
    lines += ["## Objects that a session gives", ""]
    for module, name, where in BESIDE:
        found = getattr(__import__(module, fromlist=[name]), name)
        lines += [f"### {name}: `{where}`", "", *_entry(name, found, depth="####")]
    return "\n".join(lines).rstrip() + "\n"


def _entry(title: str, found: Any, depth: str = "###") -> Iterator[str]:
    if not inspect.isclass(found):
        yield from (f"```python\n{_signature(title, found)}\n```", "", *_doc(found))
        return
    if not issubclass(found, BaseException):
        yield from (f"```python\n{_signature(title, found)}\n```", "")
    yield from _doc(found)
    for name, member in _members(found):
        yield from (f"{depth} {name}", "")
        if isinstance(member, property):
            yield from _doc(member)
        else:
            function = getattr(member, "__func__", member)
            prefix = "await " if inspect.iscoroutinefunction(function) else ""
            yield from (f"```python\n{prefix}{_signature(name, function, bound=True)}\n```", "", *_doc(function))


def _members(found: type) -> Iterator[tuple[str, Any]]:
    """Methods and properties that a class defines itself and that say what they do, in the order of their text."""
    for name, member in vars(found).items():
        documented = inspect.getdoc(getattr(member, "__func__", member))
        function = callable(getattr(member, "__func__", member)) and not inspect.isclass(member)
        if not name.startswith("_") and documented and (function or isinstance(member, property)):
            yield name, member


def _signature(name: str, found: Any, *, bound: bool = False) -> str:
    """The call as Python writes it, one parameter a line when it is long."""
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):
        return f"{name}(…)"
    parameters = list(signature.parameters.values())[1 if bound else 0 :]
    whole = str(signature.replace(parameters=parameters))
    text = _plain(whole)
    if len(name) + len(text) <= 110:
        return f"{name}{text}"
    parts = []
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY and not any(part.startswith("*") for part in parts):
            parts.append("*")
        parts.append(_plain(str(parameter)))
    return f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + f"){text.rpartition(')')[2]}"


def _plain(text: str) -> str:
    """Annotations without their quotes, objects by the name of their class."""
    text = re.sub(r"<[\w.]*?(\w+) object at 0x\w+>", r"\1", text)
    return re.sub(r"(: |-> )'([^']*)'", r"\1\2", text).replace("'", '"')


def _doc(found: Any) -> Iterator[str]:
    """A docstring as Markdown: indented parts are code."""
    text = inspect.getdoc(found) or ""
    for paragraph in text.split("\n\n"):
        if paragraph.startswith("    "):
            yield "```python\n" + "\n".join(line[4:] for line in paragraph.splitlines()) + "\n```"
        else:
            yield paragraph
        yield ""
