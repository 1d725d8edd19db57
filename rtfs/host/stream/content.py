"""Contents of an MCP resource as a value, with the hash that tells whether they changed (streaming.md §3.5)."""

from __future__ import annotations

from typing import Any

from rtfs.host.stream.adapters import content_hash
from rtfs.host.stream.chunk import NotJson, from_json, parse_json
from rtfs.lang.collections import vector


def resource_value(result: Any, keywords: bool) -> tuple[Any, str, str]:
    """The value, the hash and the text (for its size) of a read resource.

    One text block is its JSON when its type says so, else the text; a binary block its base64 text; several are a
    vector.
    """
    blocks = [block.model_dump(mode="json", by_alias=True, exclude_none=True) for block in result.contents]
    values = [_block(block, keywords) for block in blocks]
    text = "".join(block.get("text") or block.get("blob") or "" for block in blocks)
    return values[0] if len(values) == 1 else vector(values), content_hash(blocks), text


def _block(block: dict[str, Any], keywords: bool) -> Any:
    text = block.get("text")
    if text is None:
        return block.get("blob")
    if "json" in (block.get("mimeType") or ""):
        try:
            return parse_json(text, keywords)
        except NotJson:
            pass
    return from_json(text)
