"""OpenAPI documents as capabilities: `api.<name>.<operationId>` for each operation (host.md §3).

A document (3.0 or 3.1) is a dict, or a file of JSON or YAML. Parameters and body are the fields of a record; the answer
is the JSON of the response as a value. Where a request may go is judged by the network grants, redirects included.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rtfs.host.openapi.document import Document, operations, read_document
from rtfs.host.openapi.operation import Operation
from rtfs.host.openapi.request import Caller
from rtfs.host.openapi.security import Credentials
from rtfs.host.provider import Provider

if TYPE_CHECKING:
    from rtfs.host.host import Host
    from rtfs.host.openapi.security import Variables

_STRANGE = re.compile(r"[^A-Za-z0-9_-]+")
_REPEATABLE = frozenset({"get", "head", "put", "delete", "options"})  # RFC 9110 §9.2.2


def load(
    host: Host,
    name: str,
    document: str | os.PathLike[str] | dict[str, Any],
    *,
    server: str | None = None,
    credentials: Mapping[str, Variables] | None = None,
    replace: bool = False,
) -> list[str]:
    """Enter the operations of an API into the host's marketplace, all or none; their ids, in order.

    name: of the API in the ids. server: the base URL, instead of the document's. credentials: by security scheme, the
    environment variable that holds the token or key (of `basic`: `user:password`, or a pair of variables); they are
    read at each call. OSError when the file cannot be read, ValueError when it is no usable document.
    """
    if not name or _STRANGE.search(name):
        raise ValueError(f"the name of an API has letters, digits, `-` and `_` only, got {name!r}")
    read = Document(document) if isinstance(document, dict) else read_document(os.fspath(document))
    secrets = Credentials(read, credentials or {})
    providers = []
    taken: set[str] = set()
    for path, method, item in operations(read):
        operation = Operation.of(read, path, method, item, server)
        id = _free_id(f"api.{name}.{_spelled(operation.name)}", taken)
        provider = _provider(id, operation, secrets)
        host.marketplace.admit(provider, replace=replace)
        providers.append(provider)
    for provider in providers:
        host.marketplace.register(provider, replace=True)
    return [provider.id for provider in providers]


def _spelled(name: str) -> str:
    """An operation's name as segments of an id."""
    segments = [_STRANGE.sub("_", segment).strip("_") for segment in name.split(".")]
    return ".".join(segment for segment in segments if segment) or "operation"


def _free_id(id: str, taken: set[str]) -> str:
    """The id, with a number behind it when another operation has it."""
    number, free = 1, id
    while free in taken:
        number += 1
        free = f"{id}_{number}"
    taken.add(free)
    return free


def _provider(id: str, operation: Operation, credentials: Credentials) -> Provider:
    return Provider(
        id,
        Caller(operation, credentials),
        input=operation.input_type(),
        output=operation.output_type(),
        effects=[":network"],
        grant=("net", None),
        reaches=operation.server,
        idempotent=operation.method in _REPEATABLE,
        description=operation.description,
        version=operation.version,
        domains=operation.tags,
        native=True,
        gathers=True,
        provider="openapi",
        metadata={"method": operation.method.upper(), "path": operation.path, "server": operation.server},
    )
