"""Tools of an MCP server: finding one, and its result as a value (streaming.md §3.5)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.chunk import NotJson, from_json, parse_json

if TYPE_CHECKING:
    from rtfs.host.stream.adapters import Session

PAGES = 100  # a server whose list of tools never ends cannot hang a stream


async def find_tool(session: Session, name: str, adapter: str) -> Any:
    """The tool of that name. S024 when the server has none."""
    cursor: str | None = None
    for _ in range(PAGES):
        page = await session.client.list_tools(cursor=cursor)
        for tool in page.tools:
            if tool.name == name:
                return tool
        cursor = page.next_cursor
        if cursor is None:
            break
    raise fault(24, a=f":{adapter}", endpoint=session.shown, why=f"the server has no tool '{name}'")


def repeatable(tool: Any) -> bool:
    """Does the tool say that calling it again does no harm?"""
    notes = tool.annotations
    return notes is not None and (notes.idempotent_hint is True or notes.read_only_hint is True)


def text_of(result: Any) -> str:
    """The text of a result, for messages."""
    found = " ".join(block.text for block in result.content if getattr(block, "type", "") == "text")
    return found[:500] or "no text"


def result_value(result: Any, keywords: bool) -> tuple[Any, str]:
    """A tool result as value: structured content, else a single JSON text, else `{:content […]}`; and its text for
    its size."""
    structured = result.structured_content
    if structured is not None:
        return from_json(structured, keywords), json.dumps(structured, ensure_ascii=False)
    content = result.content
    if len(content) == 1 and getattr(content[0], "type", "") == "text":
        text = content[0].text
        try:
            return parse_json(text, keywords), text
        except NotJson:
            pass
    blocks = [block.model_dump(mode="json", by_alias=True, exclude_none=True) for block in content]
    return from_json({"content": blocks}, keywords), json.dumps(blocks)
