"""Databases: rows for `:stream.db.query` and tables for `:stream.db.bulk-insert`, one file per kind of URL.

A database file offers `SCHEMES` and `open_database(url)`, and passes `tests/contracts/test_database.py`. All methods
block, so that they belong into a thread, one at a time; `interrupt` may be called from any.
"""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.chunk import from_json, to_json
from rtfs.host.stream.credential import masked
from rtfs.host.stream.guard import Need
from rtfs.lang.collections import List, Map, PVector, vector
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword
from rtfs.lang.values import Timestamp, Uuid, type_name

MARKS = "rtfs_delivered"


class Refusal(Exception):
    """The database says no. state: SQLSTATE, or SQLite's name of the error; row: is it what a row holds?"""

    def __init__(self, why: str, state: str, *, row: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.state = state
        self.row = row

    def error(self, what: str) -> RtfsError:
        """S003 with the state in its data."""
        kind = "statement that the database accepts"
        if self.state in ("SQLITE_CANTOPEN", "SQLITE_NOTADB"):
            what, kind = "connection", "database that is there"
        found = fault(3, p=what, kind=kind, value=f"{self.why} ({self.state})")
        found.data = Map.of([(Keyword("sqlstate"), self.state)])
        return found


class Query(NamedTuple):
    """What is asked. key: the column by which rows are ordered, unique and not NULL; after: rows from that key on."""

    sql: str
    params: tuple[Any, ...] = ()
    key: str | None = None
    after: Any = None

    def within(self) -> str:
        """A query around it, to which conditions may be added. Only for what is one statement by itself."""
        return f"SELECT * FROM (\n{self.sql.rstrip().rstrip(';')}\n) AS rtfs_rows"


class Rows(Protocol):
    """The rows of a query, in a read-only transaction that lasts until the database is closed."""

    columns: tuple[str, ...]

    def fetch(self, most: int) -> list[tuple[Any, ...]]:
        """The next rows, as values of Python; none at the end. Refusal, Lost."""
        ...


class Plan(NamedTuple):
    """How rows are written. mode: `insert`, `upsert` by the columns `key`, or `ignore`; types: column → its type."""

    table: str
    columns: tuple[str, ...]
    mode: str
    key: tuple[str, ...]
    types: Mapping[str, str]


class Mark(NamedTuple):
    """How far a stream is, stored with its rows. owner: a token of whoever writes; what it finds changed is Fenced."""

    stream_id: str
    owner: str
    number: int


class Fenced(Exception):
    """Somebody else writes for this stream now."""


class Database(Protocol):
    """One database; a connection is opened when it is needed, and again when it was lost."""

    def query(self, query: Query) -> Rows:
        """The rows of one statement that only reads. Refusal, Lost."""
        ...

    def table(self, name: str) -> dict[str, str] | None:
        """The columns of a table and their types; None when there is none of that name."""
        ...

    def check(self, plan: Plan) -> None:
        """Refusal when rows could never be written so."""
        ...

    def own(self, stream_id: str, owner: str, *, keep: bool) -> int:
        """Become the writer of a stream: the number of the last output that is stored, -1 for none or without keep."""
        ...

    def write(self, plan: Plan, rows: Sequence[Sequence[Any]], mark: Mark) -> None:
        """Rows and mark in one transaction. Refusal, Lost, Fenced."""
        ...

    def forget(self, stream_id: str) -> None:
        """Keep no mark any more."""
        ...

    def interrupt(self) -> None:
        """End what is under way, which raises."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


def schemes() -> dict[str, str]:
    """URL scheme → module of this folder."""
    found: dict[str, str] = {}
    for module in pkgutil.iter_modules(__path__):
        for scheme in import_module(f"{__name__}.{module.name}").SCHEMES:
            found[scheme] = module.name
    return found


def open_database(url: str) -> Database:
    """The database of a URL. S003 for one that names none, S007 when its library is missing."""
    known = schemes()
    scheme = url.partition(":")[0]
    if scheme not in known:
        listed = " or ".join(f"{name}:" for name in sorted(known))
        raise fault(3, p="connection", kind=f"URL that begins with {listed}", value=masked(url))
    database: Database = import_module(f"{__name__}.{known[scheme]}").open_database(url)
    return database


def needs(params: Map, *, writes: bool) -> tuple[Need, ...]:
    """What a connection needs: a path of the file system, or a host of the network."""
    url: str = params.get(Keyword("connection"))
    if url.startswith("sqlite:"):
        return (Need.of("write" if writes else "read", sqlite_path(url), ":database"),)
    host = urlsplit(url).hostname or ""
    return (Need.of("net", f"http://{f'[{host}]' if ':' in host else host}/", ":database"),)


def sqlite_path(url: str) -> str:
    """The file of `sqlite:path` or `sqlite:///path`."""
    place = url.partition(":")[2]
    return place.removeprefix("//") if place.startswith("///") else place


def quoted(name: str) -> str:
    """A name as an identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'


# ---- values


def from_database(value: Any) -> Any:
    """A value of a row as one of RTFS: numbers, strings, times as `#inst`; JSON as data; other kinds as text."""
    import datetime
    import decimal
    import uuid

    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, datetime.datetime):
        return _instant(value) if value.tzinfo is not None else value.isoformat(" ")
    if isinstance(value, decimal.Decimal):
        return int(value) if value.is_finite() and value == value.to_integral_value() else float(value)
    if isinstance(value, uuid.UUID):
        return Uuid(str(value))
    if isinstance(value, bytes | bytearray | memoryview):
        return vector(list(bytes(value)))
    if isinstance(value, dict):
        return from_json(value)
    if isinstance(value, list | tuple):
        return vector([from_database(item) for item in value])
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _instant(value: Any) -> Timestamp:
    import datetime

    since = value - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return Timestamp(since // datetime.timedelta(microseconds=1))


def key_of(value: Any) -> Any:
    """A key as a position keeps it, so that the database finds it again: exact, and printable."""
    import decimal

    return str(value) if isinstance(value, decimal.Decimal) else from_database(value)


def to_database(value: Any) -> Any:
    """A value of RTFS as a parameter: collections as JSON text, keywords as their names. Refusal for other kinds."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) is Keyword:
        return value.name
    if type(value) is Uuid:
        return value.text
    if type(value) is Timestamp:
        return moment(value)
    return json_text(value)


def moment(value: Timestamp) -> Any:
    """The datetime of a timestamp."""
    import datetime

    try:
        return datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(microseconds=value.micros)
    except OverflowError:
        raise Refusal(f"{value!r} is no time of a database", "22008", row=True) from None


def json_text(value: Any) -> str:
    """A collection as JSON. Refusal for what has none."""
    if type(value) not in (Map, PVector, tuple, List):
        raise Refusal(f"a {type_name(value)} cannot be stored", "22000", row=True)
    try:
        return json.dumps(to_json(value), ensure_ascii=False, allow_nan=False)
    except (ValueError, TypeError, RecursionError) as error:
        raise Refusal(str(error), "22032", row=True) from None
