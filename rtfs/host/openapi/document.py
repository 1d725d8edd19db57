"""An OpenAPI document: reading it, following its references, the types of its schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from rtfs.lang.json_schema import type_from_schema

METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_REFERENCES = 50  # that lead to one another


class Document:
    """The content of a document. ValueError when it is no OpenAPI 3.0 or 3.1."""

    def __init__(self, content: dict[str, Any], name: str = "the document") -> None:
        self.content = content
        self.name = name
        version = str(content.get("openapi") or "")
        if not version.startswith(("3.0", "3.1")):
            found = f"OpenAPI {version}" if version else f"Swagger {content['swagger']}" if "swagger" in content else ""
            raise ValueError(f"{name}: expected OpenAPI 3.0 or 3.1, got {found or 'no version'}")

    def follow(self, part: Any) -> Any:
        """What a part is, or what the reference that stands there leads to. ValueError when it leads nowhere."""
        for _ in range(_REFERENCES):
            if not isinstance(part, dict) or "$ref" not in part:
                return part
            part = self._find(part["$ref"])
        raise ValueError(f"{self.name}: references that lead to one another")

    def part(self, *path: str) -> dict[str, Any]:
        """The object at a path of keys, empty when there is none."""
        found: Any = self.content
        for key in path:
            found = self.follow(found)
            found = found.get(key) if isinstance(found, dict) else None
        found = self.follow(found)
        return found if isinstance(found, dict) else {}

    def type(self, schema: Any, *, writing: bool) -> Any:
        """The type of a schema of the document, as a form; writing: of what is sent, else of what comes back."""
        skipped = "readOnly" if writing else "writeOnly"
        return type_from_schema(schema, document=self.content, optional=skipped)

    def _find(self, reference: Any) -> Any:
        if not isinstance(reference, str) or not reference.startswith("#/"):
            raise ValueError(f"{self.name}: the reference {reference!r} leads out of the document")
        found: Any = self.content
        for step in reference[2:].split("/"):
            step = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, dict) or step not in found:
                raise ValueError(f"{self.name}: the reference {reference!r} leads nowhere")
            found = found[step]
        return found


def operations(document: Document) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and operation of each operation, in the order of the document; the path's own parts are in it."""
    for path, item in document.part("paths").items():
        item = document.follow(item)
        if not isinstance(item, dict):
            continue
        for method in METHODS:
            operation = item.get(method)
            if isinstance(operation, dict):
                shared = {key: item[key] for key in ("servers", "parameters") if key in item}
                parameters = [*_list(item.get("parameters")), *_list(operation.get("parameters"))]
                yield path, method, {**shared, **operation, "parameters": parameters}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


# ---- files


def read_document(path: str) -> Document:
    """The document in a file of JSON or YAML. OSError when it cannot be read, ValueError when it is neither."""
    with open(path, encoding="utf-8-sig") as file:
        text = file.read()
    try:
        content = json.loads(text) if text.lstrip().startswith("{") else _from_yaml(text, path)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    except RecursionError:
        raise ValueError(f"{path}: nested too deeply") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected an object, got {type(content).__name__}")
    return Document(content, path)


def _from_yaml(text: str, path: str) -> Any:
    try:
        import yaml
    except ModuleNotFoundError as error:
        raise ValueError("YAML needs PyYAML: pip install 'rtfs[openapi]'") from error

    class Loader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML has no types
        """The JSON schema of YAML 1.2, as OpenAPI wants it: `no` and `2020-01-01` are texts, keys too."""

        yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # declared so by PyYAML

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            self.flatten_mapping(node)
            return {str(key.value): self.construct_object(value, deep=deep) for key, value in node.value}

    for tag, pattern, first in _YAML_ATOMS:
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", _compiled(pattern), list(first))
    try:
        return yaml.load(text, Loader)
    except yaml.YAMLError as error:
        raise ValueError(f"not valid YAML: {' '.join(str(error).split())}") from None


_YAML_ATOMS = [
    ("null", r"~|null|Null|NULL|", ("~", "n", "N", "")),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("merge", r"<<", "<"),
]


def _compiled(pattern: str) -> Any:
    import re

    return re.compile(rf"(?:{pattern})\Z")
